"""The figure that sets a guarantee beside what attacks achieve: no attack on the mechanism rises above its curve."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from genoaudit.contracts import FloatArray
from genoaudit.report.figures import DASHES, INK, MUTED, SERIES, SHADE, STYLE, drawn_attacks, inline_svg
from genoaudit.report.result import AttackResult, AuditReport
from genoaudit.report.sections import Theory, TradeOff

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ATTACKS_DRAWN = 4
LIMITS = {
    "replace-one": "limit, one patient exchanged (replace-one)",
    "add/remove": "limit, one patient added or taken out",
}
_NO_LIMIT = "limit: none. So large a guarantee allows any attack"
_LEAST_FPR = 1e-3  # without attacks to say what can be measured
_QUOTED = (0.1, 0.01)


def theory_figure(report: AuditReport) -> str:
    """Draw the highest TPR that the mechanism allows and the pooled ROC of a handful of attacks, over a log FPR.

    The models are half splits, in which a patient is exchanged for another: replace-one is the curve that no attack
    here can exceed but by chance, and it is drawn heavy. Below the curve of add/remove lies what is said of one more
    patient. Without curves in the report the limit is drawn at a TPR of 1.

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
    attacks = drawn_attacks(report)[:ATTACKS_DRAWN]
    n_out = min((rate.n_out for attack in attacks[:1] for rate in attack.pooled.tpr_at_fpr), default=0)
    floor = 0.5 / n_out if n_out > 1 else _LEAST_FPR

    def draw(axes: Axes) -> None:
        axes.set(xscale="log", xlim=(floor, 1.0), ylim=(0.0, 1.03))
        axes.set(xlabel="False alarms: non-members taken for members", ylabel="Members recognised")
        _shade(axes, n_out, floor)
        fpr = np.geomspace(floor, 1.0, 200)
        _draw_limits(axes, theory.curves, fpr)
        for number, attack in enumerate(attacks):
            _draw_attack(axes, attack, number)
        axes.plot(fpr, fpr, color=MUTED, linewidth=1, dashes=(2, 3), label="guessing")
        # Above the axes, which curves and attacks fill.
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, handlelength=3, borderaxespad=0.2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axes.xaxis.set_minor_formatter(lambda _value, _: "")
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")

    return _svg(draw, entries=max(len(theory.curves), 1) + len(attacks) + 1, description=_described(theory, attacks))


def _draw_limits(axes: Axes, curves: tuple[TradeOff, ...], fpr: FloatArray) -> None:
    if not curves:
        axes.plot([fpr[0], 1.0], [1.0, 1.0], color=INK, linewidth=2.2, label=_NO_LIMIT)
    for curve in curves:
        exchanged = curve.neighbouring == "replace-one"
        (line,) = axes.plot(
            curve.fpr,
            curve.tpr,
            color=INK if exchanged else MUTED,
            linewidth=2.2 if exchanged else 1.4,
            label=LIMITS[curve.neighbouring],
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


def _shade(axes: Axes, n_out: int, floor: float) -> None:
    """Shade where fewer than ten non-members stand behind a rate."""
    if n_out < 1:
        return
    ten = min(1.0, 10 / n_out)
    axes.axvspan(floor, ten, color=SHADE, alpha=0.13, linewidth=0)
    note: dict[str, Any] = {"color": MUTED, "fontsize": 8.5, "va": "top", "ha": "left"}
    axes.text(floor * 1.06, 0.985, f"uncertain: fewer than 10\nof {n_out:,} non-members", **note)


def _described(theory: Theory, attacks: tuple[AttackResult, ...]) -> str:
    parts = []
    for curve in theory.curves:
        rates = [f"{np.interp(fpr, curve.fpr, curve.tpr):.0%} of members at {fpr:g} false alarms" for fpr in _QUOTED]
        parts.append(f"Under {curve.neighbouring} the mechanism allows no attack more than {' and '.join(rates)}")
    for attack in attacks:
        found = [
            f"{rate.tpr:.0%} of members at {rate.fpr:.3g} false alarms"
            for rate in attack.pooled.tpr_at_fpr
            if rate.resolvable and rate.tpr is not None
        ]
        parts.append(f"{attack.title} recognises {' and '.join(found) or 'no share of members that can be resolved'}")
    limits = () if theory.curves else ("The guarantee is so large that it allows any attack",)
    return "; ".join((*limits, *parts)) + ". The dotted line is guessing."


def _svg(draw: Callable[[Axes], None], *, entries: int, description: str) -> str:
    import matplotlib.style
    from matplotlib.figure import Figure

    above = 0.12 + 0.215 * ((entries + 1) // 2)  # inches for the legend
    height = 4.1 + above
    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": "theory"}]):
        figure = Figure(figsize=(7.4, height))
        draw(figure.add_axes((0.095, 0.52 / height, 0.865, 1 - (0.52 + above) / height)))
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    title = "What the guarantee allows, and what attacks achieve"
    return inline_svg(text.getvalue(), name="theory", title=title, description=description)
