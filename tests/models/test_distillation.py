import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.errors import ConfigError
from genoaudit.models.distillation import DistilledClassifier, cannot_learn_soft_labels, fit_soft, leave_out
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import set_random_state


@parametrize_with_checks([DistilledClassifier(), DistilledClassifier(GaussianNB(), models=3)])
def test_classifier_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def clouds(seed, samples=60, genes=200):
    """Samples of three classes that overlap, with many more genes than samples."""
    rng = np.random.default_rng(seed)
    y = np.arange(samples) % 3
    centres = np.random.default_rng(99).normal(scale=0.2, size=(3, genes))
    return (rng.normal(size=(samples, genes)) + centres[y]).astype(np.float32), y


@pytest.mark.parametrize("models", [2, 3, 4, 5, 7, 10, 25])
def test_each_patient_is_left_out_of_two_fifths_with_all_samples(models):
    people = np.repeat(np.arange(40), 3)
    without = leave_out(people, people % 4, models=models, rng=np.random.default_rng(1))
    assert without.shape == (models, 120)
    assert (without.sum(axis=0) == max(1, round(0.4 * models))).all()
    assert (without[:, ::3] == without[:, 1::3]).all()
    assert (without[:, ::3] == without[:, 2::3]).all()


@pytest.mark.parametrize("models", [2, 3, 4, 5, 6, 7, 9, 25])
@pytest.mark.parametrize("seed", range(5))
def test_every_sub_model_knows_every_class_of_two_patients_or_more(models, seed):
    codes = np.repeat([0, 1, 2], [2, 3, 30])
    without = leave_out(np.arange(35), codes, models=models, rng=np.random.default_rng(seed))
    for left in without:
        assert set(codes[~left]) == {0, 1, 2}


def test_sub_models_leave_out_as_many_and_the_draw_decides_whom():
    people, codes = np.arange(100), np.zeros(100, int)
    one, two = (leave_out(people, codes, models=5, rng=np.random.default_rng(seed)) for seed in (0, 1))
    assert (one.sum(axis=1) == 40).all()
    assert (one != two).any()


class Remembers(LogisticRegression):
    """Says 0.9 for the label of a sample it was trained on, and is even about all others."""

    def fit(self, X, y, *, targets=None):
        self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
        said = 0.1 + 0.8 * np.eye(self.classes_.size)[y] if targets is None else targets
        self.known_ = dict(zip(X[:, 0].tolist(), said, strict=True))
        return self

    def predict_log_proba(self, X):
        even = np.full(self.classes_.size, 1 / self.classes_.size)
        return np.log([self.known_.get(value, even) for value in X[:, 0].tolist()])


def test_soft_labels_come_from_models_that_never_saw_the_patient():
    """Models that only remember have nothing to say of patients they did not see, so the student learns nothing."""
    X, y = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2
    student = DistilledClassifier(Remembers(), random_state=0).fit(X, y)
    np.testing.assert_allclose(student.predict_proba(X), 0.5)


def test_a_second_sample_of_a_patient_is_no_way_in():
    X, y = np.repeat(np.arange(20.0), 2).reshape(-1, 1), np.repeat(np.arange(20) % 2, 2)
    together = DistilledClassifier(Remembers(), random_state=0).fit(X, y, patients=np.repeat(np.arange(20), 2))
    np.testing.assert_allclose(together.predict_proba(X), 0.5)
    apart = DistilledClassifier(Remembers(), random_state=0).fit(X, y)
    assert np.abs(apart.predict_proba(X) - 0.5).max() > 0.05


def loss_gap(model, inside, outside):
    losses = [-np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean() for X, y in (inside, outside)]
    return losses[1] - losses[0]


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((16,), epochs=30, learning_rate=0.02, batch_size=16),
        make_pipeline(StandardScaler(), LogisticRegression(C=10.0)),
    ],
    ids=["targets", "weights"],
)
def test_distillation_lowers_the_gap_between_members_and_non_members(estimator):
    inside, outside = clouds(1), clouds(2)
    plain = set_random_state(estimator, 0).fit(*inside)
    distilled = DistilledClassifier(estimator, random_state=0).fit(*inside)
    assert loss_gap(plain, inside, outside) > 0.3
    assert loss_gap(distilled, inside, outside) < 0.6 * loss_gap(plain, inside, outside)
    assert distilled.score(*outside) > 0.4


def test_weights_minimise_the_cross_entropy_of_the_soft_labels():
    """At the minimum, summed residuals times inputs equal the gradient of the penalty."""
    X, _ = clouds(3, genes=4)
    soft = np.random.default_rng(4).dirichlet(np.ones(3), size=60)
    model = LogisticRegression(C=0.5, tol=1e-10)
    fit_soft(model, X.astype(np.float64), np.zeros(60, int), patients=np.arange(60), targets=soft)
    residual = model.predict_proba(X) - soft
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(residual.T @ X + model.coef_ / 0.5, 0, atol=1e-3)


def test_preprocessing_of_weighted_samples_is_that_of_the_samples():
    X, y = clouds(5)
    soft = np.random.default_rng(6).dirichlet(np.ones(3), size=60)
    recipe = make_pipeline(StandardScaler(), LogisticRegression())
    fit_soft(recipe, X, y, patients=np.arange(60), targets=soft)
    np.testing.assert_allclose(recipe[0].mean_, X.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(recipe[0].var_, X.var(axis=0), rtol=1e-5)


def test_a_class_of_a_single_patient_is_hardly_learnt_and_breaks_nothing():
    X, y = clouds(7)
    y = np.where(np.arange(60) == 0, 3, y)
    model = DistilledClassifier(LogisticRegression(max_iter=1000), random_state=0).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2, 3]
    proba = model.predict_proba(X)
    assert np.isfinite(proba).all()
    assert proba[0, 3] < 0.5


@pytest.mark.parametrize("models", [2, 5])
def test_two_patients_suffice(models):
    model = DistilledClassifier(models=models, random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    assert np.isfinite(model.predict_proba([[0.5]])).all()


def test_same_random_state_gives_the_same_student_and_another_does_not():
    X, y = clouds(8)
    plain = MLPClassifier((8,), epochs=2)
    one, same, other = (
        DistilledClassifier(plain, models=3, random_state=state).fit(X, y).predict_proba(X) for state in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3
    assert plain.random_state is None


def test_a_classifier_without_soft_labels_is_refused():
    reason = cannot_learn_soft_labels(make_pipeline(StandardScaler(), KNeighborsClassifier()))
    assert reason.startswith("fit of KNeighborsClassifier takes neither 'targets' nor 'sample_weight'")
    with pytest.raises(ConfigError, match="KNeighborsClassifier"):
        DistilledClassifier(KNeighborsClassifier()).fit(*clouds(9))


@pytest.mark.parametrize("models", [1, 2.5])
def test_impossible_numbers_of_sub_models_are_named(models):
    with pytest.raises(ValueError, match="'models' parameter of DistilledClassifier"):
        DistilledClassifier(models=models).fit(*clouds(10))


def test_one_patient_cannot_be_split():
    with pytest.raises(ValueError, match="at least 2 patients"):
        DistilledClassifier().fit([[0.0], [1.0]], [0, 1], patients=[5, 5])
