"""Envelopes, against the examples of the DSSE specification and against securesystemslib."""

import base64
import json
import random
import subprocess

import pytest
from certified import write_keys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from genoaudit.errors import ConfigError, DataError
from genoaudit.report.signing import (
    Opened,
    key_id,
    needs_passphrase,
    pre_authentication_encoding,
    read_private_key,
    read_public_key,
    seal,
    unseal,
)

TYPE = "application/vnd.in-toto+json"
# The first key of RFC 8032, section 7.1, with which the specification's test vectors are signed.
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
PUBLIC = KEY.public_key()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def envelope(payload="eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==", kind=TYPE, **signature):
    return json.dumps({"payload": payload, "payloadType": kind, "signatures": [signature]}).encode()


def changed(sealed, change):
    content = json.loads(sealed)
    change(content)
    return json.dumps(content).encode()


def test_what_is_signed_is_the_specification_s_example():
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication_encoding("exämple", b"") == "DSSEv1 8 exämple 0 ".encode()


@pytest.mark.parametrize(
    ("payload", "kind", "sig"),
    [
        (
            "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==",
            TYPE,
            "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==",
        ),
        ("-_-_Pj8=", TYPE, "P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw=="),
        (
            "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==",
            "application/vnd.exämple+json",
            "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==",
        ),
        ("", TYPE, "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg=="),
    ],
    ids=["plain", "URL-safe base64", "type beyond ASCII", "empty payload"],
)
def test_the_specification_s_signed_examples_are_accepted(payload, kind, sig):
    opened = unseal(envelope(payload, kind, sig=sig), kind, PUBLIC)
    assert opened == Opened(base64.urlsafe_b64decode(payload.replace("+", "-").replace("/", "_")), others=0)


def test_a_signature_is_over_the_type_too():
    sig = "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA=="
    with pytest.raises(DataError, match="not signed with this key, or was changed"):
        unseal(envelope(kind="application/vnd.example.other+json", sig=sig), TYPE, PUBLIC)


def test_what_is_sealed_is_opened_and_signed_as_the_specification_s_example():
    sealed = seal(b'{"_type":"https://in-toto.io/Statement/v1"}', TYPE, KEY)
    assert json.loads(sealed)["signatures"][0]["sig"].startswith("2WAfaHm5jluo0w+0rk8u")
    assert unseal(sealed, TYPE, PUBLIC) == Opened(b'{"_type":"https://in-toto.io/Statement/v1"}', others=0)


@given(payload=st.binary(max_size=300), kind=st.text(min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_another_tool_opens_what_is_sealed_here_and_the_other_way_round(payload, kind):
    sealed = Envelope.from_dict(json.loads(seal(payload, kind, KEY)))
    assert sealed.payload == payload
    assert sealed.verify([SSlibKey.from_crypto(PUBLIC)], 1)
    theirs = Envelope(payload, kind, {})
    theirs.sign(CryptoSigner(KEY))
    assert unseal(json.dumps(theirs.to_dict()).encode(), kind, PUBLIC) == Opened(payload, others=0)


@pytest.mark.parametrize("field", ["payload", "sig", "payloadType"])
def test_what_another_tool_sealed_and_somebody_changed_is_refused_by_both(field):
    theirs = Envelope(b"content", TYPE, {})
    theirs.sign(CryptoSigner(KEY))
    content = theirs.to_dict()
    holder = content["signatures"][0] if field == "sig" else content
    holder[field] = "application/other" if field == "payloadType" else "B" + holder[field][1:]
    with pytest.raises(DataError):
        unseal(json.dumps(content).encode(), TYPE, PUBLIC)
    with pytest.raises(VerificationError):
        Envelope.from_dict(content).verify([SSlibKey.from_crypto(PUBLIC)], 1)


def test_keys_are_named_as_other_tools_name_them():
    assert key_id(PUBLIC) == SSlibKey.from_crypto(PUBLIC).keyid


def test_no_changed_byte_of_an_envelope_is_accepted_with_another_content():
    sealed = seal(b'{"a": "a statement"}', TYPE, KEY)
    draw = random.Random(0)
    accepted = 0
    for place in range(len(sealed)):
        for value in {sealed[place] ^ (1 << draw.randrange(8)), sealed[place] ^ 1, draw.randrange(256)} - {
            sealed[place]
        }:
            damaged = sealed[:place] + bytes([value]) + sealed[place + 1 :]
            try:
                opened = unseal(damaged, TYPE, PUBLIC)
            except DataError:
                continue
            accepted += 1
            assert opened == Opened(b'{"a": "a statement"}', others=0)
            assert json.loads(damaged) == json.loads(sealed)  # other white space, and nothing else
    assert accepted < 100


@pytest.mark.parametrize("length", [0, 1, 10, 100, 200])
def test_a_truncated_envelope_is_refused(length):
    sealed = seal(b"{}", TYPE, KEY)
    with pytest.raises(DataError, match="not a DSSE envelope"):
        unseal(sealed[:length], TYPE, PUBLIC)


def test_the_signature_of_another_key_is_refused():
    with pytest.raises(DataError, match="not signed with this key"):
        unseal(seal(b"{}", TYPE, OTHER), TYPE, PUBLIC)
    claimed = changed(seal(b"{}", TYPE, OTHER), lambda content: content["signatures"][0].update(keyid=key_id(PUBLIC)))
    with pytest.raises(DataError, match="does not hold"):
        unseal(claimed, TYPE, PUBLIC)


def test_the_name_of_a_key_proves_nothing_and_may_be_left_out():
    nameless = changed(seal(b"{}", TYPE, KEY), lambda content: content["signatures"][0].pop("keyid"))
    assert unseal(nameless, TYPE, PUBLIC) == Opened(b"{}", others=0)
    renamed = changed(seal(b"{}", TYPE, KEY), lambda content: content["signatures"][0].update(keyid="somebody"))
    with pytest.raises(DataError, match="not signed with this key"):
        unseal(renamed, TYPE, PUBLIC)


def test_further_signatures_are_counted_and_a_false_one_of_this_key_is_refused():
    other = json.loads(seal(b"{}", TYPE, OTHER))["signatures"]
    both = changed(seal(b"{}", TYPE, KEY), lambda content: content["signatures"].extend(other))
    assert unseal(both, TYPE, PUBLIC) == Opened(b"{}", others=1)
    assert unseal(both, TYPE, OTHER.public_key()) == Opened(b"{}", others=1)
    false = [{"sig": base64.b64encode(bytes(64)).decode(), "keyid": key_id(PUBLIC)}]
    with pytest.raises(DataError, match="does not hold"):
        unseal(changed(both, lambda content: content["signatures"].extend(false)), TYPE, PUBLIC)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(payload=content["payload"] + "\n"),
        lambda content: content.update(payload=content["payload"].rstrip("=")),
        lambda content: content.update(payload=content["payload"] + "="),
        lambda content: content.update(payload=" " + content["payload"]),
        lambda content: content.update(payload="e30h" + content["payload"]),
        lambda content: content.update(payload="+-" + content["payload"][2:]),
        lambda content: content.update(payload="ä" + content["payload"]),
        lambda content: content.update(payload=7),
        lambda content: content.update(payloadType="\ud800"),
        lambda content: content.update(surprise=1),
        lambda content: content.pop("signatures"),
        lambda content: content.update(signatures=[]),
        lambda content: content["signatures"][0].update(sig=""),
        lambda content: content["signatures"][0].update(sig=content["signatures"][0]["sig"][:-4]),
        lambda content: content["signatures"][0].update(cert="x"),
    ],
)
def test_other_spellings_and_other_shapes_are_refused(change):
    with pytest.raises(DataError):
        unseal(changed(seal(b"{}", TYPE, KEY), change), TYPE, PUBLIC)


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 1}', b"[NaN]", b"[" * 100_000, b"\xff", b'["\\ud800"]'])
def test_json_that_means_more_than_one_thing_or_nothing_is_refused(text):
    with pytest.raises(DataError, match="not a DSSE envelope"):
        unseal(text, TYPE, PUBLIC)


