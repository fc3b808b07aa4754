"""One figure: what a model costs against genes, and what all models cost against their number.

Times are of the processor: with one thread that is the time on the clock of a machine that does nothing else.
``python figure.py scaling.json cost.svg`` draws it again; the same numbers give the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOOKS = {
    "plain": ("plain PyTorch loop", "#b2182b", "s"),
    "members": ("exact, scaling fitted on members", "#e08214", "^"),
    "shared": ("exact, each sample scaled on its own", "#2166ac", "o"),
}


def draw(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the points of `bench_scaling.py`."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "genoaudit", "font.size": 9, "axes.spines.top": False})
    mpl.rcParams.update({"axes.spines.right": False})
    figure, (genes, models) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for engine, (title, colour, marker) in LOOKS.items():
        points = sorted((p["size"], p["cpu"]) for p in lines if (p["axis"], p["engine"]) == ("genes", engine))
        if points:
            genes.loglog(*zip(*points, strict=True), color=colour, marker=marker, label=title)
    genes.set(xlabel="genes", ylabel="CPU seconds a model", title="800 samples, 400 members")
    genes.legend(frameon=False, fontsize=7.5)
    stage = sorted((p["size"], p["size"] * p["cpu"]) for p in lines if p["axis"] == "models")
    if stage:
        models.loglog(*zip(*stage, strict=True), color=LOOKS["shared"][1], marker="o", label=LOOKS["shared"][0])
    loop = [p for p in lines if p["engine"] == "plain" and p["axis"] == "genes"]
    if stage and loop:
        each = min(loop, key=lambda p: abs(p["size"] - 20_000))["cpu"]
        counts = [size for size, _ in stage]
        line = {"color": LOOKS["plain"][1], "linestyle": "--", "label": "plain loop, one model times their number"}
        models.loglog(counts, [each * count for count in counts], **line)
    models.set(xlabel="models", ylabel="CPU seconds, all models", title="800 samples, 20,000 genes")
    models.legend(frameon=False, fontsize=7.5)
    for axes in (genes, models):
        sizes = sorted({int(size) for line in axes.lines for size in line.get_xdata()})
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
