"""Checking a certificate: its signature first, then everything at hand that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from genoaudit.errors import DataError
from genoaudit.files import file_digest, read_whole
from genoaudit.folders import recover
from genoaudit.json_text import strict_json
from genoaudit.report import certificate_checks as checks
from genoaudit.report.certificate import PAYLOAD_TYPE, Certificate, Statement, read_salts
from genoaudit.report.certificate_checks import LINK, AtHand, Check
from genoaudit.report.certificate_model import check_model
from genoaudit.report.policy import Policy, read_policy
from genoaudit.report.run_folder import RECORD, read_record
from genoaudit.report.save import CERTIFICATE, SALTS
from genoaudit.report.signing import MOST_BYTES, key_id, read_public_key, unseal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True)
class Verification:
    """What a certificate says and how much of it could be confirmed.

    Parameters
    ----------
    certificate
        Its content; None if the signature does not hold, because then it says nothing.
    key
        Name of the key that it was checked with.
    checks
        The signature first.
    """

    certificate: Certificate | None
    key: str
    checks: tuple[Check, ...]

    @property
    def differing(self) -> tuple[Check, ...]:
        """Everything that is not as it was signed, or cannot be read."""
        return tuple(check for check in self.checks if check.outcome == "differs")

    @property
    def unchecked(self) -> tuple[Check, ...]:
        """Everything that could not be compared."""
        return tuple(check for check in self.checks if check.outcome == "not checked")


def verify_certificate(
    path: str | Path,
    key: Ed25519PublicKey | str | Path,
    *,
    model: str | Path | None = None,
    data: Sequence[str | Path] = (),
    config: str | Path | None = None,
    policy: Policy | str | Path | None = None,
) -> Verification:
    """Check a certificate: first that the owner of a key signed it, then whatever it names and is at hand.

    That everything agrees means that it is as it was signed. It does not mean that the model may be released: that
    is what ``certificate.decision`` says. See `genoaudit.report.certificate` for what a certificate proves.

    Parameters
    ----------
    path
        Folder of a run, all of which is then compared; or a certificate alone, of which only what is public can be.
    key
        The signer's public key, or its PEM file.
    model
        The model's file or folder; None: where the configuration or the run says that the audited model is.
    data
        The cohort's file, and its file of labels if it has one; none: where the configuration or the run names them.
    config
        The audit's TOML file; None: where the run says that it was.
    policy
        The policy that should have been used, or its file or name.

    Returns
    -------
    Verification
        Nothing but the first check if the signature does not hold.

    Raises
    ------
    DataError
        If there is no certificate.
    ConfigError
        If the key or the policy cannot be read.
    """
    policy = read_policy(policy) if isinstance(policy, str | Path) else policy
    key = read_public_key(Path(key)) if isinstance(key, str | Path) else key
    path = Path(path)
    for place in (path, *(() if model is None else (Path(model),))):
        recover(place)
    folder = path if path.is_dir() else None
    if folder is not None and (folder / CERTIFICATE).is_symlink():
        raise DataError(CERTIFICATE, [f"{LINK}. Put the certificate itself into the run, or name it alone."])
    envelope = _content(path if folder is None else folder / CERTIFICATE)
    try:
        opened = unseal(envelope, PAYLOAD_TYPE, key)
        statement = _statement(opened.payload)
    except DataError as error:
        return Verification(None, key_id(key), (Check(CERTIFICATE, "differs", error.problems[0].removesuffix(".")),))
    found = [Check(CERTIFICATE, "agrees")]
    if opened.others:
        found.append(Check("further signatures", "not checked", f"{opened.others} by other keys than this one"))
    found.append(checks.check_code(statement.predicate))
    hand = AtHand(statement, folder, beside=path.parent if folder is None else None)
    found += _everything(hand, _path(model), [Path(file) for file in data], _path(config), policy)
    return Verification(statement.predicate, key_id(key), tuple(found))


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _everything(
    hand: AtHand, model: Path | None, data: Sequence[Path], config: Path | None, policy: Policy | None
) -> Iterator[Check]:
    if hand.folder is not None:
        salts, check = _salts(hand.folder, hand.statement)
        hand = replace(hand, salts=salts)
        yield check
    of_run = tuple(checks.check_run_files(hand))
    yield from of_run
    intact = {check.name for check in of_run if check.outcome == "agrees"}
    if hand.folder is not None and RECORD in intact:
        hand = replace(hand, inputs=read_record(hand.folder).inputs)
    yield checks.check_members(hand, intact)
    config_files, check = checks.check_configuration(hand, config)
    yield check
    hand = replace(hand, config_files=config_files)
    yield checks.check_data(hand, data)
    yield from checks.check_other_inputs(hand)
    yield from check_model(hand, model)
    yield from checks.check_policy(hand, intact, policy)


def _content(file: Path) -> bytes:
    if not file.is_file():
        problem = "there is no certificate; sign the run first." if file.name == CERTIFICATE else "is not there."
        raise DataError(file.name, [problem])
    return read_whole(file, most=MOST_BYTES)


def _statement(payload: bytes) -> Statement:
    try:
        return Statement.model_validate(strict_json(payload))
    except (ValidationError, ValueError):
        problem = "it is signed, but says nothing that this version of genoaudit understands"
        raise DataError(CERTIFICATE, [problem]) from None


def _salts(folder: Path, statement: Statement) -> tuple[Mapping[str, bytes], Check]:
    file = folder / SALTS
    if file.is_symlink():
        return {}, Check(SALTS, "differs", LINK)
    if not file.is_file():
        return {}, Check(SALTS, "differs", "is missing; without it nothing confidential can be compared")
    check = checks.compared(SALTS, statement.predicate.salts_sha256, lambda: file_digest(file))
    if check.outcome != "agrees":
        return {}, check
    try:
        return read_salts(read_whole(file)), check
    except ValueError:
        return {}, Check(SALTS, "differs", "is as it was signed, but holds no salts")
