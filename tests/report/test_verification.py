"""Certificates checked after every kind of tampering."""

import base64
import json
import os
import random
import shutil
from contextlib import contextmanager
from datetime import date

import pytest
from certified import (
    EVERYTHING,
    MODEL_FILES,
    POLICY,
    RUN_FILES,
    SHARED,
    copied,
    differing,
    unchecked,
    verify,
    write_keys,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from genoaudit.errors import ConfigError, DataError
from genoaudit.report.certificate import PAYLOAD_TYPE, Certificate, PolicyUsed, Statement, Subject
from genoaudit.report.policy import parse_policy
from genoaudit.report.signing import key_id, read_private_key, read_public_key, seal
from genoaudit.report.verdict import decide
from genoaudit.report.verification import verify_certificate
from genoaudit.report.verification_terminal import print_verification, verification_record

DIGEST = "5" * 64


@contextmanager
def damaged(path, place, value=None):
    """Change one byte of a file for a while."""
    before = path.read_bytes()
    value = before[place] ^ 1 if value is None else value
    path.write_bytes(before[:place] + bytes([value]) + before[place + 1 :])
    try:
        yield
    finally:
        path.write_bytes(before)


def places_in(path, number=12):
    """Return the first and the last place, and some between."""
    size = path.stat().st_size
    return {0, size - 1, *random.Random(path.name).sample(range(size), min(number, size))}


def test_everything_that_was_signed_agrees(signed):
    verification = verify(signed)
    assert {check.name: check.outcome for check in verification.checks} == dict.fromkeys(EVERYTHING, "agrees")
    assert verification.certificate.decision == "hold"
    assert verification.key == key_id(read_public_key(signed.public))


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_changed_byte_anywhere_in_a_run_is_found_and_its_file_named(world, name):
    for place in places_in(world.run / name):
        with damaged(world.run / name, place):
            assert differing(verify(world)) == {name}, place
    assert not differing(verify(world))


@pytest.mark.parametrize("name", MODEL_FILES)
def test_a_changed_byte_anywhere_in_the_model_is_found_and_its_file_named(world, name):
    path = world.model / "release" / name.removeprefix("model/")
    for place in places_in(path):
        with damaged(path, place):
            assert differing(verify(world)) == {name}, place


@pytest.mark.parametrize(("name", "path"), [("data", "data"), ("data", "labels"), ("target.path", "scores")])
def test_a_changed_byte_anywhere_in_what_was_read_is_found_and_named(signed, name, path):
    file = getattr(signed, path)
    for place in places_in(file):
        with damaged(file, place):
            assert differing(verify(signed)) == {name}, place


def test_a_changed_byte_anywhere_in_the_salts_is_found_and_named(world):
    for place in places_in(world.run / "salts.json", 40):
        with damaged(world.run / "salts.json", place):
            verification = verify(world)
            assert differing(verification) == {"salts.json"}, place
            assert {"report.json", "members", "data"} <= unchecked(verification)


def test_a_changed_byte_of_the_certificate_is_found_or_changes_nothing_that_it_says(world):
    before = verify(world)
    content = world.certificate.read_bytes()
    envelope = json.loads(content)
    strings = [envelope["payload"], envelope["payloadType"], *envelope["signatures"][0].values()]
    for place in [*places_in(world.certificate, 60), *(content.index(text.encode()) + 1 for text in strings)]:
        with damaged(world.certificate, place):
            verification = verify(world)
            if verification != before:
                assert differing(verification) == {"certificate.json"}, place
                assert verification.certificate is None
                assert len(verification.checks) == 1
            else:
                assert content[place : place + 1].isspace()


@given(place=st.integers(0, 10_000), value=st.integers(0, 255), name=st.sampled_from([*RUN_FILES, "salts.json"]))
@settings(max_examples=25, deadline=None)
def test_any_byte_of_any_file_counts(signed, place, value, name):
    path = signed.run / name
    place %= path.stat().st_size
    if path.read_bytes()[place] != value:
        with damaged(path, place, value):
            assert differing(verify(signed)) == {name}


@pytest.mark.parametrize("name", [*RUN_FILES, "salts.json"])
def test_a_missing_a_truncated_and_a_longer_file_are_named(world, name):
    path = world.run / name
    content = path.read_bytes()
    for damage in (content[:-1], b"", content + b"\n"):
        path.write_bytes(damage)
        assert differing(verify(world)) == {name}
    path.unlink()
    [check] = verify(world).differing
    assert (check.name, "is missing" in check.why) == (name, True)
    path.mkdir()
    assert differing(verify(world)) == {name}


def test_swapped_files_are_named(world):
    one, other = world.run / "report.json", world.run / "report.html"
    one.rename(world.run / "x")
    other.rename(one)
    (world.run / "x").rename(other)
    assert differing(verify(world)) == {"report.json", "report.html"}


def test_a_certificate_of_another_run_does_not_fit(world, audit_result, tmp_path):
    other = tmp_path / "other"
    audit_result.save(other)
    shutil.copy(world.certificate, other)
    verification = verify_certificate(other, world.public)
    assert "salts.json" in differing(verification)
    shutil.copy(world.run / "salts.json", other)
    assert differing(verify_certificate(other, world.public)) == set(RUN_FILES)


def test_a_certificate_by_another_key_says_nothing(world, tmp_path):
    _, stranger = write_keys(tmp_path, "stranger")
    verification = verify_certificate(world.run, stranger)
    assert verification.certificate is None
    [check] = verification.checks
    assert (check.name, check.outcome) == ("certificate.json", "differs")
    assert "was not signed with this key" in check.why


def test_further_signatures_are_mentioned(world, tmp_path):
    private, _ = write_keys(tmp_path, "board")
    envelope = json.loads(world.certificate.read_text())
    payload = base64.b64decode(envelope["payload"])
    envelope["signatures"] += json.loads(seal(payload, PAYLOAD_TYPE, read_private_key(private)))["signatures"]
    world.certificate.write_text(json.dumps(envelope))
    verification = verify(world)
    assert not verification.differing
    assert unchecked(verification) == {"further signatures"}


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 100, b'{"payload": "e30=", "payload": "e30="}'])
def test_what_is_no_certificate_is_said_to_be_none(world, damage):
    world.certificate.write_bytes(damage)
    [check] = verify(world).differing
    assert check.why == "it is not a DSSE envelope; is it damaged?"


