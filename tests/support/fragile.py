"""Tasks that kill or watch their worker, in a module that worker processes can import, and quickly."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def add(task, *, offset):
    return [number + int(offset[0]) for number in task]


def add_but_die_once(task, *, offset, flag: Path):
    """Kill the own process at the first sight of a 3."""
    if 3 in task and not flag.exists():
        flag.touch()
        time.sleep(0.3)  # so that others finish before
        os.kill(os.getpid(), signal.SIGKILL)
    return add(task, offset=offset)


def add_but_die_of_three(task, *, offset):
    if 3 in task:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    return add(task, offset=offset)


def meet(task, *, folder: Path):
    """Say whether another task was running in this very process."""
    mark = folder / str(os.getpid())
    together = mark.exists()
    mark.touch()
    time.sleep(0.1)
    mark.unlink(missing_ok=True)
    return together
