from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genoaudit.artefacts.given_model import AdaptedModel, Reading, columns_of, for_cohort, read_given
from genoaudit.errors import ConfigError, DataError, TrainingError
from genoaudit.models.answers import log_probabilities
from genoaudit.models.forms import ExactForm, form_of
from genoaudit.models.recipes import build_recipe
from genoaudit.training.white_box import gradient_signals, has_gradients


def asked(model, cohort, **keywords):
    return np.exp(log_probabilities(for_cohort(model, cohort, source="model", **keywords), cohort.X))


def pipeline():
    return make_pipeline(StandardScaler(), LogisticRegression())


@pytest.mark.parametrize("make", [pipeline, GaussianNB])
def test_genes_are_found_by_the_model_s_own_names_in_its_own_order(cohort, frame, names, make):
    own = list(reversed(frame.columns[:7]))
    model = make().fit(frame[own], names)
    assert asked(model, cohort) == pytest.approx(model.predict_proba(frame[own]), abs=1e-5)


def test_a_model_that_works_by_names_gets_names(cohort, frame, names):
    scaled = ColumnTransformer([("scaled", StandardScaler(), [frame.columns[3], frame.columns[0]])])
    model = make_pipeline(scaled, LogisticRegression()).fit(frame, names)
    assert asked(model, cohort) == pytest.approx(model.predict_proba(frame), abs=1e-5)


def test_genes_are_found_by_columns_where_the_model_has_no_names_or_others(cohort, frame, names):
    own = frame.columns[[5, 2, 8]]
    columns = columns_of(own, cohort.genes, "model")
    assert columns == (5, 2, 8)
    for seen in (frame[own].to_numpy(), frame[own].set_axis(["a", "b", "c"], axis=1)):
        model = pipeline().fit(seen, names)
        assert asked(model, cohort, columns=columns) == pytest.approx(model.predict_proba(seen), abs=1e-5)


def test_genes_that_do_not_go_together_are_refused(cohort, frame, names):
    with pytest.raises(
        DataError, match=r"model: was trained on 2 genes, of which the cohort lacks 1 \('<b>gene</b>'\)"
    ):
        asked(pipeline().fit(frame.iloc[:, :2].set_axis([frame.columns[0], "<b>gene</b>"], axis=1), names), cohort)
    with pytest.raises(DataError, match=r"takes 3 genes, and the cohort has 12\. .*genes = 'genes\.txt'"):
        asked(pipeline().fit(cohort.X[:, :3], names), cohort)
    with pytest.raises(DataError, match="takes 3 genes, and 2 are listed"):
        asked(pipeline().fit(cohort.X[:, :3], names), cohort, columns=[0, 1])


@pytest.mark.parametrize("make", [pipeline, GaussianNB])
def test_classes_are_found_by_name_or_in_the_order_that_is_given(cohort, make):
    order = np.array([2, 0, 1])  # the model's code of each class
    model = make().fit(cohort.X, order[cohort.y])
    given = [cohort.classes[code] for code in np.argsort(order)]
    expected = model.predict_proba(cohort.X)[:, order]
    assert asked(model, cohort, classes=given) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("swapped", [False, True])
def test_two_classes_in_either_order(cohort, swapped):
    two = cohort.subset(cohort.y < 2)
    model = pipeline().fit(two.X, two.y ^ swapped)
    classes = two.classes[::-1] if swapped else two.classes
    expected = model.predict_proba(two.X)
    assert asked(model, two, classes=classes) == pytest.approx(expected[:, ::-1] if swapped else expected, abs=1e-5)


def test_classes_that_are_numbers_are_never_guessed(cohort):
    model = GaussianNB().fit(cohort.X, cohort.y)
    with pytest.raises(DataError, match=r'numbers its classes from 0 to 2.*classes = \["type-1", "type-2", "type-3"\]'):
        asked(model, cohort)
    numbered = replace(cohort, classes=("0", "1", "2"))
    np.testing.assert_allclose(asked(model, numbered), asked(model, cohort, classes=cohort.classes))
    floats = GaussianNB().fit(cohort.X, cohort.y.astype(float))
    np.testing.assert_allclose(asked(floats, numbered), asked(model, numbered))


def test_classes_that_do_not_go_together_are_refused(cohort, names):
    renamed = np.where(names == "type-2", "<script>", names)
    with pytest.raises(DataError, match=r"knows 1 class that the cohort has not \('<script>'\)"):
        asked(GaussianNB().fit(cohort.X, renamed), cohort)
    with pytest.raises(DataError, match=r"does not know 1 class of the cohort \('type-3'\)"):
        asked(GaussianNB().fit(cohort.X[cohort.y < 2], names[cohort.y < 2]), cohort)
    model = GaussianNB().fit(cohort.X, cohort.y)
    for given, said in (
        (["type-1", "type-2"], "has 3 classes, and target.classes names 2"),
        (["type-1", "type-2", "type-2"], "names 'type-2' more than once"),
        (["type-1", "type-2", "typo"], r"has not \('typo'\)"),
    ):
        with pytest.raises(DataError, match=said):
            asked(model, cohort, classes=given)


