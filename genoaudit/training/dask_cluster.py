"""Tasks on a Dask cluster that somebody else started.

The client of `distributed` is used rather than joblib's Dask backend: that one hands back nothing before everything is
done, so that a killed run would lose all, and it finds arrays to ship once only among the direct arguments of a task.

Arrays travel over the wire and nothing is written here. How connections are secured (TLS), and whether workers spill to
their disks when memory is short, are settings of Dask's own configuration.
"""

# mypy: allow-untyped-calls
# Half of what distributed offers carries no types.

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from genoaudit.errors import ConfigError
from genoaudit.training.backends import DeadlyTaskError, WorkersLostError

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

CONNECT_SECONDS = 10
WORKER_SECONDS = 60
"""How long to wait for a first worker: clusters that grow with demand start without any."""

_BATCH = 128  # tasks sent in one message
_DECIDING_PACKAGES = ("genoaudit", "numpy", "scipy", "scikit-learn", "torch", "xgboost")

# Thread limits and the record of warnings belong to a whole process, so two tasks in one would change each other.
_alone = threading.Lock()


def run_on_cluster(
    function: Callable[..., R], tasks: Mapping[int, T], shared: dict[str, Any], address: str
) -> Iterator[tuple[int, R]]:
    """Call ``function(task, **shared)`` for every task; yield its key and its result as they finish.

    Dask itself moves the tasks of a lost worker to another one.

    Raises
    ------
    ConfigError
        If Dask is not installed, the scheduler does not answer, or there is no worker that could do the work.
    WorkersLostError
        If all copies of `shared` died with their workers, or the scheduler did.
    DeadlyTaskError
        If a task was lost with more workers than the scheduler's ``allowed-failures``.
    """
    with _connected(address) as client:
        from distributed import CancelledError, KilledWorker, as_completed
        from distributed.comm.core import CommClosedError

        try:
            _inspect(client)
            # One object under a name of its own: two audits on one cluster must not meet.
            (carried,) = client.scatter([shared], broadcast=True, hash=False)
        except OSError as error:  # connections break when workers go at this very moment
            raise WorkersLostError from error
        futures = client.map(
            _call, list(tasks), list(tasks.values()), function=function, shared=carried, pure=False, batch_size=_BATCH
        )
        finished = as_completed(futures, loop=client.loop)
        del futures  # so that a result can be forgotten by the cluster once it is here
        for future in finished:
            try:
                done = future.result()
            except KilledWorker as error:
                raise DeadlyTaskError from error
            except (CancelledError, CommClosedError) as error:  # nobody has the inputs any more, or the scheduler died
                raise WorkersLostError from error
            future.release()
            yield done


def _call(place: int, task: T, *, function: Callable[..., R], shared: dict[str, Any]) -> tuple[int, R]:
    with _alone:
        return place, function(task, **shared)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    """Open a client with at least one worker behind it; closing it leaves the cluster as it was."""
    try:
        from distributed import Client
    except ImportError as error:
        msg = "--backend dask needs Dask, which is not installed: pip install 'genoaudit[dask]'."
        raise ConfigError(msg) from error
    _greet(address)
    with Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="genoaudit") as client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError as error:
            msg = f"the Dask scheduler at {address} has no workers; start some: dask worker {address} --nthreads 1"
            raise ConfigError(msg) from error
        yield client


def _greet(address: str) -> None:
    """Shake hands with the scheduler before there is a client.

    A client that fails to connect cannot be closed, and it waits for long where something else listens, such as the
    scheduler's own dashboard.
    """
    from distributed.comm.core import connect
    from distributed.security import Security

    async def greet() -> None:
        comm = await connect(address, **Security().get_connection_args("client"))
        await comm.close()

    def greet_in_time() -> None:
        asyncio.run(asyncio.wait_for(greet(), CONNECT_SECONDS))

    try:
        with ThreadPoolExecutor(1) as thread:  # in a notebook, the main thread has a loop running already
            thread.submit(greet_in_time).result()
    except (OSError, ValueError, TypeError, MemoryError) as error:
        # A stranger says nothing, or what passes for the start of a huge message.
        stranger = isinstance(error, MemoryError) or not str(error)
        why = "what listens there does not speak Dask" if stranger else str(error).splitlines()[0]
        msg = f"no Dask scheduler answers at {address} ({why}); expected an address such as tcp://10.0.0.1:8786."
        raise ConfigError(msg) from error


def _inspect(client: Client) -> None:
    """Refuse workers whose numbers would differ from those of this machine; say where cores would idle."""
    here = _versions()
    try:
        there = client.run(_versions)
    except ImportError as error:
        msg = f"a Dask worker cannot import genoaudit ({error}); install the same version there as here."
        raise ConfigError(msg) from error
    for name in _DECIDING_PACKAGES:
        others = sorted({found[name] for found in there.values()} - {here[name]})
        if others:
            msg = (
                f"{name} is {here[name]} here and {', '.join(others)} on Dask workers, so their numbers would differ "
                "from a local run's. Install the same versions there as here."
            )
            raise ConfigError(msg)
    if max(client.nthreads().values(), default=1) > 1:
        logger.warning("Dask workers train one task at a time each; start more of them, with --nthreads 1")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _DECIDING_PACKAGES}
