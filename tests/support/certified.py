"""A run to sign and to tamper with: an audit from files, drawn quickly."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from genoaudit.report.policy import parse_policy
from genoaudit.report.verification import verify_certificate

POLICY = parse_policy({"bounds": {"epsilon": 1.0}}, name="strict")
"""Holds every model that is trained without a guarantee."""

SHARED = ("shareable/summary.html", "shareable/summary.json")
RUN_FILES = ("patients.parquet", "report.html", "report.json", "run.json", *SHARED, "signals.npz")
MODEL_FILES = ("model/model.safetensors", "model/nested/README.md", "model/recipe.json")
LIST = "confidential/members.csv"
EVERYTHING = (
    *("certificate.json", "code", "salts.json", *RUN_FILES),
    *("members", "configuration", "data", "target.path", *MODEL_FILES, LIST, "policy", "verdict"),
)
"""Names of everything that the certificate of a world is compared with, in order."""


def write_keys(folder, name="key", password=None):
    """Write a key pair as PEM files; return both paths."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

    key = Ed25519PrivateKey.generate()
    hidden = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def write_model(folder, members=("P1",)):
    """Write the folder of a model: the part that is released, and the other, which names its members."""
    for name, content in {
        "release/model.safetensors": bytes(range(256)) * 20,
        "release/recipe.json": b'{"kind": "logistic"}\n',
        "release/nested/README.md": b"# Model\n",
        "confidential/members.csv": "\n".join(["patient_id", *members, ""]).encode(),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@dataclass(frozen=True)
class World:
    """Everything that a certificate is about, in one folder."""

    folder: Path

    @property
    def run(self):
        return self.folder / "run"

    @property
    def certificate(self):
        return self.run / "certificate.json"

    @property
    def config(self):
        return self.folder / "audit.toml"

    @property
    def data(self):
        return self.folder / "expression.csv"

    @property
    def labels(self):
        return self.folder / "clinical.csv"

    @property
    def scores(self):
        return self.folder / "scores.csv"

    @property
    def model(self):
        return self.folder / "MODEL"

    @property
    def key(self):
        return self.folder / "key.pem"

    @property
    def public(self):
        return self.folder / "key.public.pem"


def write_world(folder):
    """Write a cohort, what a model says of it, a configuration, a model and keys; audit nothing yet."""
    from genoaudit import simulate_cohort

    world = World(folder)
    adata = simulate_cohort(patients=60, genes=40, classes=2, seed=1).to_anndata(label="type")
    adata.to_df().to_csv(world.data, index_label="sample")
    adata.obs[["type", "patient_id"]].to_csv(world.labels, index_label="sample")
    scores = adata.obs[["type"]].copy()
    patients = sorted(set(adata.obs["patient_id"]))
    scores.insert(0, "member", adata.obs["patient_id"].isin(patients[::2]).astype(int))
    for number, name in enumerate(sorted(set(scores["type"]))):
        scores[name] = 0.9 if number == 0 else 0.1
    scores.drop(columns="type").to_csv(world.scores, index_label="sample")
    world.config.write_text(
        '[cohort]\npath = "expression.csv"\nlabel = "type"\nscale = "log2"\npatient = "patient_id"\n'
        '[cohort.labels]\npath = "clinical.csv"\n'
        '[recipe]\nkind = "logistic"\n[audit]\nmodels = 16\nattacks = ["loss", "lira_fixed"]\n'
        '[target]\npath = "scores.csv"\n'
    )
    write_model(world.model, patients[::2])
    write_keys(folder)
    return world


def audit_world(world):
    """Audit the model of a world, with fewer models than its configuration says, as a command line may ask."""
    from genoaudit import RunOptions, read_config, run_audit

    config = read_config(world.config)
    config = config.model_copy(update={"audit": config.audit.model_copy(update={"models": 8})})
    options = RunOptions(threads=1, cache=world.folder / "cache")
    run_audit(config, options, config_file=world.config).save(world.run)
    shutil.rmtree(world.folder / "cache")


def draw_quickly(monkeypatch):
    """Make pages that hold the report and no figures; drawing is most of the time and has its own tests."""

    def page(report, *, patients, names=None, versions=None):
        return f"<html>{report.to_json()}{list(patients.pseudonym)}{names}{sorted(versions.items())}</html>"

    monkeypatch.setattr("genoaudit.report.html.render_html", page)


def copied(world, folder):
    """Copy a world; its run still says that its inputs are where they were."""
    shutil.copytree(world.folder, folder, dirs_exist_ok=True)
    return replace(world, folder=folder)


def verify(world, **more):
    """Check the certificate of a world with its model and the policy."""
    return verify_certificate(world.run, world.public, **{"model": world.model, "policy": POLICY, **more})


def differing(verification):
    return {check.name for check in verification.differing}


def unchecked(verification):
    return {check.name for check in verification.unchecked}