def test_a_key_given_twice_in_an_envelope_is_refused():
    sealed = seal(b"{}", TYPE, KEY).replace(b'"payloadType"', b'"payload": "e30=", "payloadType"')
    with pytest.raises(DataError, match="not a DSSE envelope"):
        unseal(sealed, TYPE, PUBLIC)


def test_a_signed_payload_of_another_type_is_not_taken_for_a_statement():
    with pytest.raises(DataError, match=r'is signed, but holds "text/plain" and not application/vnd.in-toto\+json'):
        unseal(seal(b"{}", "text/plain", KEY), TYPE, PUBLIC)


def test_keys_are_read_as_openssl_writes_them(tmp_path):
    key, hidden, public = tmp_path / "key.pem", tmp_path / "hidden.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:correct horse", "-out", hidden], check=True
    )
    assert not needs_passphrase(key)
    assert needs_passphrase(hidden)
    names = {
        key_id(read_private_key(key).public_key()),
        key_id(read_private_key(key, "not needed").public_key()),
        key_id(read_private_key(hidden, "correct horse").public_key()),
        key_id(read_public_key(public)),
    }
    assert len(names) == 1


def test_a_passphrase_that_is_missing_or_wrong_is_said(tmp_path):
    private, _ = write_keys(tmp_path, password="right")
    with pytest.raises(ConfigError, match="protected by a passphrase; none was given"):
        read_private_key(private)
    with pytest.raises(ConfigError, match="the passphrase is wrong"):
        read_private_key(private, "wrong")


def test_other_files_are_no_keys(tmp_path):
    private, public = write_keys(tmp_path)
    with pytest.raises(ConfigError, match="give the public one"):
        read_public_key(private)
    with pytest.raises(ConfigError, match=r"no private key in PEM. Make one with: openssl genpkey"):
        read_private_key(public)
    with pytest.raises(ConfigError, match="does not exist"):
        read_private_key(tmp_path / "nowhere.pem")
    (tmp_path / "large.pem").write_bytes(bytes(1 << 17))
    with pytest.raises(ConfigError, match="has more than"):
        read_public_key(tmp_path / "large.pem")
    (tmp_path / "noise.pem").write_bytes(b"noise")
    with pytest.raises(ConfigError, match="no public key"):
        read_public_key(tmp_path / "noise.pem")


def test_keys_of_another_kind_are_refused(tmp_path):
    key, public = tmp_path / "ec.pem", tmp_path / "ec.public.pem"
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
    with pytest.raises(ConfigError, match="of another kind; Ed25519 is needed"):
        read_private_key(key)
    with pytest.raises(ConfigError, match="of another kind"):
        read_public_key(public)
