import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from genoaudit.config import RunOptions
from genoaudit.data.design import make_design, make_random_splits
from genoaudit.data.preprocessing import ExpressionScaler
from genoaudit.data.simulate import simulate_cohort
from genoaudit.errors import TrainingError
from genoaudit.models.recipes import build_recipe
from genoaudit.training.plan import Work, make_plan
from genoaudit.training.shadows import gather, train_shadows


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(patients=60, genes=40, classes=2, seed=0)


@pytest.fixture(scope="module")
def design(cohort):
    return make_design(cohort.y, cohort.patients, models=6, seed=1)


def recipe():
    return build_recipe("mlp", {"hidden": [8], "epochs": 5}, scale="log2")


def train(recipe, cohort, design, cache, *, threads=1, engine="processes", **keywords):
    work = Work(cohort.n_samples, cohort.n_genes, len(cohort.classes), design.models)
    plan = replace(
        make_plan(recipe, work, threads=threads, engine=engine), workers=threads, chunk=4 if engine == "gram" else 1
    )
    options = RunOptions(cache=cache)
    return gather(train_shadows(recipe, cohort, design, plan, options, **keywords), cohort, design)


def test_each_model_is_the_recipe_fitted_on_its_members_alone(cohort, design, tmp_path):
    signals, _ = train(make_pipeline(ExpressionScaler(), LogisticRegression()), cohort, design, tmp_path)
    for model in range(design.models):
        member = design.members[model][cohort.patients]
        alone = make_pipeline(ExpressionScaler(), LogisticRegression()).fit(cohort.X[member], cohort.y[member])
        expected = alone.predict_proba(cohort.X)
        assert signals.proba[model] == pytest.approx(expected, abs=1e-6)
        true = expected[np.arange(cohort.y.size), cohort.y]
        assert signals.logit[model, 0] == pytest.approx(np.log(true / (1 - true)), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("engine", ["processes", "gram", "stacked"])
def test_processes_and_resumes_change_no_bit(cohort, design, tmp_path, engine):
    alone, _ = train(recipe(), cohort, design, tmp_path / "alone", engine=engine)
    together, _ = train(recipe(), cohort, design, tmp_path / "together", engine=engine, threads=2)
    next((tmp_path / "together").rglob("model-00003.npz")).unlink()
    resumed, _ = train(recipe(), cohort, design, tmp_path / "together", engine=engine)
    for other in (together, resumed):
        assert (alone.logit == other.logit).all()
        assert (alone.proba == other.proba).all()


@pytest.mark.parametrize("engine", ["processes", "gram", "stacked"])
def test_a_slice_trained_elsewhere_is_collected(cohort, design, tmp_path, engine):
    whole, _ = train(recipe(), cohort, design, tmp_path / "whole", engine=engine)
    work = Work(cohort.n_samples, cohort.n_genes, len(cohort.classes), design.models)
    plan = make_plan(recipe(), work, threads=1, engine=engine)
    options = RunOptions(cache=tmp_path / "slices")
    for slice_ in (range(3, 6), range(3)):
        store = train_shadows(recipe(), cohort, design, plan, options, only=slice_)
    assert (gather(store, cohort, design)[0].logit == whole.logit).all()


def test_splits_of_another_size_never_share_finished_models(cohort, tmp_path):
    def split(members):
        return make_random_splits(cohort.y, cohort.patients, members=members, models=2, seed=1)

    few, _ = train(recipe(), cohort, split(40), tmp_path)
    many, _ = train(recipe(), cohort, split(50), tmp_path)
    again, _ = train(recipe(), cohort, split(40), tmp_path)
    assert (few.logit == again.logit).all()
    assert (few.logit != many.logit).any()


def test_a_gap_is_named(cohort, design, tmp_path):
    work = Work(cohort.n_samples, cohort.n_genes, len(cohort.classes), design.models)
    plan = make_plan(recipe(), work, threads=1)
    store = train_shadows(recipe(), cohort, design, plan, RunOptions(cache=tmp_path), only=range(3))
    with pytest.raises(TrainingError, match="model 3"):
        gather(store, cohort, design)


def test_models_differ_in_more_than_their_members(cohort, design, tmp_path):
    """Two models with the same members still draw their own initial weights and batches."""
    twins = type(design)(members=design.members[[0, 0]], partner=np.array([-1, -1]), seed=design.seed)
    signals, _ = train(recipe(), cohort, twins, tmp_path)
    assert (signals.logit[0] != signals.logit[1]).any()


def test_progress_counts_finished_models_from_where_it_resumes(cohort, design, tmp_path):
    told = []
    for models in (4, 6):
        told.clear()
        part = make_design(cohort.y, cohort.patients, models=models, seed=1)
        train(recipe(), cohort, part, tmp_path, progress=lambda done, total: told.append((done, total)))
        start = 0 if models == 4 else 4
        assert told[0] == (start, models)
        assert told[-1] == (models, models)


class Complaining(DummyClassifier):
    def fit(self, X, y):
        warnings.warn("did not converge", UserWarning, stacklevel=1)
        warnings.warn("old name", FutureWarning, stacklevel=1)
        return super().fit(X, y)


def test_what_models_warn_about_is_told_once_with_a_count_also_after_a_resume(cohort, design, tmp_path):
    for _ in range(2):
        _, told = train(Complaining(), cohort, design, tmp_path)
        assert told == ("6 of 6 models: UserWarning: did not converge",)


class Broken(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


def test_a_recipe_that_talks_nonsense_is_refused_by_model_and_leaves_no_file(cohort, design, tmp_path):
    with pytest.raises(TrainingError, match=r"model 0: predict_proba must give rows of probabilities"):
        train(Broken(), cohort, design, tmp_path)
    assert not list(tmp_path.rglob("model-*.npz"))


def test_nothing_is_left_in_the_cache_but_finished_models(cohort, design, tmp_path):
    train(recipe(), cohort, design, tmp_path, threads=2)
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"ingredients.json", *(f"model-{m:05d}.npz" for m in range(6))}
