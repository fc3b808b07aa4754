import hashlib
import json

import pytest
from pydantic import ValidationError
from sample_manifest import MECHANISM, manifest

from genoaudit.artefacts.manifest import (
    Manifest,
    commitment_to_data,
    commitment_to_members,
    manifest_text,
)

SALT = "ab" * 32


def test_a_commitment_is_sha256_over_the_salt_and_the_sorted_ids():
    expected = hashlib.sha256(bytes.fromhex(SALT) + b'["p-1","p-2","\\u00e9"]').hexdigest()
    assert commitment_to_members(SALT, ["p-2", "é", "p-1", "p-2"]) == expected
    assert commitment_to_data(SALT, "f00") == hashlib.sha256(bytes.fromhex(SALT) + b"f00").hexdigest()


def test_no_two_lists_of_members_can_be_taken_for_each_other():
    lists = [["a", "b"], ["a,b"], ['a","b'], ["ab"], ["a", "b", ""], []]
    assert len({commitment_to_members(SALT, ids) for ids in lists}) == len(lists)


def test_a_manifest_comes_back_with_every_digit():
    before = manifest()
    after = Manifest.model_validate_json(manifest_text(before))
    assert after == before
    assert after.mechanisms == (MECHANISM,)
    assert after.delta == 1 / 3
    assert json.loads(manifest_text(before))["privacy"]["mechanisms"][0]["clip"] == 0.1 + 0.2


def test_without_dp_there_is_neither_mechanism_nor_delta():
    assert manifest(privacy=None).mechanisms == ()
    assert manifest(privacy=None).delta is None


@pytest.mark.parametrize("change", [{"scale": "bits"}, {"schema_version": "2.0"}, {"members": 3}, {"seeded": "maybe"}])
def test_a_manifest_with_anything_else_is_refused(change):
    with pytest.raises(ValidationError):
        manifest(**change)
