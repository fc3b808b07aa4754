import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stored_recipes import COHORT, NAMES, unfitted
from xgboost import XGBClassifier

from genoaudit.artefacts.trial import try_out
from genoaudit.data.preprocessing import LogTransform
from genoaudit.errors import ArtefactError
from genoaudit.models.outputs import DefendedOutputs

ROWS = np.arange(COHORT.n_samples)


class Callbacks(LogisticRegression):
    """Holds what no file can, once it is fitted."""

    def fit(self, X, y):
        self.watching_ = (line for line in "ab")
        return super().fit(X, y)


class NeverFitted(LogisticRegression):
    def fit(self, X, y):
        raise AssertionError


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_that_can_be_stored_passes(name):
    recipe = unfitted(name)
    trial = try_out(recipe, COHORT, ROWS)
    assert trial.trusted == (("sklearn.tree._tree.Tree",) if name == "a forest" else ())
    assert not hasattr(recipe, "n_features_in_")


def test_a_recipe_of_ours_is_not_trained_for_it(monkeypatch):
    monkeypatch.setattr("genoaudit.artefacts.trial.fit_recipe", None)
    assert try_out(unfitted("mlp"), COHORT, ROWS).counts == ()


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (KNeighborsClassifier(), r"KNeighborsClassifier\._fit_X.*keeps something of every patient"),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), r"KNeighborsClassifier\._y"),
        (make_pipeline(LogTransform(), make_pipeline(StandardScaler(), KNeighborsClassifier())), r"\._fit_X"),
        (DefendedOutputs(GaussianProcessClassifier()), r"X_train_"),
        (Callbacks(max_iter=2000), "skops cannot hold Callbacks"),
        (make_pipeline(LogTransform(), XGBClassifier(objective=len)), r"XGBClassifier\.objective is a builtin"),
    ],
    ids=range(6),
)
def test_what_cannot_be_given_away_is_refused_before_training(recipe, says):
    with pytest.raises(ArtefactError, match=says):
        try_out(recipe, COHORT, ROWS)


def test_what_would_tell_how_many_there_were_is_told():
    trial = try_out(make_pipeline(StandardScaler(), RandomForestClassifier(2)), COHORT, ROWS)
    assert trial.counts == ("DecisionTreeClassifier.nodes",)
    assert try_out(LogisticRegression(max_iter=2000), COHORT, ROWS).counts == ()


def test_a_recipe_that_needs_more_samples_than_a_trial_has_is_looked_at_by_its_types():
    assert try_out(make_pipeline(PCA(60), LogisticRegression()), COHORT, ROWS[:70]).trusted == ()
    assert [name.rpartition(".")[2] for name in try_out(NeverFitted(), COHORT, ROWS).trusted] == ["NeverFitted"]
