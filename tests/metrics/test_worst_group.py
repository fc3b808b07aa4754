import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.metrics import roc
from genoaudit.metrics.leakage import mean_over_targets
from genoaudit.metrics.stability import split_pairs
from genoaudit.metrics.worst import MIN_PAIRS
from genoaudit.metrics.worst_group import worst_group


@pytest.fixture
def leaky(half_split, rng):
    """40 models of 90 patients in three sites; the third is exposed. Sex has nothing to do with it."""
    site = np.repeat(["A", "B", "C"], 30)
    members = np.empty((40, 90), dtype=bool)
    for own in range(3):  # stratified, so that every site has both sides in every model
        members[:, 30 * own : 30 * own + 30] = half_split(40, 30, rng)[0]
    scores = rng.normal(size=members.shape) + members * np.where(site == "C", 1.5, 0.2)
    return scores, members, np.arange(40) ^ 1, {"site": site.tolist(), "sex": (["f", "m"] * 45)}


def found_of(scores, members, partner, groups, *, seed=9, **options):
    options = {"score_alone": lambda models: scores[models], **options}
    return worst_group(scores, members, partner, groups, generator=np.random.default_rng(seed), **options)


def slow_auc(scores, members, own):
    return np.mean([roc.auc(s[own & m], s[own & ~m]) for s, m in zip(scores, members, strict=True)])


def test_each_half_measures_what_the_other_chose(leaky):
    scores, members, _, groups = leaky
    found = found_of(*leaky)
    halves = split_pairs(np.arange(40) // 2, np.random.default_rng(9))
    masks = {(variable, one): np.array(labels) == one for variable, labels in groups.items() for one in set(labels)}
    values = []
    for side, (choosing, measuring) in enumerate((halves, halves[::-1])):
        best = max(masks, key=lambda name: slow_auc(scores[choosing], members[choosing], masks[name]))
        assert found.chosen[side] == best == ("site", "C")
        values.append(slow_auc(scores[measuring], members[measuring], masks[best]))
    assert found.auc.value == pytest.approx(np.mean(values))
    assert found.models == 20


def test_a_half_chooses_by_scores_of_its_own_and_is_measured_by_those_of_all(leaky):
    scores, members, _, groups = leaky
    asked = []

    def score_alone(models):
        asked.append(models.tolist())
        return np.where(np.array(groups["site"]) == "A", members, 0.0)[models]

    found = found_of(*leaky, score_alone=score_alone)
    assert sorted(asked[0] + asked[1]) == list(range(40))
    assert found.chosen == (("site", "A"), ("site", "A"))
    assert found.auc.value == pytest.approx(slow_auc(scores, members, np.array(groups["site"]) == "A"))


def test_a_group_that_both_halves_choose_has_about_the_interval_of_its_own_row(leaky):
    scores, members, partner, groups = leaky
    own = np.array(groups["site"]) == "C"
    row = mean_over_targets(scores[:, own], members[:, own], partner, fprs=()).auc
    found = found_of(*leaky).auc
    assert found.value == pytest.approx(row.value)
    # The pairs count 1.41 times, and are half as many to know their variance by.
    assert row.high - row.low <= found.high - found.low <= 1.3 * (row.high - row.low)
    assert found.low < found.at_least < found.value < found.at_most < found.high


def test_small_groups_and_everybody_are_no_candidates(leaky):
    scores, members, partner, _ = leaky
    assert found_of(*leaky, minimum=16).chosen[0][0] == "sex"
    assert found_of(scores, members, partner, {"all": ["x"] * 90}) is None
    assert found_of(*leaky, minimum=60) is None


def test_equals_are_chosen_between_at_random(leaky):
    scores, members, partner, groups = leaky
    chosen = {found_of(np.zeros(scores.shape), members, partner, groups, seed=seed).chosen[0] for seed in range(20)}
    assert len(chosen) > 2


def test_few_models_give_no_number(leaky):
    scores, members, partner, groups = leaky
    enough = 4 * MIN_PAIRS
    assert found_of(scores[:enough], members[:enough], partner[:enough], groups) is not None
    fewer = enough - 2
    assert found_of(scores[:fewer], members[:fewer], partner[:fewer], groups) is None


def test_unusable_input_is_refused(leaky):
    scores, members, partner, groups = leaky
    with pytest.raises(ConfigError, match="one label per patient"):
        found_of(scores, members, partner, {"site": ["A"]})
    with pytest.raises(ConfigError, match="not finite"):
        found_of(scores * np.nan, members, partner, groups)
