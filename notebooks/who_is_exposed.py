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
# # Who is exposed, and why
#
# An average says little to the patient who is laid bare. This audit looks at single patients, at groups, and at
# planted worst cases.

# %%
from genoaudit import AuditSection, CanarySection, audit_recipe, build_recipe, simulate_cohort

cohort = simulate_cohort(patients=160, genes=1000, classes=3, imbalance=6)
recipe = build_recipe("mlp", {"hidden": [64]}, scale=cohort.scale)
canaries = CanarySection(kinds=("label_swapped", "high_leverage"), count=10, models=32)
result = audit_recipe(recipe, cohort, AuditSection(models=64), groups=["sex", "site"], canaries=canaries)
result

# %% [markdown]
# **Patients.** The top of a ranking is partly luck, so ranks carry intervals. `auc` compares what models with the
# patient say of him with what models without say; `flagged` patients exceed 0.60 beyond chance, with few false flags
# among them.

# %%
columns = ["pseudonym", "class", "samples", "rank", "rank_low", "rank_high", "auc", "flagged"]
result.patients[columns].head(10)

# %% [markdown]
# The worst one, five and twenty, chosen on one half of the models and measured on the other:

# %%
[(worst.k, worst.auc) for worst in result.report.exposure.worst]

# %% [markdown]
# **Groups.** Is a class or a site more exposed than the others? Limits of the difference hold for all groups at once.

# %%
result.groups[["variable", "value", "patients", "auc.value", "difference.low", "difference.high", "p_holm"]]

# %% [markdown]
# Why? Classes with few patients are remembered best: the model has few others to learn them from.

# %%
result.patients.groupby("class").agg(patients=("auc", "size"), median=("auc", "median"), flagged=("flagged", "sum"))

# %% [markdown]
# **Planted worst cases.** Canaries are invented patients who are as exposed as can be. If they are hard to find, so
# is everybody.

# %%
[(kind.title, kind.canaries, kind.auc) for kind in result.report.canaries.kinds]

# %% [markdown]
# **Can the evidence be trusted?** Checks look for duplicates, batches, relatives, and a control group that gives
# itself away.

# %%
[(check.code, check.status, check.title) for check in result.report.checks]
