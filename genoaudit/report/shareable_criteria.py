"""A criterion of a summary in plain words: whom it is about, what was found and what was asked, as the summary has it.

The confidential page quotes the exact reason of each criterion; here it is told again from rounded numbers and bands.
"""

from __future__ import annotations

from itertools import zip_longest

from genoaudit.report.shareable import Summary
from genoaudit.report.shareable_sections import SharedCriterion, SharedVerdict
from genoaudit.report.shareable_wording import band_text
from genoaudit.report.verdict_wording import WORDS
from genoaudit.report.wording import EPSILON, NBSP, auc_text, budget

_WHOM = {
    "worst_patient": "Whoever is most exposed",
    "worst_group": "The most exposed group",
    "canaries": "Planted patients (canaries)",
    "bounds": "The guarantee",
    "utility": "On patients not seen",
    "evidence": "The audit",
    "theory": "The guarantee",
    "target": "The given model",
}
_RECOGNISED = {
    "attacks": "members recognised",
    "worst_patient": "models with the patient recognised",
    "canaries": "planted patients recognised",
    "bounds": "members that any attack may recognise",
}
_WHAT = {
    "attacks.require": "required",
    "bounds.epsilon": EPSILON,
    "bounds.end_to_end": "covers the whole pipeline",
    "bounds.audited_epsilon": f"lower bound of {EPSILON} from the audit",
    "utility.accuracy": "accuracy",
    "utility.balanced_accuracy": "balanced accuracy",
    "evidence.models": "number of models",
    "evidence.non_members": "number of non-members of a model",
    "evidence.access": "what the adversary sees",
    "evidence.self_test": "the self-test",
    "evidence.checks": "the checks of the evidence",
    "theory.alarm": "nothing was found that it excludes",
    "target.seeded": "its noise cannot be drawn again",
}
_RATE = ".tpr_at_fpr."


def deciding(verdict: SharedVerdict) -> list[SharedCriterion]:
    """Return the criteria that decided a hold or left a verdict undecidable.

    One of every kind before more, and of each kind what is furthest beyond its limit first.
    """
    wanted = {"hold": "fail", "undecidable": "open", "release": ""}[verdict.decision]
    by_key: dict[str, list[SharedCriterion]] = {}
    for found in sorted(verdict.criteria, key=_beyond, reverse=True):
        if found.outcome == wanted:
            by_key.setdefault(found.key, []).append(found)
    rounds = zip_longest(*by_key.values())
    return [found for each in rounds for found in each if found is not None]


def _beyond(found: SharedCriterion) -> float:
    """Return how far a number lies on the wrong side of its limit; 0 where it is not told."""
    if found.value is None or found.threshold is None:
        return 0.0
    return found.threshold - found.value if found.key.startswith("utility.") else found.value - found.threshold


def criterion_text(found: SharedCriterion, summary: Summary) -> str:
    """Say a criterion in one sentence; what came of it is said where no number says so.

    Examples
    --------
    For an attack, the most exposed patient and a count that is not told::

        LiRA, online: 41 % of members recognised at 10 % false alarms, at least 35 % (95 %), allowed 20 %.
        Whoever is most exposed: AUC 0.9 or above, allowed 0.75.
        The audit: number of non-members of a model, asked for 100: undecided.
    """
    allowed = allowed_text(found)
    told = f"{whom_text(found, summary)}: {found_text(found)}{f', {allowed}' if allowed else ''}"
    return f"{told}: {WORDS[found.outcome]}." if found.value is None and found.lies_in is None else f"{told}."


def whom_text(found: SharedCriterion, summary: Summary) -> str:
    """Say whom or what a criterion is about."""
    if found.subject is not None:
        return found.subject
    section = found.key.partition(".")[0]
    if section != "attacks":
        return _WHOM.get(section, "The policy")
    return "Every attack" if summary.joint is None or found.value is None else "All releases together"


def found_text(found: SharedCriterion) -> str:
    """Say what was measured, and how large it was found to be with its limits or in a band."""
    if found.lies_in is not None:
        return _of(found, band_text(found.lies_in, budget if _is_share(found.key) else "{:g}".format))
    if found.value is None:
        return _what(found)
    limits = [
        f"{side} {_number(found, limit)}"
        for side, limit in (("at least", found.at_least), ("at most", found.at_most))
        if limit is not None and side not in _spared(found)
    ]
    certain = f", {' and '.join(limits)} (95{NBSP}%{' each' if len(limits) > 1 else ''})" if limits else ""
    return f"{_of(found, _number(found, found.value))}{certain}"


def _spared(found: SharedCriterion) -> tuple[str, ...]:
    """Return the limit that did not decide: the far one of what is beyond, the near one of what is met."""
    floor = found.key.startswith("utility.")
    if found.outcome == "fail":
        return ("at least",) if floor else ("at most",)
    if found.outcome == "pass":
        return ("at most",) if floor else ("at least",)
    return ()


def allowed_text(found: SharedCriterion) -> str:
    """Say what the policy allows or asks for; empty where that is no number."""
    if found.threshold is None:
        return ""
    asked = "asked for" if found.key.startswith(("utility.", "evidence.")) else "allowed"
    return f"{asked}{NBSP}{budget(found.threshold) if _is_share(found.key) else _plain_number(found, found.threshold)}"


def _what(found: SharedCriterion) -> str:
    """Name what is limited."""
    section, _, rest = found.key.partition(".")
    if _RATE in found.key:
        fpr = float(found.key.rpartition(_RATE)[2])
        return f"{_RECOGNISED.get(section, 'recognised')} at {budget(fpr)} false alarms"
    return "AUC" if rest == "auc" else _WHAT.get(found.key, found.key)


def _of(found: SharedCriterion, number: str) -> str:
    return f"{number} of {_what(found)}" if _RATE in found.key else f"{_what(found)} {number}"


def _number(found: SharedCriterion, value: float) -> str:
    """Say a number that was rounded to hundredths with no more digits than that."""
    return f"{100 * value:.0f}{NBSP}%" if _is_share(found.key) else _plain_number(found, value)


def _plain_number(found: SharedCriterion, value: float) -> str:
    return auc_text(value) if found.key.endswith(".auc") else f"{value:,g}"


def _is_share(key: str) -> bool:
    return _RATE in key or key.startswith("utility.")
