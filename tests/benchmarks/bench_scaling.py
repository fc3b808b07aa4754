"""Cost against genes, models and patients, with peak memory, each point in a process of its own; and a figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from results import machine, options, table, tell

# This process stays small: on Linux a child's peak starts at what its parent held when it was started.
POINT = Path(__file__).with_name("point.py")
SAMPLES, GENES = 800, 20_531


@dataclass(frozen=True)
class Point:
    axis: str
    engine: str
    samples: int = SAMPLES
    genes: int = GENES
    models: int = 48
    repeats: int = 2

    @property
    def size(self) -> int:
        return int(getattr(self, {"patients": "samples"}.get(self.axis, self.axis)))


def all_points() -> list[Point]:
    """Cheap and telling ones first: the budget may end before the last."""
    genes = [
        Point("genes", engine, genes=size, repeats=5 if engine == "shared" else 2)
        for size in (2_000, 5_000, 20_000, 60_000)
        for engine in ("shared", "members", "plain")
    ]
    models = [Point("models", "stage", models=size) for size in (16, 64, 256, 1_024, 4_096)]
    patients = [
        Point("patients", engine, samples=size, repeats=1 if size > 2_000 else 2)
        for size in (200, 800, 2_000, 4_000, 8_000)
        for engine in ("shared", "plain")
    ]
    return [*genes, *models[:4], *patients[:8], models[4], *patients[8:]]


def quick_points() -> list[Point]:
    genes = [
        Point("genes", engine, genes=size, repeats=1) for size in (2_000, 20_000) for engine in ("shared", "plain")
    ]
    models = [Point("models", "stage", models=size) for size in (16, 64)]
    return [*genes, *models, Point("patients", "shared", samples=200, repeats=1)]


def measure(point: Point, seconds: float) -> dict[str, float] | None:
    """Return what one process found, or None if it took longer."""
    sizes = [f"--{name}={getattr(point, name)}" for name in ("samples", "genes", "models", "repeats")]
    try:
        command = [sys.executable, str(POINT), point.engine, *sizes]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def result_row(point: Point, found: dict[str, float] | None) -> list[str]:
    title = f"{point.size:,}"
    if found is None:
        return [title, TITLES[point.engine], "no time left", "", "", "", ""]
    total = f"{found['total']:,.1f}" if "total" in found else ""
    prepare = f"{found['prepare']:,.2f}" if "prepare" in found else ""
    model, cpu = (f"{1e3 * found[name]:,.1f}" for name in ("model", "cpu"))
    return [title, TITLES[point.engine], model, cpu, prepare, total, f"{found['peak']:,.0f}"]


TITLES = {
    "shared": "exact, `sample`",
    "members": "exact, `members`",
    "plain": "plain loop",
    "stage": "training stage, `sample`",
}


def main() -> None:
    chosen = options(__doc__ or "", minutes=12)
    load, begin = os.getloadavg(), perf_counter()
    nothing = measure(Point("genes", "nothing"), 60 * chosen.minutes)
    points = quick_points() if chosen.quick else all_points()
    found: list[tuple[Point, dict[str, float] | None]] = []
    for point in points:
        left = 60 * chosen.minutes - (perf_counter() - begin)
        found.append((point, measure(point, left) if left > 0 else None))
        tell(f"{point.axis}: " + ", ".join(cell for cell in result_row(*found[-1]) if cell))
    header = ["", "engine", "ms a model", "ms of CPU", "preparing K, s", "all, s", "peak, MiB"]
    parts = []
    for axis in ("genes", "models", "patients"):
        rows = [result_row(point, result) for point, result in found if point.axis == axis]
        parts.append(table([axis, *header[1:]], rows))
    floor = "" if nothing is None else f"A process that has only imported everything: {nothing['peak']:,.0f} MiB.\n"
    text = machine(load) + "\n" + "\n".join(parts) + "\n" + floor
    (chosen.out / "scaling.md").write_text(text, encoding="utf-8")
    tell("\n" + text)
    lines = [
        {"axis": point.axis, "engine": point.engine, "size": point.size, **result} for point, result in found if result
    ]
    (chosen.out / "scaling.json").write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    from figure import draw

    draw(lines, chosen.out / "cost.svg")


if __name__ == "__main__":
    main()
