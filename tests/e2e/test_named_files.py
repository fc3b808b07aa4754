"""Whatever text file a user names, nothing waits for a pipe or reads a device to its end."""

import os
import signal

import pytest


@pytest.fixture(autouse=True)
def no_waiting():
    """Interrupt what waits for a pipe."""

    def interrupt(*_):
        raise AssertionError

    signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture(params=["pipe", "device"])
def endless(request, tmp_path):
    """Make a file that never ends, under a name."""

    def make(name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if request.param == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
        return path

    return make


@pytest.fixture
def asks(write_config, small_h5ad):
    """Write a configuration on a sound cohort."""

    def write(**sections):
        cohort = {"path": small_h5ad, "label": "cancer_type", "patient": "patient_id", "scale": "log2"}
        return write_config(cohort=cohort, **{"recipe": {"kind": "logistic"}, **sections})

    return write


def said(refused, *arguments):
    """Return what a refused command said, which must be about what is no file."""
    message = refused(*arguments).stderr
    assert "is no regular file" in message
    return message


def test_a_configuration_a_policy_and_a_key(endless, refused, asks, tmp_path):
    out = tmp_path / "run"
    assert "a.toml" in said(refused, "validate", endless("a.toml"))
    assert "a.toml" in said(refused, "sweep", endless("a.toml"), "--out", out)
    assert "a.toml" in said(refused, "reconstruct", endless("a.toml"), "--out", out)
    assert "p.toml" in said(refused, "audit", asks(), "--out", out, "--policy", endless("p.toml"))
    signs = ("--policy", "lenient", "--sign", endless("k.pem"))
    assert "k.pem" in said(refused, "audit", asks(), "--out", out, *signs)


@pytest.mark.parametrize(
    ("sections", "name"),
    [
        ({"train": {"members": {"file": "members.txt"}}}, "members.txt"),
        ({"recipe": {"kind": "deepcc", "gene_sets": "sets.gmt"}}, "sets.gmt"),
        ({"target": {"path": "scores.csv"}}, "scores.csv"),
        ({"target": {"path": "scores.csv.gz"}}, "scores.csv.gz"),
        ({"target": {"path": "model.pt", "members": {"file": "members.txt"}}}, "members.txt"),
    ],
)
def test_files_that_a_configuration_names(endless, refused, asks, tmp_path, sections, name):
    (tmp_path / "model.pt").write_bytes(b"PK")
    config = asks(**sections)
    command = ("train", config, "--out", tmp_path / "m", "--dry-run") if "train" in sections else ("validate", config)
    endless(name)
    assert said(refused, *command).startswith(f"genoaudit: {name}: is no regular file")


def test_a_certificate_and_its_key(endless, refused, tmp_path):
    refused("verify", endless("c.json"), "--key", __file__)
    assert "k.pem" in said(refused, "verify", tmp_path, "--key", endless("k.pem"))
