from dataclasses import replace

import numpy as np
import pytest

from genoaudit.attacks.sablayrolles import SABLAYROLLES
from genoaudit.contracts import Design


def naive(logit, design, patients):
    """Go through targets and patients: how far is the loss below the middle of the two groups' mean losses?"""
    models, codes = len(logit), np.unique(patients)
    loss = np.log1p(np.exp(-logit))
    scores = np.empty((models, codes.size))
    for target in range(models):
        for i in codes:
            groups = {True: [], False: []}
            for m in set(range(models)) - {target, int(design.partner[target])}:
                groups[bool(design.members[m, i])].append(loss[m, patients == i].mean())
            threshold = 0.5 * np.mean(groups[True]) + 0.5 * np.mean(groups[False])
            scores[target, i] = threshold - loss[target, patients == i].mean()
    return scores


@pytest.mark.parametrize("models", [4, 5, 12], ids=["fewest", "odd", "twelve"])
def test_equals_a_naive_loop_over_targets_and_patients(models, rng, make_design, make_signals):
    design = make_design(models, 11, rng)
    patients = np.concatenate([np.arange(11), [0, 0, 4]])
    logit = rng.normal(size=(models, 14)) * 3
    scores = SABLAYROLLES.score(make_signals(logit), design, patients)
    np.testing.assert_allclose(scores, naive(logit, design, patients), rtol=1e-9, atol=1e-12)


def test_threshold_lies_halfway_between_the_two_groups_not_at_the_mean_of_all_models(make_signals):
    # Confident and wrong: the loss is minus the logit. IN loses 100 (one model), OUT 500 (three): halfway is 300.
    members = np.array([[1], [0], [1], [0], [0], [0]], dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, -1, -1, -1, -1]), seed=0)
    logit = np.array([[-250.0], [-9e3], [-100.0], [-400.0], [-500.0], [-600.0]])
    score = SABLAYROLLES.score(make_signals(logit), replace(design, members=members), np.array([0]))[0, 0]
    assert score == pytest.approx(300 - 250)


def test_a_perfect_gap_is_decided_by_the_sign(rng, make_design, make_signals):
    design = make_design(8, 30, rng)
    logit = rng.normal(size=30) + 3 * design.members
    scores = SABLAYROLLES.score(make_signals(logit), design, np.arange(30))
    np.testing.assert_array_equal(scores > 0, design.members)


def test_exchanging_in_and_out_leaves_the_threshold_where_it_is(rng, make_design, make_signals):
    # The middle of two means does not know which is which: the attack presumes that members lose less.
    design = make_design(8, 30, rng)
    signals = make_signals(rng.normal(size=(8, 30)))
    swapped = replace(design, members=~design.members)
    np.testing.assert_array_equal(
        SABLAYROLLES.score(signals, swapped, np.arange(30)), SABLAYROLLES.score(signals, design, np.arange(30))
    )


def test_references_hold_neither_the_target_nor_its_partner(rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    before = SABLAYROLLES.score(make_signals(logit), design, np.arange(12))
    changed = logit.copy()
    changed[5] -= 50.0  # the partner of model 4
    after = SABLAYROLLES.score(make_signals(changed), design, np.arange(12))
    np.testing.assert_allclose(after[4], before[4], rtol=1e-9, atol=1e-9)
    assert not np.allclose(after[2], before[2])


@pytest.mark.parametrize("level", [0.0, 0.1, -1e6 / 3])
def test_output_constant_over_models_gives_exact_ties(level, rng, make_design, make_signals):
    logit = np.tile(level + rng.normal(size=30), (51, 1))
    scores = SABLAYROLLES.score(make_signals(logit), make_design(51, 15, rng), np.repeat(np.arange(15), 2))
    np.testing.assert_array_equal(scores, np.zeros((51, 15)))


def test_only_the_sample_itself_is_read_when_there_are_more_queries(rng, make_design, make_signals):
    design = make_design(6, 5, rng)
    signals = make_signals(rng.normal(size=(6, 5)))
    more = replace(signals, logit=np.concatenate([signals.logit, rng.normal(size=(6, 3, 5))], axis=1))
    np.testing.assert_array_equal(
        SABLAYROLLES.score(more, design, np.arange(5)), SABLAYROLLES.score(signals, design, np.arange(5))
    )
