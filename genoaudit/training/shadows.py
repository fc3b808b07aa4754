"""Train every model of a design and gather what they say: planned, in parallel, resumable.

Work is cut into tasks of a fixed few models, and each worker computes with one thread, so the numbers are the same for
any number of processes. Finished models are stored as they come in.
"""

from __future__ import annotations

import hashlib
import platform
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.config import RunOptions
from genoaudit.contracts import BoolArray, Design, IntArray, Signals
from genoaudit.errors import TrainingError
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.forms import ExactForm, form_of
from genoaudit.models.recipes import set_random_state
from genoaudit.training.backends import Backend, run_tasks
from genoaudit.training.outputs import ModelOutputs, outputs_of
from genoaudit.training.plan import CHUNK, GPU_CHUNK, Plan
from genoaudit.training.store import Store, open_store

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe
    from genoaudit.data.cohort import Cohort
    from genoaudit.training.exact import Prepared

Progress = Callable[[int, int], None]
"""Called with the number of finished models and the number wanted."""

_DECIDING_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "xgboost")


def train_shadows(
    recipe: Recipe,
    cohort: Cohort,
    design: Design,
    plan: Plan,
    options: RunOptions,
    *,
    only: range | None = None,
    progress: Progress | None = None,
) -> Store:
    """Train `recipe` once per row of `design` and score every sample with every model.

    Parameters
    ----------
    recipe
        An unfitted classifier or Pipeline. Every ``random_state`` of model ``m`` comes from the seed path
        ``("shadow", m)``.
    cohort, design
        The pool and who of it is in which model.
    plan
        The engine, and how many models and processes at a time.
    options
        Folder for finished models, and where the workers are. A run that was stopped, or that asks for more models,
        trains only what is missing.
    only
        Train only these models.
    progress
        Told after each task.

    Returns
    -------
    The store that holds the models' outputs; see `gather`.

    Raises
    ------
    TrainingError
        If a model cannot be trained or gives outputs that are not finite, or too many workers die; finished models
        stay in the cache.
    ConfigError
        If the Dask scheduler of `options` cannot be reached.
    """
    store = open_store(options.cache, _ingredients(recipe, cohort, design, plan), fresh=options.fresh)
    wanted = range(design.models) if only is None else only
    missing = store.missing(wanted)
    done = len(wanted) - len(missing)
    tell = progress or (lambda done, total: None)
    tell(done, len(wanted))
    if not missing:
        return store
    backend = Backend(workers=plan.workers, scratch=store.folder, scheduler=options.scheduler)
    function, shared = _job(recipe, cohort, plan)
    for finished in run_tasks(function, _tasks(recipe, cohort, design, _chunks(missing, plan.chunk)), shared, backend):
        for model, outputs in finished:
            store.save(model, outputs)
        done += len(finished)
        tell(done, len(wanted))
    return store


def gather(store: Store, cohort: Cohort, design: Design) -> tuple[Signals, tuple[str, ...]]:
    """Read the outputs of every model of a design.

    Returns
    -------
    The signals, and what models warned about (each distinct text once, with the number of models).

    Raises
    ------
    TrainingError
        If models are missing.
    """
    samples, classes = cohort.y.size, len(cohort.classes)
    logit = np.empty((design.models, 1, samples))
    # On disk: probabilities of thousands of models can outgrow memory. The file has no name and goes with the array.
    with tempfile.TemporaryFile(dir=store.folder) as file:
        proba = np.memmap(file, dtype=np.float32, mode="w+", shape=(design.models, samples, classes))
    told: dict[str, int] = {}
    for model in range(design.models):
        outputs = store.load(model)
        if outputs is None:
            msg = f"the outputs of model {model} cannot be read back from {store.folder.name}; check the disk."
            raise TrainingError(msg)
        logit[model], proba[model] = outputs.logit, outputs.proba
        for text in outputs.warnings:
            told[text] = told.get(text, 0) + 1
    summary = tuple(f"{count} of {design.models} models: {text}" for text, count in sorted(told.items()))
    return Signals(logit=logit, proba=proba, y=cohort.y), summary


