"""What a configuration asks: read it all, check it all, then audit a recipe or one given model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from genoaudit.attacks.catalogue import get_attacks
from genoaudit.audit import audit_recipe
from genoaudit.canaries import coins_guessed
from genoaudit.config import AuditConfig, AuditSection, CohortConfig, EarlierSection, RecipeConfig, RunOptions
from genoaudit.contracts import Design, Progress, Recipe
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
from genoaudit.models.descriptions import describe_unseeded
from genoaudit.models.recipes import build_recipe
from genoaudit.release.audit import audit_target, settings_for_target, shadow_design
from genoaudit.release.earlier import Release, earlier_design, settings_for_earlier, unchanged, with_earlier
from genoaudit.release.everybody import audit_everybody, nearly_all
from genoaudit.release.evidence import with_recipe_evidence
from genoaudit.release.given import find_target
from genoaudit.report import summary
from genoaudit.report.release_sections import GivenModel
from genoaudit.report.result import AuditResult, CohortSummary
from genoaudit.shadowing import plan_audit, what_to_ask
from genoaudit.training.shadows import train_shadows

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


def run_audit(
    config: AuditConfig,
    options: RunOptions | None = None,
    *,
    self_test: bool = False,
    config_file: str | Path | None = None,
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
    asked = _read(config)
    inputs = record_inputs(config, config_file)
    if asked.target is not None and not asked.everybody:
        result = _audit_release(asked, asked.target, config, options, progress)
    elif asked.recipe is None:
        raise AssertionError  # the configuration has a recipe wherever there is no target
    elif asked.target is not None:
        result = audit_everybody(
            asked.recipe,
            asked.cohort,
            asked.target,
            config.audit,
            options,
            groups=config.cohort.groups,
            canaries=config.canaries,
            progress=progress,
        )
    else:
        result = audit_recipe(
            asked.recipe,
            asked.cohort,
            config.audit,
            options,
            groups=config.cohort.groups,
            canaries=config.canaries,
            self_test=self_test,
            progress=progress,
        )
    return replace(result, run={**result.run, "inputs": inputs})


def _audit_release(
    asked: _Asked, target: Target, config: AuditConfig, options: RunOptions | None, progress: Progress | None
) -> AuditResult:
    """Audit one given model, what its references say of the recipe, and earlier releases beside it."""
    recipe, cohort, settings, groups = asked.recipe, asked.cohort, config.audit, config.cohort.groups
    result = audit_target(recipe, cohort, target, settings, options, groups=groups, progress=progress)
    if recipe is None:
        return result
    result = with_recipe_evidence(
        result, recipe, cohort, settings, options, groups=groups, canaries=config.canaries, progress=progress
    )
    if not asked.earlier:
        return result
    new = Release(target, recipe, target.source)
    return with_earlier(result, new, asked.earlier, cohort, settings=settings, options=options, progress=progress)


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
    asked = _read(config)
    batches = _batches(asked, config.audit)
    if not batches:
        msg = "--only trains reference models, and there is no [recipe] to train them by."
        raise ConfigError(msg)
    wanted = _slice(only, sum(batch.design.models for batch in batches))
    on_model = partial(progress, "Training models") if progress else None
    for batch in batches:
        models = batch.design.models
        own = range(min(wanted.start, models), min(wanted.stop, models))
        wanted = range(max(wanted.start - models, 0), max(wanted.stop - models, 0))
        if own:
            plan = plan_audit(batch.recipe, asked.cohort, batch.settings, options)
            train_shadows(
                batch.recipe,
                asked.cohort,
                batch.design,
                plan,
                options,
                asked=what_to_ask(batch.settings),
                only=own,
                progress=on_model,
            )


def _slice(only: str, models: int) -> range:
    first, _, last = only.partition(":")
    if first.isdecimal() and last.isdecimal() and int(first) < int(last) <= models:
        return range(int(first), int(last))
    msg = f"--only {only}: expected A:B with 0 <= A < B <= {models}, the audit's number of models."
    raise ConfigError(msg)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Models of one design that an audit trains: by what, and what for."""

    recipe: Recipe
    design: Design
    settings: AuditSection


