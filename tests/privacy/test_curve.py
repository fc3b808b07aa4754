import math

import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.privacy import curve as curves
from genoaudit.privacy.curve import RiskCurve, replacement_epsilon, risk_curve, trade_off_curve
from genoaudit.privacy.gdp import epsilon_from_mu, gdp_advantage, gdp_auc, gdp_tpr
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.pld import pld_advantage, pld_epsilon, pld_tpr

FPR = np.array([1e-4, 1e-3, 0.01, 0.1, 0.3, 0.7, 0.95])
RELATIONS = ("add/remove", "replace-one")


def trained(noise, rate, steps, releases=()):
    return Mechanism(1.0, noise, rate, steps, patients=100, releases=releases)


def laws(noise, rate, relation):
    """Means of the released value: without and with the patient, each as (mean where drawn, chance to be drawn)."""
    return ((0, 0.0), (1, rate)) if relation == "add/remove" else ((-1, rate), (1, rate))


@pytest.mark.parametrize(
    ("mechanism", "gamma"),
    [
        ((0.6, 0.01, 1000), (0.4173, 0.1245, 0.0334)),
        ((1.0, 0.01, 1000), (0.1943, 0.0292, 0.0041)),
        ((1.0, 0.1, 100), (0.4692, 0.1461, 0.0388)),
        ((2.0, 0.2, 200), (0.5729, 0.2008, 0.0563)),
        ((0.5, 0.002, 10_000), (0.4786, 0.1606, 0.0479)),
    ],
)
def test_reference_table_of_subsampled_bounds(mechanism, gamma):
    curve = risk_curve([trained(*mechanism)], neighbouring="add/remove")
    assert [curve.success(candidates) for candidates in (10, 100, 1000)] == pytest.approx(gamma, abs=2e-4)


@pytest.mark.parametrize(("relation", "times"), [("add/remove", 1), ("replace-one", 2)])
def test_gaussian_mechanisms_alone_equal_their_closed_form(relation, times):
    plan = [trained(8.0, 1.0, 10, (7.0,)), trained(9.0, 1.0, 2)]
    mu = times * math.sqrt(10 / 64 + 1 / 49 + 2 / 81)
    curve = risk_curve(plan, neighbouring=relation)
    assert curve.tpr_at(FPR) == pytest.approx(gdp_tpr(mu, FPR), rel=1e-4)
    assert curve.advantage == pytest.approx(gdp_advantage(mu), rel=1e-4)
    assert curve.auc == pytest.approx(gdp_auc(mu), rel=1e-4)
    assert trade_off_curve(plan, FPR, neighbouring=relation) == pytest.approx(1 - gdp_tpr(mu, FPR), abs=1e-4)


