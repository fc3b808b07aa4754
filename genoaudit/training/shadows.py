"""Train every model of a design and gather what they say: planned, in parallel, resumable.

Work is cut into tasks of a fixed few models, and each worker computes with one thread, so the numbers are the same for
any number of processes. Finished models are stored as they come in.
"""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.config import RunOptions
from genoaudit.contracts import BoolArray, Design, IntArray, Signals
from genoaudit.errors import TrainingError
from genoaudit.files import code_digest
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.fitting import fit_recipe
from genoaudit.models.forms import ExactForm, Inexact, form_of
from genoaudit.models.recipes import set_random_state
from genoaudit.training.backends import Backend, run_tasks
from genoaudit.training.guarded import guarded, single_threaded
from genoaudit.training.outputs import Asked, ModelOutputs, outputs_of
from genoaudit.training.plan import CHUNK, GPU_CHUNK, Plan
from genoaudit.training.questions import Questions, ask
from genoaudit.training.store import Store, open_store

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe
    from genoaudit.data.cohort import Cohort
    from genoaudit.training.exact import Prepared

Progress = Callable[[int, int], None]
"""Called with the number of finished models and the number wanted."""

DECIDING_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "opacus", "dp-accounting", "riskcal", "xgboost")
"""Libraries whose versions decide a model's numbers."""

DECIDING_CODE = ("data", "models", "privacy", "training", "randomness.py", "contracts.py")
"""Our own code that does, so that a new version never reuses an old one's models."""


def train_shadows(
    recipe: Recipe,
    cohort: Cohort,
    design: Design,
    plan: Plan,
    options: RunOptions,
    *,
    asked: Asked | None = None,
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
    asked
        What models are asked besides their outputs on the samples.
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
    asked = asked or Asked()
    plan = _faithful(plan, form_of(recipe), asked)
    store = open_store(options.cache, _ingredients(recipe, cohort, design, plan, asked), fresh=options.fresh)
    wanted = range(design.models) if only is None else only
    missing = store.missing(wanted)
    done = len(wanted) - len(missing)
    tell = progress or (lambda done, total: None)
    tell(done, len(wanted))
    if not missing:
        return store
    backend = Backend(workers=plan.workers, scratch=store.folder, scheduler=options.scheduler)
    function, shared = _job(recipe, cohort, plan)
    shared["questions"] = Questions.of(cohort, asked, design.seed) if asked.anything else None
    for finished in run_tasks(function, _tasks(recipe, cohort, design, _chunks(missing, plan.chunk)), shared, backend):
        for model, outputs in finished:
            store.save(model, outputs)
        done += len(finished)
        tell(done, len(wanted))
    return store


def _faithful(plan: Plan, form: ExactForm | Inexact, asked: Asked) -> Plan:
    """Train a DP recipe in genes where more is asked of it than its scores.

    In the space of samples the noise lives in as many directions as there are samples: scores of the pool cannot tell,
    but parameters and answers to other rows would. Only here are recipe and questions known for certain.
    """
    private = isinstance(form, ExactForm) and form.private
    return replace(plan, engine="stacked") if private and asked.anything and plan.engine == "gram" else plan


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
    # On disk: probabilities of thousands of models can outgrow memory. The file has no name and goes with the array.
    with tempfile.TemporaryFile(dir=store.folder) as file:
        proba = np.memmap(file, dtype=np.float32, mode="w+", shape=(design.models, samples, classes))
    parts: dict[str, list[NDArray[Any] | None]] = {name: [] for name in ("logit", "label", "grad_norm", "influence")}
    told: dict[str, int] = {}
    for model in range(design.models):
        outputs = store.load(model)
        if outputs is None:
            msg = f"the outputs of model {model} cannot be read back from {store.folder.name}; check the disk."
            raise TrainingError(msg)
        proba[model] = outputs.proba
        for name, found in parts.items():
            found.append(getattr(outputs, name))
        for text in outputs.warnings:
            told[text] = told.get(text, 0) + 1
    arrays: dict[str, Any] = {
        name: np.stack([part for part in found if part is not None])
        for name, found in parts.items()
        if all(part is not None for part in found)
    }
    summary = tuple(f"{count} of {design.models} models: {text}" for text, count in sorted(told.items()))
    return Signals(proba=proba, y=cohort.y, **arrays), summary


def _ingredients(recipe: Recipe, cohort: Cohort, design: Design, plan: Plan, asked: Asked) -> dict[str, Any]:
    """Everything that determines a model's outputs to the bit."""
    return {
        "format": 3,
        "cohort": cohort.digest(),
        "recipe": describe_recipe(recipe),
        # The first row stands for all: it stays as models are added, and tells splits of other sizes apart.
        "design": {
            "kind": design.kind,
            "seed": design.seed,
            "audited": design.audited,
            "first": hashlib.sha256(np.packbits(design.members[0]).tobytes()).hexdigest(),
        },
        "asked": asdict(asked),
        # Engines draw the first layer differently, and devices round differently.
        "engine": [plan.engine, plan.device],
        "code": code_digest(*DECIDING_CODE),
        "libraries": {name: version(name) for name in DECIDING_LIBRARIES},
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
    shared = {"X": np.asarray(cohort.X), "y": cohort.y, "patients": cohort.patients, "classes": len(cohort.classes)}
    return _train_as_it_is, shared


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


def _train_exactly(
    task: _Task, *, form: ExactForm, prepared: Prepared, device: str, questions: Questions | None
) -> _Finished:
    from genoaudit.training.exact import train_exactly
    from genoaudit.training.lift import Lift

    # A model keeps its place among as many, however few of them memory allows at once.
    most = CHUNK if device == "cpu" else GPU_CHUNK
    places = {model % most: index for index, model in enumerate(task.models)}
    members = np.zeros((most, task.members.shape[1]), dtype=np.bool_)
    recipes: list[Any] = [None] * most
    states: list[int | None] = [None] * most
    for place, index in places.items():
        members[place], recipes[place] = task.members[index], task.recipes[index]
        states[place] = recipes[place].get_params().get("classifier__random_state")
    lift = None if questions is None else Lift(recipes, questions.X, members, prepared.classes)
    finished = []
    with single_threaded():
        try:
            for place, outputs in train_exactly(form, prepared, members, states, device=device, lift=lift):
                answered = outputs
                if questions is not None and lift is not None:
                    answered = ask(questions, lift.fitted.pop(place), outputs, members[place])
                finished.append((task.models[places[place]], answered))
        except TrainingError as error:
            msg = f"models {task.models[0]} to {task.models[-1]}: {error}"
            raise TrainingError(msg) from None
    return finished


def _train_as_it_is(
    task: _Task, *, X: NDArray[np.float32], y: IntArray, patients: IntArray, classes: int, questions: Questions | None
) -> _Finished:
    finished = []
    for model, member, recipe in zip(task.models, task.members, task.recipes, strict=True):
        try:
            with guarded() as told:
                fit_recipe(recipe, X[member], y[member], patients=patients[member])
                outputs = outputs_of(recipe, X, y, classes=classes)
                if questions is not None:
                    outputs = ask(questions, recipe, outputs, member)
        except TrainingError as error:
            msg = f"model {model}: {error}"
            raise TrainingError(msg) from None
        finished.append((model, replace(outputs, warnings=tuple(told))))
    return finished
