"""The figure that sets a guarantee beside what attacks achieve: no attack on the mechanism rises above its curve.

Above stand the limits, a handful of attacks and what was proved of epsilon; below, every attack by itself with its
band.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.contracts import FloatArray
from genoaudit.privacy.trade_off import dp_fnr
from genoaudit.report.figures import (
    DASHES,
    INK,
    MUTED,
    SERIES,
    SHADE,
    STYLE,
    drawn_attacks,
    inline_svg,
    legend_above,
    legend_height,
)
from genoaudit.report.result import AttackResult, AuditReport
from genoaudit.report.sections import ClaimComparison, Theory, TradeOff
from genoaudit.report.wording import EPSILON, epsilon_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ATTACKS_DRAWN = 4
LIMITS = {
    "replace-one": "limit, one patient exchanged (replace-one)",
    "add/remove": "limit, one patient added or taken out",
}
SAMPLE_LIMIT = "limit, patient or sample (replace-one)"
_NO_LIMIT = "limit: none. So large a guarantee allows any attack"
_PROVED = {"replace-one": (1, 1.2), "add/remove": (4, 1.5)}  # dashes
_LEAST_FPR = 1e-3  # without attacks to say what can be measured
_QUOTED = (0.1, 0.01)
_WIDTH, _MAIN = 7.4, 4.1
_COLUMNS, _PANEL, _GAP = 5, 0.95, 0.46  # of the panels below; inches


def theory_figure(report: AuditReport) -> str:
    """Draw the highest TPR that the mechanism allows beside the ROC of the attacks, over a log FPR.

    The models are half splits, in which a patient is exchanged for another: replace-one is the curve that no attack
    here can exceed but by chance, and it is drawn heavy; a sample of a patient with several is under it, too. Below the
    curve of add/remove lies what is said of one more patient. A lower bound of epsilon is drawn as all that a smaller
    epsilon would allow: a curve of the same relation that stays below it altogether is refuted. Without curves in the
    report the limit is drawn at a TPR of 1.

    Parameters
    ----------
    report
        A report with a theory.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    theory = report.theory
    if theory is None:
        raise AssertionError
    spoken = drawn_attacks(report)[:ATTACKS_DRAWN]
    n_out = min((rate.n_out for attack in spoken[:1] for rate in attack.pooled.tpr_at_fpr), default=0)
    floor = 0.5 / n_out if n_out > 1 else _LEAST_FPR
    fpr = np.geomspace(floor, 1.0, 200)
    proved = strongest_bounds(theory.comparisons)
    entries = max(len(theory.curves), 1) + len(spoken) + len(proved) + 1
    above = legend_height(entries)
    rows = -(-len(report.attacks) // _COLUMNS)
    height = _MAIN + above + rows * (_PANEL + _GAP) + (0.3 if rows else 0.0)

    def draw(figure: Figure) -> None:
        frame = (0.095, 1 - (above + _MAIN - 0.52) / height, 0.865, (_MAIN - 0.65) / height)
        axes = figure.add_axes(frame)
        axes.set(xscale="log", xlim=(floor, 1.0), ylim=(0.0, 1.03))
        axes.set(xlabel="False alarms: non-members taken for members", ylabel="Members recognised")
        _shade(axes, n_out, floor)
        _draw_limits(axes, theory.curves, fpr, labels={**LIMITS, "replace-one": _exchanged(report)})
        for number, attack in enumerate(spoken):
            _draw_attack(axes, attack, number)
        for found in proved:
            _draw_bound(axes, found, fpr)
        axes.plot(fpr, fpr, color=MUTED, linewidth=1, dashes=(2, 3), label="guessing")
        legend_above(axes)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axes.xaxis.set_minor_formatter(lambda _value, _: "")
        for number, attack in enumerate(report.attacks):
            top = above + _MAIN + 0.3 + (number // _COLUMNS) * (_PANEL + _GAP)
            _draw_panel(figure, attack, theory.curves, fpr, column=number % _COLUMNS, top=top)

    return _svg(draw, height=height, description=_described(theory, spoken, proved))


def strongest_bounds(comparisons: Sequence[ClaimComparison]) -> tuple[ClaimComparison, ...]:
    """Return the largest valid lower bound above 0 under each neighbouring relation."""
    found: dict[str, ClaimComparison] = {}
    for one in comparisons:
        if one.epsilon > max(0.0, found[one.neighbouring].epsilon if one.neighbouring in found else 0.0):
            found[one.neighbouring] = one
    return tuple(found.values())


def _exchanged(report: AuditReport) -> str:
    several = any(samples > 1 and patients for samples, patients in report.cohort.samples_per_patient.items())
    return SAMPLE_LIMIT if several else LIMITS["replace-one"]


def _draw_limits(axes: Axes, curves: Sequence[TradeOff], fpr: FloatArray, *, labels: dict[str, str]) -> None:
    if not curves:
        axes.plot([fpr[0], 1.0], [1.0, 1.0], color=INK, linewidth=2.2, label=_NO_LIMIT)
    for curve in curves:
        exchanged = curve.neighbouring == "replace-one"
        (line,) = axes.plot(
            curve.fpr,
            curve.tpr,
            color=INK if exchanged else MUTED,
            linewidth=2.2 if exchanged else 1.4,
            label=labels[curve.neighbouring],
        )
        if not exchanged:
            line.set_dashes((6, 2, 1.5, 2))


def _draw_attack(axes: Axes, attack: AttackResult, number: int) -> None:
    roc = attack.pooled.roc
    if number == 0:
        axes.fill_between(roc.fpr, roc.low, roc.high, color=SERIES[0], alpha=0.18, linewidth=0)
    label = f"{attack.title}, 95 % band" if number == 0 else attack.title
    (line,) = axes.plot(
        roc.fpr,
        roc.tpr,
        color=SERIES[number],
        linewidth=2.0 if number == 0 else 1.3,
        label=label,
        zorder=3 - number / 9,
    )
    if (dashes := DASHES[number]) is not None:
        line.set_dashes(dashes)


def _draw_bound(axes: Axes, found: ClaimComparison, fpr: FloatArray) -> None:
    """Draw all that the proved epsilon allows at its delta: a mechanism whose curve never reaches it is refuted."""
    label = f"proved: {EPSILON} \N{GREATER-THAN OR EQUAL TO} {epsilon_text(found.epsilon)} ({found.neighbouring})"
    colour = INK if found.neighbouring == "replace-one" else MUTED
    (line,) = axes.plot(fpr, 1 - dp_fnr(found.epsilon, found.delta, fpr), color=colour, linewidth=1.2, label=label)
    line.set_dashes(_PROVED[found.neighbouring])


def _draw_panel(
    figure: Figure, attack: AttackResult, curves: Sequence[TradeOff], fpr: FloatArray, *, column: int, top: float
) -> None:
    """Draw one attack by itself, with its band, under the limit that its design is to be compared with."""
    width = 0.865 / _COLUMNS
    whole = figure.get_figheight()
    axes = figure.add_axes((0.095 + column * width, 1 - (top + _PANEL) / whole, 0.86 * width, _PANEL / whole))
    axes.set(xscale="log", xlim=(fpr[0], 1.0), ylim=(0.0, 1.03))
    roc = attack.pooled.roc
    axes.fill_between(roc.fpr, roc.low, roc.high, color=SERIES[0], alpha=0.22, linewidth=0)
    axes.plot(roc.fpr, roc.tpr, color=SERIES[0], linewidth=1.2)
    limit = next((curve for curve in curves if curve.neighbouring == "replace-one"), None)
    if limit is not None:
        axes.plot(limit.fpr, limit.tpr, color=INK, linewidth=1.4)
    axes.plot(fpr, fpr, color=MUTED, linewidth=0.8, dashes=(2, 3))
    axes.set_title(textwrap.fill(attack.title, 22), fontsize=7.5, pad=3)
    axes.set_xticks([])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])


