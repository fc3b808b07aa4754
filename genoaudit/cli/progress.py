"""Progress on standard error while a command works; standard output is kept for the result."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

EXIT_INTERRUPTED = 130
MODELS_ARE_KEPT = "finished models are kept, the same command goes on from them"


@contextmanager
def progress(when_interrupted: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show bars on a terminal, and a line now and then in a log; say what is left if the user interrupts."""
    from genoaudit.report.terminal import bars, lines

    try:
        with _print_to_stderr(), bars() if sys.stderr.isatty() else lines() as tell:
            yield tell
    except KeyboardInterrupt:
        typer.echo(f"genoaudit: interrupted; {when_interrupted}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


@contextmanager
def _print_to_stderr() -> Iterator[None]:
    """Send what others print, here and in workers, to standard error: a user's recipe may print."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(ours, 1)
        os.close(ours)
