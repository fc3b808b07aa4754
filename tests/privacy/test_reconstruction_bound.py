import math
import time

import numpy as np
import pytest
from scipy import optimize, stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.reconstruction_bound import (
    reconstruction_bound,
    reconstruction_bound_edgeworth,
    relaxed_bound,
)

KAPPAS = (0.1, 0.01, 0.001)
# Noise multiplier, sampling rate, steps: gamma at KAPPAS by the Edgeworth expansion and by a privacy loss distribution,
# and at 0.1 by Monte Carlo.
TABLE = {
    (0.6, 0.01, 1000): ((0.4176, 0.1236, 0.0311), (0.4173, 0.1245, 0.0334), 0.4205),
    (1.0, 0.01, 1000): ((0.1942, 0.0291, 0.0041), (0.1943, 0.0292, 0.0041), 0.198),
    (1.0, 0.1, 100): ((0.4692, 0.1462, 0.0380), (0.4692, 0.1461, 0.0388), 0.468),
    (2.0, 0.2, 200): ((0.5729, 0.2008, 0.0563), (0.5729, 0.2008, 0.0563), 0.573),
    (0.5, 0.002, 10000): ((0.4788, 0.1593, 0.0455), (0.4786, 0.1606, 0.0479), 0.484),
}


def as_arguments(mechanism):
    return dict(zip(("noise_multiplier", "sampling_rate", "steps"), mechanism, strict=True))


def by_fourier_inversion(kappas, loss, nu, mu, steps):
    """Gamma from the characteristic functions of the summed losses: no rounding of losses, no convolution."""
    means = [law @ loss for law in (nu, mu)]
    spread = math.sqrt(steps * max(law @ (loss - mean) ** 2 for law, mean in zip((nu, mu), means, strict=True)))
    low, high = steps * means[0] - 20 * spread, steps * means[1] + 40 * spread
    frequency = 2 * np.pi / (2 * (high - low)) * np.arange(1, 800)

    def transform(law, mean):
        centred = np.array([law @ np.exp(1j * t * (loss - mean)) for t in frequency])
        return centred**steps * np.exp(1j * frequency * steps * mean)

    transforms = [transform(law, mean) for law, mean in zip((nu, mu), means, strict=True)]
    assert all(abs(values[-1]) < 1e-12 for values in transforms)

    def above(x, values):
        waves = values * (np.exp(-1j * frequency * x) - np.exp(-1j * frequency * low)) / (-1j * frequency)
        return 1 - (x - low + 2 * waves.real.sum()) / (2 * (high - low))

    def gamma(kappa):
        threshold = optimize.brentq(lambda x: above(x, transforms[0]) - kappa, low, high, xtol=1e-10)
        return above(threshold, transforms[1])

    return [gamma(kappa) for kappa in kappas]


@pytest.mark.parametrize("mechanism", TABLE)
def test_reference_table(mechanism):
    edgeworth, pld, monte_carlo = TABLE[mechanism]
    exact = [reconstruction_bound(kappa, **as_arguments(mechanism)) for kappa in KAPPAS]
    expanded = [reconstruction_bound_edgeworth(kappa, **as_arguments(mechanism)) for kappa in KAPPAS]
    assert exact == pytest.approx(pld, abs=2e-4)
    assert expanded == pytest.approx(edgeworth, abs=2e-4)
    assert exact[:2] == pytest.approx(expanded[:2], abs=2e-3)
    assert exact[0] == pytest.approx(monte_carlo, abs=0.01)


@pytest.mark.parametrize("mechanism", TABLE)
def test_bound_equals_fourier_inversion_and_is_never_below(mechanism):
    noise, rate, steps = mechanism
    values = np.linspace(-10 * noise, 1 + 10 * noise, 6001)
    nu, shifted = stats.norm.pdf(values, 0, noise), stats.norm.pdf(values, 1, noise)
    mu = (1 - rate) * nu + rate * shifted
    loss = np.logaddexp(math.log1p(-rate), math.log(rate) + (2 * values - 1) / (2 * noise**2))
    expected = by_fourier_inversion(KAPPAS, loss, nu / nu.sum(), mu / mu.sum(), steps)
    found = [reconstruction_bound(kappa, **as_arguments(mechanism)) for kappa in KAPPAS]
    assert found == pytest.approx(expected, rel=1e-4)
    assert np.all(np.array(found) > np.array(expected) - 1e-8)


