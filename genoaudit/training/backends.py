"""Where tasks run: in this process, or in processes of this machine; in any order, handed back as they finish."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Backend:
    """Who works.

    Parameters
    ----------
    workers
        Processes, one thread each; one means this process.
    scratch
        Folder in which arrays are laid for the workers to share; emptied again.
    """

    workers: int
    scratch: Path


def run_tasks(function: Callable[..., R], tasks: Sequence[T], shared: dict[str, Any], backend: Backend) -> Iterator[R]:
    """Call ``function(task, **shared)`` for every task and yield the results as they come, in no particular order.

    Large arrays in `shared` are shipped to each worker once.
    """
    workers = min(backend.workers, len(tasks))
    if workers <= 1:
        yield from (function(task, **shared) for task in tasks)
        return
    from joblib import Parallel, delayed, parallel_config

    with (
        tempfile.TemporaryDirectory(dir=backend.scratch, prefix=".shared-") as folder,
        parallel_config("loky", inner_max_num_threads=1),
    ):
        pool = Parallel(n_jobs=workers, temp_folder=folder, return_as="generator_unordered")
        yield from pool(delayed(function)(task, **shared) for task in tasks)
