from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from genoaudit.attacks.folds import model_folds
from genoaudit.attacks.label_only import LABEL_AUGMENTATION, LABEL_NOISE, MIN_QUERIES
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError


def with_correct(make_signals, correct):
    """Signals whose labels are right (class 0) where asked; [models, queries, samples]."""
    return replace(make_signals(np.zeros(correct[:, 0].shape)), label=(~correct).astype(np.int16))


def naive_ratio(correct, patients, design):
    """Count levels in dictionaries for every target and sample."""
    models, _, samples = correct.shape
    fold = model_folds(design.partner, seed=design.seed)
    scores = np.empty((models, samples))
    for t in range(models):
        for j in range(samples):
            sides = {True: Counter(), False: Counter()}
            for m in range(models):
                if fold[m] != fold[t]:
                    for k in range(samples):
                        sides[bool(design.members[m, patients[k]])][int(correct[m, :, k].sum())] += 1
            level, n = int(correct[t, :, j].sum()), {side: c.total() for side, c in sides.items()}
            prior = (sides[True][level] + sides[False][level]) / (n[True] + n[False])
            inside, outside = ((sides[side][level] + prior) / (n[side] + 1) for side in (True, False))
            scores[t, j] = np.log(inside / outside) if prior else 0.0
    codes = range(patients.max() + 1)
    return np.stack([scores[:, patients == i].mean(axis=1) for i in codes], axis=1)


def test_noise_score_is_correctness_plus_the_share_of_correct_copies(rng, make_design, make_signals):
    correct = np.array([[[1, 0, 1], [1, 1, 0], [0, 1, 0], [1, 1, 0], [1, 1, 0]]], dtype=bool)
    scores = LABEL_NOISE.score(with_correct(make_signals, correct), make_design(1, 3, rng), np.arange(3))
    np.testing.assert_array_equal(scores, [[1.75, 1.0, 1.0]])


def test_noise_score_equals_a_loop(rng, make_design, make_signals):
    correct, patients = rng.random((3, 6, 7)) < 0.6, np.array([0, 1, 2, 3, 0, 1, 0])
    expected = np.empty((3, 4))
    for m, i in np.ndindex(3, 4):
        own = [correct[m, :, j].tolist() for j in np.flatnonzero(patients == i)]
        expected[m, i] = np.mean([float(c[0]) + sum(c[1:]) / 5 for c in own])
    scores = LABEL_NOISE.score(with_correct(make_signals, correct), make_design(3, 4, rng), patients)
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


@pytest.mark.parametrize("models", [4, 5, 8])
def test_augmentation_equals_a_loop_with_dictionaries(models, rng, make_design, make_signals):
    patients = np.concatenate([np.arange(9), [0, 0, 4]])
    design = make_design(models, 9, rng)
    correct = rng.random((models, 4, 12)) < 0.5 + 0.3 * design.members[:, None, patients]
    scores = LABEL_AUGMENTATION.score(with_correct(make_signals, correct), design, patients)
    np.testing.assert_allclose(scores, naive_ratio(correct, patients, design), rtol=1e-12, atol=1e-13)


def test_augmentation_has_a_closed_form_where_copies_give_members_away(rng, make_design, make_signals):
    # Members answer both right, non-members one: of 6 patients under the 2 models of the other fold, 6 IN and 6 OUT, a
    # level of one side is worth log (n + 1/2) / (1/2) = log (2 n + 1).
    design = make_design(4, 6, rng)
    correct = np.stack([np.ones((4, 6), dtype=bool), design.members], axis=1)
    scores = LABEL_AUGMENTATION.score(with_correct(make_signals, correct), design, np.arange(6))
    np.testing.assert_allclose(scores, np.where(design.members, 1, -1) * np.log(13))


def test_equal_answers_get_equal_scores_whoever_gives_them(rng, make_design, make_signals):
    # A table of every patient's own would put those whom models remember behind others with the same answers.
    design = make_design(8, 40, rng)
    correct = rng.random((8, 4, 40)) < 0.6 + 0.4 * design.members[:, None] * (np.arange(40) < 20)
    scores = LABEL_AUGMENTATION.score(with_correct(make_signals, correct), design, np.arange(40))
    for levels, row in zip(correct.sum(axis=1), scores, strict=True):
        assert len(set(row)) <= len(set(levels))


def test_a_level_never_met_is_worth_nothing(rng, make_design, make_signals):
    design = make_design(6, 5, rng)
    correct = np.ones((6, 3, 5), dtype=bool)
    correct[2, 1:, 4] = False
    scores = LABEL_AUGMENTATION.score(with_correct(make_signals, correct), design, np.arange(5))
    assert scores[2, 4] == 0.0


def test_augmentation_uses_neither_partner_nor_own_membership_nor_the_patient(rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    correct = rng.random((8, 4, 12)) < 0.6
    before = LABEL_AUGMENTATION.score(with_correct(make_signals, correct), design, np.arange(12))
    correct[5] = ~correct[5]
    members = design.members.copy()
    members[[4, 5]] = members[[5, 4]]
    swapped = Design(members=members, partner=design.partner, seed=0)
    after = LABEL_AUGMENTATION.score(with_correct(make_signals, correct), swapped, np.arange(12))
    np.testing.assert_array_equal(after[4], before[4])
    assert not np.allclose(after[2], before[2])
    correct[:4, :, 7] = ~correct[:4, :, 7]
    last = LABEL_AUGMENTATION.score(with_correct(make_signals, correct), swapped, np.arange(12))
    assert last[6, 7] == after[6, 7]
    assert np.any(np.delete(last[6] != after[6], 7))


@pytest.mark.parametrize("attack", [LABEL_NOISE, LABEL_AUGMENTATION], ids=lambda a: a.name)
@pytest.mark.parametrize("models", [50, 51])
@pytest.mark.parametrize("right", [True, False])
def test_constant_labels_give_exact_ties(attack, models, right, rng, make_design, make_signals):
    signals = with_correct(make_signals, np.full((models, 4, 30), right))
    scores = attack.score(signals, make_design(models, 15, rng), np.repeat(np.arange(15), 2))
    assert np.unique(scores).size == 1


@pytest.mark.parametrize("attack", [LABEL_NOISE, LABEL_AUGMENTATION], ids=lambda a: a.name)
def test_without_copies_or_labels_they_are_refused(attack, rng, make_design, make_signals):
    design = make_design(4, 5, rng)
    with pytest.raises(ConfigError, match=f"at least {MIN_QUERIES} disturbed copy.*hold 0"):
        attack.score(with_correct(make_signals, np.ones((4, 1, 5), dtype=bool)), design, np.arange(5))
    with pytest.raises(ConfigError, match="needs predicted labels"):
        attack.score(make_signals(np.zeros((4, 5))), design, np.arange(5))
