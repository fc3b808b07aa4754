"""From a recipe and a cohort to signals: planned, asked what the attacks need, grown until intervals stop shrinking."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.attacks.catalogue import get_attacks
from genoaudit.config import AuditSection, RunOptions
from genoaudit.contracts import Design, Progress, Recipe, Signals
from genoaudit.data.design import make_design
from genoaudit.data.features import expression_features
from genoaudit.files import code_digest
from genoaudit.judging import judge_convergence
from genoaudit.metrics.convergence import ConvergenceRow, doubling_sizes, stop
from genoaudit.scoring import score_attacks
from genoaudit.training.outputs import Asked
from genoaudit.training.plan import Plan, Work, make_plan
from genoaudit.training.shadows import gather, train_shadows

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

_REPORTED_LIBRARIES = (
    "anndata",
    "jinja2",
    "joblib",
    "matplotlib",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "torch",
    "xgboost",
)


@dataclass(frozen=True, eq=False)
class Trained:
    """What the models of a design say.

    Parameters
    ----------
    design, signals
        Who is in which model, and what they say.
    told
        What models warned about.
    stopped
        Why no more were trained, where their number was not given.
    """

    design: Design
    signals: Signals
    told: tuple[str, ...]
    stopped: str | None = None


def train_design(
    recipe: Recipe,
    cohort: Cohort,
    design: Design,
    settings: AuditSection,
    options: RunOptions,
    *,
    plan: Plan,
    tell: Progress,
) -> Trained:
    """Train every model of a design and ask it what the attacks of an audit need."""
    on_model = partial(tell, "Training models")
    store = train_shadows(recipe, cohort, design, plan, options, asked=what_to_ask(settings), progress=on_model)
    signals, told = gather(store, cohort, design)
    if "features" in needs_of(settings):
        signals = replace(signals, features=expression_features(cohort, seed=settings.seed))
    return Trained(design, signals, told)


def train_half_splits(
    recipe: Recipe, cohort: Cohort, settings: AuditSection, options: RunOptions, *, plan: Plan, tell: Progress
) -> Trained:
    """Train as many half splits as the settings say; with ``models = "auto"``, twice as many as long as that helps."""
    if settings.models != "auto":
        design = make_design(cohort.y, cohort.patients, models=settings.models, seed=settings.seed)
        return train_design(recipe, cohort, design, settings, options, plan=plan, tell=tell)
    for models in doubling_sizes(settings.max_models):
        design = make_design(cohort.y, cohort.patients, models=models, seed=settings.seed)
        trained = train_design(recipe, cohort, design, settings, options, plan=plan, tell=tell)
        options = replace(options, fresh=False)  # the models of the last round are kept for this one
        headline = score_attacks(settings, trained.signals, design, cohort.patients).headline
        rows = judge_convergence(settings, trained.signals, design, cohort.patients, headline=headline)
        found = [ConvergenceRow(models=row.models, auc=row.auc, tpr_at_fpr=(row.tpr_at_fpr,)) for row in rows]
        if reason := stop(found):
            return replace(trained, stopped=reason)
    return replace(trained, stopped=f"{settings.max_models} models are the most that max_models allows.")


def retold(progress: Progress | None, words: str) -> Progress:
    """Tell on, with `words` behind every stage: an audit may train several times, and each is told by itself."""

    def tell(stage: str, done: int, total: int) -> None:
        if progress is not None:
            progress(f"{stage} {words}", done, total)

    return tell


def what_to_ask(settings: AuditSection) -> Asked:
    """Return what models must be asked for the attacks of an audit."""
    return Asked(
        queries=settings.queries,
        noise=settings.query_noise,
        thinning=settings.query_thinning,
        white_box=settings.access == "parameters" and bool({"grad_norm", "influence"} & needs_of(settings)),
    )


def needs_of(settings: AuditSection) -> set[str]:
    """Return the names of the signals that the attacks of an audit read."""
    return {need for attack in get_attacks(settings.attacks) for need in attack.needs}


def plan_audit(
    recipe: Recipe, cohort: Cohort, settings: AuditSection | None = None, options: RunOptions | None = None
) -> Plan:
    """Choose the engine for an audit and estimate what it will cost; what ``run.json`` keeps."""
    settings, options = settings or AuditSection(), options or RunOptions()
    backed = not isinstance(cohort.X, np.ndarray)
    asked = what_to_ask(settings).anything
    work = Work(cohort.n_samples, cohort.n_genes, len(cohort.classes), settings.most_models, backed, questioned=asked)
    return make_plan(recipe, work, threads=options.threads or _cores(), engine=options.engine, device=options.device)


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


@dataclass
class Clock:
    """Seconds per stage, for ``run.json``: what may differ between two runs of the same audit."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time a block."""
        begun = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - begun

    def record(self, plan: Plan | None) -> dict[str, Any]:
        """Return what ``run.json`` holds; without a plan nothing was trained."""
        return {
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "plan": None if plan is None else asdict(plan),
            "cores": _cores(),
            "machine": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
            "code_sha256": code_digest(),
            "versions": {name: version(name) for name in ("genoaudit", *_REPORTED_LIBRARIES)},
        }
