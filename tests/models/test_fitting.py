import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from genoaudit.errors import ConfigError
from genoaudit.models.fitting import fit_recipe, patient_codes, soft_labels


class Keeps(BaseEstimator):
    """Keeps what its fit was told."""

    def fit(self, X, y, *, patients=None, targets=None):
        self.told_ = patients, targets
        return self


class KeepsPatients(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None, patients=None):
        self.told_ = patients
        return self

    def transform(self, X):
        return X


X, Y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 0])


def test_a_bare_estimator_is_told():
    assert fit_recipe(Keeps(), X, Y, patients=[1, 1, 2], targets=[[1.0]]).told_ == ([1, 1, 2], [[1.0]])
    assert fit_recipe(Keeps(), X, Y).told_ == (None, None)


def test_every_step_of_a_pipeline_that_asks_is_told():
    recipe = Pipeline([("scale", StandardScaler()), ("mean", KeepsPatients()), ("none", None), ("net", Keeps())])
    fitted = fit_recipe(recipe, X, Y, patients=[1, 1, 2], targets=[[1.0]])
    assert fitted is recipe
    assert fitted["mean"].told_ == [1, 1, 2]
    assert fitted["net"].told_ == ([1, 1, 2], [[1.0]])


@pytest.mark.parametrize(
    "recipe", [LogisticRegression(), Pipeline([("s", StandardScaler()), ("c", LogisticRegression())])]
)
def test_an_estimator_that_asks_for_nothing_is_fitted_without(recipe):
    assert fit_recipe(recipe, X, Y, patients=[1, 1, 2]).predict(X).shape == (3,)
    with pytest.raises(ConfigError, match="LogisticRegression cannot learn soft labels"):
        fit_recipe(recipe, X, Y, targets=np.eye(2)[Y])


@pytest.mark.parametrize("given", [[1, 2], [[1], [2], [3]], [1.0, 2.0, 1.0]])
def test_patients_are_one_whole_number_per_sample(given):
    with pytest.raises(ConfigError, match="one whole number or text for each of 3 samples"):
        patient_codes(given, 3)


def test_patients_are_numbered_without_gaps_in_the_order_of_their_codes():
    given = np.array([40, -3, 40, 7])
    codes = patient_codes(given, 4)
    assert codes.tolist() == [2, 0, 2, 1]
    assert codes.dtype == np.intp


def test_soft_labels_must_be_distributions():
    good = [[0.2, 0.8], [1.0, 0.0]]
    assert soft_labels(good, 2, 2).dtype == np.float32
    with pytest.raises(ConfigError, match=r"shape \(2, 3\)"):
        soft_labels(good, 2, 3)
    for wrong in ([0.5, 0.6], [1.5, -0.5], [np.nan, 1.0]):
        with pytest.raises(ConfigError, match=r"found 1 rows that do not \(first: row 1\)"):
            soft_labels([good[0], wrong], 2, 2)


def test_patients_may_go_by_their_names():
    assert patient_codes(["b", "a", "b"], 3).tolist() == [1, 0, 1]
    assert patient_codes(np.array(["b", "a", "b"], dtype=object), 3).tolist() == [1, 0, 1]