def _shade(axes: Axes, n_out: int, floor: float) -> None:
    """Shade where fewer than ten non-members stand behind a rate."""
    if n_out < 1:
        return
    ten = min(1.0, 10 / n_out)
    axes.axvspan(floor, ten, color=SHADE, alpha=0.13, linewidth=0)
    note: dict[str, Any] = {"color": MUTED, "fontsize": 8.5, "va": "top", "ha": "left"}
    axes.text(floor * 1.06, 0.985, f"uncertain: fewer than 10\nof {n_out:,} non-members", **note)


def _described(theory: Theory, attacks: Sequence[AttackResult], proved: Sequence[ClaimComparison]) -> str:
    parts = []
    for curve in theory.curves:
        rates = [f"{np.interp(fpr, curve.fpr, curve.tpr):.0%} of members at {fpr:g} false alarms" for fpr in _QUOTED]
        parts.append(f"Under {curve.neighbouring} the mechanism allows no attack more than {' and '.join(rates)}")
    parts += [
        f"It is proved that epsilon is at least {epsilon_text(found.epsilon)} under {found.neighbouring}"
        for found in proved
    ]
    for attack in attacks:
        rates = [
            f"{rate.tpr:.0%} of members at {rate.fpr:.3g} false alarms"
            for rate in attack.pooled.tpr_at_fpr
            if rate.resolvable and rate.tpr is not None
        ]
        parts.append(f"{attack.title} recognises {' and '.join(rates) or 'no share of members that can be resolved'}")
    limits = () if theory.curves else ("The guarantee is so large that it allows any attack",)
    return "; ".join((*limits, *parts)) + ". The dotted line is guessing. Below, every attack by itself."


def _svg(draw: Callable[[Figure], None], *, height: float, description: str) -> str:
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": "theory"}]):
        figure = Figure(figsize=(_WIDTH, height))
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    title = "What the guarantee allows, and what attacks achieve"
    return inline_svg(text.getvalue(), name="theory", title=title, description=description)