def test_a_certificate_without_bounds_is_not_read(world):
    with world.certificate.open("ab") as file:
        file.truncate(1 << 33)
    with pytest.raises(DataError, match="has more than 8,388,608 bytes"):
        verify(world)


def test_what_is_not_there_is_said(world, tmp_path):
    world.certificate.unlink()
    with pytest.raises(DataError, match=r"certificate.json: there is no certificate; sign the run first"):
        verify(world)
    with pytest.raises(DataError, match="is not there"):
        verify_certificate(tmp_path / "nowhere.json", world.public)
    os.mkfifo(world.certificate)
    with pytest.raises(DataError, match="there is no certificate"):
        verify(world)
    with pytest.raises(ConfigError, match="does not exist"):
        verify_certificate(world.run, tmp_path / "nowhere.pem")


def sign(world, **changes):
    """Sign a statement of one's own making."""
    content = {
        "audit": "recipe",
        "model": "none",
        "decision": "release",
        "policy": PolicyUsed(name="none", sha256=DIGEST),
        "genoaudit_version": "9",
        "code_sha256": DIGEST,
        "libraries": {},
        "signed_on": date(2026, 1, 2),
        "commitments": {},
        "salts_sha256": DIGEST,
    }
    subject = Subject(name="report.json", digest={"saltedSha256": DIGEST})
    statement = Statement(subject=(subject,), predicate=Certificate(**content))
    payload = json.dumps({**json.loads(statement.to_bytes()), **changes}).encode()
    world.certificate.write_bytes(seal(payload, PAYLOAD_TYPE, read_private_key(world.key)))


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"predicateType": "https://slsa.dev/provenance/v1"},
        {"predicate": {}},
        {"subject": []},
        {"subject": [{"name": "../../etc/passwd", "digest": {"sha256": DIGEST}}]},
        {"surprise": 1},
    ],
)
def test_another_statement_by_the_same_key_is_not_taken_for_a_certificate(world, changes):
    sign(world, **changes)
    [check] = verify(world).checks
    assert "says nothing that this version of genoaudit understands" in check.why


