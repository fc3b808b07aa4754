"""Canary audits of models that know nothing: bounds claim an epsilon above 0 in at most 5 % of them.

Seeds are fixed. A family of bounds that claims in exactly 5 % of audits would fail under another seed with a chance of
less than 1e-3.
"""

import numpy as np
import pytest
from scipy.stats import binom

from genoaudit import canaries as story
from genoaudit import simulate_cohort
from genoaudit.canaries import audit_canaries
from genoaudit.config import AuditSection, CanarySection
from genoaudit.contracts import Signals
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.sections import CanaryKindLeakage

pytestmark = pytest.mark.statistical

AUDITS = 150


def test_bounds_of_silent_models_are_seldom_above_zero(monkeypatch):
    def gather(store, cohort, design):
        rng = np.random.default_rng(design.seed)
        shape = (design.models, 1, cohort.n_samples)
        # Patients differ, and so do models: neither depends on membership.
        logit = rng.normal(size=shape[2]) * 3 + rng.normal(size=(shape[0], 1, 1)) + rng.normal(size=shape)
        return Signals(logit=logit, proba=np.full((*shape[::2], 2), 0.5, dtype=np.float32), y=cohort.y), ()

    nothing = Estimate(None, None, None), RateAtFpr(0.1, None, None, None, None, resolvable=False, n_out=0)
    row = CanaryKindLeakage(kind="all", title="", canaries=1, auc=nothing[0], tpr_at_fpr=nothing[1])
    monkeypatch.setattr(story, "train_shadows", lambda *_, **__: None)
    monkeypatch.setattr(story, "gather", gather)
    monkeypatch.setattr(story, "_leakage", lambda *_: row)
    cohort = simulate_cohort(patients=40, genes=50, classes=2, repeat_share=0, seed=1)
    section = CanarySection(kinds=("label_swapped", "sample_swap"), count=20, models=32)
    claims = []
    for seed in range(AUDITS):
        one, gaussian, *many = audit_canaries(None, cohort, section, AuditSection(seed=seed)).bounds
        claims.append([one.epsilon > 0, gaussian.epsilon > 0, any(bound.epsilon > 0 for bound in many)])
    most = binom.isf(1e-3, AUDITS, 0.05)
    assert np.sum(claims, axis=0).max() <= most
