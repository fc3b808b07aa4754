"""Running a recipe, which may be anybody's code: on one thread, warnings gathered, errors told in one line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from genoaudit.errors import TrainingError


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Train or ask a recipe within this block.

    Yields
    ------
    A list that holds, once the block has ended, what was warned about: each distinct text once, sorted.

    Raises
    ------
    TrainingError
        In place of whatever the recipe raises.
    """
    told: list[str] = []
    with single_threaded(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield told
        except TrainingError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  a recipe may be anybody's code
            # It has seen values and class codes only, so its words cannot hold an identifier.
            said = (str(error).splitlines() or [""])[0][:300]
            msg = f"the recipe raised {type(error).__name__}: {said}"
            raise TrainingError(msg) from None
    told += sorted({f"{w.category.__name__}: {str(w.message).splitlines()[0]}" for w in caught if _worth_telling(w)})


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
