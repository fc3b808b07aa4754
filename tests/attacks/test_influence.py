from dataclasses import replace

import numpy as np
import pytest

from genoaudit.attacks.influence import INFLUENCE
from genoaudit.errors import ConfigError


def test_score_is_the_mean_over_the_samples_of_a_patient(rng, make_design, make_signals):
    influence = np.array([[1.0, 5.0, 3.0, -2.0], [0.0, -1.0, 0.5, 2.0]])
    signals = replace(make_signals(np.zeros((2, 4))), influence=influence)
    scores = INFLUENCE.score(signals, make_design(2, 3, rng), np.array([0, 1, 0, 2]))
    np.testing.assert_array_equal(scores, [[2.0, 5.0, -2.0], [0.25, -1.0, 2.0]])


def test_constant_influence_gives_constant_scores(rng, make_design, make_signals):
    signals = replace(make_signals(np.zeros((4, 8))), influence=np.full((4, 8), 0.1))
    assert np.unique(INFLUENCE.score(signals, make_design(4, 4, rng), np.repeat(np.arange(4), 2))).size == 1


def test_signals_without_influence_are_refused(rng, make_design, make_signals):
    with pytest.raises(ConfigError, match="needs influences"):
        INFLUENCE.score(make_signals(np.zeros((2, 4))), make_design(2, 4, rng), np.arange(4))
