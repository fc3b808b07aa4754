"""The command that checks certificates, and how gate and audit sign them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genoaudit.cli.options import AsJson, Model
from genoaudit.errors import ConfigError

if TYPE_CHECKING:
    from genoaudit.report.policy import Policy
    from genoaudit.report.saved import SavedRun

EXIT_DIFFERS = 3


def verify(
    path: Annotated[Path, typer.Argument(help="Folder of a run, or a certificate alone.", show_default=False)],
    key: Annotated[Path, typer.Option(help="The signer's public key (PEM).", show_default=False)],
    model: Model = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="The cohort's file; given again, its labels file. [default: where the run says]", show_default=False
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The audit's TOML file. [default: where the run says]", show_default=False)
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="File or name of the policy that should have been used.", show_default=False)
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if anything could not be checked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a certificate: the signature, then every file, digest and commitment at hand; name what differs.

    Exit code 0 says that all that was compared is as it was signed, not that the verdict is to release: that is the
    first line. 3: something differs or cannot be read, or, with --strict, could not be checked.
    """
    from genoaudit.report.verification import verify_certificate
    from genoaudit.report.verification_terminal import print_verification, verification_record

    verification = verify_certificate(path, key, model=model, data=data or (), config=config, policy=policy)
    if as_json:
        typer.echo(json.dumps(verification_record(verification), indent=2))
    else:
        print_verification(verification)
    if verification.differing or (strict and verification.unchecked):
        raise typer.Exit(EXIT_DIFFERS)


def sign_if(
    key: Path | None,
    run: Path | SavedRun,
    policy: Policy | None,
    *,
    passphrase_env: str | None,
    model: Path | None = None,
) -> Path | None:
    """Sign a run where a key is given; refuse what goes with a key alone.

    Raises
    ------
    ConfigError
        If there is no policy to sign the verdict of, no key for the other options, or as `sign_run` says.
    """
    if key is None:
        lonely = "--passphrase-env" if passphrase_env is not None else "--model" if model is not None else None
        if lonely is not None:
            msg = f"{lonely} is for signing: name the key with --sign."
            raise ConfigError(msg)
        return None
    if policy is None:
        msg = "--sign signs a policy's verdict: name the policy with --policy."
        raise ConfigError(msg)
    return sign_run(run, policy, key, passphrase_env=passphrase_env, model=model)


def sign_run(
    run: Path | SavedRun, policy: Policy | str, key: Path, *, passphrase_env: str | None, model: Path | None
) -> Path:
    """Sign a run's verdict; ask for the key's passphrase where it has one and no variable is named.

    Raises
    ------
    ConfigError
        If the key needs a passphrase that nobody can be asked for, or cannot be read.
    """
    from genoaudit.report.certifying import certify
    from genoaudit.report.signing import needs_passphrase, read_private_key

    secret = None
    if needs_passphrase(key):
        secret = _asked(key) if passphrase_env is None else os.environ.get(passphrase_env)
        if not secret:
            msg = f"the environment variable {passphrase_env} is not set; it should hold the passphrase of {key}."
            raise ConfigError(msg)
    return certify(run, policy, read_private_key(key, secret), model=model)


def _asked(key: Path) -> str:
    if not sys.stdin.isatty():
        msg = f"the key {key} has a passphrase, and nobody can be asked for it; name a variable by --passphrase-env."
        raise ConfigError(msg)
    answer: str = typer.prompt(f"Passphrase of {key}", hide_input=True, err=True)
    return answer
