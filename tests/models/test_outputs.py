import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from xgboost import XGBClassifier

from genoaudit.errors import ConfigError
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.outputs import DefendedOutputs
from genoaudit.models.releases import RELEASES


@parametrize_with_checks(
    [
        DefendedOutputs(),
        DefendedOutputs(release="top_k", setting=1),
        DefendedOutputs(release="label_only", setting="on"),
        DefendedOutputs(release="temperature", setting=3.0),
        DefendedOutputs(LogisticRegression(), release="output_noise", setting=100.0),
    ]
)
def test_classifier_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture
def samples():
    """90 samples of 20 genes in 3 overlapping classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=90)
    return rng.normal(size=(90, 20)).astype(np.float32) + np.eye(3, 20, dtype=np.float32)[y], y


def test_the_model_behind_is_trained_as_without(samples):
    X, y = samples
    plain = MLPClassifier((8,), epochs=3, random_state=1)
    defended = DefendedOutputs(plain, release="temperature", setting=1.0).fit(X, y)
    np.testing.assert_array_equal(defended.predict_proba(X), clone(plain).fit(X, y).predict_proba(X))
    assert not hasattr(plain, "coefs_")


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression()), XGBClassifier(n_estimators=3)],
    ids=["bare", "pipeline", "without log-probabilities"],
)
def test_answers_are_the_release_of_the_exact_ones(samples, estimator):
    X, y = samples
    defended = DefendedOutputs(estimator, release="rounding", setting=1).fit(X, y)
    exact = np.log(clone(estimator).fit(X, y).predict_proba(X).astype(np.float64))
    given = defended.predict_proba(X)
    np.testing.assert_allclose(given, RELEASES["rounding"](exact, 1, np.random.default_rng(0)), atol=1e-12)
    assert len(np.unique(given)) <= 11
    assert not hasattr(defended, "predict_log_proba")
    assert not hasattr(defended, "decision_function")


def test_asking_again_gives_the_same_noise_alone_or_among_others_in_any_precision(samples):
    X, y = samples
    model = DefendedOutputs(release="output_noise", setting=2.0).fit(X, y)
    given = model.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X[::-1])[::-1], given, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X.astype(np.float64)), given, atol=1e-5)
    np.testing.assert_allclose(np.mean([model.predict_proba(X[3:4]) for _ in range(9)], axis=0)[0], given[3], atol=1e-5)
    moved = model.predict_proba(X + np.float32(1e-6))
    assert np.abs(moved - given).max() > 0.1


def test_noise_of_two_models_differs_and_follows_from_the_random_state(samples):
    X, y = samples
    models = [
        DefendedOutputs(release="output_noise", setting=2.0, random_state=state) for state in (None, None, 5, 5, 6)
    ]
    given = [model.fit(X, y).predict_proba(X) for model in models]
    assert not np.allclose(given[0], given[1])
    np.testing.assert_array_equal(given[2], given[3])
    assert not np.allclose(given[3], given[4])


def test_predictions_say_no_more_than_what_is_given_out(samples):
    X, y = samples
    labels = np.array(["a", "b", "c"])
    model = DefendedOutputs(release="output_noise", setting=1.0, random_state=0).fit(X, labels[y])
    np.testing.assert_array_equal(model.predict(X), labels[model.predict_proba(X).argmax(axis=1)])
    assert (model.predict(X) != model.estimator_.predict(X)).any()


def test_patients_reach_the_model_behind(samples):
    class Asks(LogisticRegression):
        def fit(self, X, y, *, patients=None):
            self.seen_ = patients
            return super().fit(X, y)

    patients = np.arange(90) // 2
    model = DefendedOutputs(make_pipeline(StandardScaler(), Asks()), release="top_k", setting=1)
    assert model.fit(*samples, patients=patients).estimator_[-1].seen_.tolist() == patients.tolist()


@pytest.mark.parametrize(("release", "setting"), [("rounded", 2), ("rounding", -1)])
def test_impossible_releases_are_refused_before_training(samples, release, setting):
    with pytest.raises(ConfigError):
        DefendedOutputs(release=release, setting=setting).fit(*samples)


def test_a_defended_recipe_is_described_with_its_setting():
    one, two = (describe_recipe(DefendedOutputs(release="rounding", setting=decimals)) for decimals in (1, 2))
    assert one != two
