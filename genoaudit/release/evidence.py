"""What the reference models of a release audit say of the recipe: they are an audit of it, and cost nothing more.

How exposed single patients are, lower bounds of epsilon and planted canaries are about models trained as the given one
was. None of it is about the given model itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.audit import significance_of_bounds, theory_of
from genoaudit.canaries import audit_canaries
from genoaudit.config import AuditSection, CanarySection, RunOptions
from genoaudit.contracts import Design, Progress, Recipe, Signals, scarcest
from genoaudit.data.groups import patient_groups
from genoaudit.errors import ConfigError
from genoaudit.judging import bound_of_the_most_exposed, judge_patients, judge_worst_group
from genoaudit.metrics.patients import LEAST
from genoaudit.models.claims import privacy_claim
from genoaudit.release.not_tested import what_was_not_tested
from genoaudit.report.summary import GROUP
from genoaudit.scoring import Scored, choose_headline, score_attacks
from genoaudit.shadowing import Clock

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.data.cohort import Cohort
    from genoaudit.report.release_sections import WorstGroup
    from genoaudit.report.result import AuditReport, AuditResult
    from genoaudit.report.sections import EpsilonBound, Exposure, Theory

_OF_THE_RECIPE = "recipe_"
"""Prefix of columns of the table of patients that are about the recipe and not the given model."""

_SHARED = ["patient_id", "pseudonym", "class", "samples"]


def with_recipe_evidence(
    result: AuditResult,
    recipe: Recipe,
    cohort: Cohort,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    *,
    groups: Sequence[str] = (),
    canaries: CanarySection | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Add to the audit of one given model what its reference models say of single patients, epsilon and canaries.

    Parameters
    ----------
    result
        Of `genoaudit.release.audit.audit_target`: the given model stands behind its reference models.
    recipe
        What they were trained by, its privacy not settled.
    cohort, settings, options, groups, progress
        As for that audit.
    canaries
        Plant worst-case patients in further models too.

    Returns
    -------
    The same audit with `AuditReport.exposure`, ``worst_group``, ``bounds``, ``canaries`` and ``theory``, and without
    them in ``not_tested``; its table of patients has the numbers about the recipe in columns that begin with
    ``recipe_``. Where the reference models are too few to speak of single patients, ``not_tested`` still says so.

    Raises
    ------
    ConfigError, DataError, TrainingError
        As for `genoaudit.canaries.audit_canaries`.
    """
    references = _references(result)
    settings = (settings or AuditSection()).model_copy(
        update={name: getattr(result.report.adversary, name) for name in ("access", "decimals", "queries")}
    )
    options = options or RunOptions()
    patients_by = patient_groups(cohort, groups)
    clock = Clock()
    claim = privacy_claim(recipe, patients=int(result.design.members[-1].sum()))
    significance = significance_of_bounds(claim, canaries)
    with clock("recipe"):
        found = _single_patients(
            references, cohort, settings, patients_by=patients_by, significance=significance, replay=options.replay
        )
    planted = None
    if canaries is not None:
        with clock("canaries"):
            planted = audit_canaries(
                recipe, cohort, canaries, settings, options, significance=significance, progress=progress
            )
    with clock("theory"):
        of_canaries = () if planted is None else planted.bounds
        theory = _held_against(
            result.report.theory, theory_of(recipe, cohort, claim, canaries, found.bounds + of_canaries)
        )
    report = result.report.model_copy(
        update={
            "exposure": found.exposure,
            "worst_group": found.worst_group,
            "bounds": found.bounds,
            "canaries": planted,
            "theory": theory,
        }
    )
    report = report.model_copy(update={"not_tested": what_was_not_tested(report)})
    return replace(
        result,
        report=report,
        patients=result.patients if found.table is None else _beside(result.patients, found.table),
        run={**result.run, "seconds": {**result.run["seconds"], **clock.seconds}},
    )


def _held_against(of_model: Theory | None, of_recipe: Theory | None) -> Theory | None:
    """Add the recipe's bounds, held against the recipe's claim, to what the mechanism of the model allows."""
    if of_model is None or of_recipe is None:
        return of_model
    compared = {name: getattr(of_recipe, name) for name in ("comparisons", "alarm", "level")}
    return of_model.model_copy(update=compared)


@dataclass(frozen=True, eq=False)
class _References:
    """The reference models alone, and an attack that they can be scored by."""

    design: Design
    signals: Signals
    attack: str


def _references(result: AuditResult) -> _References:
    design = result.design.of(np.arange(result.design.models - 1))
    signals = result.signals.of(slice(-1))
    return _References(design, signals, _attack(result.report, signals, design))


def _attack(report: AuditReport, signals: Signals, design: Design) -> str:
    """Choose among the attacks that ran one that needs nothing of the models which the references do not give."""
    able = [
        attack.name
        for attack in report.attacks
        if attack.name in CATALOGUE and not signals.lacks(CATALOGUE[attack.name].needs)
    ]
    return choose_headline(tuple(able), 2 * scarcest(design.members))


@dataclass(frozen=True, eq=False)
class _Found:
    """What is said of single patients and groups; nothing where there are too few models."""

    table: pd.DataFrame | None = None
    exposure: Exposure | None = None
    worst_group: WorstGroup | None = None
    bounds: tuple[EpsilonBound, ...] = ()


def _single_patients(
    references: _References,
    cohort: Cohort,
    settings: AuditSection,
    *,
    patients_by: Mapping[str, NDArray[np.str_]],
    significance: float,
    replay: bool,
) -> _Found:
    design, signals = references.design, references.signals
    if scarcest(design.members) < LEAST:
        return _Found()
    alone = settings.model_copy(update={"attacks": (references.attack,)})
    scored: Scored = score_attacks(alone, signals, design, cohort.patients)
    table, exposure = judge_patients(cohort, scored, design, settings, replay=replay)
    try:
        group = judge_worst_group(patients_by, scored, signals, design, patients=cohort.patients, settings=settings)
    except ConfigError:  # half of the models are too few references
        group = None
    bounds = bound_of_the_most_exposed(scored.statistic, design, settings, significance=significance)
    return _Found(table, exposure, group, bounds)


def _beside(of_model: pd.DataFrame, of_recipe: pd.DataFrame) -> pd.DataFrame:
    """Put what is about the recipe beside what is about the model, under the pseudonyms of the report."""
    numbers = {name: f"{_OF_THE_RECIPE}{name}" for name in of_recipe.columns if name not in _SHARED}
    known = of_recipe[["patient_id", "pseudonym", *numbers]].rename(columns=numbers)
    joined = of_model.drop(columns="pseudonym").merge(known, on="patient_id", how="left", validate="one_to_one")
    groups = [name for name in of_model.columns if name.startswith(GROUP)]
    return joined[[*(name for name in of_model.columns if name not in groups), *numbers.values(), *groups]]
