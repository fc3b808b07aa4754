"""From an audit to a checked certificate, with keys that OpenSSL makes and the command as it is installed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from certified import POLICY, write_model

from genoaudit import certify


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    key, public = folder / "key.pem", folder / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
    return key, public


@pytest.fixture(scope="module")
def signed_once(genoaudit, small_h5ad, keys, tmp_path_factory):
    """A signed run of the installed command, with more on the command line than in the file."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "audit.toml").write_text(
        f'[cohort]\npath = "{small_h5ad}"\nlabel = "cancer_type"\npatient = "patient_id"\nscale = "log2"\n'
        '[recipe]\nkind = "logistic"\n[audit]\nattacks = ["loss", "lira_fixed"]\n'
    )
    genoaudit("audit", folder / "audit.toml", "--out", folder / "run", "--models", 8, "--threads", 1, check=0)
    certify(folder / "run", POLICY, keys[0], model=write_model(folder / "MODEL"))
    return folder


@pytest.fixture
def signed(signed_once, tmp_path):
    """The same, to be damaged."""
    shutil.copytree(signed_once / "MODEL", tmp_path / "MODEL")
    return Path(shutil.copytree(signed_once / "run", tmp_path / "run"))


def test_a_signed_run_is_verified_and_every_kind_of_tampering_is_named(genoaudit, signed, keys, tmp_path):
    public, model = keys[1], tmp_path / "MODEL"
    good = genoaudit("verify", signed, "--key", public, "--model", model, check=0)
    assert good.stdout.startswith("Signed verdict: hold.\n")
    assert "agrees      data\n" in good.stdout
    assert "agrees      configuration\n" in good.stdout
    assert "not checked policy" in good.stdout
    assert good.stderr == ""

    weights = model / "release" / "model.safetensors"
    weights.write_bytes(b"\0" + weights.read_bytes()[1:] + b"\1")
    with (signed / "report.html").open("a") as page:
        page.write("<!-- -->")
    bad = genoaudit("verify", signed, "--key", public, "--model", model, check=3)
    differing = [line for line in bad.stdout.splitlines() if line.startswith("differs")]
    assert differing == ["differs     report.html", "differs     model/model.safetensors"]

    content = json.loads((signed / "certificate.json").read_text())
    content["payload"] = content["payload"][:-8] + "AAAAAAA="
    (signed / "certificate.json").write_text(json.dumps(content))
    forged = genoaudit("verify", signed, "--key", public, check=3)
    assert "Signed verdict" not in forged.stdout
    assert "differs     certificate.json: " in forged.stdout


def test_a_certificate_travels_alone_and_strictness_asks_for_the_rest(genoaudit, signed, keys, tmp_path):
    alone = tmp_path / "certificate.json"
    alone.write_bytes((signed / "certificate.json").read_bytes())
    model = tmp_path / "MODEL" / "release"
    done = genoaudit("verify", alone, "--key", keys[1], "--model", model, "--json", check=0)
    outcomes = {check["name"]: check["outcome"] for check in json.loads(done.stdout)["checks"]}
    assert outcomes["model/recipe.json"] == "agrees"
    assert outcomes["data"] == outcomes["members"] == outcomes["report.json"] == "not checked"
    genoaudit("verify", alone, "--key", keys[1], "--model", model, "--strict", check=3)


def test_mistakes_end_in_one_message(genoaudit, signed, keys, tmp_path):
    for arguments, message in (
        ((signed, "--key", keys[0]), "holds a private key"),
        ((signed, "--key", tmp_path / "nowhere.pem"), "does not exist"),
        ((tmp_path / "MODEL", "--key", keys[1]), "there is no certificate; sign the run first"),
    ):
        done = genoaudit("verify", *arguments, check=3)
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
    help_text = genoaudit("verify", "--help", check=0).stdout
    assert "not that the verdict is to release" in " ".join(help_text.split())
