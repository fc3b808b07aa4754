import hashlib
from pathlib import Path

import genoaudit
from genoaudit.files import code_digest, file_digest


def test_a_file_has_the_digest_that_sha256_gives_its_bytes(tmp_path):
    content = bytes(range(256)) * 5000  # more than one block
    (tmp_path / "file").write_bytes(content)
    assert file_digest(tmp_path / "file") == hashlib.sha256(content).hexdigest()
    assert file_digest(tmp_path / "file", tmp_path / "file") == hashlib.sha256(2 * content).hexdigest()


def test_the_code_is_told_apart_by_every_module_and_only_by_the_parts_asked_for():
    expected = hashlib.sha256()
    package = Path(genoaudit.__file__).parent
    expected.update(b"errors.py\0" + (package / "errors.py").read_bytes() + b"\0")
    assert code_digest("errors.py") == expected.hexdigest()
    assert len({code_digest(), code_digest("privacy"), code_digest("privacy", "errors.py")}) == 3
