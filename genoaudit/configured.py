"""What a configuration asks: read it all, check it all, then audit a recipe or one given model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genoaudit.attacks.catalogue import get_attacks
from genoaudit.audit import audit_recipe
from genoaudit.canaries import coins_guessed
from genoaudit.config import AuditConfig, AuditSection, CohortConfig, RunOptions
from genoaudit.contracts import Recipe
from genoaudit.data.canaries import refuse_kinds
from genoaudit.data.design import make_design
from genoaudit.data.groups import patient_groups
from genoaudit.data.labels import LabelsFile
from genoaudit.data.readers import read_cohort
from genoaudit.data.target import Target, need_both_sides
from genoaudit.errors import ConfigError
from genoaudit.inputs import record_inputs
from genoaudit.model_config import MembersByColumn
from genoaudit.models.claims import settle_privacy
from genoaudit.models.recipes import build_recipe
from genoaudit.release.audit import audit_target, settings_for_target, shadow_design
from genoaudit.release.given import find_target
from genoaudit.report import summary
from genoaudit.report.release_sections import GivenModel
from genoaudit.report.result import AuditResult, CohortSummary
from genoaudit.shadowing import Progress, plan_audit, what_to_ask
from genoaudit.training.shadows import train_shadows

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


def run_audit(
    config: AuditConfig,
    options: RunOptions | None = None,
    *,
    self_test: bool = False,
    config_file: Path | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Do what a configuration asks; what ``genoaudit audit`` runs.

    Parameters
    ----------
    config, options
        What is asked, and how it is run.
    self_test, progress
        As for `genoaudit.audit_recipe`.
    config_file
        Where the configuration stands, for ``run.json``; no effect on the numbers.

    Raises
    ------
    ConfigError, DataError
        Before anything is trained.
    TrainingError
        If a model cannot be trained; finished models stay in the cache.
    """
    if config.target is not None and self_test:
        msg = "--self-test is for recipe audits: one given model has one membership. Leave out [target] for it."
        raise ConfigError(msg)
    recipe, cohort, target = _read(config)
    inputs = record_inputs(config, config_file)
    if target is not None:
        result = audit_target(
            recipe, cohort, target, config.audit, options, groups=config.cohort.groups, progress=progress
        )
    elif recipe is not None:
        result = audit_recipe(
            recipe,
            cohort,
            config.audit,
            options,
            groups=config.cohort.groups,
            canaries=config.canaries,
            self_test=self_test,
            progress=progress,
        )
    else:
        raise AssertionError  # the configuration has a recipe wherever there is no target
    return replace(result, run={**result.run, "inputs": inputs})


