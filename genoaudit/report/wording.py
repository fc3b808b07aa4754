"""Numbers to plain words, so that the words follow the numbers; one sentence for each part of a report.

Three rules. A rate that cannot be resolved is never quoted as a fact. A lower bound is never said as a protection. And
finding nothing is said as finding nothing, never as safety.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, TypeVar

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.ppv import PpvAtPrior
from genoaudit.phrases import count
from genoaudit.report.release_sections import GivenModel
from genoaudit.report.result import AttackResult, AuditReport, CohortSummary
from genoaudit.report.sections import (
    Calibration,
    CanaryAudit,
    Flagging,
    SelfTest,
    Stability,
    UnionOfAttacks,
    WorstPatients,
)

EPSILON = "\N{GREEK SMALL LETTER EPSILON}"
DELTA = "\N{GREEK SMALL LETTER DELTA}"
NBSP = "\N{NO-BREAK SPACE}"
EN_DASH = "\N{EN DASH}"
CHANCE_AUC = 0.5
CARD_FPR = 0.1
SEES = {
    "labels": "Sees predicted labels only",
    "probabilities": "Sees probabilities",
    "logits": "Sees exact logits",
    "parameters": "Sees the parameters (white-box)",
}
SEEN = {
    "labels": "predicted labels",
    "probabilities": "probabilities",
    "logits": "exact logits",
    "parameters": "all parameters and probabilities",
}
"""What an adversary sees, by access."""


def percent(share: float) -> str:
    """Say a share in [0, 1] as a percentage, with more digits near 0 and 1, never rounded to 0 % or 100 %.

    Examples
    --------
    >>> [percent(share).replace(NBSP, " ") for share in (0.4312, 0.031, 0.0012, 0.00001, 0.9963, 1.0)]
    ['43 %', '3.1 %', '0.12 %', '< 0.01 %', '99.6 %', '100 %']
    """
    value = 100 * share
    if value in (0, 100):
        text = f"{value:.0f}"
    elif value < 0.01:
        text = f"<{NBSP}0.01"
    elif value > 99.9:
        text = f">{NBSP}99.9"
    else:
        digits = 0 if 9.95 <= value <= 99 else 1 if value >= 1 else 2
        text = f"{value:.{digits}f}"
    return f"{text}{NBSP}%"


def budget(fpr: float) -> str:
    """Say a false-positive rate in three digits without trailing zeros: 0.001 is ``0.1 %``."""
    return f"{100 * fpr:.3g}{NBSP}%"


def auc_text(value: float) -> str:
    """Say an AUC with two decimals, or three where two would make it look like guessing."""
    return f"{value:.3f}" if f"{value:.2f}" == "0.50" and value != CHANCE_AUC else f"{value:.2f}"


def p_text(p_value: float) -> str:
    """Say a p-value with three decimals, and as an inequality where that would be zero.

    Examples
    --------
    >>> p_text(0.0312), p_text(0.00002).replace(NBSP, " ")
    ('0.031', '< 0.001')
    """
    return f"<{NBSP}0.001" if p_value < 0.001 else f"{p_value:.3f}"


def epsilon_text(epsilon: float) -> str:
    """Say a lower bound of epsilon with two decimals, rounded down: a bound must not grow on paper.

    Examples
    --------
    >>> epsilon_text(1.239), epsilon_text(0.0)
    ('1.23', '0')
    """
    return "0" if epsilon == 0 else f"{math.floor(100 * epsilon) / 100:.2f}"


def ppv_text(ppv: PpvAtPrior) -> str:
    """Say how often an accusation is right; where no false alarm was seen, only the lower limit."""
    return f"at least {percent(ppv.low)}" if ppv.value is None else percent(ppv.value)


def plain(sentence: str) -> str:
    """Say a sentence without signs that a terminal or a file of text may not have."""
    return sentence.replace(NBSP, " ").replace(EPSILON, "epsilon").replace(DELTA, "delta")


def spoken_interval(estimate: Estimate | RateAtFpr, *, as_percent: bool = False) -> str:
    """Say a 95 % interval in a sentence, or that there is none."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    say = percent if as_percent else auc_text
    return f"95{NBSP}% interval {say(estimate.low)} to {say(estimate.high)}"


def spoken_estimate(estimate: Estimate) -> str:
    """Say an AUC with its interval."""
    value = "unknown" if estimate.value is None else auc_text(estimate.value)
    return f"{value}, {spoken_interval(estimate)}"


def headline_attack(report: AuditReport) -> AttackResult | None:
    """Return the attack the report names as its headline, or None."""
    return next((attack for attack in report.attacks if attack.name == report.headline), None)


