import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.privacy.reconstruction_bound import reconstruction_bound
from genoaudit.reconstruction import law
from genoaudit.reconstruction.network import Gradient, Network, backpropagate

SETTING = {"noise_multiplier": 0.03, "norm": 10.0, "genes": 300}


def test_the_law_is_the_gamma_law_of_the_paper():
    gamma = stats.gamma(a=150, scale=2 * (0.03 * 10) ** 2 / 300)
    etas = np.linspace(0.05, 0.15, 21)
    np.testing.assert_allclose(law.mse_cdf(etas, **SETTING), gamma.cdf(etas), rtol=1e-9)
    np.testing.assert_allclose(law.mse_quantile([0.01, 0.5, 0.99], **SETTING), gamma.ppf([0.01, 0.5, 0.99]), rtol=1e-9)
    assert gamma.mean() == pytest.approx((0.03 * 10) ** 2)
    assert law.mse_cdf(-1.0, **SETTING) == 0


@pytest.mark.parametrize("gamma", [1e-6, 0.05, 0.9])
def test_the_noise_for_a_target_meets_it(gamma):
    sigma = law.noise_for_mse(0.2, gamma, norm=10.0, genes=300)
    assert law.mse_cdf(0.2, noise_multiplier=sigma, norm=10.0, genes=300) == pytest.approx(gamma)


@pytest.mark.parametrize("sigma", [0.001, 0.05, 0.5])
def test_the_expected_correlation_is_that_of_simulated_reconstructions(sigma, rng):
    x = rng.normal(0.5, 1.0, size=40)
    found = x + sigma * np.linalg.norm(x) * rng.normal(size=(20_000, 40))
    r = np.array([np.corrcoef(x, y)[0, 1] for y in found[:4000]])
    assert law.expected_correlation(sigma, profile=x) == pytest.approx(r.mean(), abs=5 * r.std() / np.sqrt(4000))
    assert stats.kstest(r, lambda v: law.correlation_cdf(v, noise_multiplier=sigma, profile=x)).pvalue > 1e-3


def test_for_many_genes_it_is_the_approximation_of_the_manual(rng):
    x = rng.normal(size=5000)
    x -= x.mean()
    for sigma in (0.001, 0.02, 0.3):
        near = 1 / np.sqrt(1 + 4999 * sigma**2)
        assert law.expected_correlation(sigma, profile=x) == pytest.approx(near, rel=1e-3)


def test_the_noise_for_a_correlation_gives_it_back(rng):
    x = rng.normal(2.0, 1.0, size=500)
    for r in (0.05, 0.5, 0.999):
        sigma = law.noise_for_correlation(r, profile=x, norm=30.0)
        assert law.expected_correlation(sigma, profile=x, norm=30.0) == pytest.approx(r, rel=1e-8)


def test_the_ends_of_the_correlation_law():
    ends = law.correlation_cdf([-1.0, 1.0], noise_multiplier=0.1, profile=np.arange(9.0))
    np.testing.assert_array_equal(ends, [0, 1])


def test_a_softmax_regression_has_the_norm_of_profile_and_bias(rng):
    x = rng.normal(size=(1, 60))
    gradient = backpropagate(Network.fresh((60, 3), rng), x, [0]).gradient(np.ones(1))
    assert law.effective_norm(gradient) == pytest.approx(np.sqrt((x**2).sum() + 1))
    deeper = backpropagate(Network.fresh((60, 8, 3), rng), x, [0]).gradient(np.ones(1))
    assert law.effective_norm(deeper) > np.sqrt((x**2).sum() + 1)


@pytest.mark.parametrize("kappa", [0.5, 0.01, 1e-4])
def test_identification_without_prior_is_the_bound_without_subsampling(kappa):
    bound = reconstruction_bound(kappa, noise_multiplier=2.0, sampling_rate=1.0, steps=1)
    assert law.identification_rate(kappa, noise_multiplier=2.0) == pytest.approx(bound)
    closed = stats.norm.sf(stats.norm.isf(kappa) - 1 / 2.0)
    assert law.identification_rate(kappa, noise_multiplier=2.0) == pytest.approx(closed)
    assert law.noise_for_identification(bound, kappa) == pytest.approx(2.0)
    assert law.identification_rate(kappa, noise_multiplier=2.0, sensitivity=0.0) == pytest.approx(kappa)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: law.mse_cdf(1.0, noise_multiplier=0.0, norm=1.0, genes=3), "above 0"),
        (lambda: law.mse_quantile(1.5, noise_multiplier=1.0, norm=1.0, genes=3), "gamma must"),
        (lambda: law.noise_for_mse(0.0, 0.5, norm=1.0, genes=3), "eta must"),
        (lambda: law.expected_correlation(1.0, profile=[1.0, 2.0]), "3 genes"),
        (lambda: law.expected_correlation(1.0, profile=[1.0, 1.0, 1.0]), "constant"),
        (lambda: law.noise_for_correlation(1.0, profile=[1.0, 2.0, 4.0]), "correlation must"),
        (lambda: law.identification_rate(0.0, noise_multiplier=1.0), "kappa must"),
        (lambda: law.noise_for_identification(0.1, 0.5), "0 < kappa < gamma"),
        (lambda: law.effective_norm(Gradient((np.zeros((2, 2)),), (np.zeros(2),))), "no unit"),
    ],
)
def test_impossible_numbers_are_refused(call, words):
    with pytest.raises(ConfigError, match=words):
        call()
