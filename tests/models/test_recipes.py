import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from xgboost import XGBClassifier

from genoaudit import randomness
from genoaudit.errors import ConfigError
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import build_recipe, set_random_state

XGBOOST_DEFAULTS = {"max_bin": 16, "max_depth": 3, "colsample_bytree": 0.2, "n_estimators": 50, "n_jobs": 1}

# ---------------------------------------------------------------------------------------------------- building


@pytest.mark.parametrize("kind", ["mlp", "logistic", "xgboost"])
def test_every_kind_trains_on_counts_as_it_is(kind):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    counts = rng.poisson(20 * np.exp(rng.normal(size=(3, 200))[y]))
    recipe = build_recipe(kind, {}, scale="counts").fit(counts, y)
    proba = recipe.predict_proba(counts)
    assert proba.shape == (60, 3)
    assert recipe.classes_.tolist() == [0, 1, 2]
    assert (proba.argmax(axis=1) == y).mean() > 0.9


def test_scaler_keys_go_to_the_scaler_and_the_others_to_the_classifier():
    recipe = build_recipe("mlp", {"hidden": [32], "epochs": 3, "scaling": "sample", "gain": 30}, scale="rsem")
    assert [name for name, _ in recipe.steps] == ["log", "scaler", "classifier"]
    parameters = recipe.get_params()
    assert parameters["log__scale"] == "rsem"
    assert (parameters["scaler__scaling"], parameters["scaler__gain"]) == ("sample", 30)
    assert (parameters["classifier__hidden"], parameters["classifier__epochs"]) == ([32], 3)


def test_gain_can_be_switched_off_where_there_is_no_null():
    assert build_recipe("mlp", {"gain": False}, scale="log2").get_params()["scaler__gain"] is None


@pytest.mark.parametrize(
    ("kind", "shipped", "changed"),
    [
        ("mlp", MLPClassifier(), {}),
        ("logistic", LogisticRegression(), {"max_iter": 1000}),
        ("xgboost", XGBClassifier(), XGBOOST_DEFAULTS),
    ],
    ids=["mlp", "logistic", "xgboost"],
)
def test_classifiers_are_as_shipped_but_for_the_documented_changes(kind, shipped, changed):
    classifier = build_recipe(kind, {}, scale="log2").steps[-1][1]
    assert type(classifier) is type(shipped)
    assert str(classifier.get_params()) == str({**shipped.get_params(), **changed})


@pytest.mark.parametrize(
    ("key", "given"),
    [("max_bin", 256), ("max_depth", 6), ("colsample_bytree", 1.0), ("n_estimators", 100), ("n_jobs", 2)],
)
def test_a_given_parameter_replaces_its_default_and_no_other(key, given):
    parameters = build_recipe("xgboost", {key: given}, scale="log2")[-1].get_params()
    assert {name: parameters[name] for name in XGBOOST_DEFAULTS} == {**XGBOOST_DEFAULTS, key: given}


@pytest.mark.parametrize(
    "given",
    [
        {"tree_method": "exact"},
        {"grow_policy": "lossguide", "max_leaves": 4},
        {"colsample_bynode": 0.5},
        {"max_bin": 2},
    ],
    ids=["exact", "lossguide", "bynode", "two_bins"],
)
def test_other_ways_of_growing_trees_train_beside_the_defaults(given):
    X = np.random.default_rng(0).normal(size=(40, 100)).astype(np.float32)
    y = (X[:, :50].sum(axis=1) > 0).astype(int)
    recipe = build_recipe("xgboost", {**given, "n_estimators": 20}, scale="log2").fit(X, y)
    assert (recipe.predict(X) == y).mean() > 0.9
    assert recipe[-1].get_params().items() >= given.items()


