"""What an audit found, in a heading and a few sentences.

"Better than guessing" needs the whole interval on that side, and single patients are spoken of beside the average: an
average near guessing can hide a few who are laid bare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

from genoaudit.metrics.estimates import RateAtFpr
from genoaudit.report.promise_wording import alarm_sentence, guarantee_sentence
from genoaudit.report.release_wording import (
    biased_sentence,
    control_of,
    full_size_sentences,
    joint_sentence,
    of_recipe,
)
from genoaudit.report.result import AttackResult, AuditReport
from genoaudit.report.wording import (
    CHANCE_AUC,
    auc_or_lowest,
    auc_text,
    best_of_sentence,
    budget,
    exposure_quantiles,
    flagging_sentence,
    main_rate,
    most_recognised,
    percent,
    spoken_estimate,
    spoken_interval,
    unexposed_band,
    worst_sentence,
)

_SAYS_NOTHING = 0.9

_AT_HALF = "What was measured, on models trained on half of the patients:"


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


def answer(report: AuditReport) -> Answer:
    """Say what was found, and what was promised; an alarm comes before everything.

    The headline attack speaks if it beats guessing, otherwise the strongest attack that does. What limits all that
    follows is said before it: a model that nobody was left out of, or a control group that is told without any model.
    """
    return _promised(report, _of_release(report, _found(report)))


def _of_release(report: AuditReport, found: Answer) -> Answer:
    """Add what the hard cases of a release are."""
    if report.joint is not None:
        found = replace(found, sentences=(*found.sentences, joint_sentence(report.joint)))
        if found.tone == "nothing_found" and (report.joint.together.low or 0.0) > CHANCE_AUC:
            heading = "Members can be told from non-members by whoever holds earlier releases too."
            found = replace(found, tone="exposed", heading=heading)
    if report.full_size is not None:
        first = full_size_sentences(report, report.full_size)
        return replace(found, sentences=(*first, _AT_HALF, *found.sentences))
    control = control_of(report)
    if control is None or control.status != "issue":
        return found
    sentences = (biased_sentence(control), *found.sentences)
    if found.tone != "exposed":
        return replace(found, sentences=sentences)
    heading = "Members can be told from non-members, but without the model as well."
    return Answer("unknown", heading, sentences)


def _promised(report: AuditReport, found: Answer) -> Answer:
    guarantee, theory = report.promise, report.theory
    if guarantee is None:
        return found
    promised = guarantee_sentence(guarantee)
    if theory is None or guarantee.vacuous or guarantee.epsilon is None:
        return replace(found, sentences=(*found.sentences, promised))
    alarm = alarm_sentence(theory, end_to_end=guarantee.end_to_end, single=report.audit == "release")
    if report.audit == "release" and theory.comparisons:
        alarm = f"{alarm} The lower bounds are those of reference models of its recipe."
    if theory.alarm:
        heading = "More was found than the guarantee allows."
        return Answer("exposed", heading, (alarm, promised, *found.sentences))
    return replace(found, sentences=(*found.sentences, f"{promised} {alarm}"))


def _found(report: AuditReport) -> Answer:
    judged = [attack for attack in report.attacks if attack.auc.low is not None]
    if not judged:
        return _no_evidence(report)
    exposing = _exposing(report)
    if not exposing:
        return _nothing_found(report, judged)
    strongest = max(exposing, key=auc_or_lowest)
    spoken = _headline_or(strongest, exposing, report)
    rate = main_rate(spoken)
    sentences = [_auc_sentence(spoken)]
    if rate is not None:
        # What cannot be resolved does not open the answer.
        sentences.insert(0 if rate.resolvable else 1, _rate_sentence(report, rate))
    if auc_text(auc_or_lowest(strongest)) > auc_text(auc_or_lowest(spoken)):
        sentences.append(f"{strongest.title} does better still: AUC {spoken_estimate(strongest.auc)}.")
    if rate is not None:
        sentences.append(_more_recognised(report, spoken, rate))
    single = list(filter(None, (_spread_sentence(report), _worst_patient(report))))
    sentences += [of_recipe(report, " ".join(single))] if report.audit == "release" else single
    return Answer("exposed", "Members can be told from non-members.", tuple(filter(None, sentences)))


def spoken_attack(report: AuditReport) -> AttackResult | None:
    """Return the attack that speaks for a report: the headline attack, unless only another one beats guessing."""
    exposing = _exposing(report) or list(report.attacks)
    return _headline_or(max(exposing, key=auc_or_lowest), exposing, report) if exposing else None


def _exposing(report: AuditReport) -> list[AttackResult]:
    return [attack for attack in report.attacks if better_than_guessing(attack, among=_looked_at(report, attack))]


def _headline_or(other: AttackResult, attacks: list[AttackResult], report: AuditReport) -> AttackResult:
    return next((attack for attack in attacks if attack.name == report.headline), other)


def better_than_guessing(attack: AttackResult, *, among: int = 1) -> bool:
    """Whether the attack's AUC lies above 0.5 with its whole interval, widened for having looked at so many attacks."""
    if attack.auc.low is None or attack.auc.value is None:
        return False
    normal = NormalDist()
    stretch = normal.inv_cdf(1 - 0.025 / among) / normal.inv_cdf(0.975)
    return attack.auc.value - stretch * (attack.auc.value - attack.auc.low) > CHANCE_AUC


