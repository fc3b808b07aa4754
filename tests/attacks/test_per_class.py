from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from genoaudit.attacks.loss import LOSS
from genoaudit.attacks.per_class import PER_CLASS
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError


def naive(logit, y, patients, design):
    """Collect, for every target and sample, what references say of the other patients' samples of the class."""
    log_p = special.log_expit(logit)
    scores = np.empty(log_p.shape)
    for t, j in np.ndindex(scores.shape):
        sides = {True: [], False: []}
        for m in range(design.models):
            if m in (t, design.partner[t]):
                continue
            for k in range(y.size):
                if y[k] == y[j] and patients[k] != patients[j]:
                    sides[bool(design.members[m, patients[k]])].append(log_p[m, k])
        scores[t, j] = log_p[t, j] - (np.mean(sides[True]) + np.mean(sides[False])) / 2
    codes = range(patients.max() + 1)
    return np.stack([scores[:, patients == i].mean(axis=1) for i in codes], axis=1)


@pytest.mark.parametrize("models", [4, 5, 8])
def test_equals_a_naive_loop_also_for_patients_with_samples_of_two_classes(models, rng, make_design, make_signals):
    patients = np.concatenate([np.arange(12), [0, 0, 4, 7]])
    y = np.concatenate([np.arange(12) % 2, [0, 1, 1, 1]])
    design = make_design(models, 12, rng)
    logit = rng.normal(size=(models, y.size)) * 3
    scores = PER_CLASS.score(replace(make_signals(logit), y=y), design, patients)
    np.testing.assert_allclose(scores, naive(logit, y, patients, design), rtol=1e-10, atol=1e-11)


def test_known_thresholds_are_taken_off(make_signals, rng, make_design):
    # Log confidence -1 in and -3 out in the first class, -5 and -9 in the second: thresholds -2 and -7.
    design, y = make_design(6, 20, rng), np.arange(20) % 2
    log_p = np.where(design.members, np.where(y, -5.0, -1.0), np.where(y, -9.0, -3.0))
    signals = replace(make_signals(log_p - np.log(-np.expm1(log_p))), y=y)
    scores = PER_CLASS.score(signals, design, np.arange(20))
    np.testing.assert_allclose(scores, log_p - np.where(y, -7.0, -2.0), rtol=1e-12)


def test_neither_partner_nor_own_membership_is_used(rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    before = PER_CLASS.score(make_signals(logit), design, np.arange(12))
    logit[5] += 9
    members = design.members.copy()
    members[[4, 5]] = members[[5, 4]]
    swapped = Design(members=members, partner=design.partner, seed=0)
    after = PER_CLASS.score(make_signals(logit), swapped, np.arange(12))
    np.testing.assert_allclose(after[4], before[4], rtol=1e-12)
    assert not np.allclose(after[2], before[2])


def test_no_patient_helps_to_fit_its_own_threshold(rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    before = PER_CLASS.score(make_signals(logit), design, np.arange(12))
    logit[1:, 3] += 5  # what the other models say of patient 3
    after = PER_CLASS.score(make_signals(logit), design, np.arange(12))
    assert after[0, 3] == pytest.approx(before[0, 3], rel=1e-12)
    assert not np.isclose(after[0, 4], before[0, 4])


def test_ranks_within_a_class_nearly_as_the_loss_and_across_classes_better(rng, make_design, make_signals):
    design, y = make_design(16, 400, rng), np.arange(400) % 2
    logit = rng.normal(size=(16, 400)) + 3 * y + design.members
    signals = replace(make_signals(logit), y=y)

    def advantage(attack):
        scores = attack.score(signals, design, np.arange(400))
        return np.mean([np.mean(s[m][:, None] > s[~m]) for s, m in zip(scores, design.members, strict=True)])

    assert advantage(PER_CLASS) > advantage(LOSS) + 0.05


@pytest.mark.parametrize("level", [0.0, 0.1, 50.0, -1e6 / 3])
def test_constant_output_gives_finite_exact_ties(level, rng, make_design, make_signals):
    signals = replace(make_signals(np.full((51, 30), level)), y=np.arange(30) // 2 % 2)
    scores = PER_CLASS.score(signals, make_design(51, 15, rng), np.repeat(np.arange(15), 2))
    np.testing.assert_array_equal(scores, np.zeros((51, 15)))


def test_a_class_with_a_single_patient_is_refused(rng, make_design, make_signals):
    signals = replace(make_signals(np.zeros((6, 8))), y=np.array([0, 0, 0, 0, 1, 0, 0, 0]))
    with pytest.raises(ConfigError, match=r"1 of 2 classes.*class number 1"):
        PER_CLASS.score(signals, make_design(6, 8, rng), np.arange(8))