def test_a_signer_s_own_statement_is_compared_like_any_other(world):
    sign(world)
    verification = verify(world)
    assert differing(verification) == {"salts.json", "model", "policy", *SHARED}
    assert {"code", "report.json", "members"} <= unchecked(verification)


def test_code_that_is_not_installed_here_is_not_called_different(world, monkeypatch):
    monkeypatch.setattr("genoaudit.report.certificate_checks.code_digest", lambda: "5" * 64)
    verification = verify(world)
    assert not verification.differing
    assert unchecked(verification) == {"code"}


def test_the_certificate_alone_shows_what_is_public_and_says_how_to_see_the_rest(signed, tmp_path):
    alone = tmp_path / "certificate.json"
    alone.write_bytes(signed.certificate.read_bytes())
    verification = verify_certificate(alone, signed.public, model=signed.model, policy=POLICY)
    agreeing = {check.name for check in verification.checks if check.outcome == "agrees"}
    assert agreeing == {"certificate.json", "code", *MODEL_FILES, "policy"}
    assert not verification.differing
    assert unchecked(verification) == set(EVERYTHING) - agreeing - {"salts.json"}
    for check in verification.unchecked:
        assert "give the run" in check.why


def test_a_summary_that_is_shared_beside_the_certificate_is_compared(signed, tmp_path):
    alone = tmp_path / "certificate.json"
    alone.write_bytes(signed.certificate.read_bytes())
    shutil.copytree(signed.run / "shareable", tmp_path / "shareable")
    verification = verify_certificate(alone, signed.public)
    assert set(SHARED) <= {check.name for check in verification.checks if check.outcome == "agrees"}
    (tmp_path / "shareable" / "summary.json").write_text("{}")
    assert differing(verify_certificate(alone, signed.public)) == {"shareable/summary.json"}


def test_what_is_not_where_it_was_is_not_checked_until_somebody_says_where_it_is(signed, tmp_path):
    moved = copied(signed, tmp_path / "moved")
    away = signed.folder.with_name("away")
    signed.folder.rename(away)
    try:
        verification = verify(moved, model=None, policy=None)
        assert not verification.differing
        assert unchecked(verification) == {"data", "configuration", "target.path", "model", "policy"}
        for check in verification.unchecked:
            assert "--" in check.why
        assert verify(moved, config=moved.config).differing == verify(moved, config=moved.config).unchecked == ()
        assert unchecked(verify(moved, data=[moved.data, moved.labels])) == {"configuration", "target.path"}
        assert differing(verify(moved, data=[moved.data])) == {"data"}
        assert differing(verify(moved, data=[moved.folder / "nowhere.csv"])) == {"data"}
        assert differing(verify(moved, config=moved.folder / "nowhere.toml")) == {"configuration"}
        assert differing(verify(moved, model=moved.folder / "nowhere")) == {"model"}
    finally:
        away.rename(signed.folder)


def test_bytes_that_moved_between_table_and_labels_and_one_file_of_both_are_named(signed, tmp_path):
    table, labels = signed.data.read_bytes(), signed.labels.read_bytes()
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_bytes(table + labels[:10])
    other.write_bytes(labels[10:])
    assert differing(verify(signed, data=[one, other])) == {"data"}
    assert differing(verify(signed, data=[signed.labels, signed.data])) == {"data"}
    one.write_bytes(table + labels)
    [check] = verify(signed, data=[one]).differing
    assert (check.name, check.why) == ("data", "the audit read 2 files, and 1 are here")
    assert differing(verify(signed, data=[signed.data, signed.labels, other])) == {"data"}
    assert not differing(verify(signed, data=[signed.data, signed.labels]))