def _batches(asked: _Asked, settings: AuditSection) -> tuple[_Batch, ...]:
    """Return what an audit will train, in this order and canaries not counted; nothing without a recipe."""
    recipe, cohort, target = asked.recipe, asked.cohort, asked.target
    if recipe is None:
        return ()
    if target is None or asked.everybody:
        models = settings.most_models
        half = make_design(cohort.y, cohort.patients, models=models, seed=settings.seed)
        found = [_Batch(settle_privacy(recipe, patients=cohort.n_patients // 2), half, settings)]
        if target is not None:
            beyond = nearly_all(cohort, settings, models=models)
            settled = settle_privacy(recipe, patients=int(beyond.members[0].sum()))
            found.append(_Batch(settled, beyond, settings.model_copy(update={"models": beyond.models})))
        return tuple(found)
    settings = settings_for_target(settings, target, recipe)
    design = shadow_design(cohort, target, models=settings.most_models, seed=settings.seed)
    members = int(target.members.sum())
    found = [_Batch(settle_privacy(recipe, patients=members), design, settings)]
    for number, release in enumerate(asked.earlier):
        own, settled = earlier_design(design, number), settle_privacy(release.recipe, patients=members)
        found.append(_Batch(settled, own, settings_for_earlier(settings, own)))
    return tuple(found)


def plan_config(config: AuditConfig, options: RunOptions | None = None) -> dict[str, Any]:
    """Say how an audit would be run and what it would cost, without training; what ``--dry-run`` prints.

    Without a recipe no models are trained, and there is nothing but that to say.
    """
    asked = _read(config)
    batches = _batches(asked, config.audit)
    if not batches:
        return {"models": 0, "reason": "there is no [recipe], so the given model is attacked by itself"}
    models, settings = sum(batch.design.models for batch in batches), batches[0].settings
    return {
        "models": models,
        "at_most": settings.models == "auto",
        "canary_models": 0 if config.canaries is None else config.canaries.models,
        **asdict(plan_audit(batches[0].recipe, asked.cohort, settings.model_copy(update={"models": models}), options)),
    }


@dataclass(frozen=True)
class Checked:
    """What a configuration is about, checked: the cohort, the given model if there is one, and notes on both."""

    cohort: CohortSummary
    target: GivenModel | None
    notes: tuple[str, ...]


def check(config: AuditConfig) -> Checked:
    """Check a configuration, its cohort and its given model without training; what ``genoaudit validate`` runs."""
    asked = _read(config)
    cohort, target = asked.cohort, asked.target
    patient_groups(cohort, config.cohort.groups)
    _batches(asked, config.audit.model_copy(update={"models": 4}))  # says so if no noise meets a target, and more
    if target is None:
        return Checked(summary.cohort(cohort), None, cohort.notes)
    return Checked(summary.cohort(cohort), summary.given_model(target), cohort.notes + target.notes)


@dataclass(frozen=True, eq=False)
class _Asked:
    """All that a configuration names, read."""

    recipe: Recipe | None
    cohort: Cohort
    target: Target | None = None
    earlier: tuple[Release, ...] = ()

    @property
    def everybody(self) -> bool:
        """Whether the given model was trained on all patients."""
        return self.target is not None and bool(self.target.members.all())


def _read(config: AuditConfig) -> _Asked:
    """Read all that a configuration names; a model that this package trained brings its recipe, if none is named."""
    recipe, cohort = _prepared(config)
    if config.target is None:
        return _Asked(recipe, cohort)
    target = find_target(config.target, cohort)
    recipe = _recipe_of(target) if recipe is None else recipe
    asked = _Asked(recipe, _without_answer(cohort, config), target)
    if asked.everybody and recipe is None:
        msg = (
            "the model was trained on all patients: nobody is left to compare its members with, so nothing can be "
            "measured on the model itself. Name the recipe that it was trained by under [recipe] (kind = 'import' for "
            "your own), and models that leave patients out are audited in its place."
        )
        raise ConfigError(msg)
    if not asked.everybody:
        need_both_sides(target, cohort)
    elif recipe is not None and _is_other(recipe, _recipe_of(target), cohort):
        # Of a model that left patients out, reference models that are unlike it are found out by a check.
        msg = (
            f"[recipe] is not what {target.source} was trained by, and models of another recipe say nothing of one "
            "that was trained on all patients. Leave [recipe] out: the folder brings its own."
        )
        raise ConfigError(msg)
    if not config.earlier:
        return asked
    if recipe is None or asked.everybody:
        msg = (
            "[[earlier]] releases are attacked together with a later one that left patients out, by reference models "
            "of both recipes. Name the recipe under [recipe]."
        )
        raise ConfigError(msg)
    earlier = tuple(_earlier(section, recipe, cohort) for section in config.earlier)
    unchanged(Release(target, recipe, target.source), earlier)
    return replace(asked, earlier=earlier)


def _earlier(section: EarlierSection, recipe: Recipe, cohort: Cohort) -> Release:
    target = find_target(section, cohort)
    own = _recipe_of(target) if section.recipe is None else recipe_for(section.recipe, cohort)
    return Release(target, recipe if own is None else own, section.called)


def _recipe_of(target: Target) -> Recipe | None:
    """Return what a model of this package was trained by; None for any other."""
    if target.kind != "genoaudit" or target.model is None:
        return None
    from sklearn.base import clone

    return cast("Recipe", clone(target.model))


def _is_other(recipe: Recipe, own: Recipe | None, cohort: Cohort) -> bool:
    """Whether a recipe that was named is not the model's own; no where that is not known."""
    if own is None:
        return False
    named, known = (describe_unseeded(settle_privacy(one, patients=cohort.n_patients)) for one in (recipe, own))
    return named != known


def _without_answer(cohort: Cohort, config: AuditConfig) -> Cohort:
    """Take away the columns that say who the members are: as covariates they would tell members apart by themselves."""
    given = (config.target, *config.earlier)
    members = [section.members for section in given if section is not None]
    columns = list(dict.fromkeys(one.column for one in members if isinstance(one, MembersByColumn)))
    for column in columns:
        if column in config.cohort.groups:
            msg = f"cohort.groups names {column!r}, which says who the members are; leakage cannot be shown by it."
            raise ConfigError(msg)
    return replace(cohort, obs=cohort.obs.drop(columns=columns)) if columns else cohort


def _prepared(config: AuditConfig) -> tuple[Recipe | None, Cohort]:
    # The cheap questions first: a misspelt attack must not cost the reading of a large file.
    get_attacks(config.audit.attacks)
    if config.canaries is not None:
        refuse_kinds(config.canaries.kinds, config.canaries.count)
        coins_guessed(config.canaries)
    for section in (config.recipe, *(earlier.recipe for earlier in config.earlier)):
        if section is not None and section.kind not in _NEED_GENES:
            build_recipe(section.kind, section.parameters, scale=config.cohort.scale, target=section.target)
    cohort = load_cohort(config.cohort)
    return None if config.recipe is None else recipe_for(config.recipe, cohort), cohort


_NEED_GENES = ("deepcc",)
"""Recipes whose gene sets are looked up among the cohort's genes."""


def recipe_for(section: RecipeConfig, cohort: Cohort) -> Recipe:
    """Build the recipe that a configuration names, for a cohort's scale and genes."""
    genes = tuple(cohort.genes) if section.kind in _NEED_GENES else None
    return build_recipe(section.kind, section.parameters, scale=cohort.scale, target=section.target, genes=genes)


def load_cohort(config: CohortConfig) -> Cohort:
    """Read the cohort that a configuration names."""
    keys = config.model_dump(exclude={"path", "labels"})
    labels = LabelsFile(**config.labels.model_dump()) if config.labels is not None else None
    return read_cohort(config.path, labels=labels, **keys)
