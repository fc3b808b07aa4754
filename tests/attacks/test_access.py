import numpy as np
import pytest

from genoaudit.attacks.access import restrict
from genoaudit.contracts import Signals


@pytest.fixture
def signals(rng):
    proba = rng.dirichlet([1, 1, 1], size=(4, 10))
    y = rng.integers(0, 3, size=10)
    p = np.take_along_axis(proba, y[None, :, None], axis=2)[..., 0]
    return Signals(logit=np.log(p / (1 - p))[:, None, :], proba=proba.astype(np.float32), y=y, grad_norm=p, influence=p)


def test_parameters_show_everything_and_less_hides_the_white_box(signals):
    assert restrict(signals, "parameters") is signals
    for access in ("logits", "probabilities", "labels"):
        seen = restrict(signals, access)
        assert seen.grad_norm is None
        assert seen.influence is None
        assert np.array_equal(seen.logit, signals.logit)


def test_rounded_probabilities_give_the_logit_of_the_rounded_probability(signals):
    seen = restrict(signals, "probabilities", decimals=2)
    rounded = np.round(1 / (1 + np.exp(-signals.logit)), 2)
    inside = (rounded > 0) & (rounded < 1)
    assert seen.logit[inside] == pytest.approx(np.log(rounded / (1 - rounded))[inside], rel=1e-9)
    assert np.array_equal(seen.proba, np.round(signals.proba, 2).astype(np.float32))


def test_certain_answers_stay_finite_and_equal(signals):
    sure = Signals(np.array([[[40.0, 60.0, -50.0]]]), signals.proba[:1, :3], signals.y[:3])
    seen = restrict(sure, "probabilities", decimals=3)
    assert np.isfinite(seen.logit).all()
    assert seen.logit[0, 0, 0] == seen.logit[0, 0, 1] > 8 > -8 > seen.logit[0, 0, 2]


def test_many_decimals_change_next_to_nothing(signals):
    assert restrict(signals, "probabilities", decimals=12).logit == pytest.approx(signals.logit, abs=1e-6)
