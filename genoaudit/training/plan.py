"""Which engine trains a recipe, how many models at a time, in how many processes, and what that will cost.

The estimates are arithmetic over a rate: operations of the largest matrix products divided by what one core was
measured to do (rates below), plus what every step costs whatever its size. They are right within a factor of two or
three, which is enough to choose and to decide whether to wait.
"""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from genoaudit.errors import ConfigError
from genoaudit.models.forms import ExactForm, Inexact, form_of

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe

Engine = Literal["gram", "stacked", "processes"]

CHUNK = 12
"""Most models of one tensor program: their products should stay in the last-level cache of a processor."""

GPU_CHUNK = 96
"""The same for a GPU, which is idle with few: what costs there is the number of operations, not their size."""

_PRODUCT_RATE = 6e10  # operations a second and core of large float32 products
_LOOP_RATE = 3e10  # the same inside a training loop in gene space, where memory traffic counts
_STEP_SECONDS = 2e-4  # a step of a small program, whatever its size
_PASS_SECONDS = 4e-9  # a value is read, scaled and written
_NOISE_SECONDS = 1.2e-8  # a number of DP noise is drawn and added
_GRADIENT_SECONDS = 1.5e-8  # a number of one sample's own gradient is computed, summed and clipped
_START_SECONDS = 4.0  # a worker process imports its libraries
_WORTH_A_WORKER = 10.0  # seconds of work below which one process is as fast as several
_MEMORY_SHARE = 0.5  # of the machine's memory that the products may take


@dataclass(frozen=True)
class Plan:
    """What will be done and what it will cost.

    Parameters
    ----------
    engine
        ``"gram"``: exactly, in the coordinates of the samples. ``"stacked"``: many at a time in gene space.
        ``"processes"``: the recipe as it is, one at a time.
    reason
        Why this engine.
    chunk
        Models trained at once: as many as fit in memory, up to `CHUNK` (on a GPU `GPU_CHUNK`). It changes no number.
    workers
        Processes.
    device
        Where the exact engine computes.
    seconds
        Estimate for all models; None where the recipe's cost is unknown.
    megabytes
        Estimate of the memory of all processes.
    """

    engine: Engine
    reason: str
    chunk: int
    workers: int
    device: str
    seconds: float | None
    megabytes: float


@dataclass(frozen=True)
class Work:
    """The size of a job."""

    samples: int
    genes: int
    classes: int
    models: int
    backed: bool = False
    """The expression stays in its file."""
    questioned: bool = False
    """More is asked of every model than its outputs on the samples."""


@dataclass(frozen=True)
class _Way:
    """What an engine needs: seconds of a model, bytes that all processes share, and bytes of one model in training."""

    seconds: float
    shared: float
    own: float

    def chunk(self, room: float, processes: int, most: int) -> int:
        """Return how many models fit at once in each process, 0 if not even one."""
        return max(0, min(most, int((room - self.shared) / (processes * self.own))))


def make_plan(
    recipe: Recipe, work: Work, *, threads: int, engine: Literal["auto"] | Engine = "auto", device: str = "cpu"
) -> Plan:
    """Choose an engine and estimate its cost.

    A recipe with an exact form is trained in the coordinates of the samples (gram) where there are more genes than
    samples and their products fit in memory, or many models at a time in gene space (stacked) where genes are so few
    that small operations are what costs. Neither the number of models nor of processes has a say, so that an audit that
    grows stays with its engine.

    Raises
    ------
    ConfigError
        If the engine asked for cannot train this recipe, or the device is not there.
    """
    form = form_of(recipe)
    loop = _loop_seconds(recipe, work)
    if isinstance(form, Inexact):
        if engine in {"gram", "stacked"}:
            msg = f"--engine {engine} cannot train this recipe: {form.reason}. Use --engine processes."
            raise ConfigError(msg)
        return _processes(f"the recipe has no exact form: {form.reason}", work, loop, threads, device)
    if engine == "stacked" and form.kind == "convex":
        msg = "--engine stacked trains networks; logistic regression takes gram or processes."
        raise ConfigError(msg)
    ways = _exact_ways(form, work)
    if engine == "gram" and engine not in ways:
        msg = "--engine gram draws DP noise for scores alone; further queries and gradients take stacked or processes."
        raise ConfigError(msg)
    chosen = engine if engine != "auto" else _fastest(ways, loop)
    if chosen == "processes":
        reason = "asked for" if engine == "processes" else "one at a time is as fast here as anything"
        return _processes(reason, work, loop, threads, device)
    _check_device(device)
    way = ways[chosen]
    total = way.seconds * work.models
    workers, chunk = _spread(way, total, work.models, threads, device)
    gain = None if engine != "auto" or loop is None else loop / way.seconds
    reason = "asked for" if gain is None else f"about {gain:.0f} times faster, and exact"
    total = total / workers + (_START_SECONDS if workers > 1 else 0)
    return Plan(chosen, reason, chunk, workers, device, total, (way.shared + workers * chunk * way.own) / 1e6)


