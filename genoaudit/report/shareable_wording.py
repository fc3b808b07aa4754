"""Sentences of a summary, made from the summary alone: rounded numbers, bands, and no count that is not in it."""

from __future__ import annotations

from collections.abc import Callable

from genoaudit.report import shareable_sections as parts
from genoaudit.report.answer import Answer
from genoaudit.report.rounding import EPSILON_STEPS
from genoaudit.report.shareable import Summary
from genoaudit.report.wording import (
    CHANCE_AUC,
    DELTA,
    EPSILON,
    NBSP,
    SEEN,
    auc_text,
    best_of_sentence,
    budget,
    most_recognised,
    percent,
)

_SPOKEN_FPR = 0.1


def shared_answer(summary: Summary) -> Answer:
    """Say what was found, in a heading and a few sentences; what is extrapolated comes first."""
    said = [_full_size_sentence(summary.full_size), *_found(summary)]
    if summary.promise is not None:
        said.append(promise_sentence(summary.promise))
    if summary.given is not None and summary.given.seeded:
        said.append("The noise of this model can be drawn again: it is reproducible, and not releasable.")
    return Answer(summary.found, _heading(summary), tuple(sentence for sentence in said if sentence))


def _heading(summary: Summary) -> str:
    if summary.theory is not None and summary.theory.alarm:
        return "More was found than the guarantee allows."
    if summary.found == "unknown":
        few = summary.task.patients is None
        return "There are too few patients to show anything." if few else "There is too little evidence to say."
    exposed = summary.found == "exposed"
    return "Members can be told from non-members." if exposed else "No attack did better than guessing."


def _found(summary: Summary) -> list[str]:
    spoken = _spoken(summary)
    if summary.found == "unknown" or spoken is None or spoken.auc is None:
        return ["Nothing is known of what is given away; in particular, nothing has been found safe."]
    sentences = [_rate_sentence(summary, spoken), _auc_sentence(spoken, spoken.auc)]
    if spoken_rate(spoken) is None:  # what cannot be resolved does not open the answer
        sentences.reverse()
    sentences.append(_more_recognised(summary, spoken))
    if summary.found == "nothing_found":
        if (spoken.auc.low or 0.0) > CHANCE_AUC:
            sentences.append(best_of_sentence(len(summary.attacks)))
        sentences.append(
            "This is not a proof of safety: single patients may be exposed where the average is not, and a stronger "
            "attack may exist."
        )
    return [*sentences, exposure_sentence(summary.exposure)]


def _spoken(summary: Summary) -> parts.SharedAttack | None:
    """Return the headline attack if it beats guessing, or else the strongest."""
    judged = [attack for attack in summary.attacks if attack.auc is not None]
    first = next((attack for attack in judged if attack.name == summary.headline), None)
    if first is not None and first.auc is not None and (first.auc.low or 0.0) > CHANCE_AUC:
        return first
    return max(judged, key=lambda attack: attack.auc.value if attack.auc else 0.0, default=None)


def spoken_rate(attack: parts.SharedAttack) -> parts.Rate | None:
    """Return the rate that people are told first: at 10 % false alarms, or else at the most there is."""
    return min(attack.rates, key=lambda rate: (rate.fpr != _SPOKEN_FPR, -rate.fpr), default=None)


def _rate_sentence(summary: Summary, attack: parts.SharedAttack) -> str:
    rate = spoken_rate(attack)
    if rate is None:
        return "There are too few non-members to say what an attacker achieves who hardly ever raises a false alarm."
    given = "this model" if summary.task.audit == "release" else "one of these models"
    found = (
        f"Given {given}, an attacker who wrongly accuses {budget(rate.fpr)} of the non-members recognises "
        f"{percent(rate.tpr)} of the members{_between(rate, as_percent=True)}"
    )
    if (rate.low or 0.0) > rate.fpr:
        return f"{found}; guessing would recognise {budget(rate.fpr)}."
    return f"{found}, which is not clearly more than the {budget(rate.fpr)} that guessing would."


def _more_recognised(summary: Summary, spoken: parts.SharedAttack) -> str:
    """Name the attack that recognises more members at the same false alarms, if one clearly does."""
    own = spoken_rate(spoken)
    if own is None:
        return ""
    others = (attack for attack in summary.attacks if attack.name != spoken.name)
    rates = ((attack.title, rate) for attack in others for rate in attack.rates if rate.fpr == own.fpr)
    most = most_recognised(own, rates)
    if most is None:
        return ""
    title, rate = most
    return f"{title} recognises more: {percent(rate.tpr)} of the members{_between(rate, as_percent=True)}."


def _auc_sentence(attack: parts.SharedAttack, auc: parts.Number) -> str:
    return (
        f"Shown one member and one non-member, the attack ({attack.title}) picks the member {100 * auc.value:.0f} "
        f"times in 100 (AUC {auc_text(auc.value)}{_between(auc)}); guessing would be right 50 times."
    )


