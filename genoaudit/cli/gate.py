"""The commands that decide on release: hold a run to a policy, and show the policies that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genoaudit.cli.certificate import sign_if
from genoaudit.cli.options import AsJson, Model, PassphraseEnv, Sign
from genoaudit.errors import ConfigError

if TYPE_CHECKING:
    from genoaudit.report.policy import Policy
    from genoaudit.report.release_sections import Verdict

Run = Annotated[Path, typer.Argument(help="Folder that genoaudit audit wrote.", show_default=False)]


def gate(
    run: Run,
    policy: Annotated[
        str, typer.Option(help="TOML file, or the name of a policy that comes along.", show_default=False)
    ],
    sign: Sign = None,
    passphrase_env: PassphraseEnv = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a policy lets a model go: exit code 0 release, 4 hold, 5 undecidable.

    3: the run is not as it was written. Only a certificate shows that nobody rewrote all of it.
    """
    from genoaudit.report.policy import read_policy
    from genoaudit.report.saved import OTHER_CODE, read_saved
    from genoaudit.report.verdict import decide

    demanded = read_policy(policy)
    saved = read_saved(run)
    signed = sign_if(sign, saved, demanded, passphrase_env=passphrase_env, model=model)  # refuses what cannot be signed
    verdict = decide(saved.report, demanded)
    if not saved.same_code:
        typer.echo(f"genoaudit: {OTHER_CODE}", err=True)
    if as_json:
        from genoaudit.report.result import canonical_json

        typer.echo(canonical_json(verdict.model_dump(mode="json")), nl=False)
    else:
        from genoaudit.report.terminal import stdout_console
        from genoaudit.report.verdict_terminal import print_verdict

        print_verdict(stdout_console(), verdict)
        if signed is not None:
            typer.echo(f"\nSigned: {signed}")
    raise typer.Exit(exit_code(verdict))


def policy(
    name: Annotated[str | None, typer.Argument(help="Which policy; without it, the names.", show_default=False)] = None,
) -> None:
    """Print a policy that comes with the package, to use or to change."""
    from genoaudit.report.policy import policy_text, shipped_policies

    typer.echo("\n".join(shipped_policies()) if name is None else policy_text(name), nl=name is None)


def demanded_by(policy: str | None, *, fail: bool) -> Policy | None:
    """Read the policy of an audit before anything is trained."""
    if policy is None:
        if fail:
            msg = "--fail says what to do about a policy's verdict: name the policy with --policy."
            raise ConfigError(msg)
        return None
    from genoaudit.report.policy import read_policy

    return read_policy(policy)


def exit_code(verdict: Verdict) -> int:
    """Return what a command ends with that was asked to act on a verdict."""
    from genoaudit.report.verdict import EXIT_CODES

    return EXIT_CODES[verdict.decision]
