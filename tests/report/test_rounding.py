"""Coarse numbers must stay true: intervals may only grow, bounds and promises only weaken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoaudit.metrics.estimates import Estimate
from genoaudit.report import rounding

SHARES = st.floats(0, 1)


@given(st.lists(SHARES, min_size=3, max_size=3).map(sorted))
def test_a_rounded_interval_covers_what_it_covered_and_its_value(ends):
    low, value, high = ends
    found = rounding.rounded_limits(Estimate(value, low, high))
    assert found[0] - 1e-9 <= low <= high <= found[1] + 1e-9
    assert found[0] - 1e-9 <= rounding.rounded(value) <= found[1] + 1e-9
    assert low - found[0] <= 0.01 + 1e-9
    assert found[1] - high <= 0.01 + 1e-9
    assert 0 <= found[0] <= found[1] <= 1


@given(SHARES)
def test_two_decimals_are_told_and_a_third_only_beside_guessing(value):
    for found in (rounding.rounded(value), rounding.up(value), -rounding.up(-value)):
        assert round(found, 2) == found or abs(found - 0.5) < 0.01
        assert round(found, 3) == found
        assert (found == 0.5) <= (abs(value - 0.5) <= 0.001)


@pytest.mark.parametrize("missing", [Estimate(None, None, None), Estimate(0.6, None, None)])
def test_what_is_not_there_stays_away(missing):
    assert rounding.rounded_limits(missing) == (None, None)


@given(SHARES)
def test_a_band_holds_its_number_and_the_bands_leave_no_gap(auc):
    low, high = rounding.band_of(auc)
    assert (-1 if low is None else low) <= auc < (2 if high is None else high)
    assert [band for band in rounding.AUC_BANDS if band == (low, high)]


@given(st.floats(0, 50))
def test_a_bound_only_shrinks_and_a_promise_only_grows(epsilon):
    assert rounding.epsilon_step(epsilon) <= epsilon
    down, up = (rounding.significant(epsilon, 2, up=up) for up in (False, True))
    assert down <= epsilon <= up
    assert up - down <= 0.11 * epsilon + 1e-300


@pytest.mark.parametrize("patients", [60, 173, 398, 1000, 9999])
def test_the_usual_delta_does_not_tell_the_number_of_patients(patients):
    told = [rounding.significant(1 / (10 * n), 1, up=True) for n in range(patients - 3, patients + 4)]
    assert told[3] in set(told[:3] + told[4:])