def auc_or_lowest(attack: AttackResult) -> float:
    """Return an attack's AUC to sort by; one without sorts last."""
    return -1.0 if attack.auc.value is None else attack.auc.value


def main_rate(attack: AttackResult) -> RateAtFpr | None:
    """Return the rate people are told first: at 10 % false alarms, or else at the largest budget there is."""
    return min(attack.tpr_at_fpr, key=lambda rate: (rate.fpr != CARD_FPR, -rate.fpr), default=None)


def best_of_sentence(attacks: int) -> str:
    """Say why an interval above guessing is no finding where the attack was chosen for being the best of several."""
    return (
        f"That is the best of {attacks:,} attacks, and the best of so many gets that far by luck more easily than one "
        "named beforehand."
    )


class _Rate(Protocol):
    @property
    def tpr(self) -> float | None: ...

    @property
    def low(self) -> float | None: ...


_AnyRate = TypeVar("_AnyRate", bound=_Rate)


def most_recognised(own: _Rate, others: Iterable[tuple[str, _AnyRate]]) -> tuple[str, _AnyRate] | None:
    """Return the attack that recognises most members at the same false alarms, if one clearly recognises more.

    Parameters
    ----------
    own
        Of the attack that is spoken of.
    others
        Titles and resolvable rates of the others.
    """
    more = [(title, rate) for title, rate in others if (rate.low or 0.0) > (own.tpr or 0.0)]
    return max(more, key=lambda entry: entry[1].tpr or 0.0, default=None)


def exposure_quantiles(report: AuditReport) -> dict[float, float]:
    """Return the AUC by the percentage of patients at or below it, in increasing order; empty without patients."""
    if report.exposure is None:
        return {}
    named = report.exposure.auc_quantiles.items()
    return dict(sorted((float(percentage.removesuffix("%")), auc) for percentage, auc in named))


def unexposed_band(report: AuditReport) -> tuple[float, float]:
    """Return where the AUC of 95 % of patients would lie if membership left no trace.

    Normal approximation to the null distribution of the two-sample rank statistic with as many models on each side as
    hold a patient on average, and do not (Mann & Whitney, Annals of Mathematical Statistics 1947).

    Returns
    -------
    tuple of float
        Lower and upper end, in [0, 1].
    """
    design = report.design
    if design is None:  # no patient has a number of his own
        return 0.0, 1.0
    inside = design.models // 2
    if design.kind != "half_split":
        inside = max(round(design.models * sum(design.members_per_model) / (2 * report.cohort.patients)), 1)
    outside = max(design.models - inside, 1)
    spread = 1.96 * math.sqrt((inside + outside + 1) / (12 * inside * outside))
    return max(0.0, 0.5 - spread), min(1.0, 0.5 + spread)


def whose(cohort: CohortSummary) -> str:
    """Say whose data it is: ``patients of cohort.h5ad`` or ``simulated patients``."""
    return "simulated patients" if cohort.source == "simulated" else f"patients of {cohort.source}"


def subject(report: AuditReport) -> str:
    """Say in one sentence what was audited."""
    cohort, design = report.cohort, report.design
    task = f"predicts {cohort.label} ({len(cohort.classes):,} classes) from {cohort.genes:,} genes"
    if design is None or report.recipe is None:
        given = "" if report.target is None else f", trained on {report.target.members:,} of the"
        return (
            f"One given model, which {task}{given} {cohort.patients:,} {whose(cohort)}, was attacked by itself: its "
            "recipe is not known, so no other models were trained to compare it with."
        )
    fewest, most = design.members_per_model
    share = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    theirs = f"each on {share} of the {cohort.patients:,} {whose(cohort)}"
    if report.audit == "release":
        return (
            f"One given model ({report.recipe.kind}), which {task}, was attacked. The attacker learns from "
            f"{design.models:,} models of the same recipe, trained {theirs}."
        )
    return (
        f"{design.models:,} models of one recipe ({report.recipe.kind}), which {task}, were trained, {theirs}, and "
        "each was attacked in turn."
    )


def over_targets(report: AuditReport) -> str:
    """Say what the numbers of an attack are about: the mean over models, or one model."""
    if report.audit == "release" or report.design is None:
        return "for this model"
    return f"mean over {report.design.models:,} target models"