def test_parameters_of_logistic_regression_are_read_as_if_it_had_learnt_the_cohort_s_codes(cohort):
    held = np.arange(cohort.n_samples) % 2 == 0
    order = np.array([1, 2, 0])
    exact = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=10_000))
    X = cohort.X.astype(np.float64)
    plain = clone(exact).fit(X[held], cohort.y[held])
    coded = clone(exact).fit(X[held], order[cohort.y[held]])
    given = [cohort.classes[code] for code in np.argsort(order)]
    found = [
        for_cohort(plain, cohort, source="m", classes=cohort.classes),
        for_cohort(coded, cohort, source="m", classes=given),
    ]
    assert all(map(has_gradients, found))
    one, other = (gradient_signals(model, cohort.X, cohort.y, held, cohort.patients) for model in found)
    for signal, same in zip(one, other, strict=True):
        np.testing.assert_allclose(signal, same, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(coded[-1].classes_, [0, 1, 2])  # the model itself is left as it was


def test_a_recipe_of_this_package_on_all_genes_stays_one_that_the_exact_engines_know(cohort):
    recipe = build_recipe("mlp", {"hidden": [4], "epochs": 2}, scale="log2").fit(cohort.X, cohort.y)
    every = columns_of(cohort.genes, cohort.genes, "m")
    found = for_cohort(recipe, cohort, source="m", classes=cohort.classes, columns=every)
    assert isinstance(form_of(clone(found)), ExactForm)
    np.testing.assert_array_equal(found.predict_log_proba(cohort.X), recipe.predict_log_proba(cohort.X))
    fewer = build_recipe("mlp", {"hidden": [4], "epochs": 2}, scale="log2").fit(cohort.X[:, :5], cohort.y)
    found = for_cohort(fewer, cohort, source="m", classes=cohort.classes, columns=range(5))
    assert next(type(step).__name__ for _, step in found.steps) == "ChosenGenes"
    assert has_gradients(found)


def test_more_outputs_than_classes_are_named_are_never_dropped(cohort):
    class Wide:
        classes_ = np.arange(3)

        def predict_proba(self, X):
            return np.full((len(X), 4), 0.25)

    with pytest.raises(TrainingError, match="gives 4 numbers for each sample, and 3 classes are named for it"):
        asked(Wide(), cohort, classes=cohort.classes)


def test_what_cannot_be_read_is_adapted_and_left_as_it_is(cohort, names):
    model = for_cohort(GaussianNB().fit(cohort.X, names), cohort, source="m")
    assert isinstance(model, AdaptedModel)
    assert model.fit(cohort.X, cohort.y) is model
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.gradient_norms(cohort.X, cohort.y) is None
    assert model.predict_proba(cohort.X).sum(axis=1) == pytest.approx(1)


def test_files_are_read_by_what_their_ending_says(cohort, frame, names):
    content = skops.io.dumps(pipeline().fit(frame, names))
    model, _ = read_given(content, "m.skops", "sklearn", Reading(), classes=3)
    assert asked(model, cohort).shape == (cohort.n_samples, 3)
    booster = xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit(frame, cohort.y).get_booster()
    model, _ = read_given(bytes(booster.save_raw("ubj")), "m.ubj", "xgboost", Reading(), classes=3)
    assert asked(model, cohort, classes=cohort.classes).shape == (cohort.n_samples, 3)
    with pytest.raises(DataError, match="cut short, or no safetensors file"):
        read_given(content, "m.safetensors", "torch", Reading(), classes=3)


def test_weights_without_a_constructor_are_refused(cohort):
    import safetensors.torch
    import torch

    content = safetensors.torch.save({"w": torch.ones(1)})
    with pytest.raises(ConfigError, match=r"target\.constructor is missing: net\.safetensors holds weights alone"):
        read_given(content, "net.safetensors", "torch", Reading(), classes=3)


def test_the_frame_that_a_model_sees_has_the_values_of_the_file(cohort, frame, names):
    seen = []

    class Watching(GaussianNB):
        def predict_log_proba(self, X):
            seen.append(X)
            return super().predict_log_proba(X)

    asked(Watching().fit(frame, names), cohort)
    assert isinstance(seen[0], pd.DataFrame)
    np.testing.assert_array_equal(seen[0].to_numpy(), cohort.X)
