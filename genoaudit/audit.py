"""The story of an audit, top to bottom.

Read a cohort, draw who is in which model, train the models, let every attack score every patient of every model, and
turn the scores into numbers with intervals.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.attacks.catalogue import get_attacks
from genoaudit.attacks.combine import patient_mean
from genoaudit.config import AuditConfig, AuditSection, CohortConfig, RunOptions
from genoaudit.contracts import Attack, Design, FloatArray, Recipe, Signals
from genoaudit.data.design import make_design
from genoaudit.data.groups import patient_groups
from genoaudit.data.labels import LabelsFile
from genoaudit.data.readers import read_cohort
from genoaudit.errors import ConfigError
from genoaudit.metrics.groups import group_table
from genoaudit.metrics.leakage import summarise
from genoaudit.metrics.patients import patient_table
from genoaudit.metrics.utility import utility
from genoaudit.models.recipes import build_recipe
from genoaudit.randomness import generator
from genoaudit.report import summary
from genoaudit.report.result import (
    AttackResult,
    AuditReport,
    AuditResult,
    CohortSummary,
    GroupLeakage,
    NotRun,
)
from genoaudit.training.plan import Plan, Work, make_plan
from genoaudit.training.shadows import gather, train_shadows

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.data.cohort import Cohort

Progress = Callable[[str, int, int], None]
"""Called with the stage, the steps done and the steps in all."""

_REPORTED_LIBRARIES = ("anndata", "joblib", "numpy", "pandas", "scikit-learn", "scipy", "torch", "xgboost")


def run_audit(
    config: AuditConfig, options: RunOptions | None = None, *, progress: Progress | None = None
) -> AuditResult:
    """Do what a configuration asks; what ``genoaudit audit`` runs.

    Raises
    ------
    ConfigError, DataError
        Before anything is trained.
    TrainingError
        If a model cannot be trained; finished models stay in the cache.
    """
    recipe, cohort = _prepared(config)
    return audit_recipe(recipe, cohort, config.audit, options, groups=config.cohort.groups, progress=progress)


def train_slice(
    config: AuditConfig, only: str, options: RunOptions | None = None, *, progress: Progress | None = None
) -> None:
    """Train models A to B - 1 of an audit, ``only = "A:B"``, into the cache, where a later run finds them.

    Raises
    ------
    ConfigError
        If `only` is not a slice of the audit's models.
    """
    wanted = _slice(only, config.audit.models)
    options = options or RunOptions()
    recipe, cohort = _prepared(config)
    design = make_design(cohort.y, cohort.patients, models=config.audit.models, seed=config.audit.seed)
    plan = plan_audit(recipe, cohort, config.audit, options)
    on_model = partial(progress, "Training models") if progress else None
    train_shadows(recipe, cohort, design, plan, options, only=wanted, progress=on_model)


def _slice(only: str, models: int) -> range:
    first, _, last = only.partition(":")
    if first.isdecimal() and last.isdecimal() and int(first) < int(last) <= models:
        return range(int(first), int(last))
    msg = f"--only {only}: expected A:B with 0 <= A < B <= {models}, the audit's number of models."
    raise ConfigError(msg)


def plan_config(config: AuditConfig, options: RunOptions | None = None) -> dict[str, Any]:
    """Say how an audit would be run and what it would cost, without training; what ``--dry-run`` prints."""
    recipe, cohort = _prepared(config)
    make_design(cohort.y, cohort.patients, models=config.audit.models, seed=config.audit.seed)
    return {"models": config.audit.models, **asdict(plan_audit(recipe, cohort, config.audit, options))}


def run_demo(
    options: RunOptions | None = None, *, models: int = 64, seed: int = 0, progress: Progress | None = None
) -> AuditResult:
    """Audit the reference recipe on the embedded simulated cohort; what ``genoaudit demo`` runs."""
    from genoaudit.data.simulate import simulate_cohort

    cohort = simulate_cohort()
    recipe = build_recipe("mlp", {}, scale=cohort.scale)
    settings = AuditSection(models=models, seed=seed)
    return audit_recipe(recipe, cohort, settings, options, groups=("sex", "site"), progress=progress)


def check(config: AuditConfig) -> tuple[CohortSummary, tuple[str, ...]]:
    """Check a configuration and its cohort without training; what ``genoaudit validate`` runs.

    Returns
    -------
    What the cohort holds, and notes on it.
    """
    _, cohort = _prepared(config)
    make_design(cohort.y, cohort.patients, models=2, seed=config.audit.seed)
    patient_groups(cohort, config.cohort.groups)
    return summary.cohort(cohort), cohort.notes


def _prepared(config: AuditConfig) -> tuple[Recipe, Cohort]:
    # The cheap questions first: a misspelt attack must not cost the reading of a large file.
    get_attacks(config.audit.attacks)
    recipe = build_recipe(
        config.recipe.kind, config.recipe.parameters, scale=config.cohort.scale, target=config.recipe.target
    )
    return recipe, load_cohort(config.cohort)


def load_cohort(config: CohortConfig) -> Cohort:
    """Read the cohort that a configuration names."""
    keys = config.model_dump(exclude={"path", "labels"})
    labels = LabelsFile(**config.labels.model_dump()) if config.labels is not None else None
    return read_cohort(config.path, labels=labels, **keys)


def audit_recipe(
    recipe: Recipe,
    cohort: Cohort,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    *,
    groups: Sequence[str] = (),
    progress: Progress | None = None,
) -> AuditResult:
    """Measure how well attackers tell members from non-members of models trained by `recipe` on this cohort.

    Every model of the design is the target once; the headline is the mean over targets.

    Parameters
    ----------
    recipe
        Any unfitted scikit-learn classifier or Pipeline; preprocessing belongs inside, so that it is refitted on the
        members of every model.
    cohort
        The patients.
    settings
        Models, attacks and seed; by default 64 models, every attack, seed 0.
    options
        Processes and cache; no effect on the numbers.
    groups
        Covariates in ``cohort.obs`` to show leakage by, besides the class.
    progress
        Told how far each stage is.

    Raises
    ------
    ConfigError
        If none of the attacks can run on so few models.
    TrainingError
        If a model cannot be trained; finished models stay in the cache.
    """
    if isinstance(recipe, type) or not all(hasattr(recipe, name) for name in ("fit", "predict_proba", "get_params")):
        msg = "recipe must be an unfitted scikit-learn classifier with predict_proba, or a Pipeline that ends in one."
        raise ConfigError(msg)
    settings, options = settings or AuditSection(), options or RunOptions()
    tell = progress or (lambda stage, done, total: None)
    clock = _Clock()
    attacks = get_attacks(settings.attacks)
    design = make_design(cohort.y, cohort.patients, models=settings.models, seed=settings.seed)
    idle = _idle(attacks, design)
    patients_by = patient_groups(cohort, groups)
    plan = plan_audit(recipe, cohort, settings, options)
    with clock("training"):
        on_model = partial(tell, "Training models")
        signals, told = gather(train_shadows(recipe, cohort, design, plan, options, progress=on_model), cohort, design)
    with clock("attacks"):
        scores = {
            attack.name: attack.score(signals, design, cohort.patients) for attack in attacks if attack.name not in idle
        }
    with clock("statistics"):
        results = _results(attacks, scores, design, tell)
        patients = _patients(cohort, design, signals, scores)
        report = AuditReport(
            genoaudit_version=version("genoaudit"),
            headline=summary.headline(tuple(scores), design.models),
            cohort=summary.cohort(cohort),
            recipe=summary.recipe(recipe),
            design=summary.design(design),
            attacks=results,
            not_run=tuple(NotRun(name=name, reason=reason) for name, reason in idle.items()),
            utility=summary.utility(utility(signals.proba, cohort.y, design.members[:, cohort.patients])),
            groups=_groups(patients_by, scores, design),
            exposure=summary.exposure(patients),
            warnings=(),
        )
        report = report.model_copy(update={"warnings": (*cohort.notes, *told, *summary.warnings(report))})
    return AuditResult(report, patients, signals, design, cohort.patients, clock.record(plan))


def plan_audit(
    recipe: Recipe, cohort: Cohort, settings: AuditSection | None = None, options: RunOptions | None = None
) -> Plan:
    """Choose the engine for an audit and estimate what it will cost; what ``run.json`` keeps."""
    settings, options = settings or AuditSection(), options or RunOptions()
    backed = not isinstance(cohort.X, np.ndarray)
    work = Work(cohort.n_samples, cohort.n_genes, len(cohort.classes), settings.models, backed)
    return make_plan(recipe, work, threads=options.threads or _cores(), engine=options.engine, device=options.device)


def _idle(attacks: tuple[Attack, ...], design: Design) -> dict[str, str]:
    """Return the attacks that cannot run, with the reason; if that is all of them, refuse before training."""
    reasons = {attack.name: reason for attack in attacks if (reason := attack.why_not(design))}
    if len(reasons) == len(attacks):
        msg = f"no attack can run: {'; '.join(f'{name} {reason}' for name, reason in reasons.items())}."
        raise ConfigError(msg)
    return reasons


def _results(
    attacks: tuple[Attack, ...], scores: dict[str, FloatArray], design: Design, tell: Progress
) -> tuple[AttackResult, ...]:
    results: list[AttackResult] = []
    for attack in attacks:
        if attack.name in scores:
            # The same stream for each: attacks are compared on the same resamples.
            stream = generator(design.seed, "bootstrap")
            numbers = summarise(scores[attack.name], design.members, design.partner, generator=stream)
            results.append(summary.attack_result(attack, numbers))
            tell("Computing intervals", len(results), len(scores))
    return tuple(results)


def _patients(cohort: Cohort, design: Design, signals: Signals, scores: dict[str, FloatArray]) -> pd.DataFrame:
    headline = summary.headline(tuple(scores), design.models)
    statistic = patient_mean(signals.logit[:, 0], cohort.patients)
    return summary.patients(cohort, patient_table(statistic, scores[headline], design.members), design.seed)


def _groups(
    patients_by: dict[str, NDArray[np.str_]], scores: dict[str, FloatArray], design: Design
) -> tuple[GroupLeakage, ...]:
    headline = scores[summary.headline(tuple(scores), design.models)]
    return tuple(
        summary.group(variable, numbers)
        for variable, labels in patients_by.items()
        for numbers in group_table(
            headline,
            design.members,
            design.partner,
            labels.tolist(),
            generator=generator(design.seed, "bootstrap", "groups", variable),
        )
    )


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


@dataclass
class _Clock:
    """Seconds per stage, for ``run.json``: what may differ between two runs of the same audit."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - begun

    def record(self, plan: Plan) -> dict[str, Any]:
        return {
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "plan": asdict(plan),
            "cores": _cores(),
            "machine": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
            "versions": {name: version(name) for name in ("genoaudit", *_REPORTED_LIBRARIES)},
        }
