"""A sweep in plain words: which protections are cheap, what they leave of the leak, and what DP promises.

Two rules. A budget above 1,000 is never said as a protection: what it buys was measured. And "clearly less" needs
intervals that do not overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from genoaudit.report.answer import Answer
from genoaudit.report.sweep_result import DP, NONE, FairComparison, SweepReport
from genoaudit.report.sweep_table import Row, exposure_measure, number_text, shown_rows
from genoaudit.report.wording import CHANCE_AUC, EPSILON, auc_text, percent, spoken_estimate

CHEAP = 0.01
"""Accuracy, as a share, that a protection may cost and still be called cheap."""

WHOSE = {"worst5_auc": "the five most exposed patients", "auc": "all patients"}
_MINUS = "\N{MINUS SIGN}"


def sweep_answer(report: SweepReport) -> Answer:
    """Say what protection costs and buys, recipe by recipe."""
    rows = shown_rows(report)
    measure = exposure_measure(rows)
    recipes = tuple(dict.fromkeys(row.recipe for row in rows))
    groups = [tuple(row for row in rows if row.recipe == recipe) for recipe in recipes]
    known = [group for group in groups if _free(group, measure) is not None]
    if not known:
        sentence = "No recipe was audited without protection, so what a protection costs and buys is not known."
        return Answer("unknown", "There is nothing to compare the protections with.", (sentence,))
    found = [_best(group, measure) for group in known]
    sentences = [sentence for group in known for sentence in (_cheap_sentence(group, measure), _dp(group, measure))]
    sentences += [_vacuous_sentence(rows), _gap_sentence(rows), comparison_sentence(report.comparisons)]
    heading = _heading(known, found, measure)
    return Answer("nothing_found" if any(found) else "exposed", heading, tuple(filter(None, sentences)))


def label_text(text: str, *, most: int = 60) -> str:
    """Make a name fit to be drawn or printed: no control characters, and not endless.

    Examples
    --------
    >>> label_text("two" + chr(10) + "lines"), label_text("abcdef", most=4)
    ('two?lines', 'abc…')
    """
    seen = "".join(letter if letter.isprintable() else "?" for letter in text)
    return seen if len(seen) <= most else f"{seen[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def epsilon_label(row: Row) -> str:
    """Say the budget of a DP row: as it was asked for, since noise is calibrated to it, or else as accounted for."""
    if row.epsilon is None:
        return "no noise"
    return number_text(row.epsilon) if row.tuned or not row.setting else row.setting


def short_name(row: Row) -> str:
    """Say a protection in few words, for where there is little room; tables of the page give its title."""
    if row.mitigation == NONE:
        return row.title
    if row.is_dp:
        return f"DP, {'no noise' if row.epsilon is None else f'epsilon {epsilon_label(row)}'}"
    words, setting = row.mitigation.replace("_", " "), "" if row.setting == "on" else row.setting
    return label_text(f"{words[:1].upper()}{words[1:]} {setting}".rstrip(), most=26)


def points_text(share: float) -> str:
    """Say a gain or loss of accuracy in percentage points, with its sign.

    Examples
    --------
    >>> points_text(-0.05), points_text(0.004), points_text(-0.00001)
    ('−5 points', '+0.4 points', '0 points')
    """
    value = round(100 * share, 1)
    sign = "" if value == 0 else "+" if value > 0 else _MINUS
    return f"{sign}{abs(value):g} {'point' if abs(value) == 1 else 'points'}"


def cost_text(row: Row) -> str:
    """Say what a protection costs in a sentence."""
    lost = row.loss.value
    if lost is None:
        return "cost unknown"
    text = points_text(lost)
    return f"{text.lstrip(f'+{_MINUS}')} of accuracy {'gained' if text.startswith(_MINUS) else 'lost'}"


def is_cheap(row: Row) -> bool:
    """Whether a protection was found to cost at most 1 point of accuracy."""
    return row.loss.value is not None and row.mitigation != NONE and row.loss.value <= CHEAP


def guarantee_text(row: Row) -> str:
    """Say what a row's training promises in one or two words; empty where nothing was promised."""
    if row.accountant is None:
        return ""
    if row.epsilon is None:
        return f"no finite {EPSILON}"
    if row.epsilon <= 0:
        return f"{EPSILON} 0"
    # Upwards to three digits: a promise must not grow stronger on paper.
    step = 10.0 ** (math.floor(math.log10(row.epsilon)) - 2)
    return f"{EPSILON} {number_text(math.ceil(round(row.epsilon / step, 6)) * step)}"


def comparison_sentence(pairs: Sequence[FairComparison]) -> str:
    """Sum up the defences set beside DP-SGD of the same usefulness."""
    measured = {
        "on the most exposed patients": [
            pair.worst_favours for pair in pairs if None not in {pair.worst_auc_defence.low, pair.worst_auc_dp.low}
        ],
        "on canaries": [
            pair.canaries_favour for pair in pairs if None not in {pair.canary_auc_defence.low, pair.canary_auc_dp.low}
        ],
    }
    told = [
        f"{where} {_of(favours.count('dp'), len(favours), 'defence')} clearly more of the leak and "
        f"{favours.count('defence') or 'none'} clearly less"
        for where, favours in measured.items()
        if favours
    ]
    return f"Set beside DP-SGD that is as useful or more, {'; '.join(told)}." if told else ""


