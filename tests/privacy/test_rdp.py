import math

import mpmath
import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.rdp import ORDERS, log_moment, rdp_epsilon, step_rdp

OPACUS_ORDERS = (*(1 + x / 10 for x in range(1, 100)), *(float(order) for order in range(12, 64)))


def trained(noise, rate, steps, releases=()):
    return Mechanism(1.0, noise, rate, steps, patients=100, releases=releases)


def log_moment_by_mpmath(order, noise, rate):
    """By adaptive quadrature in 40 digits, split where the integrand has its modes and its bend."""
    with mpmath.workdps(40):
        order, noise, rate = (mpmath.mpf(value) for value in (order, noise, rate))

        def integrand(z):
            ratio = 1 - rate + rate * mpmath.exp(z / noise - 1 / (2 * noise**2))
            return mpmath.npdf(z) * ratio**order

        bend = noise * mpmath.log((1 - rate) / rate) + 1 / (2 * noise)
        around = {centre + shift for centre in (0, order / noise, bend) for shift in (-16, -6, -2, 0, 2, 6, 16)}
        return float(mpmath.log(mpmath.quad(integrand, sorted(around))))


@pytest.mark.parametrize(
    ("order", "noise", "rate"),
    [
        *((order, 1.0, 0.1) for order in (1 + 1e-10, 1 + 1e-6, 1.1, 2.5, 32.0)),
        *((1 + 1e-8, noise, rate) for noise in (0.25, 10.0) for rate in (0.002, 0.9)),
        *((1.7, noise, 0.5) for noise in (0.05, 0.29, 0.31, 10.0)),
        (300.0, 5.0, 0.002),
    ],
)
def test_moment_equals_quadrature_in_40_digits(order, noise, rate):
    expected = log_moment_by_mpmath(order, noise, rate)
    assert log_moment(order, noise_multiplier=noise, sampling_rate=rate) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("noise", [1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("order", [1 + 1e-6, 1.001, 1.1, 3.0])
def test_moment_with_next_to_no_noise_is_that_of_two_separate_laws(order, noise):
    drawn = order * math.log(0.1) + order * (order - 1) / (2 * noise**2)
    expected = np.logaddexp(order * math.log(0.9), drawn)
    assert log_moment(order, noise_multiplier=noise, sampling_rate=0.1) == pytest.approx(expected, rel=1e-9)


def test_moment_grows_continuously_from_a_kullback_leibler_divergence():
    orders = (1 + 1e-10, 1 + 1e-8, 1 + 1e-6, 1 + 1e-4)
    rdp = step_rdp(0.8, 0.02, orders)
    z = np.linspace(-12, 14, 200_001)
    loss = np.logaddexp(math.log(0.98), math.log(0.02) + z / 0.8 - 0.5 / 0.8**2)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    assert np.all(np.diff(rdp) > 0)
    assert rdp[0] == pytest.approx((density * np.exp(loss) * loss).sum() * (z[1] - z[0]), rel=1e-7)


@pytest.mark.parametrize(("noise", "rate"), [(0.5, 0.01), (1.0, 0.1), (3.0, 0.25), (0.702, 0.2525)])
def test_whole_and_usual_orders_agree_with_opacus_and_dp_accounting(noise, rate):
    from dp_accounting.rdp.rdp_privacy_accountant import _compute_log_a_int
    from opacus.accountants.analysis.rdp import compute_rdp

    orders = (1.5, 2.0, 2.5, 4.2, 8.0, 32.0)
    found = step_rdp(noise, rate, orders)
    assert found == pytest.approx(compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=orders), rel=1e-7)
    for order in (2, 8, 32):
        moment = log_moment(order, noise_multiplier=noise, sampling_rate=rate)
        assert moment == pytest.approx(_compute_log_a_int(rate, noise, order), rel=1e-9)


def test_orders_are_fixed_ascending_and_hold_those_of_opacus():
    assert min(ORDERS) - 1 == pytest.approx(1e-10, rel=1e-5)
    assert max(ORDERS) == 1024
    assert set(OPACUS_ORDERS) <= set(ORDERS)
    assert list(ORDERS) == sorted(set(ORDERS))


@pytest.mark.parametrize(
    ("epochs", "batch", "noise", "published"),
    [
        (50, 8, 1.2, 2.160180),
        (50, 8, 1.0, 2.918704),
        (100, 8, 1.2, 3.110184),
        (50, 16, 1.2, 3.159608),
        (100, 8, 1.0, 4.211902),
        (50, 16, 1.0, 4.306786),
        (50, 8, 0.8, 4.643344),
        (50, 16, 0.8, 6.895937),
        (50, 16, 0.6, 15.332044),
        (100, 16, 0.4, 98.002301),
    ],
)
def test_classic_conversion_gives_the_published_epsilons_of_yeast(epochs, batch, noise, published):
    """Chen, Wang, Shi. Differential privacy protection against membership inference on genomic data. PSB 2021."""
    training = [trained(noise, batch / 1504, math.ceil(epochs * 1504 / batch))]
    epsilon, _ = rdp_epsilon(training, 1 / 1504, conversion="classic")
    assert epsilon == pytest.approx(published, abs=1e-5)
    assert rdp_epsilon(training, 1 / 1504)[0] < epsilon


def test_conversions_equal_their_formulas_at_one_order():
    training = [trained(2.0, 1.0, 4)]  # RDP a / 2
    delta, order = 1e-5, 8.0
    classic = 4 + math.log(1 / delta) / 7
    improved = 4 + math.log(7 / 8) - (math.log(delta) + math.log(8)) / 7
    assert rdp_epsilon(training, delta, conversion="classic", orders=(order,)) == (pytest.approx(classic), order)
    assert rdp_epsilon(training, delta, orders=(order,)) == (pytest.approx(improved), order)


def test_releases_and_further_trainings_add_up():
    order = (3.0,)
    together = rdp_epsilon([trained(1.0, 0.1, 7, (4.0, 5.0)), trained(2.0, 0.2, 3)], 1e-4, orders=order)[0]
    rdp = 7 * step_rdp(1.0, 0.1, order)[0] + 3 * step_rdp(2.0, 0.2, order)[0] + 1.5 / 16 + 1.5 / 25
    assert together == pytest.approx(rdp + math.log(2 / 3) - (math.log(1e-4) + math.log(3)) / 2)


def test_no_noise_is_no_guarantee():
    assert rdp_epsilon([trained(0.0, 0.1, 7)], 1e-4)[0] == math.inf


def test_nothing_to_account_for_and_an_impossible_delta_are_refused():
    with pytest.raises(ConfigError, match="no mechanism"):
        rdp_epsilon([], 1e-5)
    with pytest.raises(ConfigError, match="delta must lie in"):
        rdp_epsilon([trained(1.0, 0.1, 7)], 1.0)
