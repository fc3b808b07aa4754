"""Limits of the accuracy on unseen patients hold the accuracy on all patients of their kind, over all models.

400 audits a world; the two-sided interval must hold in 93 %, a one-sided limit may err in 5 % and three Monte-Carlo
standard errors.
"""

import numpy as np
import pytest
from half_splits import stratified_half_split
from scipy import stats

from genoaudit.metrics.unseen import unseen_utility

pytestmark = pytest.mark.statistical

AUDITS = 400
SIZES = np.array([60, 24, 16])
class_of = np.repeat(np.arange(3), SIZES)
EASE = np.array([1.5, 0.8, 0.2])


WORLDS = {
    "one model": {"models": 1, "patient": 1.0, "model": 0.0, "ease": 0.0},
    "one model, nearly always right": {"models": 1, "patient": 0.0, "model": 0.0, "ease": 2.0},
    "patients differ": {"models": 16, "patient": 2.0, "model": 0.0, "ease": 0.0},
    "models differ": {"models": 8, "patient": 0.5, "model": 0.7, "ease": 0.0},
    "nearly always right": {"models": 16, "patient": 1.0, "model": 0.0, "ease": 2.0},
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_limits_hold_the_accuracy_on_all_patients(world):
    """A sample is classified right if ease + patient effect + model effect + noise is above zero, all normal."""
    rng = np.random.default_rng(3)
    models, ease = world["models"], EASE + world["ease"]
    right = stats.norm.cdf(ease / np.sqrt(world["patient"] ** 2 + world["model"] ** 2 + 1))
    samples = np.repeat(np.arange(class_of.size), 1 + np.arange(class_of.size) % 2)  # every other patient has two
    y, partner = class_of[samples], np.array([-1]) if models == 1 else np.arange(models) ^ 1
    truth = {"accuracy": right[y].mean(), "balanced_accuracy": right.mean()}
    covered, wrong = [], []
    for _ in range(AUDITS):
        effect = world["patient"] * rng.normal(size=class_of.size)[samples]
        drift = world["model"] * rng.normal(size=(models + 1) // 2).repeat(2)[:models, None]
        hits = ease[y] + effect + drift + rng.normal(size=(models, y.size)) > 0
        proba = np.eye(3, dtype=np.float32)[np.where(hits, y, (y + 1) % 3)]
        found = unseen_utility(proba, y, samples, stratified_half_split(models, class_of, rng)[0], partner)
        for name, true in truth.items():
            number = getattr(found, name)
            covered.append(number.low <= true <= number.high)
            wrong.append((number.at_least > true, number.at_most < true))
    covered = np.reshape(covered, (AUDITS, 2)).mean(axis=0)
    wrong = np.reshape(wrong, (AUDITS, 2, 2)).mean(axis=0)
    assert (covered >= 0.93).all(), covered
    assert (wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / AUDITS)).all(), wrong