def _between(found: parts.Number | parts.Rate, *, as_percent: bool = False) -> str:
    if found.low is None or found.high is None:
        return ""
    say = percent if as_percent else auc_text
    return f", 95{NBSP}% interval {say(found.low)} to {say(found.high)}"


def band_text(band: parts.Band, say: Callable[[float], str] = "{:g}".format) -> str:
    """Say a band in words, its ends by `say`.

    Examples
    --------
    >>> [band_text(parts.Band(low=low, high=high)) for low, high in ((None, 0.6), (0.7, 0.8), (0.9, None))]
    ['below 0.6', '0.7 to 0.8', '0.9 or above']
    """
    if band.low is None:
        return "any" if band.high is None else f"below {say(band.high)}"
    return f"{say(band.low)} or above" if band.high is None else f"{say(band.low)} to {say(band.high)}"


def exposure_sentence(exposure: parts.SharedExposure | None) -> str:
    """Say how far patients differ and how exposed the most exposed is, in bands."""
    if exposure is None:
        return ""
    worst = ""
    if exposure.worst_patient is not None:
        worst = (
            f" For the most exposed patient it is {band_text(exposure.worst_patient)}, chosen on one half of the "
            "models and measured on the other, so that luck in the choice does not raise it."
        )
    return (
        f"Patients differ. Over the models, the AUC of a single patient is {band_text(exposure.median)} in the middle "
        f"of them and {band_text(exposure.one_in_twenty)} where the most exposed twentieth begins; if nothing leaked, "
        f"39 of 40 patients would be below {auc_text(exposure.unexposed_below)}.{worst}"
    )


def flagged_sentence(flagged: parts.Flagged) -> str:
    """Say how many patients are exposed by more than a minimum."""
    who = {
        "counted": f"About {flagged.patients or 0:,} patients are",
        "fewer than 10": "Fewer than 10 patients, or none, are",
        "all but fewer than 10": "All patients, or all but fewer than 10, are",
    }[flagged.how_many]
    return f"{who} exposed by more than an AUC of {flagged.least_auc:.2f} beyond what chance explains."


def promise_sentence(promise: parts.Promise) -> str:
    """Say what training promises, and what it does not."""
    if promise.epsilon is None:
        return f"Training has the form of DP-SGD without noise: no finite {EPSILON} holds, and nothing is promised."
    found = f"{EPSILON}{NBSP}={NBSP}{promise.epsilon:g} at {DELTA}{NBSP}={NBSP}{promise.delta:.1g}"
    if promise.vacuous:
        return f"Training is by DP-SGD with {found}, which excludes no attack: nothing is promised."
    covered = "" if promise.end_to_end else " The promise does not cover all of the recipe."
    return f"Training by DP-SGD promises {found} to each {promise.unit} ({promise.neighbouring}).{covered}"


def _full_size_sentence(found: parts.SharedFullSize | None) -> str:
    if found is None or found.auc is None:
        return ""
    return (
        "The model was trained on all patients, so there is nobody to compare its members with. From models of the "
        f"same recipe trained on shares of them, an AUC of {auc_text(found.auc.value)}{_between(found.auc)}, is "
        "extrapolated; it was not measured."
    )


def task_sentence(summary: Summary) -> str:
    """Say what was audited."""
    task = summary.task
    does = f"predicts {task.label} ({task.classes:,} classes) from {task.genes:,} genes"
    of = "" if task.patients is None else f" of about {task.patients:,} patients"
    if task.audit == "release":
        on = f" The model was trained on about {task.members:,}{of}." if task.members is not None else ""
        learns = f" The attacker learns from {task.models:,} models of the same recipe." if task.models else ""
        kind = "" if task.recipe is None else f" ({task.recipe})"
        return f"One given model{kind}, which {does}, was attacked.{on}{learns}"
    share = "" if task.members_share is None else f", each on {100 * task.members_share:.0f}{NBSP}%{of}"
    return (
        f"{task.models:,} models of one recipe ({task.recipe}), which {does}, were trained{share}, and each was "
        "attacked in turn."
    )


def sees_sentence(task: parts.Task) -> str:
    """Say what the adversary was allowed to see."""
    exact = "" if task.decimals is None or task.access == "labels" else f" rounded to {task.decimals} decimals"
    more = f", and may ask {task.queries} noisy copies of each sample" if task.queries else ""
    return f"The adversary sees {SEEN[task.access]}{exact}{more}."


def bound_sentence(bound: parts.SharedBound) -> str:
    """Say what a lower bound refutes."""
    whom = "the most exposed patient" if bound.about == "the most exposed patient" else "planted patients (canaries)"
    at = f"at {DELTA}{NBSP}={NBSP}{bound.delta:.1g}, {bound.neighbouring}"
    if bound.at_least == 0:
        least = f" of {EPSILON_STEPS[1]:g} or more" if bound.about == "the most exposed patient" else ""
        return f"By {whom}: no {EPSILON}{least} is refuted ({at})."
    return f"By {whom}: every {EPSILON} below {bound.at_least:g} is refuted ({at})."
