"""What an attacker could do, in counts of people: how many members are recognised, how often an accusation is right.

Only thresholds that an attacker could have had (taken from other models), and only rates that can be resolved. Counts
out of 100 are understood by more people than percentages and conditional probabilities are (Gigerenzer and Edwards,
Simple tools for understanding risks, BMJ 327:741, 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.ppv import PpvAtPrior, positive_predictive_value
from genoaudit.phrases import joined
from genoaudit.report.answer import spoken_attack
from genoaudit.report.result import AttackResult, AuditReport
from genoaudit.report.sections import ShadowThreshold
from genoaudit.report.wording import NBSP, budget

_WHOLES = (100, 1_000, 10_000)
_AMONG = {0.5: "half", 0.1: "one in ten", 0.01: "one in a hundred"}


@dataclass(frozen=True)
class Odds:
    """What comes of 100 accusations where a given share of those attacked are members.

    Parameters
    ----------
    among
        The share in words, such as ``"one in ten"``.
    right
        How many of 100 are right, in words; ``"at least 76"`` where no false alarm was seen.
    span
        The 95 % limits in words; empty where there is nothing to say beyond `right`.
    guessing
        How many of 100 named at random would be members, in words.
    shown
        How many of 100 to draw as right.
    """

    among: str
    right: str
    span: str
    guessing: str
    shown: int


@dataclass(frozen=True)
class Risk:
    """An attack at one threshold from other models, as sentences and counts.

    Parameters
    ----------
    attack
        The attack that is spoken of.
    reach
        How many members it recognises, and what that costs in false alarms.
    accusations
        How often naming somebody is right.
    odds
        The same, one share of members at a time; empty where it is not clearly better than guessing.
    """

    attack: AttackResult
    reach: str
    accusations: str
    odds: tuple[Odds, ...]


def risk_of(report: AuditReport) -> Risk | None:
    """Say what an attacker could do at the smallest false-positive rate that this audit can resolve.

    Returns
    -------
    Risk or None
        None where no rate at a threshold from other models can be resolved.
    """
    by_auc = sorted(report.attacks, key=lambda attack: -(attack.auc.value or 0.0))
    able = ((attack, resolvable_threshold(attack)) for attack in (spoken_attack(report), *by_auc) if attack is not None)
    attack, own = next(((attack, own) for attack, own in able if own is not None), (None, None))
    if attack is None or own is None:
        return None
    model = "this model" if report.audit == "release" else "one of these models"
    reach = (
        f"With a threshold that was set on other models for {budget(own.fpr)} false alarms, an attacker "
        f"({attack.title}) who is given {model} would name {_counted(own.tpr, 'members')}, and "
        f"{_counted(own.achieved_fpr, 'non-members')}."
    )
    clear = _beats_guessing(own)
    odds = tuple(_odds(own, ppv, clear=clear) for ppv in sorted(own.ppv, key=lambda ppv: -ppv.prior))
    return Risk(attack, reach, _accusations(own, odds, clear=clear), odds if clear else ())


def resolvable_threshold(attack: AttackResult) -> ShadowThreshold | None:
    """Return the threshold from other models with the smallest false-positive rate that can be resolved, or None."""
    resolvable = {rate.fpr for rate in attack.tpr_at_fpr if rate.resolvable}
    known = [
        own
        for own in attack.at_shadow_thresholds
        if own.fpr in resolvable and own.tpr.value is not None and own.achieved_fpr.value is not None
    ]
    return min(known, key=lambda own: own.fpr, default=None)


def out_of(share: float) -> str:
    """Say a share as a count out of the smallest round number that shows it.

    Examples
    --------
    >>> out_of(0.5737), out_of(0.034), out_of(0.0012), out_of(0.0), out_of(1.0), out_of(0.999)
    ('57 of 100', '3 of 100', '1 of 1,000', 'none of 100', '100 of 100', '999 of 1,000')
    """
    if share in (0, 1):
        return "none of 100" if share == 0 else "100 of 100"
    for whole in _WHOLES:
        if 0 < (count := round(share * whole)) < whole:
            return f"{count:,} of {whole:,}"
    return f"fewer than 1 of {_WHOLES[-1]:,}" if share < 0.5 else f"all but 1 of {_WHOLES[-1]:,}"


def hundredth(share: float) -> str:
    """Say a share as a count out of 100, never rounded to none or to all.

    Examples
    --------
    >>> hundredth(0.832), hundredth(0.003), hundredth(0.998), hundredth(1.0)
    ('83', 'fewer than 1', 'more than 99', '100')
    """
    if share not in (0, 1) and not 0.5 <= 100 * share < 99.5:
        return "fewer than 1" if share < 0.5 else "more than 99"
    return f"{100 * share:.0f}"


def _counted(estimate: Estimate, whom: str) -> str:
    value = out_of(estimate.value or 0.0)
    if estimate.low is None or estimate.high is None:
        return f"{value} {whom}"
    whole = int(value.rpartition(" ")[2].replace(",", ""))
    return f"{value} {whom} (95{NBSP}% interval {whole * estimate.low:.0f} to {whole * estimate.high:.0f})"


def _odds(own: ShadowThreshold, ppv: PpvAtPrior, *, clear: bool) -> Odds:
    """Count from both estimated rates: with the upper limit of the false alarms "about" would be too few."""
    among, guessing = _AMONG.get(ppv.prior, budget(ppv.prior)), hundredth(ppv.prior)
    if ppv.value is None or (ppv.high is None and not clear):
        return Odds(among, f"at least {hundredth(ppv.low)}", "", guessing, round(100 * ppv.low))
    found = float(positive_predictive_value(own.tpr.value or 0.0, own.achieved_fpr.value or 0.0, ppv.prior))
    span, value = _span(ppv.low, ppv.high), hundredth(found)
    right = value if " " in value else f"about {value}"
    right, span = (right, "" if span == right else span) if clear else (span, "")
    return Odds(among, right, span, guessing, round(100 * found))


def _span(low: float, high: float | None) -> str:
    """Say both limits out of 100, or only the one that is not next to none or to all."""
    least, most = hundredth(low), "100" if high is None else hundredth(high)
    if least == most or least.startswith("more"):
        return least
    if high is None or most.startswith("more"):
        return f"{least} or more"
    return f"{most} at most" if least == "0" or least.startswith("fewer") else f"{least} to {most}"


def _accusations(own: ShadowThreshold, odds: tuple[Odds, ...], *, clear: bool) -> str:
    if not odds:
        return ""
    first, *others = [f"{each.right}{f' ({each.span})' if each.span else ''}" for each in odds]
    said = [
        f"{first} are members if {odds[0].among} of those attacked {_are(odds[0])}",
        *(f"{right} if {each.among} {_are(each)}" for right, each in zip(others, odds[1:], strict=True)),
    ]
    doubt = "" if clear else ", and the attack is not clearly better than that"
    return (
        f"Of 100 patients whom an attacker names as members at this threshold for {budget(own.fpr)} false alarms, "
        f"{joined(said)}. Of 100 named at random, {joined([each.guessing for each in odds])} would be{doubt}."
    )


def _are(odds: Odds) -> str:
    return "is" if odds.among.startswith("one ") else "are"


def _beats_guessing(own: ShadowThreshold) -> bool:
    """Whether even the lower limit of the members named lies above the upper limit of the non-members named."""
    return own.tpr.low is not None and own.achieved_fpr.high is not None and own.tpr.low > own.achieved_fpr.high
