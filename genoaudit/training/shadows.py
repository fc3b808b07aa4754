"""Train every model of a design and gather what they say: one at a time, in parallel processes, resumable.

Workers write finished models straight into the store; nothing of a model travels back. Each worker uses one thread, so
the numbers are the same for any number of processes.
"""

from __future__ import annotations

import hashlib
import platform
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import Design, IntArray, Signals
from genoaudit.errors import TrainingError
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.recipes import set_random_state
from genoaudit.training.outputs import ModelOutputs, outputs_of
from genoaudit.training.store import Store, open_store

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe
    from genoaudit.data.cohort import Cohort

Progress = Callable[[int, int], None]
"""Called with the number of finished models and the number wanted."""

_DECIDING_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "xgboost")


def train_shadows(
    recipe: Recipe,
    cohort: Cohort,
    design: Design,
    *,
    cache: Path,
    threads: int = 1,
    fresh: bool = False,
    progress: Progress | None = None,
) -> tuple[Signals, tuple[str, ...]]:
    """Train `recipe` once per row of `design` and score every sample with every model.

    Parameters
    ----------
    recipe
        An unfitted classifier or Pipeline. Model ``m`` is a clone whose ``random_state`` parameters come from the seed
        path ``("shadow", m)``.
    cohort, design
        The pool and who of it is in which model.
    cache
        Folder for finished models. A run that was stopped, or that asks for more models, trains only what is missing.
    threads
        Processes to train in, one thread each. The result does not depend on it.
    fresh
        Forget finished models first.
    progress
        Told after each finished model.

    Returns
    -------
    The signals, and what models warned about (each distinct text once, with the number of models).

    Raises
    ------
    TrainingError
        If a model cannot be trained or gives outputs that are not finite; finished models stay in the cache.
    """
    ingredients = {
        "format": 1,
        "cohort": cohort.digest(),
        "recipe": describe_recipe(recipe),
        "design": {"kind": design.kind, "seed": design.seed},
        "code": _code_digest(),
        "libraries": {name: version(name) for name in _DECIDING_LIBRARIES},
        "machine": platform.machine(),
    }
    store = open_store(cache, ingredients, fresh=fresh)
    missing = store.missing(design.models)
    if progress is not None:
        progress(design.models - len(missing), design.models)
    for done, _ in enumerate(_train(recipe, cohort, design, store, missing, threads=threads), start=1):
        if progress is not None:
            progress(design.models - len(missing) + done, design.models)
    return _gather(store, cohort, design)


def _train(
    recipe: Recipe, cohort: Cohort, design: Design, store: Store, missing: list[int], *, threads: int
) -> Iterator[int]:
    if not missing:
        return
    from joblib import Parallel, delayed, parallel_config

    with tempfile.TemporaryDirectory(dir=store.folder, prefix=".shared-") as shared:
        workers = min(threads, len(missing))
        # One process or many: each holds to one BLAS thread, or sums would be taken in another order.
        with parallel_config("sequential" if workers == 1 else "loky", **_one_thread_each(workers)):
            pool = Parallel(n_jobs=workers, temp_folder=shared, return_as="generator_unordered")
            yield from pool(
                delayed(_train_one)(
                    model,
                    set_random_state(recipe, design.seed, "shadow", model),
                    X=cohort.X,
                    y=cohort.y,
                    member=design.members[model][cohort.patients],
                    classes=len(cohort.classes),
                    store=store,
                )
                for model in missing
            )


def _one_thread_each(workers: int) -> dict[str, Any]:
    return {} if workers == 1 else {"inner_max_num_threads": 1}


def _train_one(
    model: int,
    recipe: Recipe,
    *,
    X: NDArray[np.float32],
    y: IntArray,
    member: NDArray[np.bool_],
    classes: int,
    store: Store,
) -> int:
    with single_threaded(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = recipe.fit(X[member], y[member])
            outputs = outputs_of(fitted, X, y, classes=classes)
        except TrainingError as error:
            msg = f"model {model}: {error}"
            raise TrainingError(msg) from error
    told = sorted({f"{w.category.__name__}: {str(w.message).splitlines()[0]}" for w in caught if _worth_telling(w)})
    store.save(model, ModelOutputs(outputs.logit, outputs.proba, tuple(told)))
    return model


def _worth_telling(caught: warnings.WarningMessage) -> bool:
    # Deprecations are between libraries; a reader of an audit cannot act on them.
    return not issubclass(caught.category, DeprecationWarning | PendingDeprecationWarning | FutureWarning)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Hold BLAS, OpenMP and torch to one thread for the length of a block."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _gather(store: Store, cohort: Cohort, design: Design) -> tuple[Signals, tuple[str, ...]]:
    samples, classes = cohort.y.size, len(cohort.classes)
    logit = np.empty((design.models, 1, samples))
    proba = np.empty((design.models, samples, classes), dtype=np.float32)
    told: dict[str, int] = {}
    for model in range(design.models):
        outputs = store.load(model)
        if outputs is None:  # finished a moment ago, so the disk is failing
            msg = f"the outputs of model {model} cannot be read back from {store.folder.name}; check the disk."
            raise TrainingError(msg)
        logit[model], proba[model] = outputs.logit, outputs.proba
        for text in outputs.warnings:
            told[text] = told.get(text, 0) + 1
    summary = tuple(f"{count} of {design.models} models: {text}" for text, count in sorted(told.items()))
    return Signals(logit=logit, proba=proba), summary


def _code_digest() -> str:
    """Digest of the code that decides what a model is, so that a new version never reuses an old one's models."""
    package = Path(__file__).parents[1]
    sha = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        if relative.parts[0] in {"data", "models", "training", "randomness.py", "contracts.py"}:
            sha.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()
