# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A release gate, as a pipeline runs it
#
# Train one model for release, audit it, hold it to a policy, sign the verdict, and let the recipient verify it. On
# the command line these are `genoaudit train`, `audit`, `gate --sign` and `verify`; here each is one call.

# %%
import tempfile
from pathlib import Path

from genoaudit import parse_config, run_audit, run_train, simulate_cohort

folder = Path(tempfile.mkdtemp())
simulate_cohort(patients=240, genes=1000, classes=3).to_anndata().write_h5ad(folder / "cohort.h5ad")

config = parse_config(
    {
        "cohort": {
            "path": str(folder / "cohort.h5ad"),
            "label": "cancer_type",
            "patient": "patient_id",
            "scale": "log2",
        },
        "recipe": {
            "kind": "softmax",
            "scaling": "sample",
            "dp": {"epsilon": 4, "patients": 120, "steps": 100, "hyperparameters": "public"},
        },
        "train": {"members": {"share": 0.5, "seed": 1}},
        "target": {"path": str(folder / "MODEL"), "non_members_from": "the other half of the same cohort, by lot"},
        "audit": {"models": 32},
    }
)

# %% [markdown]
# **Train.** Noise and batches of a model with differential privacy come from the operating system and are not
# recorded. `MODEL/release` may leave the house, `MODEL/confidential` may not.

# %%
run_train(config, folder / "MODEL")
sorted(path.relative_to(folder).as_posix() for path in (folder / "MODEL").rglob("*") if path.is_file())

# %% [markdown]
# **Audit** this very model, with reference models of its recipe.

# %%
result = run_audit(config)
result

# %% [markdown]
# **Decide.** A policy of the house, written where it can be reviewed. The verdict is release, hold or undecidable,
# and every reason is tied to a number with its limit.

# %%
(folder / "policy.toml").write_text(
    """
[attacks]
auc = 0.65                  # of 100 pairs of a member and another patient, at most 65 are told apart

[bounds]
epsilon = 8
end_to_end = true

[evidence]
models = 32
non_members = 100
"""
)
judged = result.judged(folder / "policy.toml")
judged.report.verdict

# %% [markdown]
# **Sign** with a key of your own; OpenSSL makes one (`openssl genpkey -algorithm ed25519 -out key.pem`). Here it is
# made on the spot.

# %%
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from genoaudit import certify, verify_certificate

key = Ed25519PrivateKey.generate()
judged.save(folder / "run")
certificate = certify(folder / "run", folder / "policy.toml", key, model=folder / "MODEL")

# %% [markdown]
# **Verify.** The recipient holds the certificate, the model and the public key.

# %%
checked = verify_certificate(certificate, key.public_key(), model=folder / "MODEL")
[(check.name, check.outcome) for check in checked.checks if check.outcome != "not checked"]

# %% [markdown]
# One changed byte, and the file is named.

# %%
weights = folder / "MODEL" / "release" / "model.safetensors"
weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
[check.name for check in verify_certificate(certificate, key.public_key(), model=folder / "MODEL").differing]

# %% [markdown]
# What may be shared of the audit itself: aggregates alone, under disclosure control.

# %%
summary = judged.share()
summary.task.patients, [(attack.name, attack.auc.value) for attack in summary.attacks][:3]
