"""What a model of the XGBoost recipe costs with its own defaults, with XGBoost's, and by processes or threads.

Whole fits: the first rounds are many times slower than the last, so a few rounds say nothing about a hundred.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from results import Seconds, machine, options, rounds, spread, table, tell, timed

from genoaudit import build_recipe, make_design, simulate_cohort
from genoaudit.data.cohort import Cohort
from genoaudit.training.guarded import single_threaded

PATIENTS, GENES, CLASSES, SEED = 400, 20_531, 5, 0
AS_SHIPPED: dict[str, Any] = {"max_bin": 256, "max_depth": 6, "colsample_bytree": 1.0, "n_estimators": 100}
VARIANTS: dict[str, dict[str, Any]] = {
    "the recipe's defaults": {},
    "32 bins": {"max_bin": 32},
    "depth 6": {"max_depth": 6},
    "every gene for every tree": {"colsample_bytree": 1.0},
    "100 rounds": {"n_estimators": 100},
    "`exact`": {"tree_method": "exact"},
    "XGBoost's defaults, 16 bins": {**AS_SHIPPED, "max_bin": 16},
    "XGBoost's defaults, 64 bins": {**AS_SHIPPED, "max_bin": 64},
    "XGBoost's defaults": AS_SHIPPED,
}


def pool() -> Cohort:
    """One sample a patient, so that half of the patients are half of the samples."""
    return simulate_cohort(patients=PATIENTS, genes=GENES, classes=CLASSES, repeat_share=0.0, scale="log2", seed=SEED)


def train(cohort: Cohort, members: np.ndarray, parameters: dict[str, Any]) -> float:
    """Train one model; return its accuracy on the others."""
    recipe = build_recipe("xgboost", parameters, scale="log2")
    recipe.set_params(classifier__random_state=SEED)
    recipe.fit(cohort.X[members], cohort.y[members])
    return float((recipe.predict(cohort.X[~members]) == cohort.y[~members]).mean())


def by_processes(cohort: Cohort, members: list[np.ndarray]) -> None:
    Parallel(n_jobs=2, backend="loky")(delayed(train)(cohort, rows, {"n_jobs": 1}) for rows in members)


def by_threads(cohort: Cohort, members: list[np.ndarray]) -> None:
    for rows in members:
        train(cohort, rows, {"n_jobs": 2})


def main() -> None:
    chosen = options(__doc__ or "", minutes=12)
    load = os.getloadavg()
    cohort = pool()
    members = [half[cohort.patients] for half in make_design(cohort.y, cohort.patients, models=4, seed=SEED).members]
    train(cohort, members[0], {"n_estimators": 1})  # imports before the clock starts
    times: dict[str, list[Seconds]] = {name: [] for name in VARIANTS}
    accuracy: dict[str, list[float]] = {name: [] for name in VARIANTS}
    least, most = (1, 1) if chosen.quick else (2, 4)
    for repeat in rounds(chosen.minutes, least=least, most=most):
        for name, parameters in VARIANTS.items():
            with single_threaded():
                spent, found = timed(train, cohort, members[repeat], parameters)
            times[name].append(spent)
            accuracy[name].append(found)
            tell(f"{name}: {spent.wall:.1f} s ({spent.cpu:.1f} of CPU), accuracy {found:.3f}")
    rows = [
        [name, spread([t.wall for t in spent]), spread([t.cpu for t in spent]), spread(accuracy[name], digits=3)]
        for name, spent in times.items()
    ]
    by_processes(cohort, members[:2])  # the workers import their libraries before the clock starts
    pairs = [
        (timed(by_processes, cohort, members)[0].wall / 4, timed(by_threads, cohort, members)[0].wall / 4)
        for _ in range(1 if chosen.quick else 3)
    ]
    ratio = spread([threads / processes for processes, threads in pairs], digits=2)
    text = (
        f"{machine(load)}\n{table(['parameters', 's a model', 's of CPU', 'accuracy on non-members'], rows)}\n"
        f"Two models at a time in two processes: {spread([p for p, _ in pairs])} s a model; one at a time with two "
        f"threads: {spread([t for _, t in pairs])}; ratio {ratio}.\n"
    )
    (chosen.out / "xgboost.md").write_text(text, encoding="utf-8")
    tell("\n" + text)


if __name__ == "__main__":
    main()
