"""The figure of a summary: the ROC of the headline attack at the few points that are told."""

from __future__ import annotations

import io

from genoaudit.report.figures import MUTED, SERIES, STYLE, inline_svg, legend_above, legend_height
from genoaudit.report.shareable import Summary
from genoaudit.report.wording import budget, percent

_ABOVE = legend_height(2)
_HEIGHT = 3.5 + _ABOVE


def shared_roc_figure(summary: Summary) -> str:
    """Draw the members recognised against the false alarms, with intervals, and what guessing gives.

    Parameters
    ----------
    summary
        With at least one point of the ROC.

    Returns
    -------
    str
        An ``<svg>`` element with a title and a description.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    points = summary.roc
    fpr, tpr = [point.fpr for point in points], [point.tpr for point in points]
    with matplotlib.style.context(["default", {**STYLE, "svg.hashsalt": "shared-roc"}]):
        figure = Figure(figsize=(7.4, _HEIGHT))
        axes = figure.add_axes((0.095, 0.52 / _HEIGHT, 0.865, 1 - (0.65 + _ABOVE) / _HEIGHT))
        axes.set(xlabel="False alarms: non-members taken for members", ylabel="Members recognised")
        axes.set(xlim=(0, max(fpr) * 1.06), ylim=(0, 1.04))
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, dashes=(2, 3), label="guessing")
        axes.plot(fpr, tpr, color=SERIES[0], linewidth=1.8, marker="o", markersize=5, label="attack")
        for point in points:
            if point.low is not None and point.high is not None:
                axes.plot([point.fpr, point.fpr], [point.low, point.high], color=SERIES[0], linewidth=1.4)
        legend_above(axes)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    listed = "; ".join(f"{percent(point.tpr)} of the members at {budget(point.fpr)} false alarms" for point in points)
    title = "Members recognised by the headline attack at a few false-alarm rates"
    return inline_svg(text.getvalue(), name="shared-roc", title=title, description=f"{listed}.")
