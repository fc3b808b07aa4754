"""The story of several releases on the same patients: epsilon adds up, and old and new model are attacked together.

Reference models of every recipe are trained on the same members, so that each patient has what all releases say of
models with the patient and without. Only patients whose membership is the same in all releases have a side to be told
from the other; those who joined or left between releases are counted and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from genoaudit.attacks.access import restrict
from genoaudit.attacks.joint import joint_ratio
from genoaudit.config import AuditSection, RunOptions
from genoaudit.contracts import BoolArray, Design, FloatArray, Progress, Recipe, Signals
from genoaudit.errors import DataError
from genoaudit.metrics.leakage import DEFAULT_FPRS, Leakage, mean_over_targets
from genoaudit.models.claims import PrivacyClaim, settle_privacy
from genoaudit.privacy.accounting import guarantee
from genoaudit.randomness import random_state
from genoaudit.release.promise import claim_of
from genoaudit.report import summary
from genoaudit.report.release_sections import JointReleases
from genoaudit.scoring import statistic_of
from genoaudit.shadowing import Clock, plan_audit, retold, train_design
from genoaudit.training.outputs import as_signals, outputs_from

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort
    from genoaudit.data.target import Target
    from genoaudit.report.result import AuditResult
    from genoaudit.report.sections import Guarantee

ATTACK = "Joint LiRA"
"""What the attack on all releases together is called; see `genoaudit.attacks.joint`."""

FEWEST = 10
"""Members, and non-members, whose membership must be the same in all releases."""

FPR = DEFAULT_FPRS[0]

_OTHER_SIZE = 0.1
"""Relative difference in the number of members beyond which a reader is told."""


@dataclass(frozen=True, eq=False)
class Release:
    """One release: who was a member, what the model says, and what it was trained by.

    Parameters
    ----------
    target
        Its members and its probabilities on the cohort's samples.
    recipe
        What it was trained by, its privacy not settled.
    name
        What people call it.
    """

    target: Target
    recipe: Recipe
    name: str


def with_earlier(
    result: AuditResult,
    new: Release,
    earlier: Sequence[Release],
    cohort: Cohort,
    *,
    settings: AuditSection | None = None,
    options: RunOptions | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Add to the audit of one given model what an attacker gets who holds earlier releases as well.

    Parameters
    ----------
    result
        Of `genoaudit.release.audit.audit_target` on the new release, which stands behind its reference models.
    new, earlier
        The releases; references of every earlier one are trained on the members of the new one's.
    cohort, settings, options, progress
        As for that audit.

    Returns
    -------
    The same audit with `AuditReport.joint`.

    Raises
    ------
    DataError
        If too few patients have the same membership in all releases.
    TrainingError
        If a reference model cannot be trained.
    """
    same = unchanged(new, earlier)
    references = result.design.of(np.arange(result.design.models - 1))
    settings = settings_for_earlier(settings or AuditSection(), references)
    seen = result.report.adversary
    settings = settings.model_copy(update={"access": seen.access, "decimals": seen.decimals})
    clock = Clock()
    said = [result.signals]
    with clock("earlier releases"):
        for number, release in enumerate(earlier):
            design = earlier_design(references, number)
            recipe = settle_privacy(release.recipe, patients=int(new.target.members.sum()))
            tell = retold(progress, f"like {release.name}")
            plan = plan_audit(recipe, cohort, settings, options)
            trained = train_design(recipe, cohort, design, settings, options or RunOptions(), plan=plan, tell=tell)
            said.append(trained.signals.followed_by(_said(release.target, cohort)))
        statistics = [_statistic(signals, cohort, settings) for signals in said]
    with clock("joint attack"):
        held = result.design.members[-1]
        alone = [_judged([statistic], result.design, held, same) for statistic in statistics]
        together = _judged(statistics, result.design, held, same)
    joint = JointReleases(
        attack=ATTACK,
        earlier=tuple(release.name for release in earlier),
        judged=int(same.sum()),
        left_out=int((~same).sum()),
        new_alone=alone[0].auc,
        earlier_alone=tuple(found.auc for found in alone[1:]),
        together=together.auc,
        together_tpr=together.tpr_at_fpr[0],
        guarantee=composed([new, *earlier]),
    )
    report = result.report
    warnings = (*report.warnings, *_of_other_size(new, earlier))
    return replace(
        result,
        report=report.model_copy(update={"joint": joint, "warnings": warnings}),
        run={**result.run, "seconds": {**result.run["seconds"], **clock.seconds}},
    )


