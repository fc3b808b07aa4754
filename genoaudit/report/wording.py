"""Numbers to plain words: what an audit found, said so that the words follow the numbers.

Three rules. A rate that cannot be resolved is never quoted as a fact. "Better than guessing" needs the whole interval
on that side. And finding nothing is said as finding nothing, never as safety.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.result import AttackResult, AuditReport

NBSP = "\N{NO-BREAK SPACE}"
EN_DASH = "\N{EN DASH}"
_SAYS_NOTHING = 0.9
CHANCE_AUC = 0.5
CARD_FPR = 0.1


@dataclass(frozen=True)
class Answer:
    """What an audit found: a heading, then sentences.

    Parameters
    ----------
    tone
        ``"exposed"`` if an attack beats guessing, ``"nothing_found"`` if none does, ``"unknown"`` if there is too
        little evidence or something looks wrong.
    heading, sentences
        Plain text, not escaped.
    """

    tone: Literal["exposed", "nothing_found", "unknown"]
    heading: str
    sentences: tuple[str, ...]


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


def spoken_interval(estimate: Estimate | RateAtFpr, *, as_percent: bool = False) -> str:
    """Say a 95 % interval in a sentence, or that there is none."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    say = percent if as_percent else auc_text
    return f"95{NBSP}% interval {say(estimate.low)} to {say(estimate.high)}"


def better_than_guessing(attack: AttackResult) -> bool:
    """Whether the whole interval of the attack's AUC lies above 0.5."""
    return attack.auc.low is not None and attack.auc.low > CHANCE_AUC


def headline_attack(report: AuditReport) -> AttackResult | None:
    """Return the attack the report names as its headline, or None."""
    return next((attack for attack in report.attacks if attack.name == report.headline), None)


def main_rate(attack: AttackResult) -> RateAtFpr | None:
    """Return the rate people are told first: at 10 % false alarms, or else at the largest budget there is."""
    return min(attack.tpr_at_fpr, key=lambda rate: (rate.fpr != CARD_FPR, -rate.fpr), default=None)


def exposure_quantiles(report: AuditReport) -> dict[float, float]:
    """Return the AUC by the percentage of patients at or below it, in increasing order."""
    named = report.exposure.auc_quantiles.items()
    return dict(sorted((float(percentage.removesuffix("%")), auc) for percentage, auc in named))


def unexposed_band(report: AuditReport) -> tuple[float, float]:
    """Return where the AUC of 95 % of patients would lie if membership left no trace.

    Normal approximation to the null distribution of the two-sample rank statistic with half of the models on each side
    (Mann & Whitney, Annals of Mathematical Statistics 1947).

    Returns
    -------
    tuple of float
        Lower and upper end, in [0, 1].
    """
    inside, outside = report.design.models // 2, report.design.models - report.design.models // 2
    spread = 1.96 * math.sqrt((inside + outside + 1) / (12 * inside * outside))
    return max(0.0, 0.5 - spread), min(1.0, 0.5 + spread)


def whose(report: AuditReport) -> str:
    """Say whose data it is: ``patients of cohort.h5ad`` or ``simulated patients``."""
    source = report.cohort.source
    return "simulated patients" if source == "simulated" else f"patients of {source}"


def subject(report: AuditReport) -> str:
    """Say in one sentence what was audited."""
    cohort, design = report.cohort, report.design
    fewest, most = design.members_per_model
    share = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    return (
        f"{design.models:,} models of one recipe ({report.recipe.kind}), which predicts {cohort.label} "
        f"({len(cohort.classes):,} classes) from {cohort.genes:,} genes, were trained, each on {share} of the "
        f"{cohort.patients:,} {whose(report)}, and each was attacked in turn."
    )


