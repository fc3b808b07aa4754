from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from genoaudit.attacks.grad_norm import GRAD_NORM
from genoaudit.errors import ConfigError


def test_score_is_minus_the_log_of_the_geometric_mean(rng, make_design, make_signals):
    norms, patients = rng.gamma(1, size=(3, 6)), np.array([0, 1, 1, 2, 0, 1])
    signals = replace(make_signals(np.zeros((3, 6))), grad_norm=norms)
    expected = np.stack([-np.log(stats.gmean(norms[:, patients == i], axis=1)) for i in range(3)], axis=1)
    np.testing.assert_allclose(GRAD_NORM.score(signals, make_design(3, 3, rng), patients), expected, rtol=1e-12)


def test_a_smaller_gradient_means_member(rng, make_design, make_signals):
    signals = replace(make_signals(np.zeros((1, 3))), grad_norm=np.array([[np.exp(2), 1.0, np.exp(-3)]]))
    np.testing.assert_allclose(GRAD_NORM.score(signals, make_design(1, 3, rng), np.arange(3)), [[-2, 0, 3]], atol=1e-15)


@pytest.mark.parametrize("norm", [0.0, 0.7, 1e300])
def test_constant_norms_give_finite_exact_ties(norm, rng, make_design, make_signals):
    signals = replace(make_signals(np.zeros((4, 8))), grad_norm=np.full((4, 8), norm))
    scores = GRAD_NORM.score(signals, make_design(4, 4, rng), np.repeat(np.arange(4), 2))
    assert np.isfinite(scores).all()
    assert np.unique(scores).size == 1


def test_signals_without_gradients_are_refused(rng, make_design, make_signals):
    with pytest.raises(ConfigError, match="needs gradient norms"):
        GRAD_NORM.score(make_signals(np.zeros((2, 4))), make_design(2, 4, rng), np.arange(4))
