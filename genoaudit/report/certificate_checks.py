"""What a certificate names, one thing after the other, compared with what is at hand.

Nothing is read before it is known to be what was signed: the signature vouches for the digest of the salts, the salts
open the commitment to ``run.json``, and only then is ``run.json`` believed on where things are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from genoaudit.commitments import commitment
from genoaudit.config import read_config
from genoaudit.errors import ConfigError, DataError, GenoauditError
from genoaudit.files import code_digest, cohort_digest, content_digest, file_digest, is_linked
from genoaudit.inputs import COHORT, differing, files_named, settled
from genoaudit.json_text import compact_json, strict_json
from genoaudit.phrases import count
from genoaudit.report.certificate import SALTED, Certificate, Statement
from genoaudit.report.policy import Policy
from genoaudit.report.run_folder import PUBLIC, Inputs, members_of
from genoaudit.report.save import CERTIFICATE, SALTS
from genoaudit.report.saved import read_exact_report
from genoaudit.report.verdict import decide

_NAMED = 8

LINK = "is a link, or no plain file; what a link leads to is not looked at"
NOT_NAMED = "the certificate does not name it"


@dataclass(frozen=True)
class Check:
    """One thing that a certificate names, compared with what is at hand.

    Parameters
    ----------
    name
        ``"report.html"``, ``"model/model.safetensors"``, ``"data"``.
    outcome
        What came of it.
    why
        More on it; of what was not checked, how to let it be.
    """

    name: str
    outcome: Literal["agrees", "differs", "not checked"]
    why: str = ""


@dataclass(frozen=True)
class AtHand:
    """What there is to compare a statement with.

    Parameters
    ----------
    statement
        Its signature holds.
    folder
        Of the run, if that was given.
    beside
        Folder of a certificate that was given alone; what may be shared can lie there with it.
    salts
        By the name of what they belong to; empty where there are none, or other ones.
    inputs
        What the audit read, if ``run.json`` is the signed one and says so.
    config_files
        Files named by a configuration that was given; they count more than the run's record of where they were.
    """

    statement: Statement
    folder: Path | None = None
    beside: Path | None = None
    salts: Mapping[str, bytes] = field(default_factory=dict)
    inputs: Inputs | None = None
    config_files: Mapping[str, Path] = field(default_factory=dict)

    def closed(self, name: str) -> Check | None:
        """Say why a commitment cannot be opened; None: it can."""
        if name in self.salts:
            return None
        if self.folder is None:
            return Check(name, "not checked", f"its salt stands in {SALTS} of the confidential run; give the run")
        if self.salts:
            return Check(name, "differs", f"{SALTS} has no salt for it")
        return Check(name, "not checked", f"{SALTS} is not the one that it was signed with")

    def opened(self, name: str, content: Callable[[], bytes]) -> Check:
        """Open a commitment with some content."""
        if (closed := self.closed(name)) is not None:
            return closed
        signed = self.statement.predicate.commitments.get(name)
        return compared(name, signed, lambda: commitment(self.salts[name], content()))

    def paths(self, *keys: str) -> list[Path]:
        """Return where the configuration that was given has some files, else where the audit read them."""
        read = {} if self.inputs is None else {key: file.path for key, file in self.inputs.files.items()}
        found = {**read, **self.config_files}
        return [found[key] for key in keys if key in found]


def compared(name: str, signed: str | None, digest: Callable[[], str]) -> Check:
    """Compare a digest with the signed one; what cannot be read differs."""
    try:
        return Check(name, "agrees" if digest() == signed else "differs")
    except DataError as error:
        return Check(name, "differs", error.problems[0].removesuffix("."))
    except OSError as error:
        return Check(name, "differs", f"cannot be read: {error.strerror}")


def check_code(certificate: Certificate) -> Check:
    """Say whether the code that gave the verdict is the code that checks it."""
    if certificate.code_sha256 == code_digest():
        return Check("code", "agrees")
    why = f"it was genoaudit {certificate.genoaudit_version} with other code than is installed here"
    return Check("code", "not checked", why)


def check_run_files(hand: AtHand) -> Iterator[Check]:
    """Compare every file of the run; one that the certificate does not name is told of."""
    subjects = {subject.name: subject for subject in hand.statement.subject if not subject.is_model}
    for name, subject in subjects.items():
        salted = SALTED in subject.digest
        if salted and (closed := hand.closed(name)) is not None:
            yield closed
        elif hand.folder is not None:
            salt = hand.salts[name] if salted else b""
            yield _compared_file(name, subject.value, hand.folder, salt=salt)
        elif hand.beside is not None and os.path.lexists(hand.beside / name):
            yield _compared_file(name, subject.value, hand.beside, salt=b"")
        else:
            yield Check(name, "not checked", "put it beside the certificate, or give the run")
    place = hand.folder or hand.beside
    if place is not None:
        yield from _unnamed(place, named={CERTIFICATE, SALTS, *subjects}, shared_alone=hand.folder is None)


def _unnamed(folder: Path, *, named: set[str], shared_alone: bool) -> Iterator[Check]:
    """Tell of what else is there: a stranger reads everything that lies with the summary, so there it is a fault."""
    for entry in sorted(folder.glob(f"{PUBLIC}**/*") if shared_alone else folder.rglob("*")):
        name = entry.relative_to(folder).as_posix()
        if name in named:
            continue
        if entry.is_symlink():
            yield Check(name, "differs", LINK)
        elif name.startswith(PUBLIC):
            yield Check(name, "differs", f"{NOT_NAMED}, and strangers would see it")
        elif not entry.is_dir():
            yield Check(name, "not checked", NOT_NAMED)


def _compared_file(name: str, signed: str, folder: Path, *, salt: bytes) -> Check:
    file = folder / name
    if is_linked(folder, name):
        return Check(name, "differs", LINK)
    if not file.is_file():
        return Check(name, "differs", "is missing")
    return compared(name, signed, lambda: file_digest(file, salt=salt))


def check_members(hand: AtHand, intact: set[str]) -> Check:
    """Compare the members, read from files of the run that are as they were signed."""
    damaged = {"report.json", "patients.parquet", "signals.npz"} - intact
    if (closed := hand.closed("members")) is not None:
        return closed
    if hand.folder is None or damaged:
        return Check("members", "not checked", f"they are read from {', '.join(sorted(damaged))}, which differs")
    folder = hand.folder
    given = strict_json((folder / "report.json").read_bytes()).get("target") is not None
    patients = pd.read_parquet(folder / "patients.parquet")
    return hand.opened("members", lambda: members_of(folder, patients, of_one=given))


def check_configuration(hand: AtHand, given: Path | None) -> tuple[Mapping[str, Path], Check]:
    """Compare the configuration, options of the command line put in; return the files that the given one names, too."""
    name = "configuration"
    if name not in hand.statement.predicate.commitments:
        return {}, Check(name, "not checked", "the audit was asked for without a file")
    if (closed := hand.closed(name)) is not None:
        return {}, closed
    if hand.inputs is None:
        return {}, Check(name, "not checked", "run.json, which names options of the command line, differs")
    file = given or hand.inputs.configuration_file
    if file is None or (given is None and not file.is_file()):
        return {}, Check(name, "not checked", "say where it is with --config")
    try:
        config = read_config(file)
    except ConfigError as error:
        return {}, Check(name, "differs", str(error).splitlines()[0].removesuffix("."))
    beyond = hand.inputs.beyond_file
    asked = {key: value for key, value in {**settled(config), **beyond}.items() if value is not None}
    check = hand.opened(name, lambda: compact_json(asked))
    if check.outcome == "differs":
        keys = differing(asked, hand.inputs.configuration)
        check = Check(name, "differs", f"in {', '.join(keys[:_NAMED])}")
    return ({} if given is None else files_named(config)), check


def check_data(hand: AtHand, given: Sequence[Path]) -> Check:
    """Compare the cohort's file, with its file of labels where there is one."""
    if (closed := hand.closed("data")) is not None:
        return closed
    files = list(given) or hand.paths(*COHORT)
    if not files or not (given or all(file.is_file() for file in files)):
        return Check("data", "not checked", "say where they are with --data")
    read = 2 if hand.inputs is None else sum(key in hand.inputs.files for key in COHORT)
    if len(files) > 2 or (hand.inputs is not None and len(files) != read):
        return Check("data", "differs", f"the audit read {count(read, 'file')}, and {len(files)} are here")
    return hand.opened("data", lambda: cohort_digest(*files).encode())


