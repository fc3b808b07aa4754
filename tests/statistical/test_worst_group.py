"""The most exposed group: choosing it does not raise its number, and its limits are missed in at most 5 %."""

import numpy as np
import pytest
from half_splits import stratified_half_split
from scipy import stats

from genoaudit.metrics.influence import area, standing
from genoaudit.metrics.worst_group import worst_group

pytestmark = pytest.mark.statistical

AUDITS = 300
MOST_WRONG = 0.05 + 3 * np.sqrt(0.05 * 0.95 / AUDITS)


def log_ratios(statistic, members):
    """Online LiRA with one variance: each target's references are all models but itself and its partner."""
    means = []
    for side in (members, ~members):
        total, number = np.where(side, statistic, 0.0), side.astype(float)
        own = [part + part[np.arange(len(members)) ^ 1] for part in (total, number)]
        means.append((total.sum(axis=0) - own[0]) / (number.sum(axis=0) - own[1]))
    return (means[0] - means[1]) * (statistic - (means[0] + means[1]) / 2)


def test_without_leakage_the_group_chosen_by_an_attack_with_references_has_an_auc_of_one_half():
    """Scores that refer to the measuring half must not choose, nor may all models: both would raise the number."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(8), 20)
    labels = {"site": group.tolist()}
    honest, shared, naive, wrong = [], [], [], []
    for _ in range(AUDITS):
        members, partner = stratified_half_split(32, group, rng)
        statistic = rng.normal(size=group.size) + rng.normal(size=members.shape)
        scores = log_ratios(statistic, members)

        def alone(models, statistic=statistic, members=members):
            return log_ratios(statistic[models], members[models])

        def together(models, scores=scores):
            return scores[models]

        found = worst_group(scores, members, partner, labels, score_alone=alone, generator=rng)
        honest.append(found.auc.value)
        wrong.append((found.auc.at_least > 0.5, found.auc.at_most < 0.5))
        shared.append(worst_group(scores, members, partner, labels, score_alone=together, generator=rng).auc.value)
        owns = [group == name for name in range(8)]
        naive.append(max(area(standing(scores[:, own], members[:, own])).value.mean() for own in owns))
    error = np.std(honest) / np.sqrt(AUDITS)
    assert error < 0.002
    assert abs(np.mean(honest) - 0.5) < 3 * error
    assert np.mean(shared) > 0.5 + 3 * error
    assert np.mean(naive) > 0.51
    assert (np.mean(wrong, axis=0) <= MOST_WRONG).all()


LEAKING = {
    "alike": {"sizes": [24] * 8, "gain": 1.0, "patient": 1.0},
    "one exposed": {"sizes": [60, 60, 30], "gain": [0.5, 0.5, 1.5], "patient": 0.5},
    "models favour groups": {"sizes": [30] * 4, "gain": 1.0, "patient": 0.3, "model_group": 0.6},
    "nearly all": {"sizes": [30] * 4, "gain": 3.0, "patient": 0.5},
}


@pytest.mark.parametrize("world", LEAKING.values(), ids=LEAKING)
def test_limits_hold_the_auc_of_the_patients_chosen(world):
    """A member scores the gain of its group and its own above its baseline, all normal; 32 models."""
    rng = np.random.default_rng(2)
    sizes, gain = world["sizes"], np.broadcast_to(world["gain"], len(world["sizes"]))
    group, moving = np.repeat(np.arange(len(sizes)), sizes), world.get("model_group", 0.0)
    values, wrong = [], []
    for _ in range(AUDITS):
        members, partner = stratified_half_split(32, group, rng)
        baseline, own = 0.3 * rng.normal(size=group.size), gain[group] + world["patient"] * rng.normal(size=group.size)
        effect = own + moving * rng.normal(size=(16, len(sizes))).repeat(2, axis=0)[:, group]
        scores = baseline + members * effect + rng.normal(size=members.shape)
        found = worst_group(
            scores,
            members,
            partner,
            {"site": group.tolist()},
            score_alone=lambda models, scores=scores: scores[models],
            generator=rng,
        )
        truths = []
        for _, label in found.chosen:
            inside = group == int(label)
            ahead = (baseline + own)[inside][:, None] - baseline[inside]
            pairs = stats.norm.cdf(ahead / np.sqrt(2 + moving**2))
            truths.append(pairs[~np.eye(inside.sum(), dtype=bool)].mean())
        values.append(found.auc.value - np.mean(truths))
        wrong.append((found.auc.at_least > np.mean(truths), found.auc.at_most < np.mean(truths)))
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(AUDITS)
    assert (np.mean(wrong, axis=0) <= MOST_WRONG).all()
