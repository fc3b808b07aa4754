"""Signed statements: DSSE envelopes with Ed25519 signatures, and the user's own keys in PEM files.

The envelope is that of DSSE 1.0 (https://github.com/secure-systems-lab/dsse), which in-toto, sigstore and others read.
What is signed is the type and the bytes of the payload together (`pre_authentication_encoding`), so nothing has to be
parsed, and no JSON has to be brought into one form, before the signature is known to hold.

Keys are made outside, for example by OpenSSL; there is no default key and none is ever generated here::

    openssl genpkey -algorithm ed25519 -aes256 -out key.pem
    openssl pkey -in key.pem -pubout -out public.pem
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import BaseModel, ConfigDict, ValidationError

from genoaudit.errors import ConfigError, DataError
from genoaudit.files import read_whole
from genoaudit.json_text import strict_json

MOST_BYTES = 8 << 20
"""Larger than any certificate; what is larger is not read."""

_MOST_KEY_BYTES = 1 << 16
_MAKE_ONE = "openssl genpkey -algorithm ed25519 -aes256 -out key.pem; openssl pkey -in key.pem -pubout -out public.pem"


@dataclass(frozen=True)
class Opened:
    """A payload whose signature holds.

    Parameters
    ----------
    payload
        What was signed.
    others
        Further signatures in the envelope, by keys that nobody asked about; they were not checked.
    """

    payload: bytes
    others: int


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    sig: str
    keyid: str = ""


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    payload: str
    payloadType: str  # noqa: N815 - the specification's name
    signatures: list[_Signature]


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    r"""Return the bytes that a DSSE signature is over.

    Examples
    --------
    >>> pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, payload_type: str, key: Ed25519PrivateKey) -> bytes:
    """Sign a payload and return the envelope as JSON."""
    signature = key.sign(pre_authentication_encoding(payload_type, payload))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }
    return (json.dumps(envelope, indent=2, sort_keys=True) + "\n").encode()


def unseal(envelope: bytes, payload_type: str, key: Ed25519PublicKey) -> Opened:
    """Return the payload of an envelope that the owner of `key` signed.

    Parameters
    ----------
    envelope
        JSON as `seal` or any other DSSE tool writes it; standard or URL-safe base64.
    payload_type
        The only type that is accepted.
    key
        Whose signature is asked for. Signatures that name another key are passed over, as DSSE has it.

    Raises
    ------
    DataError
        If it is not an envelope, or no signature by that key holds, or one that claims to be by that key does not.
    """
    parsed = _parsed(envelope)
    payload = _decoded(parsed.payload)
    signed = pre_authentication_encoding(parsed.payloadType, payload)
    own, others = 0, 0
    for signature in parsed.signatures:
        if signature.keyid not in ("", key_id(key)):
            others += 1
        elif _holds(key, _decoded(signature.sig), signed):
            own += 1
        elif signature.keyid:
            raise _refused("its signature does not hold: it was changed after it was signed")
        else:
            others += 1
    if not own:
        raise _refused("it was not signed with this key, or was changed after it was signed")
    if parsed.payloadType != payload_type:
        shown = json.dumps(parsed.payloadType[:80])
        raise _refused(f"it is signed, but holds {shown} and not {payload_type}")
    return Opened(payload, others)


def key_id(key: Ed25519PublicKey) -> str:
    """Return the name of a key: SHA-256 over its canonical JSON, as securesystemslib, in-toto and TUF name keys."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    content = {"keytype": "ed25519", "keyval": {"public": raw}, "scheme": "ed25519"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_private_key(path: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """Read the key to sign with from a PEM file.

    Raises
    ------
    ConfigError
        If there is no such key in the file, or the passphrase is missing or wrong.
    """
    pem = _pem(path)
    secret = passphrase.encode() if passphrase and _is_encrypted(pem) else None
    try:
        key = load_pem_private_key(pem, secret)
    except TypeError:
        msg = f"the key {path} is protected by a passphrase; none was given."
        raise ConfigError(msg) from None
    except (ValueError, UnsupportedAlgorithm):
        reason = "the passphrase is wrong, or the file is damaged" if secret else "it holds no private key in PEM"
        msg = f"the key {path} cannot be read: {reason}. Make one with: {_MAKE_ONE}"
        raise ConfigError(msg) from None
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"the key {path} is of another kind; Ed25519 is needed. Make one with: {_MAKE_ONE}"
        raise ConfigError(msg)
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read the key to check signatures with from a PEM file.

    Raises
    ------
    ConfigError
        If there is no such key in the file.
    """
    pem = _pem(path)
    if b"PRIVATE KEY" in pem:
        msg = f"{path} holds a private key, which only its owner should have; give the public one."
        raise ConfigError(msg)
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        msg = f"the key {path} cannot be read: it holds no public key in PEM."
        raise ConfigError(msg) from None
    if not isinstance(key, Ed25519PublicKey):
        msg = f"the key {path} is of another kind; certificates are signed with Ed25519."
        raise ConfigError(msg)
    return key


def needs_passphrase(path: Path) -> bool:
    """Say whether a private key is protected by a passphrase."""
    return _is_encrypted(_pem(path))


def _is_encrypted(pem: bytes) -> bool:
    return b"ENCRYPTED" in pem


def _pem(path: Path) -> bytes:
    try:
        return read_whole(path, most=_MOST_KEY_BYTES)
    except DataError as error:
        msg = f"the key {path} {error.problems[0]}"
        raise ConfigError(msg) from error


def _parsed(envelope: bytes) -> _Envelope:
    try:
        return _Envelope.model_validate(strict_json(envelope))
    except (ValidationError, ValueError):
        raise _refused("it is not a DSSE envelope; is it damaged?") from None


def _decoded(text: str) -> bytes:
    """Decode base64 of either alphabet; what has another spelling than the one for these bytes is refused."""
    url_safe = bool({"-", "_"} & set(text))
    try:
        content = base64.b64decode(text, altchars=b"-_" if url_safe else None, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("its base64 is damaged") from None
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    if encode(content).decode() != text:
        raise _refused("its base64 is damaged")
    return content


def _holds(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _refused(reason: str) -> DataError:
    return DataError("certificate", [f"{reason}."])
