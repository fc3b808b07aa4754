"""A comparison of runs in words and cells."""

from __future__ import annotations

from genoaudit.report.comparison import ComparedNumber, Comparison
from genoaudit.report.promise_wording import claim_text
from genoaudit.report.sections import Guarantee
from genoaudit.report.wording import EN_DASH, EPSILON, NBSP, auc_text, percent

READING = (
    "Higher and lower are against the first run, and said only where the two 95\N{NO-BREAK SPACE}% intervals do not "
    "overlap. No pairing of models between runs is known, so no difference is formed: intervals that overlap do not "
    "show that two runs are equal."
)
_NUMBERS = {
    "auc": "the AUC over all patients",
    "tpr": "the share of members recognised",
    "worst_patient": "the AUC of the most exposed patient",
    "worst_patients": "the mean AUC of the 20 most exposed patients",
}


def comparison_heading(comparison: Comparison) -> str:
    """Say in one line whether any run gives away less or more than the first."""
    first, *others = comparison.runs
    moved = {
        way: [run.name for run in others if any(getattr(run, name).against_first == way for name in _NUMBERS)]
        for way in ("lower", "higher")
    }
    if not any(moved.values()):
        return f"No run differs from {first.name} in leakage beyond the intervals."
    said = [
        f"{', '.join(names)} {'gives' if len(names) == 1 else 'give'} away {'less' if way == 'lower' else 'more'}"
        for way, names in moved.items()
        if names
    ]
    return f"Against {first.name}, {'; '.join(said)}, beyond the intervals."


def comparison_sentences(comparison: Comparison) -> tuple[str, ...]:
    """Say run by run what lies beyond the interval of the first, and what became of the accuracy."""
    first, *others = comparison.runs
    told = []
    for run in others:
        moved = [
            f"{way} {'is' if len(named) == 1 else 'are'} {', '.join(named)}"
            for way in ("lower", "higher")
            if (named := [words for key, words in _NUMBERS.items() if getattr(run, key).against_first == way])
        ]
        if first.accuracy.value is not None and run.accuracy.value is not None:
            accuracies = f"{percent(run.accuracy.value)} against {percent(first.accuracy.value)}"
            moved.append(f"accuracy on patients not seen is {accuracies}")
        if moved:
            told.append(f"{run.name} against {first.name}: {'; '.join(moved)}.")
    return tuple(told)


def compared_text(number: ComparedNumber, *, as_percent: bool = False) -> str:
    """Write a number with its interval and where it lies against the first run."""
    found = number.estimate
    say = percent if as_percent else auc_text
    if found.value is None:
        return "\N{EM DASH}"
    span = "" if found.low is None or found.high is None else f" [{say(found.low)}{EN_DASH}{say(found.high)}]"
    mark = f" {number.against_first}" if number.against_first in {"higher", "lower"} else ""
    return f"{say(found.value)}{span}{mark}"


def guarantee_text(guarantee: Guarantee | None) -> str:
    """Say a guarantee shortly, and that a large one promises nothing."""
    if guarantee is None:
        return "none"
    if guarantee.vacuous or guarantee.epsilon is None:
        return "promises nothing"
    part = "" if guarantee.end_to_end else ", training alone"
    return f"{EPSILON}{NBSP}{claim_text(guarantee.epsilon)}{part}"
