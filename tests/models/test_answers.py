import numpy as np
import pytest

from genoaudit.contracts import FLOOR
from genoaudit.errors import TrainingError
from genoaudit.models.answers import log_probabilities

X = np.zeros((2, 3), dtype=np.float32)


class Exact:
    """A model that says log-probabilities itself."""

    def __init__(self, rows):
        self.rows = np.asarray(rows)

    def predict_log_proba(self, X):
        return self.rows


class Proba:
    """A model that says probabilities."""

    def __init__(self, rows):
        self.rows = np.asarray(rows)

    def predict_proba(self, X):
        return self.rows


def test_log_probabilities_keep_their_digits_and_minus_infinity_becomes_the_floor():
    rows = [[-1e-30, -700.0], [-700.0, 0.0]]
    np.testing.assert_array_equal(log_probabilities(Exact(rows), X), rows)
    found = log_probabilities(Exact([[-1e-30, -np.inf], [-5e-1, np.log1p(-np.exp(-0.5))]]), X)
    assert found[0].tolist() == [-1e-30, np.log(FLOOR)]


def test_probabilities_of_zero_become_the_floor():
    np.testing.assert_allclose(
        log_probabilities(Proba([[1.0, 0.0], [0.25, 0.75]]), X), [[0, np.log(FLOOR)], [np.log(0.25), np.log(0.75)]]
    )


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Exact([[np.nan, 0.0], [0.0, -1.0]]), "not finite"),
        (Exact([[1e4, 2e4], [0.0, 1.0]]), "predict_log_proba must give rows of probabilities that sum to 1"),
        (Exact([[-1.0, -2.0], [-0.5, -3.0]]), "sum to 1"),
        (Proba([[0.5, 0.6], [0.5, 0.5]]), "predict_proba must give rows of probabilities that sum to 1"),
        (Proba([0.5, 0.5]), r"one row per sample, \[2, classes\]; got shape \(2,\)"),
        (Proba(np.empty((2, 0))), "one row per sample"),
        (Exact(np.zeros((3, 1))), "one row per sample"),
    ],
)
def test_what_is_no_probability_is_refused(model, said):
    with pytest.raises(TrainingError, match=said):
        log_probabilities(model, X)