@pytest.mark.parametrize("noise", [2.0, 5.0])
def test_replacing_without_subsampling_is_gaussian_with_twice_the_mu(noise):
    mu = 2 * math.sqrt(9) / noise
    found = trade_off_curve([trained(noise, 1.0, 9)], FPR, neighbouring="replace-one")
    assert found == pytest.approx(1 - gdp_tpr(mu, FPR), abs=1e-4)
    almost = trade_off_curve([trained(noise, 1 - 1e-9, 9)], FPR, neighbouring="replace-one")
    assert almost == pytest.approx(1 - gdp_tpr(mu, FPR), abs=1e-4)
    assert replacement_epsilon([trained(noise, 1.0, 9)], 1e-5) == pytest.approx(epsilon_from_mu(mu, 1e-5), rel=1e-4)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(
    ("noise", "rate", "rounding"), [(0.2, 0.3, 0.01), (0.5, 0.01, 2e-4), (1.0, 0.1, 2e-4), (4.0, 0.5, 2e-4)]
)
def test_a_single_step_equals_its_closed_form(relation, noise, rate, rounding):
    # The likelihood ratio rises with the released value, so the best test is a threshold on it.
    threshold = np.concatenate([np.linspace(-5 * noise, 5 * noise, 41), 1 + np.linspace(-3 * noise, 3 * noise, 41)])
    fpr, tpr = (
        (1 - drawn) * stats.norm.sf(threshold / noise) + drawn * stats.norm.sf((threshold - mean) / noise)
        for mean, drawn in laws(noise, rate, relation)
    )
    curve = risk_curve([trained(noise, rate, 1)], neighbouring=relation)
    assert curve.tpr_at(fpr) == pytest.approx(tpr, abs=rounding)
    assert np.all(curve.tpr_at(fpr) > tpr - 1e-9)  # never weaker than an attack that exists


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(("noise", "rate", "steps", "releases"), [(2.0, 0.2, 100, ()), (0.8, 0.05, 60, (3.0,))])
def test_simulated_likelihood_ratio_attack_meets_the_curve(relation, noise, rate, steps, releases):
    rng, runs = np.random.default_rng(3), 30_000
    (low, _), (high, _) = laws(noise, rate, relation)

    def log_ratio(value, noise, rate):
        def density(mean, drawn):
            shifted = (2 * value * mean - mean**2) / (2 * noise**2)
            return np.log1p(drawn * np.expm1(shifted))

        return density(*laws(noise, rate, relation)[1]) - density(*laws(noise, rate, relation)[0])

    def statistic(mean):
        drawn = rng.random((runs, steps)) < rate
        total = log_ratio(rng.normal(mean * drawn, noise), noise, rate).sum(axis=1)
        for further in releases:
            total += log_ratio(rng.normal(np.full(runs, mean), further), further, 1.0)
        return total

    inside, outside = statistic(high), statistic(low)
    curve = risk_curve([trained(noise, rate, steps, releases)], neighbouring=relation)
    for fpr in (0.05, 0.3):
        tpr = (inside > np.quantile(outside, 1 - fpr)).mean()
        assert tpr == pytest.approx(float(curve.tpr_at(fpr)), abs=0.02)  # four standard errors
    auc = stats.mannwhitneyu(inside, outside).statistic / runs**2
    assert auc == pytest.approx(curve.auc, abs=0.01)


def test_no_other_pair_of_gradients_is_easier_to_tell_apart():
    noise, rate = 1.1, 0.3
    axis = np.linspace(-7, 7, 281)
    x, y = np.meshgrid(axis, axis)
    cell = (axis[1] - axis[0]) ** 2

    def mixture(mean):
        kernel = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * noise**2)) for a, b in ((0, 0), mean)]
        return ((1 - rate) * kernel[0] + rate * kernel[1]) / (2 * math.pi * noise**2) * cell

    def hockey_stick(one, other, order):
        return np.maximum(mixture(one) - order * mixture(other), 0).sum()

    rng = np.random.default_rng(0)
    angles, radii = rng.uniform(0, 2 * math.pi, (12, 2)), rng.uniform(0.3, 1, (12, 2))
    radii[:6] = 1
    for order in (0.4, 1.0, 1.2, 1.6):
        worst = hockey_stick((1, 0), (-1, 0), order)
        for (a, b), (r, s) in zip(angles, radii, strict=True):
            pair = (r * math.cos(a), r * math.sin(a)), (s * math.cos(b), s * math.sin(b))
            assert hockey_stick(*pair, order) <= worst + 1e-9


@pytest.mark.parametrize("mechanism", [(1.0, 0.1, 100), (0.6, 0.01, 1000), (3.0, 0.5, 50, (4.0,))])
def test_shape_of_the_curves(mechanism):
    plan = [trained(*mechanism)]
    grid = np.concatenate([[0.0], np.geomspace(1e-5, 1, 300)])
    adding, replacing = (risk_curve(plan, neighbouring=relation) for relation in RELATIONS)
    for curve in (adding, replacing):
        tpr = curve.tpr_at(grid)
        slopes = np.diff(tpr) / np.diff(grid)
        assert np.all(np.diff(tpr) >= 0)
        assert np.all(np.diff(slopes) <= 1e-6 * slopes[:-1] + 1e-9)  # concave: the FNR is convex
        assert np.all(tpr >= grid)
    assert np.all(replacing.tpr_at(grid) >= adding.tpr_at(grid) - 1e-9)
    inner = np.array([0.001, 0.03, 0.2, 0.6])
    fnr = 1 - replacing.tpr_at(inner)
    assert 1 - replacing.tpr_at(fnr) == pytest.approx(inner, rel=1e-3)  # its own mirror image
    # Replacing is removing one patient and adding another: no more than both attacks one after the other.
    removed = np.interp(inner, 1 - adding.tpr[::-1], 1 - adding.fpr[::-1])
    assert np.all(replacing.tpr_at(inner) <= adding.tpr_at(removed) + 1e-6)


