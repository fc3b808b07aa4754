"""Measure one engine at one size in a process of its own; the result is a line of JSON.

A process of its own, because the peak of memory is that of a process.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from reference import Work, exact_form, prepared_for, recipe_of, scaled_values, train_chunk
from results import Seconds, timed
from rivals import train_plainly, warm_up

from genoaudit.config import RunOptions
from genoaudit.training.guarded import single_threaded
from genoaudit.training.plan import CHUNK, Plan
from genoaudit.training.shadows import gather, train_shadows

SCALINGS = {"shared": "sample", "members": "members"}


def a_model(times: list[Seconds]) -> dict[str, float]:
    wall, cpu = map(statistics.median, zip(*times, strict=True))
    return {"model": wall, "cpu": cpu}


def measure_exact(work: Work, scaling: str, repeats: int) -> dict[str, float]:
    form = exact_form("mlp", scaling)
    work.cohort  # noqa: B018  made before the clock starts
    prepare, prepared = timed(prepared_for, form, work)
    times = [timed(train_chunk, form, work, prepared, chunk)[0].times(1 / CHUNK) for chunk in range(repeats + 1)]
    return {"prepare": prepare.wall, **a_model(times[1:])}


def measure_plain(work: Work, repeats: int) -> dict[str, float]:
    members = work.members(range(1))[0]
    X, y = torch.from_numpy(scaled_values(work, "sample", members)), torch.from_numpy(work.cohort.y)
    rows = torch.from_numpy(np.flatnonzero(members))
    times = [timed(train_plainly, X, y, rows, classes=work.classes, seed=seed)[0] for seed in range(repeats)]
    return a_model(times)


def measure_stage(work: Work) -> dict[str, float]:
    """Train every model of a design as an audit does, to the store and back."""
    work.design  # noqa: B018  made before the clock starts
    plan = Plan("gram", "benchmark", CHUNK, 1, "cpu", None, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions(cache=Path(folder))
        recipe = recipe_of("mlp", "sample")
        trained, store = timed(train_shadows, recipe, work.cohort, work.design, plan, options)
        gathered, _ = timed(gather, store, work.cohort, work.design)
    total = Seconds(trained.wall + gathered.wall, trained.cpu + gathered.cpu)
    return {"total": total.wall, **a_model([total.times(1 / work.models)])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["nothing", "shared", "members", "plain", "stage"])
    parser.add_argument("--samples", type=int, default=800)
    parser.add_argument("--genes", type=int, default=20_531)
    parser.add_argument("--models", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=2)
    chosen = parser.parse_args()
    work = Work(samples=chosen.samples, genes=chosen.genes, models=chosen.models)
    with single_threaded():
        if chosen.engine == "nothing":
            found = {}
        elif chosen.engine == "plain":
            warm_up()
            found = measure_plain(work, chosen.repeats)
        elif chosen.engine == "stage":
            found = measure_stage(work)
        else:
            found = measure_exact(work, SCALINGS[chosen.engine], chosen.repeats)
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
