import numpy as np
import pytest
from scipy import stats

from genoaudit.data.preprocessing import ExpressionScaler
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.analytic import agreeing_profiles, invert_first_layer, unit_profiles
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.law import (
    correlation_cdf,
    effective_norm,
    expected_correlation,
    mse_cdf,
    noise_for_correlation,
)
from genoaudit.reconstruction.network import Gradient, Network, backpropagate
from genoaudit.reconstruction.success import agreement, class_mean_guesses, correlations, nearest_patients

METHODS = ("bias", "rank_one")


@pytest.mark.parametrize("by", METHODS)
@pytest.mark.parametrize("widths", [(150, 3), (150, 32, 3), (150, 32, 16, 3)])
def test_a_single_sample_is_recovered_exactly_even_when_clipped_and_divided(profiles, rng, widths, by):
    X, y = profiles
    update = released_gradient(Network.fresh(widths, rng), X[:1], y[:1], clip=0.01, divisor=7.0, generator=rng)
    np.testing.assert_allclose(invert_first_layer(update, by=by), X[0], rtol=1e-8, atol=1e-10)


def test_several_samples_come_out_mixed(network, profiles, rng):
    X, y = profiles
    found = invert_first_layer(released_gradient(network, X[:2], y[:2], generator=rng))
    best = max(np.corrcoef(found, x)[0, 1] for x in X[:2])
    assert best < 0.99
    weights = np.linalg.lstsq(X[:2].T, found, rcond=None)
    assert weights[1] < 1e-16 * len(found) + 1e-18  # lies in the plane of the two
    assert weights[0].sum() == pytest.approx(1)


def test_every_single_units_ratio_is_the_sample(network, profiles, rng):
    X, y = profiles
    candidates = unit_profiles(released_gradient(network, X[:1], y[:1], generator=rng))
    assert 1 < len(candidates) < 32  # the others were not active
    np.testing.assert_allclose(candidates, np.tile(X[0], (len(candidates), 1)), rtol=1e-6, atol=1e-8)


def test_no_other_weighting_of_the_units_has_a_smaller_error(rng):
    """Inverse variance beats equal weights and the loudest unit, over 400 noisy gradients of known errors."""
    x, errors = rng.normal(size=60), np.array([1.0, -0.5, 0.3, 0.1])
    found = {"best": [], "equal": [], "loudest": []}
    for _ in range(400):
        weights = np.outer(x, errors) + 0.1 * rng.normal(size=(60, 4))
        released = Gradient((weights,), (errors,))
        found["best"].append(invert_first_layer(released, errors=errors))
        found["equal"].append((weights / errors).mean(axis=1))
        found["loudest"].append(weights[:, 0] / errors[0])
    mse = {name: np.mean((np.array(values) - x) ** 2) for name, values in found.items()}
    assert mse["best"] < mse["loudest"] < mse["equal"]
    assert mse["best"] == pytest.approx(0.01 / (errors @ errors), rel=0.05)


def test_rank_one_hears_profiles_where_the_biases_drown(rng):
    """A wide layer: 128 units share what the biases say, and their noise is squared."""
    x = rng.normal(size=1000)
    network = Network.fresh((1000, 128, 3), rng)
    truth = released_gradient(network, x[np.newaxis], [0], clip=1.0, generator=rng)
    found = {by: [] for by in METHODS}
    for _ in range(5):
        noisy = released_gradient(network, x[np.newaxis], [0], clip=1.0, noise_multiplier=0.01, generator=rng)
        for by, values in found.items():
            values.append(abs(np.corrcoef(invert_first_layer(noisy, by=by), x)[0, 1]))
    ceiling = expected_correlation(0.01, profile=x, norm=effective_norm(truth))
    assert np.mean(found["rank_one"]) > np.mean(found["bias"]) + 0.1
    assert np.mean(found["rank_one"]) == pytest.approx(ceiling, abs=0.05)


def test_samples_that_units_hear_alone_are_found_without_knowing_them(profiles, rng):
    X, y = profiles
    network = Network.fresh((150, 128, 3), rng)
    for rows in ([3], [3, 8], [0, 5, 9]):
        update = released_gradient(network, X[rows], y[rows], clip=0.3, divisor=7.0, generator=rng)
        found = agreeing_profiles(update)
        assert len(found) == len(rows)
        order = [int(np.linalg.norm(X[rows] - profile, axis=1).argmin()) for profile in found]
        assert sorted(order) == list(range(len(rows)))
        np.testing.assert_allclose(found, X[rows][order], rtol=1e-6, atol=1e-6)


def test_mixtures_and_noise_agree_with_nothing(profiles, rng):
    X, y = profiles
    softmax, network = Network.fresh((150, 3), rng), Network.fresh((150, 128, 3), rng)
    assert agreeing_profiles(released_gradient(softmax, X[:2], y[:2], generator=rng)).shape == (0, 150)
    noisy = released_gradient(network, X[:2], y[:2], clip=1.0, noise_multiplier=1e-3, generator=rng)
    assert agreeing_profiles(noisy).shape == (0, 150)
    nothing = Gradient((np.zeros((150, 4)),), (np.zeros(4),))
    assert agreeing_profiles(nothing).shape == (0, 150)


def test_a_gradient_too_small_for_its_square_is_still_read(profiles, rng):
    x, errors = profiles[0][0], np.array([3e-200, -1e-201, 0.0])
    np.testing.assert_allclose(invert_first_layer(Gradient((np.outer(x, errors),), (errors,))), x, rtol=1e-9)