def train_slice(
    config: AuditConfig, only: str, options: RunOptions | None = None, *, progress: Progress | None = None
) -> None:
    """Train models A to B - 1 of an audit, ``only = "A:B"``, into the cache, where a later run finds them.

    Raises
    ------
    ConfigError
        If `only` is not a slice of the audit's models.
    """
    options = options or RunOptions()
    prepared = _references(config)
    if prepared is None:
        msg = "--only trains reference models, and there is no [recipe] to train them by."
        raise ConfigError(msg)
    recipe, cohort, target, settings = prepared
    wanted = _slice(only, settings.most_models)
    if target is None:
        design = make_design(cohort.y, cohort.patients, models=settings.most_models, seed=settings.seed)
        recipe = settle_privacy(recipe, patients=cohort.n_patients // 2)
    else:
        design = shadow_design(cohort, target, models=settings.most_models, seed=settings.seed)
        recipe = settle_privacy(recipe, patients=int(target.members.sum()))
    plan = plan_audit(recipe, cohort, settings, options)
    on_model = partial(progress, "Training models") if progress else None
    train_shadows(recipe, cohort, design, plan, options, asked=what_to_ask(settings), only=wanted, progress=on_model)


def _slice(only: str, models: int) -> range:
    first, _, last = only.partition(":")
    if first.isdecimal() and last.isdecimal() and int(first) < int(last) <= models:
        return range(int(first), int(last))
    msg = f"--only {only}: expected A:B with 0 <= A < B <= {models}, the audit's number of models."
    raise ConfigError(msg)


def plan_config(config: AuditConfig, options: RunOptions | None = None) -> dict[str, Any]:
    """Say how an audit would be run and what it would cost, without training; what ``--dry-run`` prints.

    Without a recipe no models are trained, and there is nothing but that to say.
    """
    prepared = _references(config)
    if prepared is None:
        return {"models": 0, "reason": "there is no [recipe], so the given model is attacked by itself"}
    recipe, cohort, _, settings = prepared
    models = settings.most_models
    make_design(cohort.y, cohort.patients, models=models, seed=settings.seed)
    settle_privacy(recipe, patients=cohort.n_patients // 2)
    return {
        "models": models,
        "at_most": settings.models == "auto",
        "canary_models": 0 if config.canaries is None else config.canaries.models,
        **asdict(plan_audit(recipe, cohort, settings, options)),
    }


@dataclass(frozen=True)
class Checked:
    """What a configuration is about, checked: the cohort, the given model if there is one, and notes on both."""

    cohort: CohortSummary
    target: GivenModel | None
    notes: tuple[str, ...]


def check(config: AuditConfig) -> Checked:
    """Check a configuration, its cohort and its given model without training; what ``genoaudit validate`` runs."""
    recipe, cohort, target = _read(config)
    patient_groups(cohort, config.cohort.groups)
    if recipe is not None:
        settle_privacy(recipe, patients=cohort.n_patients // 2)  # says so if no noise meets a target
        make_design(cohort.y, cohort.patients, models=2, seed=config.audit.seed)
    if target is None:
        return Checked(summary.cohort(cohort), None, cohort.notes)
    need_both_sides(target, cohort)
    if recipe is not None:
        shadow_design(cohort, target, models=2, seed=config.audit.seed)
    return Checked(summary.cohort(cohort), summary.given_model(target), cohort.notes + target.notes)


def _references(config: AuditConfig) -> tuple[Recipe, Cohort, Target | None, AuditSection] | None:
    """Return what the models of an audit are trained by; None where there is nothing to train."""
    recipe, cohort, target = _read(config)
    if recipe is None:
        return None
    settings = config.audit if target is None else settings_for_target(config.audit, target, recipe)
    return recipe, cohort, target, settings


def _read(config: AuditConfig) -> tuple[Recipe | None, Cohort, Target | None]:
    """Read all that a configuration names; a model that this package trained brings its recipe, if none is named."""
    recipe, cohort = _prepared(config)
    if config.target is None:
        return recipe, cohort, None
    target = find_target(config.target, cohort)
    if recipe is None and target.kind == "genoaudit" and target.model is not None:
        from sklearn.base import clone

        recipe = clone(target.model)
    return recipe, _without_answer(cohort, config), target


def _without_answer(cohort: Cohort, config: AuditConfig) -> Cohort:
    """Take away the column that says who the members are: as a covariate it would tell members apart by itself."""
    members = None if config.target is None else config.target.members
    if not isinstance(members, MembersByColumn):
        return cohort
    if members.column in config.cohort.groups:
        msg = f"cohort.groups names {members.column!r}, which says who the members are; leakage cannot be shown by it."
        raise ConfigError(msg)
    return replace(cohort, obs=cohort.obs.drop(columns=[members.column]))


def _prepared(config: AuditConfig) -> tuple[Recipe | None, Cohort]:
    # The cheap questions first: a misspelt attack must not cost the reading of a large file.
    get_attacks(config.audit.attacks)
    if config.canaries is not None:
        refuse_kinds(config.canaries.kinds, config.canaries.count)
        coins_guessed(config.canaries)
    section, scale = config.recipe, config.cohort.scale
    if section is None:
        return None, load_cohort(config.cohort)
    needs_genes = section.kind == "deepcc"  # its gene sets are looked up among the cohort's genes
    if not needs_genes:
        recipe = build_recipe(section.kind, section.parameters, scale=scale, target=section.target)
    cohort = load_cohort(config.cohort)
    if needs_genes:
        recipe = build_recipe(section.kind, section.parameters, scale=scale, genes=tuple(cohort.genes))
    return recipe, cohort


def load_cohort(config: CohortConfig) -> Cohort:
    """Read the cohort that a configuration names."""
    keys = config.model_dump(exclude={"path", "labels"})
    labels = LabelsFile(**config.labels.model_dump()) if config.labels is not None else None
    return read_cohort(config.path, labels=labels, **keys)
