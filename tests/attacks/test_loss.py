import numpy as np
from scipy import special

from genoaudit.attacks.loss import LOSS


def test_score_is_minus_the_cross_entropy_of_the_true_class(rng, make_design, make_signals):
    logit = rng.normal(size=(4, 6)) * 3
    patients = np.array([0, 0, 1, 2, 2, 2])
    log_p = np.log(special.expit(logit))
    expected = np.stack([log_p[:, patients == code].mean(axis=1) for code in range(3)], axis=1)
    scores = LOSS.score(make_signals(logit), make_design(4, 3, rng), patients)
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def test_confident_predictions_stay_distinct_and_hopeless_ones_finite(rng, make_design, make_signals):
    # At a logit of 40 the probability itself rounds to 1, at -800 to 0.
    logit = np.array([[40.0, 41.0, -800.0], [300.0, 301.0, -1e6]])
    scores = LOSS.score(make_signals(logit), make_design(2, 3, rng), np.arange(3))
    assert np.all(scores[:, 1] > scores[:, 0])
    np.testing.assert_allclose(scores[:, 2], [-800.0, -1e6])


def test_constant_output_gives_constant_scores(rng, make_design, make_signals):
    scores = LOSS.score(make_signals(np.full((4, 8), 0.3)), make_design(4, 4, rng), np.repeat(np.arange(4), 2))
    assert np.unique(scores).size == 1
