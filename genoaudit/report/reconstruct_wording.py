"""A comparison in plain words: where reconstruction breaks, and whether membership leakage has gone by then.

Two rules. "Breaks" means that what is read off is no nearer to the patient than the mean of his class, and does not
name him either: a profile drowned in noise may still be nearer to its patient than to any other. And a budget above
1,000 is never said as a protection: what it buys was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from genoaudit.report.answer import Answer
from genoaudit.report.reconstruct_result import ReconstructReport
from genoaudit.report.reconstruct_table import Row, shown_rows
from genoaudit.report.sweep_table import number_text
from genoaudit.report.sweep_wording import label_text, points_text
from genoaudit.report.wording import percent

GONE = 0.1
"""Share of the leak above guessing below which membership leakage is called gone."""

NAMED = 0.1
"""Share of patients named by the nearest profile up to which a reconstruction names nobody."""

_EPSILON = "\N{GREEK SMALL LETTER EPSILON}"


def reconstruct_answer(report: ReconstructReport) -> Answer:
    """Say at which budget reconstruction breaks, and what is left of the other leaks there."""
    rows = shown_rows(report)
    groups = [[row for row in rows if row.recipe == name] for name in dict.fromkeys(row.recipe for row in rows)]
    told = [_Told(group) for group in groups if group]
    if not told:
        return Answer("unknown", "Nothing was attacked.", ("No cell could be trained.",))
    sentences = [sentence for one in told for sentence in one.sentences()]
    return Answer(_tone(told), told[0].heading(), (*sentences, _thesis(told)))


def breaking_row(group: Sequence[Row]) -> Row | None:
    """Return the largest budget up to which profiles are recovered no better than by guessing and name nobody."""
    broken = None
    for row in group:
        if row.budget is None or _beats(row):
            break
        broken = row
    return broken


def budget_text(row: Row) -> str:
    """Say a budget, or that there is none."""
    return "no protection" if row.budget is None else f"{_EPSILON} {number_text(row.budget)}"


def _beats(row: Row) -> bool:
    found = max(row.value("analytic") or 0.0, row.value("rank_one") or 0.0)
    return found > (row.value("control") or 0.0) or (row.value("hit_rate") or 0.0) > NAMED


class _Told:
    """What is said of one recipe."""

    def __init__(self, group: Sequence[Row]) -> None:
        self.name = label_text(group[0].recipe)
        self.group = group
        self.broken = breaking_row(group)
        self.free = next((row for row in group if row.budget is None), None)
        self.first = next((row for row in group if _beats(row)), None)

    @property
    def left(self) -> float | None:
        """Share of the membership leak above guessing, of the most exposed, that is left where profiles are lost."""
        if self.broken is None or self.free is None:
            return None
        name = "worst5_auc" if self.free.value("worst5_auc") is not None else "auc"
        before, after = self.free.value(name), self.broken.value(name)
        if before is None or after is None or before <= 0.5:
            return None
        return max(0.0, (after - 0.5) / (before - 0.5))

    def heading(self) -> str:
        if self.broken is None:
            return f"Profiles of {self.name} are recovered better than by guessing at every budget tried."
        lost = f"Profiles can no longer be read off updates at {budget_text(self.broken)} and below"
        if self.free is None or self.free.value("worst5_auc") is None:
            return (
                f"{lost}; whether membership leaks there was not measured on the most exposed, which takes 32 models."
            )
        if self.left is None:
            return f"{lost}; membership does not leak measurably even without protection."
        if self.left < GONE:
            return f"{lost}, and at that budget membership leakage is as good as gone."
        return f"{lost}, but at that budget membership still leaks."

    def sentences(self) -> list[str]:
        return [text for text in (self._profiles(), self._membership(), self._candidates()) if text]

    def _profiles(self) -> str:
        if self.first is None:
            return f"On {self.name} no profile was recovered better than by guessing, even without protection."
        start = (
            f"On {self.name} the gradient of a single sample gives its profile away with a mean correlation of "
            f"{_r(self.first, 'analytic')} at {budget_text(self.first)}; guessing the mean of the class gives "
            f"{_r(self.first, 'control')}. The nearest of all patients is the right one in "
            f"{percent(self.first.value('hit_rate') or 0.0)} of cases there"
        )
        if self.broken is None:
            return f"{start}."
        return (
            f"{start}. At {budget_text(self.broken)} the correlation is {_r(self.broken, 'analytic')}, and the right "
            f"patient is nearest in {percent(self.broken.value('hit_rate') or 0.0)}."
        )

    def _membership(self) -> str:
        free, broken = self.free, self.broken
        if free is None or broken is None or free.value("auc") is None or broken.value("auc") is None:
            return ""
        lost = (free.value("accuracy") or 0.0) - (broken.value("accuracy") or 0.0)
        worst = ""
        if free.value("worst5_auc") is not None:
            worst = f", and of the five most exposed {_r(broken, 'worst5_auc')} ({_r(free, 'worst5_auc')})"
        return (
            f"At that budget the AUC of membership inference is {_r(broken, 'auc')} "
            f"({_r(free, 'auc')} without protection){worst}; accuracy changes by {points_text(-lost)}."
        )

    def _candidates(self) -> str:
        if self.broken is None or self.broken.value("identified") is None:
            return ""
        return (
            f"Whoever sees every training step and has a list of candidates still names the right one in "
            f"{percent(self.broken.value('identified') or 0.0)} of cases there; guessing would "
            f"{percent(self.broken.value('guessing') or 0.0)}."
        )


def _tone(told: Sequence[_Told]) -> Literal["exposed", "nothing_found", "unknown"]:
    left = [one.left for one in told]
    if any(one.broken is None for one in told) or any(share is not None and share >= GONE for share in left):
        return "exposed"
    return "unknown" if None in left else "nothing_found"


def _thesis(told: Sequence[_Told]) -> str:
    """Set what was measured beside the claim that a huge budget is better than none."""
    huge = [one for one in told if one.broken is not None and one.broken.vacuous]
    if not huge:
        return (
            "A budget above 1,000, which promises nothing, was not found to stop the reading of profiles here: that a "
            "huge budget is better than none is not borne out."
        )
    leaking = [one for one in huge if one.left is None or one.left >= GONE]
    agrees = "That a huge budget is better than none holds here for the reading of profiles"
    if leaking:
        return f"{agrees}, and for that alone: such a budget promises nothing, and it left other leaks open."
    return f"{agrees} and for the membership attacks made; such a budget still promises nothing against others."


def _r(row: Row, name: str) -> str:
    value = row.value(name)
    if value is None:
        return "unknown"
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "\N{MINUS SIGN}")
