"""What whoever sends the network out reads of a batch."""

import numpy as np
import pytest
from sample_prey import build_prey

from genoaudit.cells.batches import batch_size, from_imprints, from_traps
from genoaudit.cells.prey import Judge
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.success import best_candidates


@pytest.fixture(scope="module")
def judge():
    return Judge(build_prey(patients=40, genes=200), eta=0.01)


def mechanism(noise, rate=0.2):
    return Mechanism(1.0, noise, rate, 10, patients=20)


@pytest.mark.parametrize(("rate", "size"), [(0.2, 4), (1e-3, 2), (1.0, 20)])
def test_a_batch_has_as_many_patients_as_are_expected(judge, rate, size):
    assert batch_size(judge.prey, mechanism(0.0, rate)) == size


@pytest.mark.parametrize("attack", [from_imprints, from_traps])
def test_profiles_show_without_noise_and_drown_in_it(judge, attack):
    exact, drowned = attack(judge, mechanism(0.0)), attack(judge, mechanism(3.0))
    assert exact.network == drowned.network == "chosen"
    assert exact.patients == judge.prey.targets.size
    assert exact.pearson > 0.5 > drowned.pearson + 0.2
    assert exact.success.value > 0.1
    assert exact.vanished is None


def test_credit_is_for_the_nearest_candidate():
    truth = np.eye(4)[:2] * 3
    np.testing.assert_array_equal(best_candidates(np.vstack([np.ones(4), 2.9 * np.eye(4)]), truth), [1, 2])
