"""Seconds a model in gene space: one at a time as the recipe is, and stacked, from few genes to many; one thread.

python tests/benchmarks/bench_tall.py
"""

from __future__ import annotations

import statistics
import time

import torch
from results import tell

from genoaudit import build_recipe, make_design, simulate_cohort
from genoaudit.models.forms import form_of
from genoaudit.models.recipes import set_random_state
from genoaudit.training.exact import prepare, train_exactly
from genoaudit.training.outputs import outputs_of

SIZES = ((6000, 60), (2000, 200), (800, 1000), (800, 3000))
MODELS, PAIRS = 12, 3


def main() -> None:
    """Print one row per size."""
    torch.set_num_threads(1)
    tell("| samples x genes | one at a time, ms | stacked, ms | ratio of pairs |\n| --- | --- | --- | --- |")
    for samples, genes in SIZES:
        cohort = simulate_cohort(patients=samples, genes=genes, repeat_share=0.0)
        members = make_design(cohort.y, cohort.patients, models=MODELS, seed=0).members[:, cohort.patients]
        recipe = build_recipe("mlp", {}, scale="log2")
        form = form_of(recipe)
        prepared = prepare(form, cohort, "genes")
        list(train_exactly(form, prepared, members[:1], [0]))
        alone, stacked = [], []
        for pair in range(PAIRS):
            seeded = set_random_state(recipe, 0, "shadow", pair)
            begin = time.perf_counter()
            seeded.fit(cohort.X[members[pair]], cohort.y[members[pair]])
            outputs_of(seeded, cohort.X, cohort.y, classes=len(cohort.classes))
            alone.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            list(train_exactly(form, prepared, members, range(MODELS)))
            stacked.append((time.perf_counter() - begin) / MODELS)
        ratio = statistics.median(one / many for one, many in zip(alone, stacked, strict=True))
        times = (1e3 * statistics.median(alone), 1e3 * statistics.median(stacked))
        tell(f"| {samples:,} x {genes:,} | {times[0]:.0f} | {times[1]:.1f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
