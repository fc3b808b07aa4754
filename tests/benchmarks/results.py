"""Telling and keeping results: text as it comes, tables in markdown. Standard library only."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

OUT = Path("build/benchmarks")


class Seconds(NamedTuple):
    """Time on the clock and of the processor: other programs disturb the first more than the second."""

    wall: float
    cpu: float

    def times(self, factor: float) -> Seconds:
        return Seconds(self.wall * factor, self.cpu * factor)


def timed(call: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[Seconds, Any]:
    wall, cpu = perf_counter(), process_time()
    result = call(*arguments, **named)
    return Seconds(perf_counter() - wall, process_time() - cpu), result


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def options(description: str, *, minutes: float) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="one repeat, few points: does it run, and roughly how fast"
    )
    parser.add_argument("--minutes", type=float, default=minutes, help="time budget; the default gives steady medians")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for tables and figure")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    return chosen


def rounds(minutes: float, *, least: int, most: int) -> Iterator[int]:
    """Count repeats until the time is spent."""
    begin = perf_counter()
    for index in range(most):
        if index >= least and perf_counter() - begin > 60 * minutes:
            return
        yield index


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and the range where there is one."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} [{min(values):,.{digits}f}, {max(values):,.{digits}f}]"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def machine(load_before: tuple[float, float, float]) -> str:
    """What was measured on, and how busy it was."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    cpu = names[0].split(":")[1].strip() if names else platform.processor()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scikit-learn", "opacus"))
    before, after = (" ".join(f"{value:.1f}" for value in load) for load in (load_before, os.getloadavg()))
    return (
        f"{os.cpu_count()}-core {cpu}, {platform.system()}, Python {platform.python_version()}, {libraries}; "
        f"one thread; load average (1, 5, 15 min) {before} at the start, {after} at the end.\n"
    )
