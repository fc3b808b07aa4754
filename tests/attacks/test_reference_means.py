import numpy as np
import pytest
from scipy import special

from genoaudit.attacks.reference_means import log_confidence, log_reference_mean
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError


def naive(log_p, side, partner):
    models, patients = log_p.shape
    means = np.empty((models, patients))
    for target in range(models):
        for i in range(patients):
            kept = [log_p[m, i] for m in range(models) if m not in (target, partner[target]) and side[m, i]]
            means[target, i] = special.logsumexp(kept) - np.log(len(kept))
    return means


@pytest.mark.parametrize("models", [4, 7, 12])
def test_equals_a_loop_that_collects_the_references(models, rng, make_design):
    design = make_design(models, 9, rng)
    log_p = -rng.gamma(1, 5, size=(models, 9))
    for side in (~design.members, np.ones_like(design.members)):
        means = log_reference_mean(log_p, side, design.partner)
        np.testing.assert_allclose(means, naive(log_p, side, design.partner), rtol=1e-12)


def test_partners_need_not_be_neighbours(rng, make_design):
    design = make_design(8, 5, rng)
    order = rng.permutation(8)
    place = np.argsort(order)
    mixed = Design(members=design.members[order], partner=place[design.partner[order]], seed=0)
    log_p = -rng.gamma(1, size=(8, 5))
    np.testing.assert_allclose(
        log_reference_mean(log_p[order], mixed.members, mixed.partner),
        log_reference_mean(log_p, design.members, design.partner)[order],
        rtol=1e-13,
    )


def test_a_target_far_above_its_references_costs_no_digit():
    log_p = np.array([[-1e-9], [-300.0], [-300.0], [-301.0]])
    mean = log_reference_mean(log_p, np.ones((4, 1), dtype=bool), np.array([1, 0, 3, 2]))[0, 0]
    assert mean == pytest.approx(-300 + np.log((1 + np.exp(-1)) / 2), rel=1e-14)


def test_references_beyond_the_range_of_doubles_stay_finite():
    log_p = np.array([[0.0], [-9e5], [-8e5], [-1e6]])
    assert np.isfinite(log_reference_mean(log_p, np.ones((4, 1), dtype=bool), np.array([1, 0, 3, 2]))).all()


def test_agreement_of_all_models_is_returned_to_the_bit(rng, make_design):
    design = make_design(51, 30, rng)
    log_p = np.tile(-rng.gamma(1, size=30), (51, 1))
    np.testing.assert_array_equal(log_reference_mean(log_p, design.members, design.partner), log_p)


def test_a_side_without_reference_is_an_error_not_a_nan(rng, make_design):
    design = make_design(6, 5, rng)
    members = design.members.copy()
    members[:, 3] = True
    with pytest.raises(ConfigError, match=r"1 of 5 patients.*patient number 3"):
        log_reference_mean(np.zeros((6, 5)), ~members, design.partner)


def test_confidence_of_a_patient_is_the_geometric_mean_over_samples(rng, make_signals):
    logit = rng.normal(size=(3, 4))
    log_p = log_confidence(make_signals(logit), np.array([1, 0, 1, 1]))
    np.testing.assert_allclose(np.exp(log_p[:, 1]), special.expit(logit[:, [0, 2, 3]]).prod(axis=1) ** (1 / 3))