def reading_of(pair: FairComparison) -> str:
    """Say whom a comparison favours, on the most exposed patients and on canaries."""
    if pair.dp is None:
        return "No DP-SGD as useful was found."
    where = {"worst": "on the most exposed patients", "canaries": "on canaries"}
    favours = {"worst": pair.worst_favours, "canaries": pair.canaries_favour}
    parts = []
    for side, name in (("dp", "DP-SGD"), ("defence", "The defence")):
        places = [where[key] for key, favoured in favours.items() if favoured == side]
        if places:
            parts.append(f"{name} leaves less of the leak {' and '.join(places)}.")
    return " ".join(parts) or "No clear difference: the intervals overlap."


def _free(group: Sequence[Row], measure: str) -> Row | None:
    """Return the row without protection, if its leak is known."""
    return next((row for row in group if row.mitigation == NONE and row.numbers[measure].value is not None), None)


def _cheap(group: Sequence[Row], measure: str) -> list[Row]:
    """Return the cheap protections that were asked for, the least leak first."""
    kept = [row for row in group if is_cheap(row) and not row.tuned and row.numbers[measure].value is not None]
    return sorted(kept, key=lambda row: _value(row, measure))


def _value(row: Row, measure: str) -> float:
    return row.numbers[measure].value or 0.0


def _best(group: Sequence[Row], measure: str) -> Row | None:
    """Return the cheap protection that leaves least, if that is clearly less than without."""
    free = _free(group, measure)
    low = None if free is None else free.numbers[measure].low
    cheap = _cheap(group, measure)
    high = cheap[0].numbers[measure].high if cheap else None
    return cheap[0] if low is not None and high is not None and high < low else None


def _heading(groups: Sequence[Sequence[Row]], found: Sequence[Row | None], measure: str) -> str:
    if not any(found):
        return f"No protection that keeps accuracy within 1 point clearly lowers the leak on {WHOSE[measure]}."
    parts = []
    for group, best in zip(groups, found, strict=True):
        free = _free(group, measure)
        if best is not None and free is not None:
            before, after = (auc_text(_value(row, measure)) for row in (free, best))
            parts.append(f"from {before} to {after} ({label_text(best.recipe)}: {label_text(best.title)})")
        else:
            parts.append(f"not clearly ({label_text(group[0].recipe)})")
    listed = parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"
    return f"For at most 1 point of accuracy, the AUC of {WHOSE[measure]} falls {listed}."


def _cheap_sentence(group: Sequence[Row], measure: str) -> str:
    free = _free(group, measure)
    if free is None:
        return ""
    low = free.numbers[measure].low
    if low is not None and low <= CHANCE_AUC:
        return (
            f"On {label_text(free.recipe)} the AUC of {WHOSE[measure]} is {spoken_estimate(free.numbers[measure])}, "
            "without protection, which is not clearly above guessing: nothing was found that a protection could lower."
        )
    cheap = _cheap(group, measure)
    asked = [row for row in group if row.mitigation != NONE and not row.tuned]
    start = (
        f"On {label_text(free.recipe)} the AUC of {WHOSE[measure]} is {spoken_estimate(free.numbers[measure])}, "
        f"without protection; guessing is 0.50. {_of(len(cheap), len(asked), 'protection')} "
        f"{'costs' if len(cheap) == 1 else 'cost'} at most 1 point of accuracy"
    )
    if not cheap:
        return f"{start}."
    first, *_, last = (f"{_left(row, free, measure)} ({label_text(row.title)})" for row in (cheap[0], *cheap))
    if len(cheap) == 1:
        return f"{start}; of the leak above guessing it leaves {first}."
    return f"{start}; of the leak above guessing they leave from {first} to {last}."


def _left(row: Row, free: Row, measure: str) -> str:
    before = _value(free, measure) - CHANCE_AUC
    share = (_value(row, measure) - CHANCE_AUC) / before if before > 0 else 1.0
    return "all" if share >= 1 else percent(max(0.0, share))


def _dp(group: Sequence[Row], measure: str) -> str:
    """Say what DP does at the smallest budget, at the smallest cheap one and at the largest."""
    private = [row for row in group if row.is_dp and not row.tuned and row.numbers[measure].value is not None]
    if not private:
        return ""
    chosen = {row.title: row for row in (private[0], *[row for row in private if is_cheap(row)][:1], private[-1])}
    told = [
        f"{EPSILON} {epsilon_label(row)} leaves {auc_text(_value(row, measure))} ({cost_text(row)})"
        for row in chosen.values()
    ]
    return f"DP-SGD on {label_text(private[0].recipe)}, the same AUC: {', '.join(told)}."


def _vacuous_sentence(rows: Sequence[Row]) -> str:
    budgets = dict.fromkeys(f"{EPSILON} {epsilon_label(row)}" for row in rows if row.vacuous and not row.tuned)
    if not budgets:
        return ""
    return (
        f"A budget above 1,000 promises nothing (here {', '.join(budgets)}): what it buys was measured with these "
        "attacks, not guaranteed against others."
    )


def _gap_sentence(rows: Sequence[Row]) -> str:
    private = [row for row in rows if row.mitigation == DP]
    partial = sum(not row.end_to_end for row in private)
    if not partial:
        return ""
    whose = (
        "None of the DP guarantees covers"
        if partial == len(private)
        else f"{partial} of the DP guarantees {'does' if partial == 1 else 'do'} not cover"
    )
    return f"{whose} the whole pipeline; the reasons are listed below."


def _of(number: int, total: int, what: str) -> str:
    return f"{number or 'none'} of {total} {what}{'' if total == 1 else 's'}"
