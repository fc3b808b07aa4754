import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from certified import write_model
from google.protobuf.json_format import Parse
from in_toto_attestation.v1.statement import Statement as TheirStatement
from in_toto_attestation.v1.statement_pb2 import Statement as TheirMessage
from pydantic import ValidationError

from genoaudit.errors import DataError
from genoaudit.report.certificate import (
    Certificate,
    PolicyUsed,
    Statement,
    Subject,
    member_lines,
    model_digests,
    read_salts,
    salts_bytes,
)
from genoaudit.report.schemas import schema_text

DIGEST = "5" * 64

EXAMPLE = Path(__file__).parents[2] / "data_schemas" / "examples" / "certificate.json"


def make_statement(**changes):
    certificate = Certificate(
        audit="release",
        model="audited",
        decision="hold",
        policy=PolicyUsed(name="strict", sha256=DIGEST),
        genoaudit_version="0.1.0",
        code_sha256=DIGEST,
        libraries={"numpy": "2.4.6"},
        signed_on=date(2026, 1, 2),
        commitments={"members": DIGEST},
        salts_sha256=DIGEST,
    )
    return Statement(
        **{
            "subject": (
                Subject(name="model/recipe.json", digest={"sha256": DIGEST}),
                Subject(name="report.json", digest={"saltedSha256": DIGEST}),
            ),
            "predicate": certificate,
            **changes,
        }
    )


def test_a_statement_is_read_by_in_toto_s_own_library():
    theirs = Parse(make_statement().to_bytes(), TheirMessage())
    TheirStatement.copy_from_pb(theirs).validate()
    assert theirs.predicate_type == "urn:genoaudit:certificate:1.0"
    assert {subject.name: dict(subject.digest) for subject in theirs.subject} == {
        "model/recipe.json": {"sha256": DIGEST},
        "report.json": {"saltedSha256": DIGEST},
    }
    assert theirs.predicate["decision"] == "hold"


def test_a_statement_is_written_in_one_way_and_read_back():
    content = make_statement().to_bytes()
    assert Statement.model_validate(json.loads(content)) == make_statement()
    assert Statement.model_validate(json.loads(content)).to_bytes() == content
    assert b"\n" not in content


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "model/../../x", "", ".", "a\0b"])
def test_no_subject_leads_out_of_its_folder(name):
    with pytest.raises(ValidationError):
        Subject(name=name, digest={"sha256": DIGEST})


@pytest.mark.parametrize("digest", [{}, {"md5": DIGEST}, {"sha256": "5" * 63}, {"sha256": DIGEST.replace("5", "G")}])
def test_a_subject_has_one_digest_of_a_known_kind(digest):
    with pytest.raises(ValidationError):
        Subject(name="report.json", digest=digest)


def test_no_subject_is_named_twice():
    twice = (Subject(name="model", digest={"sha256": DIGEST}),) * 2
    with pytest.raises(ValidationError, match="named twice"):
        make_statement(subject=twice)


def test_the_example_is_valid_for_the_schema_and_the_program():
    schema = jsonschema.Draft202012Validator(json.loads(schema_text("certificate")))
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    schema.validate(example)
    assert json.loads(Certificate.model_validate(example).model_dump_json()) == example
    schema.validate(json.loads(make_statement().predicate.model_dump_json()))
    for key in example:
        with pytest.raises(jsonschema.ValidationError):
            schema.validate({name: value for name, value in example.items() if name != key})


def test_salts_are_read_as_they_were_written_and_not_otherwise():
    salts = {"members": bytes(32), "data": bytes(range(32))}
    content = salts_bytes(salts)
    assert read_salts(content) == salts
    for damaged in (b"", b"[]", b"{", content + b"\n", content.replace(b"00", b"0", 1), content.replace(b"1f", b"1F")):
        with pytest.raises(ValueError, match=r"JSON|salt|valid|Expecting|written"):
            read_salts(damaged)


def test_members_stand_in_one_order_model_by_model():
    assert member_lines([["b", "a"], [], ["ä"]]) == '["a","b"]\n[]\n["ä"]\n'.encode()
    assert member_lines([["a"], ["b"]]) != member_lines([["a", "b"]])


def test_only_what_is_released_of_a_model_is_digested(tmp_path):
    model = write_model(tmp_path / "MODEL")
    digests = model_digests(model)
    assert list(digests) == ["model/model.safetensors", "model/nested/README.md", "model/recipe.json"]
    assert digests == model_digests(model / "release")
    assert model_digests(model / "release" / "recipe.json") == {"model": digests["model/recipe.json"]}


def test_a_model_that_is_not_all_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        model_digests(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty folder"):
        model_digests(tmp_path / "empty")
    model = write_model(tmp_path / "MODEL")
    (model / "release" / "more").symlink_to(tmp_path / "empty")
    with pytest.raises(DataError, match="'more' in it is not a file"):
        model_digests(model)