def given_sentence(target: GivenModel) -> str:
    """Say what the given model is, and how its members are known."""
    what = {
        "scores": "known by a table of its scores",
        "genoaudit": "trained by this package",
        "sklearn": "a scikit-learn model",
        "xgboost": "an XGBoost model",
        "torch": "a torch model",
    }[target.kind]
    by = f", by {target.members_by}" if target.members_by else ""
    confirmed = "; the manifest of the model agrees" if target.manifest == "agrees" else ""
    return (
        f"{target.source}, {what}. {count(target.members, 'patient')} were its members{by}{confirmed}; "
        f"{target.non_members:,} were not."
    )


def adversary_sentence(report: AuditReport) -> str:
    """Say what the adversary is allowed to see, as far as an attack made use of it."""
    adversary, rounded = report.adversary, ""
    if adversary.decimals is not None and adversary.access != "labels":
        rounded = f" rounded to {count(adversary.decimals, 'decimal')}"
    further = f"; {count(adversary.queries, 'noisy copy', 'noisy copies')} of each sample may be asked as well"
    idle = "; no attack that ran reads parameters" if report.access_used != adversary.access else ""
    return f"The adversary sees {SEEN[report.access_used]}{rounded}{further if adversary.queries else ''}{idle}."


def worst_sentence(worst: WorstPatients) -> str:
    """Say how exposed the most exposed patients are, measured on models that did not choose them."""
    who = "The most exposed patient has an" if worst.k == 1 else f"The {worst.k} most exposed patients have a mean"
    return (
        f"{who} AUC of {spoken_estimate(worst.auc)}: chosen on one half of the models and measured on the other, so "
        "that luck in the choice does not raise it."
    )


def flagging_sentence(flagging: Flagging) -> str:
    """Say how many patients are exposed by more than the minimum."""
    verb = "is" if flagging.flagged == 1 else "are"
    return (
        f"{flagging.flagged:,} of {count(flagging.patients, 'patient')} {verb} flagged: AUC above "
        f"{flagging.least_auc:.2f}, false flags held at {budget(flagging.level)}."
    )


def stability_sentence(stability: Stability) -> str:
    """Say how far two halves of the models agree, as a number and what it would be at best."""
    spearman = stability.spearman
    if spearman.value is None:
        return "How far two halves of the models agree on who is exposed could not be measured."
    spread = ""
    if spearman.low is not None and spearman.high is not None:
        spread = f" ({spearman.low:.2f} to {spearman.high:.2f} in 95{NBSP}% of the splits)"
    return (
        f"Split into two halves of {stability.models_per_half:,} models each, the halves rank patients by exposure "
        f"with a correlation of {spearman.value:.2f}{spread}; 1 is perfect agreement, 0 is none."
    )


def calibration_sentence(calibration: Calibration) -> str:
    """Say how far predicted probabilities lie from what happened."""
    return (
        f"On average the probability that an attack gives for membership is off by "
        f"{100 * calibration.calibration_error:.1f} percentage points, on models and patients that it did not learn "
        f"from. Brier score {spoken_estimate(calibration.brier)}; saying one half of everybody gives 0.25."
    )


def union_sentence(union: UnionOfAttacks) -> str:
    """Say what all attacks find together, and at what cost."""
    return (
        f"{count(union.attacks, 'attack')}, each allowed {budget(union.fpr)} false alarms by a threshold from other "
        f"models and patients, together recognise {percent(union.tpr)} of the members. Together they also accuse "
        f"{percent(union.achieved_fpr)} of the non-members, which is what guessing would recognise at that price."
    )


def canary_sentence(canaries: CanaryAudit, title: str) -> str:
    """Say what canaries are and how they were audited; `title` is that of the attack."""
    planted = sum(kind.canaries for kind in canaries.kinds if kind.kind not in {"all", "natural"})
    return (
        f"{count(planted, 'invented patient')} (canaries), made to be as exposed as the most exposed natural ones, "
        f"were added to the cohort. Each is in each of {count(canaries.models, 'further model')} by its own fair coin; "
        f"the attack is {title}."
    )


def self_test_sentence(test: SelfTest) -> str:
    """Say whether the audit found nothing where there is nothing to find."""
    wrong = sum(not attack.passed for attack in test.attacks)
    done = f"The audit was run again on a membership drawn afterwards, which no model can know. {{}} {_null_rest(test)}"
    if test.passed:
        return done.format("Passed: it found nothing, as it must.")
    which = f"Failed: {wrong} of {count(len(test.attacks), 'attack')} found what is not there."
    return done.format(which if wrong else "Failed, though every attack alone found nothing.")


def _null_rest(test: SelfTest) -> str:
    return (
        f"{test.flagged:,} of {count(test.patients, 'patient')} flagged; lower bound of "
        f"\N{GREEK SMALL LETTER EPSILON}: {epsilon_text(test.epsilon)}."
    )
