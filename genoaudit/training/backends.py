"""Where tasks run: in this process, in processes of this machine, or on a Dask cluster; handed back as they finish.

Workers die, most often because the system ends whatever takes too much memory. Their tasks are then run again.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from genoaudit.errors import ConfigError, TrainingError

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Sized)
R = TypeVar("R")

_ATTEMPTS = 3


@dataclass(frozen=True)
class Backend:
    """Who works.

    Parameters
    ----------
    workers
        Processes of this machine, one thread each; one means this process. A cluster has the workers it has.
    scratch
        Folder in which arrays are laid for the processes of this machine to share; emptied again.
    scheduler
        Address of a running Dask scheduler, such as ``tcp://10.0.0.1:8786``; None means this machine.
    """

    workers: int
    scratch: Path
    scheduler: str | None = None


class WorkersLostError(Exception):
    """Worker processes died; what they had not finished can be run again."""


class DeadlyTaskError(WorkersLostError):
    """One task died with several workers, one after another; it would kill the next one too."""


def run_tasks(function: Callable[..., R], tasks: Sequence[T], shared: dict[str, Any], backend: Backend) -> Iterator[R]:
    """Call ``function(task, **shared)`` for every task and yield each result once, as they come, in no order.

    Parameters
    ----------
    function
        Defined at the top of a module, so that a worker can import it.
    tasks
        What to do; the length of a task is its number of models.
    shared
        What every task needs. Large arrays are shipped to each worker once.
    backend
        Who works.

    Raises
    ------
    ConfigError
        If the scheduler cannot be reached.
    TrainingError
        If too many workers died.
    """
    left = dict(enumerate(tasks))
    # Settled once: a lone task left over from a worker that died must not end this process as well.
    backend = replace(backend, workers=min(backend.workers, len(tasks)))
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            for place, result in _run_once(function, left.copy(), shared, backend):
                del left[place]
                yield result
            return
        except DeadlyTaskError:
            break
        except WorkersLostError:
            logger.warning("a worker died (attempt %d of %d); %d tasks are left", attempt, _ATTEMPTS, len(left))
        except ConfigError:
            if attempt == 1:
                raise
            break  # the cluster did not come back
    if backend.scheduler is None:
        advice = "If memory is short, use fewer --threads."
    else:
        advice = "The logs of the Dask workers say why; if memory is short, run fewer workers on a machine."
    msg = (
        f"too many worker processes died; {sum(map(len, left.values()))} models are missing. Finished models are kept: "
        f"the same command trains only what is missing. {advice}"
    )
    raise TrainingError(msg)


def _run_once(
    function: Callable[..., R], tasks: Mapping[int, T], shared: dict[str, Any], backend: Backend
) -> Iterator[tuple[int, R]]:
    if backend.scheduler is not None:
        from genoaudit.training.dask_cluster import run_on_cluster

        return run_on_cluster(function, tasks, shared, backend.scheduler)
    if backend.workers <= 1:
        return ((place, function(task, **shared)) for place, task in tasks.items())
    return _run_in_processes(function, tasks, shared, backend)


def _run_in_processes(
    function: Callable[..., R], tasks: Mapping[int, T], shared: dict[str, Any], backend: Backend
) -> Iterator[tuple[int, R]]:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError  # type: ignore[import-untyped]

    with (
        tempfile.TemporaryDirectory(dir=backend.scratch, prefix=".shared-") as folder,
        parallel_config("loky", inner_max_num_threads=1),
    ):
        pool = Parallel(n_jobs=backend.workers, temp_folder=folder, return_as="generator_unordered")
        try:
            yield from pool(delayed(_placed)(function, place, task, shared) for place, task in tasks.items())
        except TerminatedWorkerError as error:
            # The pool is broken, and joblib starts another one for the next call.
            raise WorkersLostError from error


def _placed(function: Callable[..., R], place: int, task: T, shared: dict[str, Any]) -> tuple[int, R]:
    return place, function(task, **shared)