def test_a_dead_layer_says_nothing():
    silent = Gradient((np.zeros((5, 2)),), (np.zeros(2),))
    with pytest.raises(ConfigError, match="no unit was active"):
        invert_first_layer(silent)
    assert unit_profiles(silent).shape == (0, 5)


def test_impossible_requests_are_refused():
    gradient = Gradient((np.ones((5, 2)),), (np.ones(2),))
    with pytest.raises(ConfigError, match="estimates the errors"):
        invert_first_layer(gradient, by="rank_one", errors=[1.0, 1.0])
    with pytest.raises(ConfigError, match="2 units"):
        invert_first_layer(gradient, errors=[1.0])
    with pytest.raises(ConfigError, match="'bias' or 'rank_one'"):
        invert_first_layer(gradient, by="loudest")


@pytest.mark.cohort
def test_a_real_profile_is_recovered_from_one_gradient_until_the_noise_that_the_law_names(paired_cohort):
    """Twelve tumours of tcga_paired11: all is recovered without DP, half is lost where the law says so."""
    rng = np.random.default_rng(3)
    tumours = np.flatnonzero(paired_cohort.obs["sample_type"].str.contains("umor|umour").to_numpy())
    X = ExpressionScaler().fit_transform(paired_cohort.X).astype(np.float64)
    targets = rng.choice(tumours, 12, replace=False)
    network = Network.fresh((X.shape[1], 128, len(paired_cohort.classes)), rng)
    guesses = class_mean_guesses(X[tumours], paired_cohort.y[tumours], paired_cohort.patients[tumours])
    control = agreement(guesses, X[tumours], tolerance=0).pearson.mean()
    found, broken, expected = [], [], []
    for row in targets:
        x, y = X[[row]], paired_cohort.y[[row]]
        found.append(invert_first_layer(released_gradient(network, x, y, clip=1.0, generator=rng)))
        passes = backpropagate(network, x, y)
        norm = effective_norm(passes.gradient(np.ones(1)))
        sigma = noise_for_correlation(0.5, profile=x[0], norm=norm)
        whole = passes.gradient(np.ones(1)).norm
        noisy = released_gradient(network, x, y, clip=1.0, noise_multiplier=sigma, generator=rng)
        broken.append(invert_first_layer(noisy, errors=passes.errors[0][0] / whole))
        expected.append(sigma)
    exact = agreement(found, X[targets], tolerance=1e-6)
    assert (exact.pearson > 0.999999).all()
    assert (exact.within_noise == 1).all()
    hits = nearest_patients(found, X[tumours], paired_cohort.patients[tumours])
    np.testing.assert_array_equal(hits, paired_cohort.patients[targets])
    assert control < 0.8
    # 3,341 genes: the standard deviation of a correlation near 0.5 is 0.011, of the mean of twelve 0.003.
    assert agreement(broken, X[targets], tolerance=0).pearson.mean() == pytest.approx(0.5, abs=0.015)
    assert 0.01 < np.median(expected) < 0.06


@pytest.mark.cohort
def test_the_error_on_a_real_profile_follows_the_gamma_law_at_the_budget_that_breaks_it(paired_cohort):
    """Noise of one step, and 300 releases of one profile: KS tests of error and correlation."""
    rng = np.random.default_rng(5)
    X = ExpressionScaler(scaling="sample").fit_transform(paired_cohort.X).astype(np.float64)
    x, y = X[[17]], paired_cohort.y[[17]]
    network = Network.fresh((X.shape[1], 16, len(paired_cohort.classes)), rng)
    passes = backpropagate(network, x, y)
    norm, whole = effective_norm(passes.gradient(np.ones(1))), passes.gradient(np.ones(1)).norm
    clip = 0.5 * whole  # binds
    sigma = noise_for_correlation(0.5, profile=x[0], norm=norm)
    found = [
        invert_first_layer(
            released_gradient(network, x, y, clip=clip, noise_multiplier=sigma, generator=rng),
            errors=passes.errors[0][0] * clip / whole,
        )
        for _ in range(300)
    ]
    result = agreement(found, np.repeat(x, 300, axis=0), tolerance=0.0)
    law = {"noise_multiplier": sigma, "norm": norm}
    assert stats.kstest(result.mse, lambda v: mse_cdf(v, genes=X.shape[1], **law)).pvalue > 0.001
    assert stats.kstest(result.pearson, lambda v: correlation_cdf(v, profile=x[0], **law)).pvalue > 0.001
    assert (
        stats.kstest(result.mse, lambda v: mse_cdf(v, genes=X.shape[1], **{**law, "norm": 1.02 * norm})).pvalue < 1e-6
    )


@pytest.mark.cohort
def test_one_real_patients_whole_update_gives_both_his_samples_away(paired_cohort):
    """Tumour and adjacent normal tissue in one clipped gradient of the reference network, without DP."""
    rng = np.random.default_rng(6)
    X = ExpressionScaler(scaling="sample").fit_transform(paired_cohort.X).astype(np.float64)
    network = Network.fresh((X.shape[1], 128, len(paired_cohort.classes)), rng)
    found = []
    for patient in rng.choice(paired_cohort.n_patients, 10, replace=False):
        rows = np.flatnonzero(paired_cohort.patients == patient)
        update = released_gradient(network, X[rows], paired_cohort.y[rows], clip=1.0, generator=rng)
        profiles = agreeing_profiles(update)
        assert (correlations(profiles, X[rows]).max(axis=1) > 0.999).all()
        found.append(len(profiles))
    assert min(found) >= 1
    assert np.mean(found) > 1.8
