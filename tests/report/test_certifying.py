import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from certified import POLICY, audit_world, copied, draw_quickly, write_keys, write_world
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from genoaudit.commitments import commitment
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import code_digest, cohort_digest, content_digest, file_digest
from genoaudit.report.certificate import Statement, member_lines, read_salts
from genoaudit.report.certifying import certify
from genoaudit.report.policy import parse_policy
from genoaudit.report.release_sections import GivenModel
from genoaudit.report.result import AuditReport
from genoaudit.report.save import SHAREABLE
from genoaudit.report.signing import read_public_key
from genoaudit.report.verdict import decide

DIGEST = "5" * 64


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A release audit from files, with pages that take no time."""
    with pytest.MonkeyPatch.context() as patch:
        draw_quickly(patch)
        world = write_world(tmp_path_factory.mktemp("world"))
        audit_world(world)
        yield world


@pytest.fixture
def world(audited, tmp_path):
    return copied(audited, tmp_path)


def statement_in(path):
    envelope = Envelope.from_dict(json.loads(path.read_text()))
    return envelope, Statement.model_validate(json.loads(envelope.payload))


def save_with(result, folder, **changes):
    """Save an audit whose report says something else."""
    replace(result, report=result.report.model_copy(update=changes)).save(folder)


def test_a_certificate_says_what_was_judged_by_whom_and_how(world):
    path = certify(world.run, POLICY, world.key, model=world.model)
    assert path == world.certificate
    envelope, statement = statement_in(path)
    assert envelope.verify([SSlibKey.from_crypto(read_public_key(world.public))], 1)
    said = statement.predicate
    assert (said.audit, said.model, said.decision) == ("release", "stated", "hold")
    assert (said.policy.name, said.policy.sha256) == ("strict", POLICY.sha256)
    assert said.code_sha256 == code_digest()
    assert {"numpy", "torch", "scikit-learn"} <= set(said.libraries)
    assert set(said.commitments) == {"members", "data", "configuration", "target.path"}


def test_its_subjects_are_the_model_as_it_is_and_the_run_behind_salts(world):
    _, statement = statement_in(certify(world.run, POLICY, world.key, model=world.model))
    salts = read_salts((world.run / "salts.json").read_bytes())
    digests = {subject.name: subject.digest for subject in statement.subject}
    release = world.model / "release"
    assert digests == {
        **{
            f"model/{path.relative_to(release).as_posix()}": {"sha256": file_digest(path)}
            for path in release.rglob("*")
            if path.is_file()
        },
        **{
            name: {"saltedSha256": file_digest(world.run / name, salt=salts[name])}
            for name in ("report.json", "report.html", "patients.parquet", "signals.npz", "run.json")
        },
        **{name: {"sha256": file_digest(world.run / name)} for name in SHAREABLE},
    }
    public = ("model", "shareable")
    assert set(salts) == {*statement.predicate.commitments, *(name for name in digests if not name.startswith(public))}


def test_a_commitment_can_be_opened_with_what_it_is_to_and_its_salt(world, audited):
    import pandas as pd

    _, statement = statement_in(certify(world.run, POLICY, world.key))
    salts = read_salts((world.run / "salts.json").read_bytes())
    scores = pd.read_csv(audited.scores)
    clinical = pd.read_csv(audited.labels)
    merged = scores.merge(clinical, on="sample")
    members = member_lines([set(merged["patient_id"][merged["member"] == 1])])
    data = cohort_digest(audited.data, audited.labels)
    opened = statement.predicate.commitments
    asked = json.loads((world.run / "run.json").read_text())["inputs"]["configuration"]
    written = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert asked["audit.models"] == 8
    assert opened["configuration"] == commitment(salts["configuration"], written)
    assert opened["members"] == commitment(salts["members"], members)
    assert opened["data"] == commitment(salts["data"], data.encode())
    assert opened["target.path"] == commitment(salts["target.path"], file_digest(audited.scores).encode())


def test_nothing_of_the_patients_stands_in_the_certificate(world):
    import pandas as pd

    path = certify(world.run, POLICY, world.key, model=world.model)
    envelope, _ = statement_in(path)
    shared = path.read_text() + envelope.payload.decode()
    table = pd.read_parquet(world.run / "patients.parquet")
    for secret in (
        *table["patient_id"],
        *table["pseudonym"],
        "seed",
        "expression.csv",
        "clinical.csv",
        str(world.folder),
    ):
        assert secret not in shared
    report = AuditReport.read(world.run / "report.json")
    confidential = [file for file in world.run.iterdir() if file.is_file() and file.name != "salts.json"]
    plain = [report.cohort.sha256, *map(file_digest, confidential)]
    for digest in (*plain, file_digest(world.scores)):
        assert digest not in shared


def test_every_signing_draws_new_salts_and_replaces_the_last_one(world):
    _, first = statement_in(certify(world.run, POLICY, world.key))
    _, second = statement_in(certify(world.run, POLICY, world.key))
    assert not set(first.predicate.commitments.values()) & set(second.predicate.commitments.values())
    assert second.predicate.salts_sha256 == file_digest(world.run / "salts.json")
    assert {path.name for path in world.run.iterdir()} == {
        *("report.json", "report.html", "patients.parquet", "signals.npz", "run.json"),
        *("certificate.json", "salts.json", "shareable"),
    }
    assert stat.S_IMODE((world.run / "salts.json").stat().st_mode) == 0o600


def test_both_files_are_written_or_neither(world, monkeypatch):
    world.certificate.mkdir()
    with pytest.raises(OSError, match="is there, and is no file"):
        certify(world.run, POLICY, world.key)
    world.certificate.rmdir()
    names = {path.name for path in world.run.iterdir()}
    put = Path.replace

    def fail_on_the_certificate(self, target):
        if self.name.startswith(".certificate"):
            raise OSError(28, "No space left on device")
        return put(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail_on_the_certificate)
        with pytest.raises(OSError, match="No space left"):
            certify(world.run, POLICY, world.key)
    assert {path.name for path in world.run.iterdir()} == names


@pytest.mark.parametrize("name", ["report.json", "report.html", "patients.parquet", "signals.npz"])
def test_a_file_that_was_changed_or_taken_away_is_named_and_nothing_is_signed(world, name):
    with (world.run / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(DataError, match=f"{name} is not the file that was written with run.json"):
        certify(world.run, POLICY, world.key)
    (world.run / name).unlink()
    with pytest.raises(
        (ConfigError, DataError), match=f"it has no {name}" if name == "report.json" else f"{name} is missing"
    ):
        certify(world.run, POLICY, world.key)
    assert not world.certificate.exists()
    assert not (world.run / "salts.json").exists()


def test_a_folder_that_is_no_run_is_refused(world):
    (world.run / "run.json").write_text("{}")
    with pytest.raises(DataError, match=r"says nothing valid on files, code_sha256, versions; was it"):
        certify(world.run, POLICY, world.key)
    (world.run / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run\.json is not JSON"):
        certify(world.run, POLICY, world.key)
    (world.run / "run.json").unlink()
    with pytest.raises(DataError, match="Is this the folder of an audit"):
        certify(world.run, POLICY, world.key)
    with pytest.raises(ConfigError, match="is no run of genoaudit"):
        certify(world.model, POLICY, world.key)


def test_record_and_page_must_belong_to_the_report(world):
    """Changes that come with new digests in run.json, as a careless hand would make them."""

    def rewrite(name, content):
        (world.run / name).write_text(content)
        record = json.loads((world.run / "run.json").read_text())
        record["files"][name] = file_digest(world.run / name)
        (world.run / "run.json").write_text(json.dumps(record))

    page = (world.run / "report.html").read_text()
    rewrite("report.html", page.replace("<html>", "<html> All is well."))
    with pytest.raises(DataError, match=r"not the page that report\.json gives"):
        certify(world.run, POLICY, world.key)
    rewrite("report.html", page)
    certify(world.run, POLICY, world.key)
    summary = (world.run / "shareable" / "summary.json").read_text()
    rewrite("shareable/summary.json", summary.replace('"release"', '"recipe"'))
    with pytest.raises(DataError, match=r"shareable/summary\.json: is not what the run gives"):
        certify(world.run, POLICY, world.key)
    rewrite("shareable/summary.json", summary)
    report = (world.run / "report.json").read_text()
    rewrite("report.json", report.replace('"headline"', ' "headline"'))
    with pytest.raises(DataError, match="not written as genoaudit writes it"):
        certify(world.run, POLICY, world.key)
    rewrite("report.json", "{}")
    with pytest.raises(ConfigError, match="no report of an audit"):
        certify(world.run, POLICY, world.key)
    rewrite("report.json", report)
    record = json.loads((world.run / "run.json").read_text())
    (world.run / "run.json").write_text(json.dumps({**record, "code_sha256": DIGEST}))
    with pytest.raises(DataError, match="audited by other code"):
        certify(world.run, POLICY, world.key)
    fewer = {name: digest for name, digest in record["files"].items() if name != "report.html"}
    (world.run / "run.json").write_text(json.dumps({**record, "files": fewer}))
    with pytest.raises(DataError, match=r"run\.json does not name report\.html"):
        certify(world.run, POLICY, world.key)
    (world.run / "run.json").write_text(json.dumps(record))
    rewrite("patients.parquet", "no table")
    with pytest.raises(ConfigError, match=r"patients\.parquet cannot be read"):
        certify(world.run, POLICY, world.key)


def test_a_page_with_identifiers_is_signed_too(tmp_path, audit_result, monkeypatch):
    draw_quickly(monkeypatch)
    audit_result.save(tmp_path / "run", show_ids=True)
    key, _ = write_keys(tmp_path)
    assert certify(tmp_path / "run", POLICY, key).exists()


@pytest.mark.parametrize("name", ["data", "labels", "scores"])
def test_files_that_were_changed_since_the_audit_are_named(audited, world, name):
    path = getattr(audited, name)
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    try:
        with pytest.raises(DataError, match=r"(The data have|target.path has) been changed since the audit\. Audit"):
            certify(world.run, POLICY, world.key)
        path.unlink()
        assert certify(world.run, POLICY, world.key).exists()  # elsewhere now; what was audited is on record
    finally:
        path.write_bytes(before)


def test_the_verdict_in_the_report_must_be_the_one_that_is_signed(tmp_path, audit_result, monkeypatch):
    draw_quickly(monkeypatch)
    key, _ = write_keys(tmp_path)
    verdict = decide(audit_result.report, POLICY)
    save_with(audit_result, tmp_path / "same", verdict=verdict)
    assert certify(tmp_path / "same", POLICY, key).exists()
    save_with(audit_result, tmp_path / "renamed", verdict=verdict.model_copy(update={"policy": "our strict one"}))
    assert certify(tmp_path / "renamed", POLICY, key).exists()
    save_with(audit_result, tmp_path / "softer", verdict=verdict.model_copy(update={"decision": "release"}))
    with pytest.raises(DataError, match="a verdict that its numbers do not give"):
        certify(tmp_path / "softer", POLICY, key)
    other = verdict.model_copy(update={"policy": "lenient", "policy_sha256": "6" * 64})
    save_with(audit_result, tmp_path / "other", verdict=other)
    with pytest.raises(ConfigError, match="shows the verdict of the policy 'lenient'"):
        certify(tmp_path / "other", POLICY, key)


def given_model(path):
    return GivenModel(
        kind="sklearn",
        source=path.name,
        sha256=content_digest(path),
        members=30,
        non_members=30,
        members_by="a file",
        non_members_from=None,
        manifest="none",
        seeded=None,
    )


def test_a_model_that_was_audited_itself_is_found_and_must_be_unchanged(tmp_path, world, audit_result, monkeypatch):
    draw_quickly(monkeypatch)
    run = tmp_path / "audited"
    save_with(audit_result, run, target=given_model(world.model))
    with pytest.raises(ConfigError, match="not known by a file"):
        certify(run, POLICY, world.key)
    _, statement = statement_in(certify(run, POLICY, world.key, model=world.model))
    assert statement.predicate.model == "audited"
    inputs = {
        "configuration": {},
        "files": {"target.path": {"path": str(world.model), "sha256": content_digest(world.model)}},
    }
    recorded = replace(audit_result, run={**audit_result.run, "inputs": inputs})
    run = tmp_path / "recorded"
    save_with(recorded, run, target=given_model(world.model))
    _, statement = statement_in(certify(run, POLICY, world.key))
    assert statement.predicate.model == "audited"
    assert "target.path" not in statement.predicate.commitments  # it is a subject
    with pytest.raises(ConfigError, match=r"README\.md is not the model that was audited"):
        certify(run, POLICY, world.key, model=world.model / "release" / "nested" / "README.md")
    (world.model / "release" / "recipe.json").write_text("{}")
    with pytest.raises(DataError, match=r"target\.path has been changed"):
        certify(run, POLICY, world.key)


def test_members_of_a_model_that_was_trained_on_everybody_are_everybody(tmp_path, world, audit_result, monkeypatch):
    draw_quickly(monkeypatch)
    run = tmp_path / "everybody"
    save_with(audit_result, run, target=given_model(world.model))
    _, statement = statement_in(certify(run, POLICY, world.key, model=world.model))
    salts = read_salts((run / "salts.json").read_bytes())
    everybody = member_lines([audit_result.patients["patient_id"]])
    assert statement.predicate.commitments["members"] == commitment(salts["members"], everybody)


def test_members_of_a_recipe_audit_are_those_of_every_model(tmp_path, world, audit_result, monkeypatch):
    draw_quickly(monkeypatch)
    run = tmp_path / "recipe"
    audit_result.save(run)
    _, statement = statement_in(certify(run, POLICY, world.key))
    salts = read_salts((run / "salts.json").read_bytes())
    ids = sorted(audit_result.patients["patient_id"])
    members = [[name for name, held in zip(ids, row, strict=True) if held] for row in audit_result.design.members]
    assert statement.predicate.commitments["members"] == commitment(salts["members"], member_lines(members))


def test_another_policy_gives_another_certificate(world):
    asks_little = parse_policy({"attacks": {"auc": 1.0}}, name="lenient")
    _, statement = statement_in(certify(world.run, asks_little, world.key))
    assert (statement.predicate.decision, statement.predicate.policy.name) == ("release", "lenient")