@pytest.mark.parametrize("kind", ["hist", "exact"])
def test_trees_see_only_the_order_so_scaling_by_members_changes_nothing(kind):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = (8 + rng.normal(size=(90, 300)) + rng.normal(size=(3, 300))[y]).astype(np.float32)
    scaled, unscaled = (
        set_random_state(build_recipe("xgboost", {"tree_method": kind, "scaling": scaling}, scale="log2"), 0)
        .fit(X[:60], y[:60])
        .predict_proba(X)
        for scaling in ("members", "none")
    )
    np.testing.assert_array_equal(scaled, unscaled)


@pytest.mark.parametrize(
    ("kind", "key", "nearest"),
    [
        ("mlp", "hiden", "hidden"),
        ("mlp", "scalling", "scaling"),
        ("mlp", "learn_rate", "learning_rate"),
        ("logistic", "maxiter", "max_iter"),
        ("xgboost", "maxdepth", "max_depth"),
    ],
)
def test_unknown_key_is_an_error_that_names_the_nearest_valid_key(kind, key, nearest):
    with pytest.raises(ConfigError, match=f"Unknown key '{key}' for recipe kind '{kind}'.*is '{nearest}'"):
        build_recipe(kind, {key: 1}, scale="log2")


def test_all_unknown_keys_are_named_at_once():
    with pytest.raises(ConfigError, match=r"(?s)'epoch' .*'batch' "):
        build_recipe("mlp", {"epoch": 1, "hidden": [3], "batch": 2}, scale="log2")


def test_unknown_kind_names_the_nearest():
    with pytest.raises(ConfigError, match=r"Unknown recipe kind 'xgb'. The nearest valid kind is 'xgboost'"):
        build_recipe("xgb", {}, scale="log2")


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("mlp", "hidden", "abc"),
        ("mlp", "hidden", [0]),
        ("mlp", "learning_rate", -1),
        ("mlp", "optimizer", "lion"),
        ("mlp", "scaling", "patients"),
        ("mlp", "gain", -10),
        ("logistic", "C", -1.0),
        ("logistic", "solver", "lbfsg"),
        ("xgboost", "max_depth", "deep"),
        ("xgboost", "subsample", 2.0),
        ("xgboost", "n_estimators", 0),
        ("xgboost", "objective", "multi:hardprob"),
    ],
)
def test_impossible_value_is_an_error_before_any_training(kind, key, value):
    with pytest.raises(ConfigError, match=key if key != "objective" else value):
        build_recipe(kind, {key: value}, scale="log2")


def test_values_that_libraries_take_pass_the_early_check():
    build_recipe("xgboost", {"objective": "multi:softprob", "max_depth": 3, "gamma": 0.5}, scale="log2")
    build_recipe("xgboost", {"interaction_constraints": [["TP53", "MYC"]]}, scale="log2")
    build_recipe("logistic", {"C": 0.1, "class_weight": "balanced"}, scale="log2")


def test_unknown_scale_is_an_error():
    with pytest.raises(ConfigError, match=r"The 'scale' parameter .* Got 'log10' instead"):
        build_recipe("mlp", {}, scale="log10")


def test_target_belongs_to_import_alone():
    with pytest.raises(ConfigError, match="'mlp' takes no target"):
        build_recipe("mlp", {}, scale="log2", target="my_models:build")
    with pytest.raises(ConfigError, match="needs target = 'module:function'"):
        build_recipe("import", {}, scale="log2")


# --------------------------------------------------------------------------------------------------- importing


def test_imported_recipe_is_taken_as_it_is(write_module):
    write_module(
        "taken_as_is",
        """
        from sklearn.linear_model import LogisticRegression
        def build(strength=1.0):
            return LogisticRegression(C=1 / strength)
        """,
    )
    recipe = build_recipe("import", {"strength": 4.0}, scale="counts", target="taken_as_is:build")
    assert type(recipe) is LogisticRegression
    assert recipe.C == 0.25


def test_class_can_be_the_imported_function():
    recipe = build_recipe("import", {"max_depth": 2}, scale="log2", target="sklearn.tree:DecisionTreeClassifier")
    assert recipe.max_depth == 2


