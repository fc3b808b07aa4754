"""Sentences on the hard cases of a release: trained on everybody, several releases, a control group that is none.

Also where a report of one given model speaks of its recipe: what the reference models show of single patients is not
about that model, and every such sentence says so.
"""

from __future__ import annotations

from genoaudit.phrases import joined
from genoaudit.report import wording
from genoaudit.report.promise_wording import guarantee_sentence
from genoaudit.report.release_sections import FullSizeRisk, JointReleases
from genoaudit.report.result import AuditReport
from genoaudit.report.sections import CheckFinding

CONTROL = "GA005"
"""Code of the check that asks who is a member without looking at the model."""

_OF_RECIPE = "Of models trained by the same recipe, not of this one: "


def of_recipe(report: AuditReport, sentence: str) -> str:
    """Say of a sentence on single patients, epsilon or canaries that it is about the recipe, where that is news."""
    if report.audit != "release" or not sentence:
        return sentence
    return f"{_OF_RECIPE}{sentence[0].lower()}{sentence[1:]}"


def full_size_sentences(report: AuditReport, full_size: FullSizeRisk) -> tuple[str, ...]:
    """Say why a model trained on everybody could not be attacked, and what the trend of its recipe comes to."""
    everybody = (
        f"The model was trained on all {report.cohort.patients:,} patients, so that nobody is left to compare its "
        "members with: nothing was measured on it. What follows is about models of its recipe that left patients out."
    )
    return everybody, _extrapolated(report, full_size)


def _extrapolated(report: AuditReport, full_size: FullSizeRisk) -> str:
    """Say what the headline attack would achieve on a model trained on everybody, and how much that is worth."""
    smaller, larger = full_size.points
    drawn = (
        f"Extrapolated from models trained on {wording.percent(smaller.share)} and {wording.percent(larger.share)} of "
        "the patients to one trained on all of them"
    )
    worth = (
        f"This is an extrapolation, not a measurement and not a bound, for an attacker who knows "
        f"{wording.percent(larger.share)} of the patients; one who knows more of them gets more."
    )
    if full_size.auc.value is None:
        return f"{drawn}, nothing can be said: the attack gave no number. {worth}"
    times = f"{100 * full_size.auc.value:.0f} times in 100"
    said = (
        f"{drawn}: shown one member and one patient from outside, the attack ({title_of(report, full_size.attack)}) "
        f"would pick the member {times} (AUC {wording.spoken_estimate(full_size.auc)}); guessing would be right 50 "
        "times."
    )
    rate = larger.tpr_at_fpr
    if full_size.tpr.value is not None and smaller.tpr_at_fpr.resolvable and rate.resolvable:
        said += (
            f" At {wording.budget(rate.fpr)} false alarms it would recognise {wording.percent(full_size.tpr.value)} of "
            f"the members ({wording.spoken_interval(full_size.tpr, as_percent=True)})."
        )
    better = max(full_size.others, key=lambda other: other.auc.value or 0.0, default=None)
    if better is not None and wording.auc_text(better.auc.value or 0.0) > wording.auc_text(full_size.auc.value):
        said += f" {title_of(report, better.attack)} would do better still: AUC {wording.spoken_estimate(better.auc)}."
    return f"{said} {worth}"


def joint_sentence(joint: JointReleases) -> str:
    """Say what an attacker gets who holds earlier releases as well."""
    names = joined(tuple(f"'{name}'" for name in joint.earlier))
    alone = " and ".join(wording.spoken_estimate(found) for found in joint.earlier_alone)
    one = len(joint.earlier) == 1
    left_out = ""
    if joint.left_out:
        left_out = f"; {joint.left_out:,} who joined or left between releases are not among them"
    best = max(found.value or 0.0 for found in (joint.new_alone, *joint.earlier_alone))
    better = ""
    if wording.auc_text(best) > wording.auc_text(joint.together.value or 0.0):
        better = (
            " Here one release by itself gives away more than this attack makes of all: an attacker takes that one."
        )
    return (
        f"Whoever also holds {'the earlier release' if one else 'the earlier releases'} {names} and attacks all "
        f"together reaches an AUC of {wording.spoken_estimate(joint.together)}. Of this model alone the same attack "
        f"has {wording.spoken_estimate(joint.new_alone)}, of the earlier {'one' if one else 'ones'} {alone}. Judged "
        f"on {joint.judged:,} patients whose membership is the same in all of them{left_out}.{better}"
    )


def joint_promise(joint: JointReleases) -> str:
    """Say what all releases together promise to a patient who is in all of them."""
    number = len(joint.earlier) + 1
    if joint.guarantee is None:
        return f"The {number} releases together promise nothing: not all of them were trained with DP."
    return f"All {number} releases together, as one training: {guarantee_sentence(joint.guarantee)}"


def control_of(report: AuditReport) -> CheckFinding | None:
    """Return what the model-blind baseline found of the control group of a given model; None if it could not look."""
    if report.audit != "release":
        return None
    return next((check for check in report.checks if check.code == CONTROL and check.measured), None)


def control_sentence(control: CheckFinding) -> str:
    """Say what an attacker gets without the model."""
    reached = " and ".join(
        f"{wording.auc_text(one.value)} by {one.what} alone (chance: below {wording.auc_text(one.chance)})"
        for one in control.measured
    )
    return f"Without the model, an attempt to tell members from non-members has an AUC of {reached}."


def biased_sentence(control: CheckFinding) -> str:
    """Say what an attack's success means where members are told from non-members without the model."""
    return (
        f"{control_sentence(control)} An attack that succeeds then measures how the two groups were chosen, and not "
        "what the model gives away."
    )


def title_of(report: AuditReport, name: str) -> str:
    """Return an attack's title by its name."""
    return next((attack.title for attack in report.attacks if attack.name == name), name)