@pytest.mark.parametrize(("noise", "rate", "steps"), [(2.0, 0.2, 200), (1.0, 0.1, 100), (1.0, 1.0, 40)])
def test_relaxed_bound_equals_fourier_inversion_of_chi_square_losses(noise, rate, steps):
    root = np.linspace(1e-6, 10 + 1 / noise, 3001)  # of the square in units of the noise
    null = stats.chi2.pdf(root**2, 1)
    shifted = stats.ncx2.pdf(root**2, 1, 1 / noise**2)
    loss = np.log(1 - rate + rate * shifted / null)
    nu, mu = root * null, root * ((1 - rate) * null + rate * shifted)
    nu[[0, -1]] /= 2
    mu[[0, -1]] /= 2
    expected = by_fourier_inversion(KAPPAS, loss, nu / nu.sum(), mu / mu.sum(), steps)
    found = [relaxed_bound(kappa, noise_multiplier=noise, sampling_rate=rate, steps=steps) for kappa in KAPPAS]
    assert found == pytest.approx(expected, rel=3e-4)


@pytest.mark.parametrize(
    ("mechanism", "kappa", "expected"),
    [((2.0, 0.2, 200), 0.1, 0.2187), ((2.0, 0.2, 200), 0.01, 0.0357), ((1.0, 0.01, 1000), 0.1, 0.1485)],
)
def test_reference_values_of_the_relaxed_bound(mechanism, kappa, expected):
    assert relaxed_bound(kappa, **as_arguments(mechanism)) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(
    ("patients", "noise", "batch", "steps", "gamma", "relaxed"),
    [
        (8112, 20.118, 2048, 300, 2.83e-4, 1.28e-4),
        (8112, 3.185, 2048, 300, 0.01214, 4.3e-4),
        (8112, 1.182, 2048, 300, 0.635, 0.069),
        (8112, 0.702, 2048, 300, 0.9994, None),
        (106, 9.974, 1, 53_000, 0.0166, None),  # 0.0174 by a loss distribution of coarser cells
        (106, 1.664, 1, 53_000, 0.1804, 0.0368),
        (106, 0.783, 1, 53_000, 0.968, None),
    ],
)
def test_bounds_of_published_trainings(patients, noise, batch, steps, gamma, relaxed):
    arguments = as_arguments((noise, batch / patients, steps))
    assert reconstruction_bound(1 / patients, **arguments) == pytest.approx(gamma, rel=0.02)
    if relaxed is not None:
        assert relaxed_bound(1 / patients, **arguments) == pytest.approx(relaxed, rel=0.02)


@pytest.mark.parametrize(
    ("patients", "noise", "batch", "steps", "expanded"),
    [
        (8112, 20.118, 2048, 300, 2.83e-4),
        (8112, 3.185, 2048, 300, 0.01214),
        (8112, 1.182, 2048, 300, 0.6349),
        (8112, 0.702, 2048, 300, 0.9994),
        (106, 9.974, 1, 53_000, 0.0166),
        (106, 1.664, 1, 53_000, 0.1796),
        (106, 0.783, 1, 53_000, 0.968),
        (1_083_909, 1.938, 3328, 16_250, 2.7e-6),
    ],
)
def test_expansions_of_published_trainings(patients, noise, batch, steps, expanded):
    arguments = as_arguments((noise, batch / patients, steps))
    assert reconstruction_bound_edgeworth(1 / patients, **arguments) == pytest.approx(expanded, rel=0.02)