@pytest.mark.parametrize("relation", RELATIONS)
def test_less_noise_a_higher_rate_and_more_steps_never_protect_better(relation):
    def risks(noise=1.5, rate=0.1, steps=60):
        curve = risk_curve([trained(noise, rate, steps)], neighbouring=relation)
        return np.array([*curve.tpr_at([0.001, 0.01, 0.1]), curve.advantage, curve.auc])

    for worse in ([risks(noise=n) for n in (8.0, 3.0, 1.5, 0.8)], [risks(rate=q) for q in (0.01, 0.1, 0.5, 1.0)]):
        assert np.all(np.diff(worse, axis=0) > 0)
    assert np.all(np.diff([risks(steps=n) for n in (1, 20, 100)], axis=0) > 0)


def test_curve_agrees_with_the_claim_it_stands_beside():
    plan = [trained(1.0, 0.1, 200, (6.0,))]
    curve = risk_curve(plan, neighbouring="add/remove")
    assert curve.advantage == pytest.approx(pld_advantage(plan), rel=1e-6)
    assert curve.tpr_at(0.01) == pytest.approx(pld_tpr(plan, 0.01), rel=1e-6)
    for delta in (1e-3, 1e-5):
        epsilon = pld_epsilon(plan, delta)
        assert (curve.tpr - math.exp(epsilon) * curve.fpr).max() <= delta * (1 + 1e-6)


@pytest.mark.parametrize("mechanism", [(1.0, 0.1, 200), (0.6, 0.01, 1000)])
def test_epsilon_of_replacing_is_the_tangent_of_its_curve(mechanism):
    plan, delta = [trained(*mechanism)], 1e-3
    curve, epsilon = risk_curve(plan, neighbouring="replace-one"), replacement_epsilon(plan, delta)
    assert (curve.tpr - math.exp(epsilon) * curve.fpr).max() == pytest.approx(delta, rel=1e-3)
    assert pld_epsilon(plan, delta) < epsilon < 3 * pld_epsilon(plan, delta)


def test_ppv_and_success_follow_from_the_curve():
    curve = RiskCurve(np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.8, 1.0]), "add/remove")
    assert curve.ppv(0.1, 0.1) == pytest.approx(0.1 * 0.4 / (0.1 * 0.4 + 0.9 * 0.1))
    assert curve.success(10) == pytest.approx(0.4)
    assert curve.advantage == pytest.approx(0.6)
    assert curve.auc == pytest.approx(0.8)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
@pytest.mark.parametrize("relation", RELATIONS)
def test_a_vacuous_mechanism_excludes_nothing_and_costs_nothing(monkeypatch, noise, relation):
    for name in ("loss_distribution", "replacement_losses"):
        monkeypatch.setattr(curves, name, lambda *_: pytest.fail("no privacy loss distribution there"))
    curve = risk_curve([trained(noise, 0.1, 100)], neighbouring=relation)
    assert (curve.advantage, curve.auc, curve.success(1000)) == (1, 1, 1)
    assert replacement_epsilon([trained(noise, 0.1, 100)], 1e-3) == math.inf
    assert trade_off_curve([trained(noise, 0.1, 100)], FPR, neighbouring=relation).max() == 0


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda curve: curve.tpr_at([0.1, 1.5]), "FPR must lie in"),
        (lambda curve: curve.tpr_at(math.nan), "FPR must lie in"),
        (lambda curve: curve.ppv(0.0, 0.1), "prior must lie in"),
        (lambda curve: curve.ppv(0.1, 0.0), "prior must lie in"),
        (lambda curve: curve.success(1), "at least 2 candidates"),
        (lambda _: risk_curve([], neighbouring="replace-one"), "no mechanism"),
        (lambda _: replacement_epsilon([trained(1.0, 0.1, 5)], 0.0), "delta must lie in"),
    ],
)
def test_impossible_arguments_are_refused(ask, message):
    with pytest.raises(ConfigError, match=message):
        ask(RiskCurve.excluding_nothing("add/remove"))
