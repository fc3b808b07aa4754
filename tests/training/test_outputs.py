import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from genoaudit.contracts import FLOOR
from genoaudit.errors import TrainingError
from genoaudit.training.outputs import outputs_of, scaled_logit


@given(arrays(np.float64, (3, 4), elements=st.floats(-800, 800)))
def test_scaled_logit_equals_the_definition_in_high_precision(logits):
    y = np.array([0, 3, 1])
    found = scaled_logit(logits, y)
    with mpmath.workdps(800):
        for row, true, value in zip(logits, y, found, strict=True):
            others = mpmath.fsum(mpmath.exp(z) for c, z in enumerate(row) if c != true)
            assert float(mpmath.mpf(row[true]) - mpmath.log(others)) == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_scaled_logit_ignores_a_constant_added_to_a_row():
    logits = np.array([[1.0, 2.0, -3.0]])
    assert scaled_logit(logits + 1000, np.array([1])) == pytest.approx(scaled_logit(logits, np.array([1])))


def test_scaled_logit_of_two_classes_is_the_log_odds():
    p = np.array([[0.2, 0.8]])
    assert scaled_logit(np.log(p), np.array([1])) == pytest.approx(np.log(4))


class Fixed:
    """A model that always says the same."""

    def __init__(self, proba, classes):
        self.proba, self.classes_ = np.asarray(proba), np.asarray(classes)

    def predict_proba(self, X):
        return np.repeat(self.proba[None], len(X), axis=0)


X = np.zeros((3, 2), dtype=np.float32)


def test_columns_are_aligned_to_the_cohort_s_classes():
    outputs = outputs_of(Fixed([0.7, 0.2, 0.1], [2, 0, 1]), X, np.array([0, 1, 2]), classes=3)
    assert outputs.proba[0] == pytest.approx([0.2, 0.1, 0.7])
    assert outputs.logit[0] == pytest.approx(np.log([0.2 / 0.8, 0.1 / 0.9, 0.7 / 0.3]))


def test_a_class_that_a_model_has_never_seen_gets_the_floor():
    outputs = outputs_of(Fixed([0.75, 0.25], [0, 2]), X, np.array([0, 1, 2]), classes=3)
    assert outputs.logit[0, 1] == pytest.approx(np.log(FLOOR))
    assert np.isfinite(outputs.logit).all()


def test_certainty_stays_finite_and_keeps_its_digits():
    outputs = outputs_of(Fixed([1.0, 1e-30], [0, 1]), X[:1], np.array([0]), classes=2)
    assert outputs.logit[0, 0] == pytest.approx(np.log(1e30))


@pytest.mark.parametrize("proba", [[np.nan, 0.5], [0.9, 0.9], [-0.1, 1.1], [0.5, np.inf]])
def test_what_is_not_a_probability_is_refused(proba):
    with pytest.raises(TrainingError, match="probabilities that sum to 1"):
        outputs_of(Fixed(proba, [0, 1]), X, np.array([0, 1, 0]), classes=2)


@pytest.mark.parametrize(("proba", "classes"), [([0.5, 0.5], [0, 7]), ([0.2, 0.3, 0.5], [0, 1])])
def test_unknown_classes_and_wrong_shapes_are_refused(proba, classes):
    with pytest.raises(TrainingError, match="expected one row per sample and classes among 0 to 1"):
        outputs_of(Fixed(proba, classes), X, np.array([0, 1, 0]), classes=2)
