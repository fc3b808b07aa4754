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
# # Audit the model that you have
#
# You have trained a scikit-learn model and want to know whether *this* model may be given away. Here it is trained on
# 100 patients of a cohort of 160; the others are the control.

# %%
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genoaudit import AuditSection, audit_target, simulate_cohort, target_of

cohort = simulate_cohort(patients=160, genes=1000, classes=3)
members = np.random.default_rng(0).permutation(cohort.n_patients) < 100  # which patients it is trained on
rows = members[cohort.patients]  # all samples of a patient go together

model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
model.fit(cohort.X[rows], np.array(cohort.classes)[cohort.y[rows]])

# %% [markdown]
# The target: the model, and who was a member. Models in files are read by `genoaudit audit` with `[target]`: skops,
# XGBoost, torch, or a table of scores; nothing is unpickled.

# %%
target = target_of(model, cohort, members)

# %% [markdown]
# **Without its recipe**, attacks that need no further models run. The report lists what could not be tested.

# %%
alone = audit_target(None, cohort, target)
alone

# %%
[gap.what for gap in alone.report.not_tested]

# %% [markdown]
# **With its recipe**, reference models are trained like it: on as many patients, preprocessing and all. The attack
# then knows what a model without the patient would say, and is far stronger.

# %%
recipe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
result = audit_target(recipe, cohort, target, AuditSection(models=32))
result

# %%
result.roc()
