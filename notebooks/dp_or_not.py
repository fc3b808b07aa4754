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
# # With differential privacy or without: the frontier
#
# What does protection cost, and what does it buy? A sweep audits one recipe under many protections, all by the same
# attacks.

# %%
import tempfile
from pathlib import Path

from genoaudit import parse_sweep, run_sweep, simulate_cohort

folder = Path(tempfile.mkdtemp())
simulate_cohort(patients=160, genes=1000, classes=3).to_anndata().write_h5ad(folder / "cohort.h5ad")

config = parse_sweep(
    {
        "canaries": False,
        "cohort": {
            "path": str(folder / "cohort.h5ad"),
            "label": "cancer_type",
            "patient": "patient_id",
            "scale": "log2",
        },
        "recipes": {"softmax": {"kind": "softmax", "scaling": "sample", "with_dp": {"dp": {"steps": 100}}}},
        "audit": {"models": 16},
        "sweep": {
            "budgets": [1, 8, 100, 1e9],
            "tune": 0,
            "mitigations": {"l2": [0.1, 1.0], "early_stopping": [0.2], "label_only": ["on"]},
        },
    }
)
result = run_sweep(config)

# %% [markdown]
# The five most exposed patients are chosen on one half of the models and measured on the other. Look at them rather
# than at the average, and at what a budget promises: above an epsilon of 1,000 nothing.

# %%
result

# %%
result.frontier()

# %% [markdown]
# What does a budget allow the best attack, whoever makes it? No data are needed to say that.

# %%
from genoaudit import DPSGD
from genoaudit.bounds import bounds

private = DPSGD(epsilon=8, sampling_rate=0.1, steps=100).settled(patients=80)
report = bounds(private.mechanism(80), private.delta)
[(risk.neighbouring, risk.advantage, risk.auc) for risk in report.risks]