def test_a_configuration_that_asks_for_something_else_is_named_with_the_key(world):
    text = world.config.read_text()
    world.config.write_text(text.replace('"log2"', '"intensity"') + "\n# A remark\n")
    [check] = verify(world, config=world.config).differing
    assert (check.name, check.why) == ("configuration", "in cohort.scale")
    world.config.write_text(text + "\n# A remark\n")
    assert not verify(world, config=world.config).differing
    world.config.write_text(text.replace("[audit]", "[audti]"))
    [check] = verify(world, config=world.config).differing
    assert "did you mean 'audit'?" in check.why


def test_one_file_too_many_counts_in_a_model_and_is_told_of_in_a_run(world):
    (world.model / "release" / "extra.py").write_text("import os\n")
    (world.run / "notes.txt").write_text("Talk to the board.\n")
    (world.model / "confidential" / "notes.txt").touch()
    verification = verify(world)
    [check] = verification.differing
    assert (check.name, check.why) == ("model/extra.py", "the certificate does not name it")
    assert unchecked(verification) == {"notes.txt", "confidential/notes.txt"}
    (world.model / "release" / "extra.py").unlink()
    (world.model / "release" / "recipe.json").unlink()
    [check] = verify(world).differing
    assert (check.name, check.why) == ("model/recipe.json", "is missing")


def test_another_policy_and_another_verdict_are_named(world, monkeypatch):
    stricter = parse_policy({"bounds": {"epsilon": 0.5}}, name="strict")
    assert differing(verify(world, policy=stricter)) == {"policy"}
    alone = verify_certificate(world.certificate, world.public, policy=stricter)
    assert differing(alone) == {"policy"}

    def milder(report, policy):
        return decide(report, policy).model_copy(update={"decision": "release"})

    monkeypatch.setattr("genoaudit.report.certificate_checks.decide", milder)
    [check] = verify(world).differing
    assert (check.name, check.why) == ("verdict", "by this code the policy says release")


def test_the_verdict_is_shown_first_and_then_a_line_for_everything(signed, capsys):
    print_verification(verify(signed))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Signed verdict: hold."
    assert "By the policy 'strict' on " in lines[1]
    assert [line[12:].partition(":")[0] for line in lines if line.startswith("agrees")] == list(EVERYTHING)
    assert lines[-1] == "What was compared is as it was signed."


def test_what_differs_is_a_line_and_names_cannot_steer_the_terminal(world, capsys):
    with damaged(world.run / "report.html", 5):
        (world.run / "a\x1b[2Jb").touch()
        print_verification(verify(world))
    out = capsys.readouterr().out
    assert "differs     report.html\n" in out
    assert "not checked a\N{REPLACEMENT CHARACTER}[2Jb: the certificate does not name it\n" in out
    assert "\x1b[2J" not in out
    assert out.endswith("1 of 21 differ from what was signed. 1 not checked.\n")


def test_a_certificate_that_does_not_hold_shows_no_verdict(world, tmp_path, capsys):
    _, stranger = write_keys(tmp_path, "stranger")
    print_verification(verify_certificate(world.run, stranger))
    out = capsys.readouterr().out
    assert "verdict" not in out
    assert out.endswith("The certificate does not hold, so nothing that it says counts.\n")


def test_the_record_for_machines_says_the_same(signed):
    record = json.loads(json.dumps(verification_record(verify(signed))))
    assert record["certificate"]["decision"] == "hold"
    assert [check["name"] for check in record["checks"]] == list(EVERYTHING)
    assert {check["outcome"] for check in record["checks"]} == {"agrees"}
