import numpy as np
from scipy import stats

from genoaudit.attacks.confidence import CONFIDENCE
from genoaudit.attacks.loss import LOSS


def test_score_is_the_mean_probability_of_the_true_class(rng, make_design, make_signals):
    odds = rng.gamma(1, size=(3, 4))
    p = odds / (1 + odds)
    scores = CONFIDENCE.score(make_signals(np.log(odds)), make_design(3, 2, rng), np.array([0, 1, 1, 0]))
    np.testing.assert_allclose(scores, np.stack([(p[:, 0] + p[:, 3]) / 2, (p[:, 1] + p[:, 2]) / 2], axis=1), rtol=1e-13)


def test_ranks_single_samples_as_the_loss_and_patients_with_several_differently(make_design, make_signals, rng):
    design, signals = make_design(1, 2, rng), make_signals(np.array([[0.0, 0.0, 3.0, -6.0]]))
    several = np.array([0, 0, 1, 1])
    assert CONFIDENCE.score(make_signals(rng.normal(size=(1, 9))), design, np.arange(9)).shape == (1, 9)
    assert LOSS.score(signals, design, several).argmax() == 0
    more = make_signals(np.array([[0.0, 0.0, 9.0, -3.0]]))
    assert LOSS.score(more, design, several).argmax() == 0
    assert CONFIDENCE.score(more, design, several).argmax() == 1
    single = make_signals(rng.normal(size=(1, 9)))
    ranks = [stats.rankdata(a.score(single, design, np.arange(9))) for a in (CONFIDENCE, LOSS)]
    np.testing.assert_array_equal(*ranks)


def test_constant_output_gives_constant_scores(rng, make_design, make_signals):
    scores = CONFIDENCE.score(make_signals(np.full((4, 6), 0.3)), make_design(4, 4, rng), np.array([0, 0, 1, 2, 2, 3]))
    assert np.unique(scores).size == 1
