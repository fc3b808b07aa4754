import math

import pytest

from genoaudit.bounds import bounds
from genoaudit.calibrate import Target, calibrate, planned
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.law import mse_cdf

PLAN = {"sample_rate": 0.1, "steps": 100}


def test_a_budget_becomes_the_noise_that_spends_it():
    mechanism, delta = planned(epsilon=4.0, patients=500, **PLAN)
    assert delta == 1 / 5000
    assert bounds(mechanism, delta).epsilon == pytest.approx(4, rel=1e-3)
    assert planned(noise_multiplier=1.5, delta=1e-3, **PLAN)[0].noise_multiplier == 1.5


def test_every_target_is_met_and_its_consequences_told():
    report = calibrate(Target(epsilon=4.0), delta=1e-3, **PLAN)
    assert report.bounds.epsilon == pytest.approx(4, rel=1e-3)
    report = calibrate(Target(advantage=0.2), **PLAN)
    assert report.bounds.under("add/remove").advantage == pytest.approx(0.2, rel=1e-3)
    assert report.bounds.delta == 1e-5
    assert report.fpr is None
    report = calibrate(Target(tpr=0.1, fpr=0.01), **PLAN)
    assert report.bounds.under("add/remove").tpr_at_fpr[1].tpr == pytest.approx(0.1, rel=1e-3)
    assert report.fpr == 0.01
    report = calibrate(Target(reconstruction=0.1, candidates=50), **PLAN)
    assert report.bounds.reconstruction.gamma == pytest.approx(0.1, rel=1e-3)
    assert report.bounds.reconstruction.candidates == 50
    assert report.fpr == 1 / 50
    assert report.guaranteed


def test_candidates_are_the_patients_unless_said_otherwise():
    report = calibrate(Target(reconstruction=0.2), patients=80, **PLAN)
    assert report.bounds.reconstruction.candidates == 80
    assert report.bounds.reconstruction.gamma == pytest.approx(0.2, rel=1e-3)


def test_an_error_target_is_met_by_the_law_and_called_no_guarantee():
    report = calibrate(Target(mse=0.5, genes=200, chance=0.02), **PLAN)
    found = mse_cdf(0.5, noise_multiplier=report.noise_multiplier, norm=math.sqrt(200), genes=200)
    assert float(found) == pytest.approx(0.02)
    assert not report.guaranteed
    assert report.bounds.vacuous


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (Target, "exactly one of --epsilon, .*; found none"),
        (lambda: Target(epsilon=1.0, tpr=0.5), "found --epsilon, --tpr"),
        (lambda: Target(advantage=1.5), "--advantage must lie strictly between 0 and 1, found 1.5"),
        (lambda: Target(tpr=0.5, fpr=0.0), "--fpr must lie"),
        (lambda: Target(tpr=0.01, fpr=0.01), "--tpr must be above --fpr"),
        (lambda: Target(reconstruction=0.5, candidates=1), "--candidates must be at least 2"),
        (lambda: Target(mse=0.0, genes=10), "--mse must be from 1e-6"),
        (lambda: Target(mse=0.5), "--mse needs --genes"),
        (lambda: calibrate(Target(reconstruction=0.5), **PLAN), "--reconstruction needs --candidates"),
        (lambda: calibrate(Target(reconstruction=0.01, candidates=10), **PLAN), "reconstruction must be above 1 / 10"),
        (lambda: calibrate(Target(epsilon=1.0), **PLAN), "give --delta, or --patients"),
        (lambda: calibrate(Target(epsilon=0.01), delta=1e-3, **PLAN), "epsilon must lie between 0.1"),
        (lambda: planned(epsilon=1.0, delta=0.0, **PLAN), "--delta must lie strictly between 0 and 1, found 0"),
        (lambda: planned(delta=1e-3, **PLAN), "exactly one of --epsilon and --noise-multiplier"),
        (lambda: planned(epsilon=1.0, noise_multiplier=1.0, delta=1e-3, **PLAN), "exactly one of"),
        (lambda: planned(noise_multiplier=-1.0, delta=1e-3, **PLAN), "--noise-multiplier must be 0 or from"),
        (lambda: planned(noise_multiplier=math.nan, delta=1e-3, **PLAN), "--noise-multiplier must be 0 or from"),
        (lambda: planned(epsilon=1.0, delta=1e-3, sample_rate=1.5, steps=1), "--sample-rate must be from 1e-4"),
        (lambda: planned(epsilon=1.0, delta=1e-3, sample_rate=0.5, steps=0), "--steps must be from 1"),
        (lambda: planned(epsilon=1.0, patients=1, **PLAN), "--patients must be at least 2"),
    ],
)
def test_impossible_options_are_one_clear_line(ask, message):
    with pytest.raises(ConfigError, match=message) as caught:
        ask()
    assert "\n" not in str(caught.value)