def _spread(way: _Way, seconds: float, models: int, threads: int, device: str) -> tuple[int, int]:
    """Return how many processes, and how many models at once in each: less of either where memory is short."""
    if device != "cpu":
        return 1, max(1, way.chunk(_MEMORY_SHARE * _gpu_bytes(), 1, GPU_CHUNK))
    room = _MEMORY_SHARE * _memory_bytes()
    workers = 1 if seconds < _WORTH_A_WORKER else min(threads, math.ceil(models / CHUNK))
    while workers > 1 and way.chunk(room, workers, CHUNK) < 1:
        workers -= 1
    return workers, max(1, way.chunk(room, workers, CHUNK))


def _exact_ways(form: ExactForm, work: Work) -> dict[Engine, _Way]:
    """Cost of each exact engine that can train the form and answer what is asked."""
    if form.private:  # in few directions noise has the law of noise on genes for the scores of the pool alone
        private: dict[Engine, _Way] = {} if work.questioned else {"gram": _private_gram_way(form, work)}
        return {**private, "stacked": _private_stacked_way(form, work)}
    ways: dict[Engine, _Way] = {"gram": _gram_way(form, work)}
    if form.kind == "network":
        ways["stacked"] = _stacked_way(form, work)
    return ways


def _fastest(ways: dict[Engine, _Way], loop: float | None) -> Engine:
    room = _MEMORY_SHARE * _memory_bytes()
    # Beside the loop, the estimate of the stacked engine must be clearly better: their products cost the same.
    worth = {"gram": 1.0, "stacked": 0.7}
    fitting = {name: way for name, way in ways.items() if way.chunk(room, 1, CHUNK) >= 1}
    seconds: dict[Engine, float] = {name: way.seconds / worth[name] for name, way in fitting.items()}
    if loop is not None:
        seconds["processes"] = loop
    return min(seconds, key=lambda name: seconds[name]) if seconds else "processes"


def _processes(reason: str, work: Work, loop: float | None, threads: int, device: str) -> Plan:
    if device != "cpu":
        msg = f"--device {device} needs the gram or the stacked engine, which cannot be used here: {reason}."
        raise ConfigError(msg)
    total = None if loop is None else loop * work.models
    workers = min(threads, work.models)
    seconds = None if total is None else total / workers + (_START_SECONDS if workers > 1 else 0)
    memory = 3 * 4.0 * work.samples * work.genes * workers
    return Plan("processes", reason, 1, workers, "cpu", seconds, memory / 1e6)


def _gram_way(form: ExactForm, work: Work) -> _Way:
    n, members = work.samples, work.samples / 2
    values = 0.0 if work.backed else 8.0 * n * work.genes
    square, within = 4.0 * n**2, 4.0 * members**2
    scaling, shared, own = 0.0, values + 6 * square, within  # a root of K takes a few squares
    if form.scaling == "members":  # a symmetric product, and a few passes over the values
        scaling = n**2 * work.genes / _PRODUCT_RATE + n * work.genes * _PASS_SECONDS
        shared, own = values, within + 3 * square
    if form.kind == "convex":
        # Newton steps with conjugate gradients, each a product with K in float64 at half the rate.
        return _Way(scaling * 2 + 120 * 2 * members**2 * work.classes / (_PRODUCT_RATE / 4), shared, own + square)
    first, batches = _network_size(form.classifier, work)
    products = form.classifier.epochs * 2 * members**2 * first + 2 * n * (n + members) * first
    steps = int(form.classifier.epochs) * batches
    return _Way(scaling + products / _PRODUCT_RATE + 2 * steps * _STEP_SECONDS / CHUNK, shared, own + 16.0 * n * first)


def _stacked_way(form: ExactForm, work: Work) -> _Way:
    first, batches = _network_size(form.classifier, work)
    steps = int(form.classifier.epochs) * batches
    products = int(form.classifier.epochs) * 4 * work.samples / 2 * work.genes * first
    rows = work.samples * (1.0 if form.scaling == "members" else 0.5)
    seconds = products / _LOOP_RATE + 2 * steps * _STEP_SECONDS / CHUNK
    return _Way(seconds, 8.0 * work.samples * work.genes, 4.0 * work.genes * (rows + 3 * first))


