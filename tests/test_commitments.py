import hashlib

from genoaudit.commitments import commitment, new_salt


def test_a_commitment_is_the_hash_of_salt_and_content_and_tells_contents_and_salts_apart():
    salt = bytes(range(32))
    assert commitment(salt, b"mem", b"bers") == hashlib.sha256(salt + b"members").hexdigest()
    assert len({commitment(new_salt(), b"members") for _ in range(100)}) == 100
    assert {len(new_salt()) for _ in range(10)} == {32}
