import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from genoaudit.data.membership import Membership
from genoaudit.errors import ConfigError, DataError
from genoaudit.release.asking import ask_all, target_of


class Speaking:
    """A fitted classifier that does as it is told."""

    classes_ = np.arange(2)

    def __init__(self, answer):
        self.answer = answer

    def predict_proba(self, X):
        return self.answer(X)


def even(X):
    return np.full((len(X), 2), 0.5)


def noisy(X):
    warnings.warn("once\nupon a time", stacklevel=1)
    return even(X)


def leaves(X):
    raise SystemExit(0)


def breaks(X):
    raise ValueError("could not broadcast\nat all")


def test_a_fitted_model_in_memory_becomes_a_target(cohort, held, frame, names):
    rows = held[cohort.patients]
    model = LogisticRegression(max_iter=1000).fit(frame[rows], names[rows])
    for members in (held, Membership(held, "column 'trained' of the cohort")):
        target = target_of(model, cohort, members, source="mine")
        assert np.exp(target.log_proba) == pytest.approx(model.predict_proba(frame), abs=1e-5)
        assert (target.source, target.kind, target.members.sum()) == ("mine", "sklearn", held.sum())
        assert target.model.classes_.tolist() == [0, 1]
    assert target.members_by == "column 'trained' of the cohort"


def test_genes_and_classes_can_be_named(cohort, held):
    model = GaussianNB().fit(cohort.X[:, [4, 1]], 1 - cohort.y)
    target = target_of(
        model, cohort, held, genes=[cohort.genes[4], cohort.genes[1]], classes=cohort.classes[::-1], source="m"
    )
    assert np.exp(target.log_proba) == pytest.approx(model.predict_proba(cohort.X[:, [4, 1]])[:, ::-1], abs=1e-5)


def test_members_of_other_patients_are_refused(cohort, held):
    with pytest.raises(ConfigError, match=r"yes or no of each of 40 patients, got shape \(39,\)"):
        target_of(Speaking(even), cohort, held[:-1])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (breaks, "m: raised ValueError when asked about the samples: could not broadcast$"),
        (leaves, "m: raised SystemExit"),
        (lambda X: np.full((len(X), 2), np.nan), "m: does not answer as a classifier: .*probabilities that sum to 1"),
        (lambda X: np.full((len(X), 2), 0.9), "row sums from 1.8 to 1.8"),
        (lambda X: np.full((len(X), 3), 1 / 3), "gives 3 numbers for each sample; the cohort has 2 classes"),
        (lambda X: np.full((3, 2), 0.5), "one row per sample"),
    ],
)
def test_what_does_not_answer_as_a_classifier_is_refused(cohort, answer, said):
    with pytest.raises(DataError, match=said):
        ask_all(Speaking(answer), cohort, "m")


def test_what_a_model_warns_about_is_told_once(cohort):
    _, told = ask_all(Speaking(noisy), cohort, "m")
    assert told == ("m warned when asked: once",)
