import pytest
from certified import POLICY, write_keys

from genoaudit.cli.certificate import sign_run
from genoaudit.errors import ConfigError
from genoaudit.report.verification import verify_certificate


def test_the_passphrase_comes_from_the_variable_that_is_named(saved, tmp_path, monkeypatch):
    private, public = write_keys(tmp_path, password="correct horse")
    with pytest.raises(ConfigError, match="variable BOARD is not set"):
        sign_run(saved, POLICY, private, passphrase_env="BOARD", model=None)
    monkeypatch.setenv("BOARD", "wrong")
    with pytest.raises(ConfigError, match="the passphrase is wrong"):
        sign_run(saved, POLICY, private, passphrase_env="BOARD", model=None)
    monkeypatch.setenv("BOARD", "correct horse")
    path = sign_run(saved, POLICY, private, passphrase_env="BOARD", model=None)
    assert not verify_certificate(saved, public).differing
    assert path == saved / "certificate.json"


def test_the_passphrase_is_asked_for_where_somebody_can_answer(saved, tmp_path, monkeypatch):
    private, _ = write_keys(tmp_path, password="correct horse")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(ConfigError, match="nobody can be asked for it; name a variable by --passphrase-env"):
        sign_run(saved, POLICY, private, passphrase_env=None, model=None)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda text, **how: "correct horse" if how["hide_input"] else "")
    assert sign_run(saved, POLICY, private, passphrase_env=None, model=None).exists()


def test_a_key_without_a_passphrase_asks_for_nothing(saved, tmp_path, monkeypatch):
    private, _ = write_keys(tmp_path)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: pytest.fail("asked"))
    assert sign_run(saved, POLICY, private, passphrase_env=None, model=None).exists()
