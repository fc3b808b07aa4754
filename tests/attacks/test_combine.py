import numpy as np
import pytest

from genoaudit.attacks.combine import patient_mean
from genoaudit.errors import ConfigError


def test_equals_a_loop_over_patients_whatever_the_order_of_the_samples(rng):
    patients = rng.permutation(np.repeat(np.arange(7), [1, 3, 2, 1, 4, 2, 2]))
    values = rng.normal(size=(3, 2, patients.size))
    expected = np.stack([values[..., patients == code].mean(axis=-1) for code in range(7)], axis=-1)
    np.testing.assert_allclose(patient_mean(values, patients), expected, rtol=1e-14)


def test_reordering_samples_changes_no_bit_with_two_samples_per_patient(rng):
    patients = rng.permutation(np.repeat(np.arange(20), 2))
    values = rng.normal(size=(4, 40))
    order = rng.permutation(40)
    np.testing.assert_array_equal(patient_mean(values[:, order], patients[order]), patient_mean(values, patients))


def test_single_samples_pass_through_exactly(rng):
    values = rng.normal(size=(2, 9))
    patients = rng.permutation(9)
    np.testing.assert_array_equal(patient_mean(values, patients)[:, patients], values)


@pytest.mark.parametrize(
    ("patients", "message"),
    [([0, 1], "2"), ([0, 2, 2], "first: code 1"), ([], "codes have shape")],
    ids=["too few codes", "a code without sample", "no sample"],
)
def test_codes_that_do_not_fit_are_refused(patients, message):
    with pytest.raises(ConfigError, match=message):
        patient_mean(np.zeros((1, 3)), np.array(patients, dtype=int))