@pytest.mark.parametrize(
    ("target", "parameters", "message"),
    [
        ("faulty_models", {}, "must look like 'module:function', got 'faulty_models'"),
        ("no_such_module:build", {}, "(?s)ModuleNotFoundError.*PYTHONPATH"),
        ("broken_models:build", {}, "importing 'broken_models' raised ZeroDivisionError"),
        ("faulty_models:biuld", {}, "has no function 'biuld'. The nearest valid name is 'build'"),
        ("faulty_models:build", {"dept": 3}, "Unknown key 'dept' for recipe target.*is 'depth'"),
        ("faulty_models:build", {}, "missing a required argument: 'depth'"),
        ("faulty_models:build", {"depth": 3}, "raised RuntimeError: depth 3 is not supported"),
        ("faulty_models:anything", {"key": 1}, "missing a required argument: 'width'"),
        ("faulty_models:nothing", {}, "returned a NoneType without fit, predict_proba.*inherit ClassifierMixin"),
        ("faulty_models:a_class", {}, r"returned the class LinearSVC; return LinearSVC\(\)"),
        ("faulty_models:no_proba", {}, "returned a LinearSVC without predict_proba.*CalibratedClassifierCV"),
    ],
)
def test_unusable_target_is_an_error_that_teaches(write_module, target, parameters, message):
    write_module("broken_models", "1 / 0")
    write_module(
        "faulty_models",
        """
        from sklearn.svm import LinearSVC
        def build(depth):
            raise RuntimeError(f"depth {depth} is not supported")
        def anything(width, **others): ...
        def nothing(): ...
        def a_class():
            return LinearSVC
        def no_proba():
            return LinearSVC()
        """,
    )
    with pytest.raises(ConfigError, match=message):
        build_recipe("import", parameters, scale="log2", target=target)


def test_every_random_state_is_drawn_from_its_own_path():
    recipe = make_pipeline(VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(random_state=1))]))
    seeded = set_random_state(recipe, 3, "shadow", 17).get_params()
    names = [f"votingclassifier__{name}__random_state" for name in "ab"]
    assert [seeded[name] for name in names] == [randomness.random_state(3, "shadow", 17, name) for name in names]
    assert seeded[names[0]] != seeded[names[1]]
    untouched = recipe.get_params()
    assert [untouched[name] for name in names] == [None, 1]


def test_seeds_depend_on_seed_and_path_alone():
    recipe = build_recipe("mlp", {"dropout": 0.5}, scale="log2")

    def state(*where):
        return set_random_state(recipe, *where).get_params()["classifier__random_state"]

    assert state(0, "shadow", 1) == state(0, "shadow", 1)
    assert len({state(0, "shadow", 1), state(0, "shadow", 2), state(1, "shadow", 1), state(0, "target", 1)}) == 4


def test_seeding_returns_an_unfitted_copy():
    X = np.random.default_rng(0).normal(size=(20, 10))
    recipe = build_recipe("mlp", {"epochs": 1}, scale="log2").fit(X, np.arange(20) % 2)
    assert not hasattr(set_random_state(recipe, 0, "shadow", 1)[-1], "coefs_")


def test_recipe_without_randomness_needs_no_seed():
    recipe = FunctionTransformer()
    assert set_random_state(recipe, 0).get_params() == recipe.get_params()


# ----------------------------------------------------------------------------------------------------- importing


def test_module_loads_no_heavy_library():
    code = "import sys, genoaudit.models.recipes; print(*{'torch', 'sklearn', 'xgboost', 'scipy'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


@pytest.mark.parametrize("kind", ["mlp", "xgboost"])
def test_a_seed_in_the_recipe_is_refused_because_it_would_be_overwritten(kind):
    with pytest.raises(ConfigError, match="random_state"):
        build_recipe(kind, {"random_state": 7}, scale="log2")