def _looked_at(report: AuditReport, attack: AttackResult) -> int:
    """One for the headline attack, which was named beforehand; for any other the number it was chosen from."""
    return 1 if attack.name == report.headline else len(report.attacks)


def _rate_sentence(report: AuditReport, rate: RateAtFpr) -> str:
    """Quote a rate only if it is resolvable, and call it better than guessing only if its interval says so."""
    if not rate.resolvable or rate.tpr is None:
        return (
            f"With {rate.n_out:,} non-members, what an attacker achieves at {budget(rate.fpr)} false alarms cannot be "
            "resolved."
        )
    given = "this model" if report.audit == "release" else "one of these models"
    found = f"{percent(rate.tpr)} of the members ({spoken_interval(rate, as_percent=True)})"
    accepts = f"Given {given}, an attacker who accepts {budget(rate.fpr)} false alarms recognises {found}"
    if rate.low is not None and rate.low > rate.fpr:
        return f"{accepts}; guessing would recognise {budget(rate.fpr)}."
    return f"{accepts}, which is not clearly more than the {budget(rate.fpr)} that guessing would."


def _more_recognised(report: AuditReport, spoken: AttackResult, rate: RateAtFpr) -> str:
    """Name the attack that recognises more members at the same false alarms, if one clearly does."""
    others = (attack for attack in report.attacks if attack is not spoken)
    rates = (
        (attack.title, at) for attack in others for at in attack.tpr_at_fpr if at.fpr == rate.fpr and at.resolvable
    )
    most = most_recognised(rate, rates)
    if most is None:
        return ""
    title, more = most
    return (
        f"At {budget(rate.fpr)} false alarms {title} recognises more of the members: {percent(more.tpr or 0.0)} "
        f"({spoken_interval(more, as_percent=True)})."
    )


def _auc_sentence(attack: AttackResult) -> str:
    times = f"{100 * auc_or_lowest(attack):.0f} times in 100"
    return (
        f"Shown one member and one non-member, the attack ({attack.title}) picks the member {times} "
        f"(AUC {spoken_estimate(attack.auc)}); guessing would be right 50 times."
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


def _worst_patient(report: AuditReport) -> str:
    return "" if report.exposure is None or not report.exposure.worst else worst_sentence(report.exposure.worst[0])


def _singled_out(report: AuditReport) -> tuple[str, ...]:
    """Say that patients stand out where the average shows nothing, or that exposure spreads though nobody is flagged.

    Whether single patients stand out is what the flags test; the spread of all patients names nobody.
    """
    flagging = None if report.exposure is None else report.exposure.flagging
    if flagging is not None and flagging.flagged:
        said = ("Single patients do stand out.", _spread_sentence(report), _worst_patient(report))
        return (of_recipe(report, " ".join(filter(None, (*said, flagging_sentence(flagging))))),)
    spread = _spread_sentence(report)
    if not spread or exposure_quantiles(report)[95.0] <= unexposed_band(report)[1]:
        return ()
    nobody = "Which patients, if any, cannot be said with so few models."
    if flagging is not None:
        nobody = f"No single one stands out, though: {flagging_sentence(flagging)}"
    return (of_recipe(report, f"{spread} {nobody}"),)


def _nothing_found(report: AuditReport, judged: list[AttackResult]) -> Answer:
    strongest = max(judged, key=auc_or_lowest)
    found = f"the strongest, {strongest.title}, has AUC {spoken_estimate(strongest.auc)}; guessing gives 0.50."
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
    untried = (
        "The attacks that are the best as a rule did not run: they compare the model with others of its recipe, which "
        "is not known."
    )
    if (strongest.auc.low or 0.0) > CHANCE_AUC:
        sentence = f"{sentence} {best_of_sentence(len(judged))}"
    said = (sentence, *([untried] if report.design is None else []), *_singled_out(report), caution)
    return Answer("nothing_found", "No attack did better than guessing.", said)


def _no_evidence(report: AuditReport) -> Answer:
    ran = f"{len(report.attacks)} attacks ran, but none" if report.attacks else "No attack could be run, so none"
    them, they = ("this model gives", "it has") if report.audit == "release" else ("these models give", "they have")
    sentence = (
        f"{ran} gave a number with an interval. Nothing is known about what {them} away; in particular, {they} not "
        "been found safe."
    )
    return Answer("unknown", "There is too little evidence to say.", (sentence,))
