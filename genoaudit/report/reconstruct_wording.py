"""A comparison in plain words: up to which budget the attacks tried read profiles, and what else leaks there.

Three rules. An attack "reads" a profile if what it finds is nearer to the patient than the mean of his class, or names
him: a profile drowned in noise may still be nearer to its patient than to any other. That no attack tried reads it says
nothing of those not tried. And a budget above 1,000 is never said as a protection: what it buys was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from genoaudit.privacy.bounded_share import SIGNIFICANCE
from genoaudit.report.answer import Answer
from genoaudit.report.reconstruct_result import NamedShare, ReconstructReport
from genoaudit.report.reconstruct_table import Row, shown_rows
from genoaudit.report.sweep_table import number_text
from genoaudit.report.sweep_wording import label_text, points_text
from genoaudit.report.wording import EPSILON, percent

GONE = 0.1
"""Share of the leak above guessing below which next to nothing is said to be left of it."""

NAMED = 0.1
"""Share of patients named by the nearest profile up to which a reconstruction names nobody."""

READERS = (
    "analytic",
    "rank_one",
    "trained",
    "rank_one_trained",
    "whole_patient",
    "imprint",
    "trap_weights",
    "matching",
)
"""Attacks on updates, as rows name their correlations."""


def reconstruct_answer(report: ReconstructReport) -> Answer:
    """Say up to which budget profiles are read, and what is left of the other leaks there; an alarm comes first."""
    rows = shown_rows(report)
    groups = [[row for row in rows if row.recipe == name] for name in dict.fromkeys(row.recipe for row in rows)]
    told = [_Told(group) for group in groups if group]
    if not told:
        return Answer("unknown", "Nothing was attacked.", ("No cell could be trained.",))
    sentences = [*(sentence for one in told for sentence in one.sentences()), _thesis(told)]
    if alarms := exceeded_sentences(report):
        return Answer("exposed", "More was identified than the mechanism allows.", (*alarms, *sentences))
    return Answer(_tone(told), told[0].heading(), tuple(sentences))


def exceeded_sentences(report: ReconstructReport) -> tuple[str, ...]:
    """Say of which budgets more patients were named than chance explains."""
    return tuple(
        f"ALARM: on {label_text(share.recipe)} at {_budget(share.budget)}, {share.named:,} of {share.patients:,} "
        f"patients were named from {share.candidates:,} candidates, where the mechanism allows {percent(share.bound)} "
        f"on average ({_interval(share)}). Unless this is one of the {percent(SIGNIFICANCE)} of comparisons at most in "
        "which chance accuses a correct training, training is not what is accounted for: look at clipping, noise, "
        "sampling rate and the number of steps."
        for share in report.named
        if share.reading == "exceeded"
    )


def breaking_row(group: Sequence[Row]) -> Row | None:
    """Return the largest budget up to which no attack on updates beats guessing or names a patient."""
    broken = None
    for row in group:
        if row.budget is None or _beats(row):
            break
        broken = row
    return broken


def budget_text(row: Row) -> str:
    """Say a budget, or that there is none."""
    return _budget(row.budget)


def reading_text(row: Row) -> str:
    """Say how the share of patients named lies to its bound where it is above it; else nothing."""
    return {"below": "", "by_chance": "above the bound, by chance", "exceeded": "above the bound: ALARM"}[row.reading]


def vanished_text(row: Row) -> str:
    """Say for how many patients the trained network has no gradient to read; nothing if it has one for all."""
    return f"no gradient for {percent(row.value('vanished') or 0.0)}" if row.value("vanished") else ""


def _budget(budget: float | None) -> str:
    return "no protection" if budget is None else f"{EPSILON} {number_text(budget)}"


def _interval(share: NamedShare) -> str:
    low, high = (percent(end or 0.0) for end in (share.rate.low, share.rate.high))
    return f"95 % interval of what was measured, all budgets at once: {low} to {high}"


def _best(row: Row) -> float:
    return max(row.value(name) or 0.0 for name in READERS)


def _beats(row: Row) -> bool:
    return _best(row) > (row.value("control") or 0.0) or (row.value("hit_rate") or 0.0) > NAMED


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
        """Share of the membership leak above guessing, of the most exposed, that is left where no profile is read."""
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
        unread = f"The attacks tried no longer read profiles off updates at {budget_text(self.broken)} and below"
        if self.free is None or self.free.value("worst5_auc") is None:
            return (
                f"{unread}; whether membership leaks there was not measured on the most exposed, which takes 32 models."
            )
        if self.left is None:
            return f"{unread}; no membership leak was measured even without protection."
        if self.left < GONE:
            return f"{unread}, and at that budget next to nothing of the membership leak is measured."
        return f"{unread}, but at that budget membership still leaks."

    def sentences(self) -> list[str]:
        told = (
            self._profiles(),
            self._half(),
            self._vanished(),
            self._membership(),
            self._candidates(),
            self._by_chance(),
        )
        return [text for text in told if text]

    def _vanished(self) -> str:
        free = self.free
        if free is None or not free.value("vanished"):
            return ""
        vanished, learnt = free.value("vanished") or 0.0, free.value("learnt") or 0.0
        causes = [
            *["no unit of it is active for them"] * (vanished > learnt),
            *["they are fitted fully"] * (learnt > 0),
        ]
        return (
            f"On {self.name} the gradient of the first layer has vanished in the network trained without protection "
            f"for {percent(vanished)} of the attacked patients ({' or '.join(causes)}). An update of that network "
            "holds nothing to read, which is no protection: updates from the time before do."
        )

    def _by_chance(self) -> str:
        above = [row for row in self.group if row.reading == "by_chance"]
        if not above:
            return ""
        where = " and ".join(budget_text(row) for row in above)
        return (
            f"At {where} more candidates were named than the mechanism allows on average, by no more than chance: the "
            "bound lies within the interval of what was measured."
        )

    def _profiles(self) -> str:
        if self.first is None:
            return (
                f"On {self.name} no attack tried recovered a profile better than by guessing, even without protection."
            )
        start = (
            f"On {self.name} updates give profiles away with a mean correlation of {_text(_best(self.first))} at "
            f"{budget_text(self.first)}, by the best of the attacks tried; guessing the mean of the class gives "
            f"{_r(self.first, 'control')}. The nearest of all patients is the right one in "
            f"{percent(self.first.value('hit_rate') or 0.0)} of cases there"
        )
        if self.broken is None:
            return f"{start}."
        return (
            f"{start}. At {budget_text(self.broken)} the correlation is {_text(_best(self.broken))}, and the right "
            f"patient is nearest in {percent(self.broken.value('hit_rate') or 0.0)}."
        )

    def _half(self) -> str:
        noise, epsilon = (self.group[0].value(name) for name in ("half_noise", "half_epsilon"))
        if noise is None or epsilon is None:
            return ""
        budget = f"{EPSILON} {number_text(float(f'{epsilon:.2g}'))}"
        return (
            f"By theory, whoever inverts one noisy gradient without further knowledge is left with half of the "
            f"correlation at a noise multiplier of {noise:.2g}, which is {budget} in this training."
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
            "A budget above 1,000, which promises nothing, did not keep the attacks tried from reading profiles here: "
            "that a huge budget is better than none is not borne out."
        )
    leaking = [one for one in huge if one.left is None or one.left >= GONE]
    agrees = "That a huge budget is better than none holds here for the attacks tried on profiles"
    if leaking:
        return f"{agrees}, and for these alone: such a budget promises nothing, and it left other leaks open."
    return f"{agrees} and on membership; such a budget still promises nothing against others."


def _r(row: Row, name: str) -> str:
    return _text(row.value(name))


def _text(value: float | None) -> str:
    if value is None:
        return "unknown"
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "\N{MINUS SIGN}")
