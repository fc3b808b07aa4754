import numpy as np
import pytest

from genoaudit.metrics.accuracy import accuracy_over_patients
from genoaudit.metrics.intervals import clopper_pearson


@pytest.mark.parametrize(("right", "of"), [(0, 5), (3, 9), (40, 50), (50, 50)])
def test_with_one_sample_each_it_is_clopper_and_pearsons(right, of):
    found = accuracy_over_patients(np.arange(of) < right, np.arange(of))
    low, high = clopper_pearson(right, of)
    assert (found.value, found.low, found.high) == pytest.approx((right / of, float(low), float(high)))


def test_samples_that_repeat_their_patient_bring_nothing():
    correct, patients = np.arange(40) < 30, np.arange(40)
    alone = accuracy_over_patients(correct, patients)
    fivefold = accuracy_over_patients(np.repeat(correct, 5), np.repeat(patients, 5) * 7)
    assert (fivefold.value, fivefold.low, fivefold.high) == pytest.approx((alone.value, alone.low, alone.high))


@pytest.mark.statistical
def test_its_limits_hold_the_truth_as_often_as_they_say_with_patients_of_many_sizes():
    rng = np.random.default_rng(0)
    sizes = np.array([1] * 30 + [2] * 20 + [4] * 10)
    held = 0
    for _ in range(400):
        chance = rng.beta(8, 2, size=len(sizes))
        correct = rng.random(sizes.sum()) < np.repeat(chance, sizes)
        found = accuracy_over_patients(correct, np.repeat(np.arange(len(sizes)), sizes))
        held += found.low <= 0.8 <= found.high
    assert held / 400 > 0.93  # 0.95 less three standard errors would be 0.917
