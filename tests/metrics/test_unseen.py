import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.metrics.intervals import clopper_pearson
from genoaudit.metrics.unseen import unseen_utility
from genoaudit.metrics.utility import utility


@pytest.fixture
def cohort(half_split, rng):
    """8 models of 60 patients of three classes, a third of them with two samples."""
    members, partner = half_split(8, 60, rng)
    patients = np.sort(np.r_[np.arange(60), np.arange(0, 60, 3)])
    y = (np.arange(60) % 3)[patients]
    proba = rng.dirichlet(np.ones(3), size=(8, y.size)).astype(np.float32)
    proba[:, np.arange(y.size), y] += 0.3
    return proba, y, patients, members, partner


def test_values_are_those_of_utility(cohort):
    proba, y, patients, members, _ = cohort
    found, outside = unseen_utility(*cohort), utility(proba, y, members[:, patients])["non_members"]
    assert found.accuracy.value == pytest.approx(outside["accuracy"].value)
    assert found.balanced_accuracy.value == pytest.approx(outside["balanced_accuracy"].value)


def test_a_class_that_unseen_patients_of_a_model_lack_does_not_count_there(cohort):
    proba, y, patients, members, partner = cohort
    members = members.copy()
    members[3, np.unique(patients[y == 2])] = True
    found, outside = unseen_utility(proba, y, patients, members, partner), utility(proba, y, members[:, patients])
    assert found.balanced_accuracy.value == pytest.approx(outside["non_members"]["balanced_accuracy"].value)


def test_of_one_model_with_one_sample_each_the_limits_are_about_those_of_a_proportion():
    members = np.arange(400)[None] < 200
    y = np.zeros(400, dtype=int)
    proba = np.eye(2, dtype=np.float32)[(np.arange(400) % 10 == 0).astype(int)][None]  # right in 9 of 10
    found = unseen_utility(proba, y, np.arange(400), members, np.array([-1])).accuracy
    for ends, level in (((found.low, found.high), 0.95), ((found.at_least, found.at_most), 0.9)):
        assert ends == pytest.approx([float(end) for end in clopper_pearson(180, 200, level)], rel=0.005)


def test_two_samples_of_a_patient_that_agree_are_one_observation(cohort):
    members, y = np.arange(200)[None] < 100, np.zeros(200, dtype=int)
    proba = np.eye(2, dtype=np.float32)[(np.arange(200) % 4 == 0).astype(int)][None]
    once = unseen_utility(proba, y, np.arange(200), members, np.array([-1]))
    twice = np.repeat(np.arange(200), 2)
    again = unseen_utility(proba[:, twice], y[twice], twice, members, np.array([-1]))
    assert once == again


def test_models_that_are_always_right_rest_on_the_patients_of_one(cohort):
    proba, y, patients, members, partner = cohort
    proba = np.broadcast_to(np.eye(3, dtype=np.float32)[y], proba.shape)
    found = unseen_utility(proba, y, patients, members, partner)
    assert (found.accuracy.value, found.accuracy.at_most) == (1.0, 1.0)
    assert found.accuracy.at_least == pytest.approx(float(clopper_pearson(30, 30, 0.9)[0]))
    assert found.balanced_accuracy.at_least <= found.accuracy.at_least


def test_the_same_model_many_times_is_no_more_evidence(half_split, rng):
    members, partner = half_split(2, 300, rng)
    proba = np.eye(2, dtype=np.float32)[(rng.random(300) < 0.3).astype(int)][None].repeat(2, axis=0)
    cohort = (np.zeros(300, dtype=int), np.arange(300))
    few = unseen_utility(proba, *cohort, members, partner).accuracy
    many = unseen_utility(np.tile(proba, (8, 1, 1)), *cohort, np.tile(members, (8, 1)), np.arange(16) ^ 1).accuracy
    assert many.value == pytest.approx(few.value)
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.02)


def test_unusable_input_is_refused(cohort):
    proba, y, patients, members, partner = cohort
    with pytest.raises(ConfigError, match=r"\[models, samples, classes\]"):
        unseen_utility(proba, y[:-1], patients, members, partner)
    with pytest.raises(ConfigError, match="not finite"):
        unseen_utility(proba * np.nan, y, patients, members, partner)
    with pytest.raises(ConfigError, match="1 models have no non-member"):
        unseen_utility(proba, y, patients, members | (np.arange(8) == 2)[:, None], partner)


@pytest.mark.parametrize(("right", "limits"), [(True, (0.025, 1.0)), (False, (0.0, 0.975))])
def test_a_single_unseen_patient_gives_an_interval_that_says_next_to_nothing(right, limits):
    proba = np.array([[[0.9, 0.1]] if right else [[0.1, 0.9]]], dtype=np.float32)
    one = np.zeros(1, dtype=np.intp)
    found = unseen_utility(proba, one, one, np.zeros((1, 1), dtype=bool), np.array([-1])).accuracy
    assert (found.value, found.low, found.high) == pytest.approx((float(right), *limits))