def check_other_inputs(hand: AtHand) -> Iterator[Check]:
    """Compare the other files that the audit read, by the keys that name them."""
    for name in sorted(set(hand.statement.predicate.commitments) - {"members", "data", "configuration"}):
        place = next((path for path in hand.paths(name) if path.exists()), None)
        if (closed := hand.closed(name)) is not None:
            yield closed
        elif place is None:
            yield Check(name, "not checked", "it is not where it was read; give the configuration with --config")
        else:
            yield _compared_input(hand, name, place)


def _compared_input(hand: AtHand, name: str, place: Path) -> Check:
    return hand.opened(name, lambda: content_digest(place).encode())


def check_policy(hand: AtHand, intact: set[str], policy: Policy | None) -> Iterator[Check]:
    """Compare the policy, and let it judge the report again."""
    certificate = hand.statement.predicate
    if policy is None:
        yield Check("policy", "not checked", "give it with --policy")
        return
    if policy.sha256 != certificate.policy.sha256:
        yield Check("policy", "differs")
        return
    yield Check("policy", "agrees")
    if hand.folder is None or "report.json" not in intact:
        yield Check("verdict", "not checked", "it is of the report of the run; give the run")
        return
    try:
        verdict = decide(read_exact_report(hand.folder), policy)
    except GenoauditError as error:
        yield Check("verdict", "not checked", str(error).removesuffix("."))
        return
    if verdict.decision != certificate.decision:
        yield Check("verdict", "differs", f"by this code the policy says {verdict.decision}")
    else:
        yield Check("verdict", "agrees")
