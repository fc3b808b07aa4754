"""Noise multipliers and bounds of Ziller et al. Nature Machine Intelligence 6:764-774, 2024, recomputed.

Cohorts of 1,083,909, 8,112 and 106 records, batches of 3,328, 2,048 and 1, delta 8e-7, the orders of Opacus.
"""

import math

import pytest

from genoaudit.privacy.curve import risk_curve
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.rdp import rdp_epsilon
from genoaudit.privacy.reconstruction_bound import reconstruction_bound
from genoaudit.reconstruction.law import identification_rate, noise_for_identification

OPACUS_ORDERS = (*(1 + x / 10 for x in range(1, 100)), *(float(order) for order in range(12, 64)))
RADIMAGENET, HAM, LIVER = (1_083_909, 3328, 16_250), (8112, 2048, 300), (106, 1, 53_000)


def trained(cohort, noise):
    records, batch, steps = cohort
    return Mechanism(1.0, noise, batch / records, steps, patients=records)


@pytest.mark.parametrize(
    ("cohort", "noise", "epsilon"),
    [
        (RADIMAGENET, 1.938, 1),
        (RADIMAGENET, 0.6495, 8),
        (HAM, 20.118, 1),
        (HAM, 3.185, 8),
        (HAM, 1.182, 32),
        (HAM, 0.639, 100),  # 0.702 gives an epsilon of 83
        (LIVER, 9.974, 1),
        (LIVER, 1.664, 8),
        (LIVER, 0.783, 32),
    ],
)
def test_noise_of_a_budget(cohort, noise, epsilon):
    assert rdp_epsilon([trained(cohort, noise)], 8e-7, orders=OPACUS_ORDERS)[0] == pytest.approx(epsilon, rel=0.01)


def test_noise_of_a_budget_found_by_a_coarser_search():
    assert rdp_epsilon([trained(RADIMAGENET, 0.339)], 8e-7, orders=OPACUS_ORDERS)[0] == pytest.approx(100, rel=0.03)


@pytest.mark.parametrize(
    ("cohort", "noises"), [(RADIMAGENET, (0.0030, 9.5e-5)), (HAM, (4.1e-4, 1.3e-5)), (LIVER, (0.0054, 1.7e-4))]
)
def test_noise_of_vacuous_budgets_is_set_by_the_smallest_order(cohort, noises):
    rate = cohort[1] / cohort[0]
    for epsilon, noise in zip((1e9, 1e12), noises, strict=True):
        limit = math.sqrt(1.1 / 2 / (epsilon / cohort[2] - 11 * math.log(rate)))
        assert limit == pytest.approx(noise, rel=0.05)
        assert rdp_epsilon([trained(cohort, limit)], 8e-7, orders=(1.1,))[0] == pytest.approx(epsilon, rel=0.01)


@pytest.mark.parametrize(
    ("cohort", "noise", "gamma"), [(RADIMAGENET, 1.938, 2.7e-6), (LIVER, 9.974, 0.0166), (LIVER, 1.664, 0.1804)]
)
def test_bound_of_a_budget(cohort, noise, gamma):
    done = trained(cohort, noise)
    plan = {"noise_multiplier": noise, "sampling_rate": done.sampling_rate, "steps": done.steps}
    assert reconstruction_bound(1 / cohort[0], **plan) == pytest.approx(gamma, rel=0.02)


@pytest.mark.parametrize(("noise", "gamma"), [(3.185, 0.01214), (1.182, 0.635), (0.702, 0.9994)])
def test_curve_gives_the_same_bounds(noise, gamma):
    curve = risk_curve([trained(HAM, noise)], neighbouring="add/remove", delta=8e-7)
    assert curve.success(HAM[0]) == pytest.approx(gamma, rel=0.02)


def test_identification_without_subsampling_and_its_inverse():
    for sigma in (0.5, 1.0, 2.0):
        gamma = identification_rate(0.01, noise_multiplier=sigma)
        assert gamma == pytest.approx(
            reconstruction_bound(0.01, noise_multiplier=sigma, sampling_rate=1.0, steps=1), abs=1e-12
        )
        assert noise_for_identification(gamma, 0.01) == pytest.approx(sigma)
