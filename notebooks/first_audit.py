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
# # A first audit in ten lines
#
# Can somebody who holds a model tell which patients it was trained on? genoaudit trains the model many times, each
# time on another half of the patients, attacks every copy, and says how well that works: for all patients, and for
# each of them.

# %%
from genoaudit import AuditSection, audit_recipe, build_recipe, simulate_cohort

cohort = simulate_cohort(patients=160, genes=1000, classes=3)  # yours: read_cohort("cohort.h5ad", label=..., scale=...)
recipe = build_recipe("mlp", {}, scale=cohort.scale)  # or any unfitted scikit-learn classifier or Pipeline
result = audit_recipe(recipe, cohort, AuditSection(models=32), groups=["sex"])

# %% [markdown]
# The answer, and the attacks behind it. An AUC of 0.5 is guessing.

# %%
result

# %% [markdown]
# Members recognised against false alarms. What matters is the left side: how many members an attacker recognises
# while hardly ever accusing somebody who was not one.

# %%
result.roc()

# %% [markdown]
# Averages hide people. One row per patient, most exposed first; identifiers are in this table and nowhere else.

# %%
result.patients.drop(columns="patient_id").head()

# %% [markdown]
# What a policy says of it. `genoaudit policy` lists those that come along; write your own for your house.

# %%
result.check("standard")

# %% [markdown]
# `result.save("run")` writes the run: a page to read, the same as data, and in `shareable/` what may leave the house.