def _private_gram_way(form: ExactForm, work: Work) -> _Way:
    n = work.samples
    square = 4.0 * n**2
    rooting = n**3 / 3 / (_PRODUCT_RATE / 4)  # a root that starts with the members, in float64
    coordinates = min(n / 2, work.genes)
    shared = (0.0 if work.backed else 8.0 * n * work.genes) + 6 * square
    return _Way(rooting + _private_seconds(form.classifier, work, coordinates), shared, 4 * square / CHUNK)


def _private_stacked_way(form: ExactForm, work: Work) -> _Way:
    first, _ = _network_size(form.classifier, work)
    values = 4.0 * work.samples * work.genes
    # One model is in training at a time, however many make a task.
    own = (values + 16.0 * work.genes * first) / CHUNK
    return _Way(_private_seconds(form.classifier, work, work.genes), 2 * values, own)


def _private_seconds(classifier: Any, work: Work, coordinates: float) -> float:
    """Estimate one model's DP-SGD in the exact engine: products of the patients drawn, and noise on everything."""
    first, _ = _network_size(classifier, work)
    drawn = classifier.dp.sampling_rate * work.samples / 2
    products = 4 * drawn * coordinates * first + 2 * drawn**2 * coordinates
    step = products / _PRODUCT_RATE + coordinates * first * _NOISE_SECONDS + 2 * _STEP_SECONDS
    return float(classifier.dp.steps * step)


def _loop_seconds(recipe: Recipe, work: Work) -> float | None:
    """Estimate seconds for one model of the recipe as it is, or None for a recipe that is not known."""
    steps: list[tuple[str, Any]] = getattr(recipe, "steps", [("classifier", recipe)])
    classifier = steps[-1][1]
    members = work.samples / 2
    prepare = 20.0 * work.samples * work.genes / 1e9
    if type(classifier).__name__ == "MLPClassifier":
        first, batches = _network_size(classifier, work)
        if classifier.dp is not None:
            drawn = classifier.dp.sampling_rate * members
            numbers = work.genes * first * (drawn * _GRADIENT_SECONDS + _NOISE_SECONDS)
            return float(prepare + classifier.dp.steps * (numbers + 4 * _STEP_SECONDS))
        products = classifier.epochs * 4 * members * work.genes * first
        return float(prepare + products / _LOOP_RATE + classifier.epochs * batches * _STEP_SECONDS)
    if type(classifier).__name__ == "LogisticRegression":
        return prepare + 100 * 4 * members * work.genes * work.classes / (_LOOP_RATE / 2)
    if type(classifier).__name__ == "XGBClassifier":
        return prepare + _boosting_seconds(classifier.get_params(), members, work)
    return None


def _boosting_seconds(parameters: dict[str, Any], members: float, work: Work) -> float:
    """Estimate one boosted model: a node's histogram has genes x bins cells, far more than there are rows.

    The constants were fitted to XGBoost 3.2 on 200 to 400 rows and 2,000 to 20,531 genes; later rounds find nothing to
    split and cost little, so rounds past 60 are not counted.
    """
    trees = min(parameters["n_estimators"] or 100, 60) * (1 if work.classes == 2 else work.classes)
    values = members * work.genes
    if parameters["tree_method"] == "exact":
        return float(trees * 25e-9 * values * (parameters["colsample_bytree"] or 1.0) + 1e-7 * values)
    bins = min(parameters["max_bin"] or 256, members)
    cells = work.genes * bins
    return float(trees * (2e-9 * values + 45e-9 * cells * min(1.0, cells / 1e6)) + 1.2e-7 * values * (bins / 16) ** 0.3)


def _network_size(classifier: Any, work: Work) -> tuple[int, int]:
    first = int(classifier.hidden[0]) if len(classifier.hidden) else work.classes
    return first, math.ceil(work.samples / 2 / classifier.batch_size)


def _memory_bytes() -> float:
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def _gpu_bytes() -> float:
    import torch

    return float(torch.cuda.mem_get_info()[0])


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch explains at length why there is none
        there = torch.cuda.is_available()
    if device != "cuda" or not there:
        msg = f"--device {device} is not there; this machine has: cpu{', cuda' if there else ''}."
        raise ConfigError(msg)