def _ingredients(recipe: Recipe, cohort: Cohort, design: Design, plan: Plan) -> dict[str, Any]:
    """Everything that determines a model's outputs to the bit."""
    return {
        "format": 2,
        "cohort": cohort.digest(),
        "recipe": describe_recipe(recipe),
        "design": {"kind": design.kind, "seed": design.seed},
        # Engines draw the first layer differently, and devices round differently.
        "engine": [plan.engine, plan.device],
        "code": _code_digest(),
        "libraries": {name: version(name) for name in _DECIDING_LIBRARIES},
        "machine": platform.machine(),
    }


@dataclass(frozen=True, eq=False)
class _Task:
    """Some models to train; small, while what they share is shipped once."""

    models: tuple[int, ...]
    members: BoolArray  # [models, samples]
    recipes: tuple[Recipe, ...]

    def __len__(self) -> int:
        return len(self.models)


_Finished = list[tuple[int, ModelOutputs]]


def _job(recipe: Recipe, cohort: Cohort, plan: Plan) -> tuple[Callable[..., _Finished], dict[str, Any]]:
    """Return what a worker does with a task, and what all workers share."""
    form = form_of(recipe)
    if plan.engine != "processes" and isinstance(form, ExactForm):
        from genoaudit.training.exact import prepare

        with single_threaded():
            prepared = prepare(form, cohort, "samples" if plan.engine == "gram" else "genes")
        return _train_exactly, {"form": form, "prepared": prepared, "device": plan.device}
    return _train_as_it_is, {"X": np.asarray(cohort.X), "y": cohort.y, "classes": len(cohort.classes)}


def _tasks(recipe: Recipe, cohort: Cohort, design: Design, chunks: Iterator[tuple[int, ...]]) -> list[_Task]:
    return [
        _Task(
            models,
            design.members[list(models)][:, cohort.patients],
            tuple(set_random_state(recipe, design.seed, "shadow", model) for model in models),
        )
        for models in chunks
    ]


def _chunks(missing: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    """Cut by model number, so that a model has the same company whatever is missing."""
    borders: dict[int, list[int]] = {}
    for model in missing:
        borders.setdefault(model // size, []).append(model)
    yield from map(tuple, borders.values())


def _train_exactly(task: _Task, *, form: ExactForm, prepared: Prepared, device: str) -> _Finished:
    from genoaudit.training.exact import train_exactly

    # A model keeps its place among as many, however few of them memory allows at once.
    most = CHUNK if device == "cpu" else GPU_CHUNK
    places = [model % most for model in task.models]
    members = np.zeros((most, task.members.shape[1]), dtype=np.bool_)
    members[places] = task.members
    states: list[int | None] = [None] * most
    for place, recipe in zip(places, task.recipes, strict=True):
        states[place] = recipe.get_params().get("classifier__random_state")
    with single_threaded():
        try:
            outputs = train_exactly(form, prepared, members, states, device=device)
        except TrainingError as error:
            msg = f"models {task.models[0]} to {task.models[-1]}: {error}"
            raise TrainingError(msg) from None
    return [(model, found) for model, place in zip(task.models, places, strict=True) if (found := outputs[place])]


def _train_as_it_is(task: _Task, *, X: NDArray[np.float32], y: IntArray, classes: int) -> _Finished:
    finished = []
    for model, member, recipe in zip(task.models, task.members, task.recipes, strict=True):
        with single_threaded(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                recipe.fit(X[member], y[member])
                outputs = outputs_of(recipe, X, y, classes=classes)
            except TrainingError as error:
                msg = f"model {model}: {error}"
                raise TrainingError(msg) from None
            except (Exception, SystemExit) as error:  # noqa: BLE001  a recipe may be anybody's code
                # It has seen values and class codes only, so its words cannot hold an identifier.
                said = (str(error).splitlines() or [""])[0][:300]
                msg = f"model {model}: the recipe raised {type(error).__name__}: {said}"
                raise TrainingError(msg) from None
        told = {f"{w.category.__name__}: {str(w.message).splitlines()[0]}" for w in caught if _worth_telling(w)}
        finished.append((model, ModelOutputs(outputs.logit, outputs.proba, tuple(sorted(told)))))
    return finished


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


def _code_digest() -> str:
    """Digest of the code that decides what a model is, so that a new version never reuses an old one's models."""
    package = Path(__file__).parents[1]
    sha = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        if relative.parts[0] in {"data", "models", "training", "randomness.py", "contracts.py"}:
            sha.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()
