"""What one patient's update gives away, on networks and updates made by hand."""

import numpy as np
import pytest
from sample_prey import build_prey

from genoaudit.cells.prey import Judge
from genoaudit.cells.updates import from_later_layers, from_updates, from_whole_patients, update_of
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.network import Network

EXACT = Mechanism(1.0, 0.0, 0.2, 10, patients=6)
DROWNED = Mechanism(1.0, 3.0, 0.2, 10, patients=6)


@pytest.fixture(scope="module")
def judge():
    return Judge(build_prey(), eta=0.01)


def network(judge, *hidden):
    return Network.fresh((judge.prey.X.shape[1], *hidden, 2), np.random.default_rng(1))


def test_noise_is_on_the_released_update_alone_and_drawn_anew_for_every_patient(judge):
    prey, net = judge.prey, network(judge, 8)
    one, other = (update_of(net, prey, prey.rows[:1], DROWNED, "a", number) for number in (0, 1))
    again = update_of(net, prey, prey.rows[:1], DROWNED, "a", 0)
    np.testing.assert_array_equal(one.clean.weights[0], other.clean.weights[0])
    np.testing.assert_array_equal(one.released.weights[0], again.released.weights[0])
    assert not np.allclose(one.released.weights[0], other.released.weights[0])
    assert one.clean.norm <= 1 + 1e-12


def test_both_ways_are_exact_without_noise_and_lost_in_it(judge):
    for mechanism, low, high in ((EXACT, 0.9999, 1.0001), (DROWNED, -0.5, 0.5)):
        found = from_updates(judge, network(judge, 8), "fresh", mechanism)
        assert [one.attack for one in found] == ["analytic", "rank_one"]
        for one in found:
            assert low < one.pearson < high
            assert (one.vanished, one.learnt) == (0, 0)


def test_a_silent_first_layer_and_a_sample_fitted_fully_are_told_apart(judge):
    net = network(judge, 8)
    silent = Network(net.weights, (net.biases[0] - 1e6, net.biases[1]))
    (found, _) = from_updates(judge, silent, "trained", EXACT)
    assert (found.vanished, found.learnt, found.pearson) == (1, 0, 0)
    margin = np.zeros((judge.prey.X.shape[1], 2))
    margin[0] = [0.0, 1e6]  # the first gene is the class in this cohort
    fitted = Network((margin,), (np.array([5e5, 0.0]),))
    (found, _) = from_updates(judge, fitted, "trained", EXACT)
    assert (found.vanished, found.learnt) == (1, 1)


@pytest.mark.parametrize("size", [1e-40, 1e-150, 1e-300])
def test_errors_too_faint_for_any_noise_are_foretold_to_give_nothing(judge, size):
    """As of samples that a long training fits all but fully: neither a failure nor a number from overflow."""
    net = network(judge, 8)
    faint = Network((net.weights[0], size * net.weights[1]), net.biases)
    (found, _) = from_updates(judge, faint, "trained", DROWNED)
    assert found.expected_pearson == pytest.approx(0, abs=1e-6)
    (exact, _) = from_updates(judge, faint, "trained", EXACT)
    assert (exact.expected_pearson, exact.vanished) == (1, 0)
    assert exact.pearson > 0.999


def test_a_patients_samples_are_found_one_by_one_where_units_hear_one_alone(judge):
    assert from_whole_patients(judge, network(judge, 64), EXACT).pearson > 0.9999
    mixed = from_whole_patients(judge, network(judge), EXACT)
    assert mixed.pearson < 0.999
    assert from_whole_patients(judge, network(judge, 64), DROWNED).pearson < 0.6


def test_later_layers_are_matched_for_a_few_patients_only(judge):
    found = from_later_layers(judge, network(judge, 64), EXACT)
    assert (found.attack, found.network, found.patients) == ("matching", "fresh", 4)
    assert found.pearson > 0.9  # more units than genes: the later layer says it all
    silent = network(judge, 8)
    silent = Network(silent.weights, (silent.biases[0] - 1e6, silent.biases[1] + np.array([2e3, 0.0])))
    assert from_later_layers(judge, silent, EXACT).vanished == 1
