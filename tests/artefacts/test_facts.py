import numpy as np
import pytest
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, QuantileTransformer, StandardScaler

from genoaudit.artefacts import parts
from genoaudit.artefacts.facts import UNUSED, facts, unused
from genoaudit.artefacts.parts import read_parts, told_by, untrusted_types, write_parts

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(71, 12))).astype(np.float32)
Y = (X[:, 0] > 0.7).astype(int) + (X[:, 1] > 0.7)
LEVELS = (X > 0.7).astype(np.float32)

ESTIMATORS = [
    *(StandardScaler(), MinMaxScaler(), MaxAbsScaler(), PCA(3, whiten=True), IncrementalPCA(3), TruncatedSVD(3)),
    *(GaussianNB(), MultinomialNB(), ComplementNB(), BernoulliNB(binarize=0.5), CategoricalNB()),
    *(LinearDiscriminantAnalysis(), QuadraticDiscriminantAnalysis(reg_param=0.5, store_covariance=True)),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5),
    LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.5),
    RandomForestClassifier(20, oob_score=True, random_state=0),
    ExtraTreesClassifier(20, bootstrap=True, oob_score=True, random_state=0),
    BaggingClassifier(GaussianNB(), 20, oob_score=True, random_state=0),
    MLPClassifier((4,), max_iter=12, early_stopping=True, random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    GridSearchCV(LogisticRegression(), {"C": [0.5, 1.0]}, cv=2),
    RandomizedSearchCV(LogisticRegression(), {"C": [0.5, 1.0]}, n_iter=2, cv=2, random_state=0),
]


def answers(estimator, values):
    """What an estimator says of samples, by every way that it has."""
    ways = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    ways += ["transform"] if getattr(estimator, "solver", None) != "lsqr" else []
    with np.errstate(divide="ignore"):
        return {way: getattr(estimator, way)(values) for way in ways if hasattr(estimator, way)}


def stored(estimator):
    data = write_parts([estimator])
    (again,) = read_parts(data, trusted=untrusted_types(data))
    return again


def names(estimator):
    return told_by(write_parts([estimator]), [X]).names


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_no_answer_needs_is_left_out_and_every_answer_is_the_same_to_the_bit(monkeypatch, estimator):
    values = LEVELS if isinstance(estimator, CategoricalNB) else X
    estimator.fit(values, Y)
    with monkeypatch.context() as patched:
        patched.setattr(parts, "unused", lambda _: ())
        before = answers(stored(estimator), values)
    held = {name for name in unused(estimator) if hasattr(estimator, name)}
    assert held
    again = stored(estimator)
    assert not [name for name in unused(estimator) if name in vars(again)]
    assert all(hasattr(estimator, name) for name in held)
    after = answers(again, values)
    assert set(after) == set(before)
    for way, found in before.items():
        np.testing.assert_array_equal(after[way], found, err_msg=way)


def test_every_attribute_that_is_left_out_is_one_of_some_estimator_here():
    assert {type(estimator).__name__ for estimator in ESTIMATORS} == set(UNUSED)


def test_an_estimator_of_another_library_of_the_same_name_is_left_whole():
    own = type("StandardScaler", (StandardScaler,), {"__module__": "theirs"})
    assert unused(own()) == ()


def said(*estimators):
    data = write_parts([one.fit(X, Y) for one in estimators])
    return facts(told_by(data, [X]))


def test_what_is_told_all_the_same_is_named_with_its_attribute():
    assert said(LogisticRegression()) == ()
    assert said(StandardScaler(), PCA(3), LinearDiscriminantAnalysis()) == ()
    assert said(GaussianNB()) == (
        "the shares of the classes, from which numbers can be worked out (`GaussianNB.class_prior_`)",
    )
    assert said(RandomForestClassifier(2)) == (
        "how many samples there were (`DecisionTreeClassifier.nodes`)",
        "values at or between those of single patients (`DecisionTreeClassifier.nodes`)",
    )
    assert said(MinMaxScaler()) == (
        "values at or between those of single patients (`MinMaxScaler.min_` and `MinMaxScaler.scale_`)",
    )
    (count, values) = said(QuantileTransformer(n_quantiles=71))
    assert "`QuantileTransformer.n_quantiles_`" in count
    assert "`QuantileTransformer.quantiles_`" in values


def test_a_parameter_or_a_number_of_genes_that_is_as_large_by_chance_is_no_fact():
    wide = np.random.default_rng(1).normal(size=(71, 71)).astype(np.float32)
    model = LogisticRegression(max_iter=71).fit(wide, Y)
    assert facts(told_by(write_parts([model]), [wide])) == ()


def test_steps_within_steps_are_bared_too():
    found = names(make_pipeline(MinMaxScaler(), make_pipeline(MaxAbsScaler(), GaussianNB())).fit(X, Y))
    assert not {"MinMaxScaler.data_min_", "MaxAbsScaler.n_samples_seen_", "GaussianNB.class_count_"} & found
    assert {"MinMaxScaler.min_", "MaxAbsScaler.scale_", "GaussianNB.theta_"} <= found
