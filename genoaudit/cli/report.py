"""The command that shows finished runs again: one as its page, several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genoaudit.cli.options import AsJson, ShowIds
from genoaudit.errors import ConfigError

Runs = Annotated[list[Path], typer.Argument(help="Folders that --out wrote.", show_default=False)]
Page = Annotated[Path | None, typer.Option(help="Page to write, a .html file.", show_default=False)]


def report(runs: Runs, out: Page = None, show_ids: ShowIds = False, as_json: AsJson = False) -> None:
    """Write the page of a finished run again, or compare several: the first is what the others are held against."""
    if out is not None:
        _check_page(out)
    if len(runs) == 1:
        _show(runs[0], out, show_ids=show_ids, as_json=as_json)
    elif show_ids:
        msg = "--show-ids is for the page of one run: a comparison shows no patient."
        raise ConfigError(msg)
    else:
        _compare(runs, out, as_json=as_json)


def _show(run: Path, out: Path | None, *, show_ids: bool, as_json: bool) -> None:
    from genoaudit.files import write_whole
    from genoaudit.report.saved import OTHER_CODE, read_saved
    from genoaudit.report.terminal import print_result

    if show_ids and out is None:
        msg = "--show-ids names patients on a page; say where it goes with --out FILE.html."
        raise ConfigError(msg)
    saved = read_saved(run)
    found = saved.run
    if not saved.same_code:
        typer.echo(f"genoaudit: {OTHER_CODE}", err=True)
    if out is not None:
        write_whole(out, found.to_html(show_ids=show_ids).encode())
    if as_json:
        typer.echo(found.report.to_json(), nl=False)
    else:
        print_result(found.report, () if out is None else (out,))


def _compare(runs: list[Path], out: Path | None, *, as_json: bool) -> None:
    from genoaudit.files import write_whole
    from genoaudit.report.comparison import compare_runs
    from genoaudit.report.comparison_html import render_comparison
    from genoaudit.report.comparison_terminal import print_comparison

    comparison = compare_runs(runs)
    if out is not None:
        write_whole(out, render_comparison(comparison).encode())
    if as_json:
        typer.echo(comparison.to_json(), nl=False)
    else:
        print_comparison(comparison, out)


def _check_page(out: Path) -> None:
    from genoaudit.report.save import SHAREABLE

    run = out.resolve().parent.parent
    if any((run / name).exists() and (run / name).parent == out.resolve().parent for name in SHAREABLE):
        msg = f"--out {out}: the page is confidential, and this folder is made to be shared. Name another place."
        raise ConfigError(msg)
    if out.suffix.lower() not in {".html", ".htm"} or out.is_dir():
        msg = f"--out {out}: name a file that ends in .html."
        raise ConfigError(msg)
    if not out.parent.is_dir():
        msg = f"--out {out}: the folder {out.parent} is not there."
        raise ConfigError(msg)
