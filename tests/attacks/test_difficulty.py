from dataclasses import replace

import numpy as np
import pytest

from genoaudit.attacks.difficulty import DIFFICULTY
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError


def naive(logit, design, patients):
    """Go through targets and patients with probabilities instead of logits."""
    models, codes = len(logit), np.unique(patients)
    loss = -np.log(1 / (1 + np.exp(-logit)))
    scores = np.empty((models, codes.size))
    for target in range(models):
        for i in codes:
            own = np.mean(loss[target, patients == i])
            others = [
                np.mean(loss[m, patients == i])
                for m in range(models)
                if m not in (target, design.partner[target]) and not design.members[m, i]
            ]
            scores[target, i] = np.mean(others) - own
    return scores


@pytest.mark.parametrize("models", [4, 5, 12], ids=["fewest", "odd", "twelve"])
def test_equals_a_naive_loop_over_targets_and_patients(models, rng, make_design, make_signals):
    design = make_design(models, 11, rng)
    patients = np.concatenate([np.arange(11), [0, 0, 4]])
    logit = rng.normal(size=(models, 14)) * 3
    scores = DIFFICULTY.score(make_signals(logit), design, patients)
    np.testing.assert_allclose(scores, naive(logit, design, patients), rtol=1e-9, atol=1e-12)


def test_a_loss_below_that_of_the_models_without_the_patient_scores_its_distance(make_signals):
    # Confident and wrong: the loss is minus the logit. OUT references of target 0 lose 600 and 400.
    members = np.array([[1], [0], [1], [0], [1], [0]], dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, 3, 2, 5, 4]), seed=0)
    logit = np.array([[-120.0], [-9e3], [-50.0], [-600.0], [-70.0], [-400.0]])
    assert DIFFICULTY.score(make_signals(logit), design, np.array([0]))[0, 0] == pytest.approx(500 - 120)


def test_only_models_without_the_patient_count(rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    shifted = logit + 5 * design.members
    before = DIFFICULTY.score(make_signals(logit), design, np.arange(12))
    after = DIFFICULTY.score(make_signals(shifted), design, np.arange(12))
    np.testing.assert_allclose(after[~design.members], before[~design.members], rtol=1e-9, atol=1e-12)
    assert (after[design.members] > before[design.members]).all()


def test_references_hold_neither_the_target_nor_its_partner(rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    before = DIFFICULTY.score(make_signals(logit), design, np.arange(12))
    changed = logit.copy()
    changed[5] -= 50.0  # the partner of model 4
    after = DIFFICULTY.score(make_signals(changed), design, np.arange(12))
    np.testing.assert_allclose(after[4], before[4], rtol=1e-9, atol=1e-9)
    assert not np.allclose(after[2], before[2])


@pytest.mark.parametrize("level", [0.0, 0.1, -1e6 / 3])
def test_output_constant_over_models_gives_exact_ties(level, rng, make_design, make_signals):
    logit = np.tile(level + rng.normal(size=30), (51, 1))
    scores = DIFFICULTY.score(make_signals(logit), make_design(51, 15, rng), np.repeat(np.arange(15), 2))
    np.testing.assert_array_equal(scores, np.zeros((51, 15)))


def test_only_the_sample_itself_is_read_when_there_are_more_queries(rng, make_design, make_signals):
    design = make_design(6, 5, rng)
    signals = make_signals(rng.normal(size=(6, 5)))
    more = replace(signals, logit=np.concatenate([signals.logit, rng.normal(size=(6, 3, 5))], axis=1))
    np.testing.assert_array_equal(
        DIFFICULTY.score(more, design, np.arange(5)), DIFFICULTY.score(signals, design, np.arange(5))
    )


def test_a_patient_in_every_model_is_an_error_not_a_nan(rng, make_design, make_signals):
    design = make_design(8, 6, rng)
    members = design.members.copy()
    members[:, 3] = True
    broken = replace(design, members=members)
    with pytest.raises(ConfigError, match=r"1 of 6 patients.*patient number 3"):
        DIFFICULTY.score(make_signals(rng.normal(size=(8, 6))), broken, np.arange(6))
