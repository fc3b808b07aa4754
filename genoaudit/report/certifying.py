"""Signing a run: everything that the certificate will say is read again and checked first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from genoaudit.commitments import commitment, new_salt
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import cohort_digest, content_digest, file_digest, write_together
from genoaudit.folders import recover
from genoaudit.inputs import COHORT, TARGET
from genoaudit.json_text import compact_json
from genoaudit.report.certificate import (
    PAYLOAD_TYPE,
    Certificate,
    PolicyUsed,
    Statement,
    Subject,
    model_digests,
    salts_bytes,
)
from genoaudit.report.policy import Policy, read_policy
from genoaudit.report.result import canonical_json
from genoaudit.report.run_folder import PUBLIC, RECORD, members_of
from genoaudit.report.save import CERTIFICATE, SALTS
from genoaudit.report.saved import SavedRun, read_saved
from genoaudit.report.signing import read_private_key, seal
from genoaudit.report.verdict import decide

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from genoaudit.report.release_sections import Verdict
    from genoaudit.report.result import AuditReport

Origin = Literal["audited", "stated", "none"]


def certify(
    run: str | Path | SavedRun,
    policy: Policy | str | Path,
    key: Ed25519PrivateKey | str | Path,
    *,
    model: str | Path | None = None,
) -> Path:
    """Sign what a policy says of a run, with digests of the model and of the reports.

    What the certificate proves and what not is said in `genoaudit.report.certificate`.

    Parameters
    ----------
    run
        Folder of an audit, or what `genoaudit.report.saved.read_saved` gave of it. ``certificate.json`` and
        ``salts.json`` are written there, both or neither; earlier ones are replaced.
    policy
        What may be released, or its file or name.
    key
        The signer's, or its PEM file; one with a passphrase is read by `genoaudit.report.signing.read_private_key`.
    model
        File or folder of the model that is to be released; of a folder with a part ``release``, that part. None: the
        given model of a release audit where it was there as a file, else the certificate is about the reports alone.

    Returns
    -------
    Path
        The certificate, a DSSE envelope.

    Raises
    ------
    DataError
        If the run's files do not belong together, the page does not show the report, or a file that was audited has
        been changed since.
    ConfigError
        If the key cannot be read, the report holds a verdict of another policy, or the model is not the audited one.
    """
    key = read_private_key(Path(key)) if isinstance(key, str | Path) else key
    saved = run if isinstance(run, SavedRun) else read_saved(Path(run))
    verdict = decide(saved.report, policy if isinstance(policy, Policy) else read_policy(policy))
    _check_verdict(saved.report, verdict)
    _check_code(saved)
    _check_inputs(saved)
    place, belongs = _the_model(saved, None if model is None else Path(model))
    salts: dict[str, bytes] = defaultdict(new_salt)
    subjects = [*_model_subjects(place), *_run_subjects(saved, salts)]
    commitments = _commitments(saved, salts, without_target=belongs == "audited")
    certificate = Certificate(
        audit=saved.report.audit,
        model=belongs,
        decision=verdict.decision,
        policy=PolicyUsed(name=verdict.policy, sha256=verdict.policy_sha256),
        genoaudit_version=saved.report.genoaudit_version,
        code_sha256=saved.record.code_sha256,
        libraries={name: number for name, number in saved.record.versions.items() if name != "genoaudit"},
        signed_on=datetime.now(UTC).date(),
        commitments=commitments,
        salts_sha256=commitment(b"", salts_bytes(salts)),
    )
    statement = Statement(subject=tuple(subjects), predicate=certificate)
    envelope = seal(statement.to_bytes(), PAYLOAD_TYPE, key)
    write_together({saved.folder / SALTS: salts_bytes(salts), saved.folder / CERTIFICATE: envelope})
    return saved.folder / CERTIFICATE


def _check_verdict(report: AuditReport, verdict: Verdict) -> None:
    held = report.verdict
    if held is None:
        return
    if held.policy_sha256 != verdict.policy_sha256:
        msg = (
            f"the report shows the verdict of the policy '{held.policy}'; a certificate by another policy, "
            f"'{verdict.policy}', would contradict it. Sign with that policy, or audit again with this one."
        )
        raise ConfigError(msg)
    shown, given = (canonical_json(one.model_dump(mode="json", exclude={"policy"})) for one in (held, verdict))
    if shown != given:  # but for the name: the same demands may stand in a file of another name
        problem = "holds a verdict that its numbers do not give under this policy; audit again."
        raise DataError("report.json", [problem])


def _check_code(saved: SavedRun) -> None:
    if not saved.same_code:
        problem = (
            "was audited by other code, or other versions of libraries, than are installed here; sign it there, or "
            "audit again."
        )
        raise DataError(saved.folder.name, [problem])


def _check_inputs(saved: SavedRun) -> None:
    """Refuse files that are another than when they were audited; those that are not here any more are not asked for."""
    if saved.record.inputs is None:
        return
    problems = []
    files = saved.record.inputs.files
    cohort = [files[key].path for key in COHORT if key in files]
    if cohort and all(path.is_file() for path in cohort) and cohort_digest(*cohort) != saved.report.cohort.sha256:
        problems.append("The data have been changed since the audit.")
    problems += [
        f"{key} has been changed since the audit."
        for key, file in files.items()
        if file.sha256 is not None and file.path.exists() and content_digest(file.path) != file.sha256
    ]
    if problems:
        raise DataError(saved.folder.name, [f"{problem} Audit again." for problem in problems])


def _the_model(saved: SavedRun, given: Path | None) -> tuple[Path | None, Origin]:
    """Find the model, and say how it belongs to the audit."""
    target = saved.report.target
    if target is None or target.kind == "scores":
        return given, "none" if given is None else "stated"
    recorded = None if saved.record.inputs is None else saved.record.inputs.files.get(TARGET)
    place = given or (None if recorded is None else recorded.path)
    if place is not None:
        recover(place)
    if place is None or not place.exists():
        msg = f"the audited model is not {'known by a file' if place is None else f'at {place} any more'}; name it."
        raise ConfigError(msg)
    if content_digest(place) != (target.sha256 if recorded is None else recorded.sha256):
        msg = f"{place} is not the model that was audited."
        raise ConfigError(msg)
    return place, "audited"


def _model_subjects(place: Path | None) -> list[Subject]:
    digests = {} if place is None else model_digests(place)
    return [Subject(name=name, digest={"sha256": digest}) for name, digest in digests.items()]


def _run_subjects(saved: SavedRun, salts: dict[str, bytes]) -> Iterator[Subject]:
    for name in sorted((RECORD, *saved.record.files)):
        path = saved.folder / name
        if name.startswith(PUBLIC):
            yield Subject(name=name, digest={"sha256": file_digest(path)})
        else:
            yield Subject(name=name, digest={"saltedSha256": file_digest(path, salt=salts[name])})


def _commitments(saved: SavedRun, salts: dict[str, bytes], *, without_target: bool) -> dict[str, str]:
    content = {
        "members": members_of(saved.folder, saved.patients, of_one=saved.report.target is not None),
        "data": saved.report.cohort.sha256.encode(),
    }
    inputs = saved.record.inputs
    if inputs is not None:
        content["configuration"] = compact_json(inputs.configuration)
        for key, file in inputs.files.items():
            if file.sha256 is not None and not (key == TARGET and without_target):
                content[key] = file.sha256.encode()
    return {name: commitment(salts[name], what) for name, what in content.items()}
