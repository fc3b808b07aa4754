from dataclasses import replace

import numpy as np
import pytest

from genoaudit.attacks.gap import GAP
from genoaudit.errors import ConfigError


def test_score_is_the_share_of_correct_samples(rng, make_design, make_signals):
    label = np.array([[[0, 1, 2, 2]], [[0, 2, 2, 1]]], dtype=np.int16)
    signals = replace(make_signals(np.zeros((2, 4))), y=np.array([0, 1, 2, 0]), label=label)
    scores = GAP.score(signals, make_design(2, 2, rng), np.array([0, 1, 1, 0]))
    np.testing.assert_array_equal(scores, [[0.5, 1.0], [0.5, 0.5]])


def test_equals_a_loop_and_reads_only_the_sample_itself(rng, make_design, make_signals):
    label, y, patients = rng.integers(0, 3, size=(3, 4, 7)), rng.integers(0, 3, size=7), np.array([0, 1, 2, 3, 0, 1, 0])
    signals = replace(make_signals(np.zeros((3, 7))), y=y, label=label.astype(np.int16))
    expected = [
        [np.mean([label[m, 0, j] == y[j] for j in np.flatnonzero(patients == i)]) for i in range(4)] for m in range(3)
    ]
    np.testing.assert_allclose(GAP.score(signals, make_design(3, 4, rng), patients), expected)


def test_constant_labels_give_constant_scores(rng, make_design, make_signals):
    signals = replace(make_signals(np.zeros((4, 8))), label=np.zeros((4, 1, 8), dtype=np.int16))
    assert np.unique(GAP.score(signals, make_design(4, 4, rng), np.repeat(np.arange(4), 2))).tolist() == [1.0]


def test_signals_without_labels_are_refused(rng, make_design, make_signals):
    with pytest.raises(ConfigError, match="needs predicted labels"):
        GAP.score(make_signals(np.zeros((2, 4))), make_design(2, 4, rng), np.arange(4))
