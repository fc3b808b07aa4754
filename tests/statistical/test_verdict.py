"""How often a verdict is wrong: a model exactly at its limits is held or let go in at most 5 % of audits."""

import numpy as np
import pytest
from judged import verdict
from sample_report import build_report
from scipy import stats

from genoaudit.metrics.leakage import mean_over_targets

pytestmark = pytest.mark.statistical

AUDITS = 300
BASE = build_report()


def audits(aucs, shared, rng):
    """Attacks on 12 models of 120 patients, with these AUCs, whose scores have so much in common."""
    members = np.array([rng.permutation(120) < 60 for _ in range(6)]).repeat(2, axis=0)
    members[1::2] ^= True
    common = rng.normal(size=members.shape)
    template = BASE.attacks[0]
    found = []
    for i, auc in enumerate(aucs):
        noise = np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.normal(size=members.shape)
        scores = noise + np.sqrt(2) * stats.norm.ppf(auc) * members
        leakage = mean_over_targets(scores, members, np.arange(12) ^ 1, fprs=(0.2,))
        found.append(template.model_copy(update={"name": f"a{i}", "title": f"a{i}", "auc": leakage.auc}))
    return BASE.model_copy(update={"attacks": tuple(found)})


@pytest.mark.parametrize("shared", [0.0, 0.9])
@pytest.mark.parametrize("others", [0.6, 0.52])
def test_a_model_at_its_limits_is_rarely_held_and_rarely_released(others, shared):
    """The first of six attacks is at the limit, the others there or well within; three Monte-Carlo errors allowed."""
    rng = np.random.default_rng([int(100 * others), int(10 * shared)])
    decisions = [
        verdict(audits([0.6, *[others] * 5], shared, rng), attacks={"auc": 0.6}).decision for _ in range(AUDITS)
    ]
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / AUDITS)
    assert np.mean([decision == "hold" for decision in decisions]) <= most
    assert np.mean([decision == "release" for decision in decisions]) <= most


def test_a_model_well_beyond_is_held_and_one_well_within_released():
    rng = np.random.default_rng(5)
    for aucs, decision in (([0.75, 0.55, 0.55], "hold"), ([0.51, 0.51, 0.51], "release")):
        found = [verdict(audits(aucs, 0.5, rng), attacks={"auc": 0.6}).decision for _ in range(40)]
        assert np.mean([one == decision for one in found]) >= 0.9