def unchanged(new: Release, earlier: Sequence[Release]) -> BoolArray:
    """Return which patients are members of all releases or of none; [patients].

    Raises
    ------
    DataError
        If these are too few members or non-members to compare.
    """
    members = new.target.members
    same = np.all([release.target.members == members for release in earlier], axis=0)
    inside, outside = int((same & members).sum()), int((same & ~members).sum())
    if min(inside, outside) < FEWEST:
        problem = (
            f"{inside} patients are members of all releases and {outside} of none; at least {FEWEST} of each are "
            "needed to attack the releases together. Leave out the release that has other members."
        )
        raise DataError(" and ".join([new.name, *(release.name for release in earlier)]), [problem])
    return np.asarray(same)


def earlier_design(references: Design, number: int) -> Design:
    """Return the same members with random numbers of their own: two releases of one recipe are two trainings."""
    return replace(references, seed=random_state(references.seed, "earlier release", number))


def settings_for_earlier(settings: AuditSection, references: Design) -> AuditSection:
    """Return the settings of an audit for the references of an earlier release, of which no more is asked than scores.

    Parameters
    ----------
    settings
        Of the audit of the new release.
    references
        Its reference models.
    """
    return settings.model_copy(update={"models": references.models, "attacks": ("loss",), "queries": 0})


def composed(releases: Sequence[Release]) -> Guarantee | None:
    """Return what all releases together promise to a patient who may be in all of them.

    Returns
    -------
    None unless all were trained with DP. Epsilon is at the smallest delta declared for any of them.
    """
    claims = [claim for release in releases if (claim := claim_of(release.target, release.recipe)) is not None]
    if len(claims) < len(releases):
        return None
    mechanisms = tuple(mechanism for claim in claims for mechanism in claim.mechanisms)
    together = PrivacyClaim(
        guarantee=guarantee(mechanisms, min(claim.guarantee.delta for claim in claims)),
        mechanisms=mechanisms,
        gaps=tuple(dict.fromkeys(gap for claim in claims for gap in claim.gaps)),
        assumptions=tuple(dict.fromkeys(told for claim in claims for told in claim.assumptions)),
        seeded=any(claim.seeded for claim in claims),
        assumed=any(claim.assumed for claim in claims),
    )
    return summary.guarantee(together, seeded=together.seeded)


def _said(target: Target, cohort: Cohort) -> Signals:
    return as_signals(outputs_from(target.log_proba, cohort.y), cohort.y)


def _statistic(signals: Signals, cohort: Cohort, settings: AuditSection) -> FloatArray:
    seen = restrict(signals, settings.access, decimals=settings.decimals)
    return statistic_of(seen, cohort.patients, settings)


def _judged(statistics: Sequence[FloatArray], design: Design, held: BoolArray, same: BoolArray) -> Leakage:
    """Attack the releases behind their references, and judge the patients of unchanged membership."""
    scores = joint_ratio(statistics, design)[-1:, same]
    return mean_over_targets(scores, held[np.newaxis, same], np.array([-1]), fprs=(FPR,))


def _of_other_size(new: Release, earlier: Sequence[Release]) -> tuple[str, ...]:
    size = int(new.target.members.sum())
    return tuple(
        f"The earlier release {release.name} had {inside:,} members, its reference models have {size:,} as those of "
        "the new one: attacks on it, alone and together, may be weaker than they could be."
        for release in earlier
        if abs((inside := int(release.target.members.sum())) - size) > _OTHER_SIZE * size
    )