def answer(report: AuditReport) -> Answer:
    """Say what was found.

    The headline attack speaks if it beats guessing, otherwise the strongest attack that does.
    """
    judged = [attack for attack in report.attacks if attack.auc.low is not None]
    if not judged:
        return _no_evidence(report)
    exposing = [attack for attack in judged if better_than_guessing(attack)]
    if not exposing:
        return _nothing_found(report, judged)
    strongest = max(exposing, key=_auc)
    spoken = next((attack for attack in exposing if attack.name == report.headline), strongest)
    rate = main_rate(spoken)
    sentences = [_auc_sentence(spoken)]
    if rate is not None:
        # What cannot be resolved does not open the answer.
        sentences.insert(0 if rate.resolvable else 1, _rate_sentence(rate))
    if auc_text(_auc(strongest)) > auc_text(_auc(spoken)):
        sentences.append(f"{strongest.title} does better still: AUC {_estimate(strongest.auc)}.")
    sentences.append(_spread_sentence(report))
    return Answer("exposed", "Members can be told from non-members.", tuple(filter(None, sentences)))


def _auc(attack: AttackResult) -> float:
    return -1.0 if attack.auc.value is None else attack.auc.value


def _estimate(estimate: Estimate) -> str:
    value = "unknown" if estimate.value is None else auc_text(estimate.value)
    return f"{value}, {spoken_interval(estimate)}"


def _rate_sentence(rate: RateAtFpr) -> str:
    """Quote a rate only if it is resolvable, and call it better than guessing only if its interval says so."""
    if not rate.resolvable or rate.tpr is None:
        return (
            f"With {rate.n_out:,} non-members, what an attacker achieves at {budget(rate.fpr)} false alarms cannot be "
            "resolved."
        )
    found = f"{percent(rate.tpr)} of the members ({spoken_interval(rate, as_percent=True)})"
    accepts = f"Given one of these models, an attacker who accepts {budget(rate.fpr)} false alarms recognises {found}"
    if rate.low is not None and rate.low > rate.fpr:
        return f"{accepts}; guessing would recognise {budget(rate.fpr)}."
    return f"{accepts}, which is not clearly more than the {budget(rate.fpr)} that guessing would."


def _auc_sentence(attack: AttackResult) -> str:
    times = f"{100 * _auc(attack):.0f} times in 100"
    return (
        f"Shown one member and one non-member, the attack ({attack.title}) picks the member {times} "
        f"(AUC {_estimate(attack.auc)}); guessing would be right 50 times."
    )


def _spread_sentence(report: AuditReport) -> str:
    quantiles = exposure_quantiles(report)
    if not {50.0, 95.0} <= quantiles.keys():
        return ""
    _, limit = unexposed_band(report)
    if limit > _SAYS_NOTHING:  # so few models that chance alone reaches anything
        return ""
    return (
        f"Exposure differs between patients: the AUC of a single patient reaches {auc_text(quantiles[50.0])} for half "
        f"of them and {auc_text(quantiles[95.0])} for one in twenty; if membership left no trace, it would stay below "
        f"{auc_text(limit)} for 39 in 40."
    )


def _nothing_found(report: AuditReport, judged: list[AttackResult]) -> Answer:
    strongest = max(judged, key=_auc)
    found = f"the strongest, {strongest.title}, has AUC {_estimate(strongest.auc)}; guessing gives 0.50."
    high = strongest.auc.high
    if high is not None and high < CHANCE_AUC:
        heading = "Every attack does worse than guessing, which should not happen."
        advice = "Look for an error in the set-up or for unstable training before reading anything else here."
        return Answer("unknown", heading, (found[0].upper() + found[1:], advice))
    tried = "The one attack that ran does not tell" if len(judged) == 1 else f"None of the {len(judged)} attacks tells"
    limit = "unknown" if high is None else auc_text(high)
    caution = (
        f"This is not a proof of safety: an AUC up to {limit} agrees with these data, single patients may be exposed "
        "where the average is not, and a stronger attack may exist."
    )
    sentence = f"{tried} members from non-members better than guessing would; {found}"
    stands_out = exposure_quantiles(report).get(95.0, 0.0) > unexposed_band(report)[1]
    singled = (f"Single patients do stand out. {_spread_sentence(report)}",) if stands_out else ()
    return Answer("nothing_found", "No attack did better than guessing.", (sentence, *singled, caution))


def _no_evidence(report: AuditReport) -> Answer:
    ran = f"{len(report.attacks)} attacks ran, but none" if report.attacks else "No attack could be run, so none"
    sentence = (
        f"{ran} gave a number with an interval. Nothing is known about what these models give away; in particular, "
        "they have not been found safe."
    )
    return Answer("unknown", "There is too little evidence to say.", (sentence,))