def test_small_kappa_with_large_leakage_is_exact():
    # Where the Edgeworth expansion is off by tens of percent, and pmf tails weighted by exp(loss) are worthless.
    arguments = as_arguments((0.6495, 3328 / 1_083_909, 16_250))
    assert reconstruction_bound(1 / 1_083_909, **arguments) == pytest.approx(2.8e-4, rel=0.01)
    assert reconstruction_bound_edgeworth(1 / 1_083_909, **arguments) == pytest.approx(3.8e-4, rel=0.02)


def test_two_read_outs_of_next_to_no_protection_differ_as_published():
    # Recomputed as 0.97 by the expansion and 0.95 by a loss distribution, both called unreliable.
    arguments = as_arguments((0.339, 3328 / 1_083_909, 16_250))
    assert reconstruction_bound(1 / 1_083_909, **arguments) == pytest.approx(0.95, rel=0.01)
    assert reconstruction_bound_edgeworth(1 / 1_083_909, **arguments) == pytest.approx(0.97, rel=0.01)


@pytest.mark.parametrize("kappa", [0.2, 0.01])
@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (5.0, 10), (30.0, 1000)])
def test_closed_form_without_subsampling(kappa, noise, steps):
    expected = stats.norm.cdf(math.sqrt(steps) / noise - stats.norm.ppf(1 - kappa))
    assert reconstruction_bound(kappa, **as_arguments((noise, 1.0, steps))) == pytest.approx(expected, abs=1e-12)
    assert reconstruction_bound(kappa, **as_arguments((noise, 1 - 1e-9, steps))) == pytest.approx(expected, rel=1e-4)
    if steps >= 30:
        expanded = reconstruction_bound_edgeworth(kappa, **as_arguments((noise, 1.0, steps)))
        assert expanded == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("kappa", [0.3, 0.01, 1e-4])
@pytest.mark.parametrize(("noise", "rate"), [(0.5, 0.01), (1.0, 0.5), (4.0, 0.1)])
def test_closed_form_of_a_single_step(kappa, noise, rate):
    unsampled = stats.norm.sf(stats.norm.isf(kappa) - 1 / noise)
    found = reconstruction_bound(kappa, **as_arguments((noise, rate, 1)))
    assert found == pytest.approx((1 - rate) * kappa + rate * unsampled, rel=1e-4)
    unsigned = stats.ncx2.sf(stats.chi2.isf(kappa, 1), 1, 1 / noise**2)
    found = relaxed_bound(kappa, **as_arguments((noise, rate, 1)))
    assert found == pytest.approx((1 - rate) * kappa + rate * unsigned, rel=1e-4)


@pytest.mark.parametrize("bound", [reconstruction_bound, relaxed_bound])
@pytest.mark.parametrize("noise", [0.05, 1e-3, 1e-5])
def test_without_noise_only_a_record_never_sampled_is_safe(bound, noise):
    found = bound(0.01, noise_multiplier=noise, sampling_rate=0.01, steps=100)
    assert found == pytest.approx(1 - 0.99 * 0.99**100, rel=1e-6)
    assert bound(0.01, noise_multiplier=noise, sampling_rate=1.0, steps=10) == pytest.approx(1)


def test_bound_equals_that_of_an_accountant():
    from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
    from riskcal.analysis import get_beta_from_pld

    for noise, rate, steps in ((1.0, 0.1, 100), (0.6, 0.01, 1000)):
        one = from_gaussian_mechanism(noise, sampling_prob=rate, value_discretization_interval=1e-3)
        expected = 1 - get_beta_from_pld(one.self_compose(steps), alpha=0.01)
        assert reconstruction_bound(0.01, **as_arguments((noise, rate, steps))) == pytest.approx(expected, abs=1e-4)


def test_simulated_attack_meets_the_bound():
    noise, rate, steps, kappa = 2.0, 0.2, 200, 0.1
    rng = np.random.default_rng(0)

    def statistic(sampled):
        released = rng.normal(sampled, noise)
        return np.log1p(rate * np.expm1((2 * released - 1) / (2 * noise**2))).sum(axis=1)

    without = statistic(np.zeros((20_000, steps)))
    tpr = (statistic(rng.random((20_000, steps)) < rate) > np.quantile(without, 1 - kappa)).mean()
    # Four standard errors of the rate and of the threshold.
    assert tpr == pytest.approx(reconstruction_bound(kappa, **as_arguments((noise, rate, steps))), abs=0.025)


@pytest.mark.parametrize("bound", [reconstruction_bound, relaxed_bound])
def test_bound_moves_with_every_argument(bound):
    def rises(values):
        return np.all(np.diff(values) > 0)

    assert rises([bound(kappa, **as_arguments((1.0, 0.05, 100))) for kappa in (1e-4, 1e-3, 0.1, 0.5, 0.9, 0.99)])
    assert rises([bound(0.01, **as_arguments((noise, 0.05, 100))) for noise in (100.0, 10.0, 2.0, 1.0, 0.7, 0.3)])
    assert rises([bound(0.01, **as_arguments((1.0, rate, 100))) for rate in (1e-4, 0.01, 0.1, 0.5, 1.0)])
    assert rises([bound(0.01, **as_arguments((1.0, 0.05, steps))) for steps in (1, 2, 10, 100, 1000)])


def test_knowing_the_direction_never_hurts_and_no_model_helps_nobody():
    for mechanism in [*TABLE, (5.0, 1.0, 10), (0.2, 0.01, 100)]:
        for kappa in (0.5, 0.01):
            relaxed, worst = (
                bound(kappa, **as_arguments(mechanism)) for bound in (relaxed_bound, reconstruction_bound)
            )
            assert kappa < relaxed < worst <= 1
    assert reconstruction_bound(0.01, **as_arguments((1e6, 0.01, 100))) == pytest.approx(0.01, abs=1e-7)


@pytest.mark.parametrize(
    "mechanism",
    [(0.783, 1 / 106, 53_000), (1.0, 1e-4, 10**6), (1e3, 0.01, 10**8), (0.1, 1e-3, 10**6), (0.01, 0.9, 10**5)],
)
@pytest.mark.parametrize("bound", [reconstruction_bound, relaxed_bound])
def test_long_trainings_take_seconds(bound, mechanism):
    began = time.perf_counter()
    assert 0.01 < bound(0.01, **as_arguments(mechanism)) <= 1
    assert time.perf_counter() - began < 5


def test_kappa_in_the_rounding_noise_is_refused():
    arguments = as_arguments((2.0, 0.001, 10_000))
    assert reconstruction_bound(1e-6, **arguments) == pytest.approx(1e-6 + 4e-7, rel=0.2)
    for bound in (reconstruction_bound, relaxed_bound):
        with pytest.raises(ConfigError, match="too small for 10000 steps"):
            bound(1e-10, **arguments)


@pytest.mark.parametrize("bound", [reconstruction_bound, relaxed_bound, reconstruction_bound_edgeworth])
@pytest.mark.parametrize(
    ("kappa", "mechanism"),
    [
        (0.0, (1.0, 0.1, 100)),
        (1.0, (1.0, 0.1, 100)),
        (math.nan, (1.0, 0.1, 100)),
        (0.1, (0.0, 0.1, 100)),
        (0.1, (math.inf, 0.1, 100)),
        (0.1, (1.0, 0.0, 100)),
        (0.1, (1.0, 1.1, 100)),
        (0.1, (1.0, 0.1, 0)),
    ],
)
def test_impossible_arguments_are_refused(bound, kappa, mechanism):
    with pytest.raises(ConfigError):
        bound(kappa, **as_arguments(mechanism))


@pytest.mark.parametrize("mechanism", [(1.0, 0.1, 29), (0.09, 0.1, 100)])
def test_expansion_is_refused_where_it_means_nothing(mechanism):
    with pytest.raises(ConfigError, match="Use `reconstruction_bound`"):
        reconstruction_bound_edgeworth(0.1, **as_arguments(mechanism))
