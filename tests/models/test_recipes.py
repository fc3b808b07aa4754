import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from anndata import read_h5ad
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from xgboost import XGBClassifier

from genoaudit import randomness
from genoaudit.errors import ConfigError, DataError
from genoaudit.models.cnn import CNNClassifier
from genoaudit.models.deepcc import DeepCCClassifier
from genoaudit.models.deeptype import DeepTypeClassifier
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.fitting import fit_recipe
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import build_recipe, set_random_state
from genoaudit.privacy.dpsgd import DPSGD

XGBOOST_DEFAULTS = {"max_bin": 16, "max_depth": 3, "colsample_bytree": 0.2, "n_estimators": 50, "n_jobs": 1}

# ---------------------------------------------------------------------------------------------------- building


@pytest.mark.parametrize("kind", ["mlp", "softmax", "cnn", "deeptype", "deepcc", "logistic", "xgboost"])
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
        ("softmax", MLPClassifier(()), {}),
        ("cnn", CNNClassifier(), {}),
        ("deeptype", DeepTypeClassifier(), {}),
        ("deepcc", DeepCCClassifier(), {}),
        ("logistic", LogisticRegression(), {"max_iter": 1000}),
        ("xgboost", XGBClassifier(), XGBOOST_DEFAULTS),
    ],
    ids=["mlp", "softmax", "cnn", "deeptype", "deepcc", "logistic", "xgboost"],
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


def test_of_many_unknown_keys_ten_are_told_and_long_ones_shortened():
    with pytest.raises(
        ConfigError, match=r"Unknown key 'k+\.\.\. \(100,002 letters\) for recipe kind 'mlp'"
    ) as refused:
        build_recipe("mlp", {"k" * 100_000: 1, **{f"k{number}": 1 for number in range(3000)}}, scale="log2")
    lines = str(refused.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "And 2,991 more unknown keys."


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


# ----------------------------------------------------------------------------------- privacy, gene sets, other kinds


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        ("mlp", {}),
        ("softmax", {}),
        ("cnn", {}),
        ("deeptype", {"group_lasso": 0, "kmeans": 0}),
        ("deepcc", {"norm": "layer"}),
    ],
)
def test_a_table_becomes_dp_sgd(kind, others):
    recipe = build_recipe(kind, {"dp": {"epsilon": 8, "steps": 50}, **others}, scale="log2")
    assert recipe[-1].dp == DPSGD(epsilon=8, steps=50)


@pytest.mark.parametrize("kind", ["logistic", "xgboost"])
def test_kinds_without_private_training_name_those_with(kind):
    with pytest.raises(ConfigError, match=f"'{kind}' cannot be trained with dp; these can: mlp, softmax, cnn"):
        build_recipe(kind, {"dp": {"epsilon": 8}}, scale="log2")


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("mlp", {"dp": 8}, r"'dp' must be a table such as \{epsilon = 8\}, found 8"),
        ("mlp", {"dp": {"epsilom": 8}}, "did you mean 'epsilon'"),
        ("mlp", {"dp": {"epsilon": 8, "noise_multiplier": 1}}, "exactly one of"),
        ("deeptype", {"dp": {"epsilon": 8}}, "Set both to 0, or use MLPClassifier"),
        ("deepcc", {"dp": {"epsilon": 8}}, "Use norm='layer'"),
        ("softmax", {"hidden": [8]}, "no hidden layers.*use kind = 'mlp'"),
        ("cnn", {"kernels": [0]}, "kernels"),
    ],
)
def test_what_does_not_go_together_is_an_error_before_any_training(kind, given, message):
    with pytest.raises(ConfigError, match=message):
        build_recipe(kind, given, scale="log2")


def test_private_scaling_releases_moments_at_a_given_noise():
    recipe = build_recipe(
        "softmax", {"scaling": "private", "moments_noise": 3.0, "genes": 50, "gain": False}, scale="log2"
    )
    assert [type(step).__name__ for step in recipe] == ["LogTransform", "PrivateScaler", "MLPClassifier"]
    scaler = recipe[1]
    assert (scaler.noise_multiplier, scaler.genes, scaler.gain) == (3.0, 50, None)
    with pytest.raises(ConfigError, match="needs moments_noise"):
        build_recipe("mlp", {"scaling": "private"}, scale="log2")
    with pytest.raises(ConfigError, match="noise_multiplier"):
        build_recipe("mlp", {"scaling": "private", "moments_noise": -1.0}, scale="log2")
    with pytest.raises(ConfigError, match="Unknown key 'moments_noise'"):
        build_recipe("mlp", {"moments_noise": 3.0}, scale="log2")


GENES = tuple(f"G{number}" for number in range(40))


@pytest.fixture
def gmt(tmp_path):
    path = tmp_path / "sets.gmt"
    sets = {f"SET{k}": GENES[4 * k : 4 * k + 12] for k in range(7)}
    lines = ["\t".join([name, "na", *genes]) for name, genes in sets.items()]
    path.write_text("\n".join([*lines, "STRANGE\tna\tX1\tX2"]))
    return path


def test_deepcc_sees_functional_spectra_of_the_sets_of_a_file(gmt):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 40)) + np.outer(y, np.arange(40) < 12) * 2
    given = {"gene_sets": str(gmt), "centring": "none", "hidden": [16], "adam_rate": 0.01}
    recipe = build_recipe("deepcc", given, scale="log2", genes=GENES)
    assert [name for name, _ in recipe.steps] == ["log", "spectra", "classifier"]
    assert recipe[1].centring == "none"
    recipe = set_random_state(recipe, 0).fit(X, y)
    assert recipe[-1].n_features_in_ == 7
    assert recipe.score(X, y) > 0.9
    describe_recipe(recipe)


def test_deepcc_without_sets_sees_expression():
    steps = build_recipe("deepcc", {"scaling": "sample", "genes": 30}, scale="log2", genes=GENES).steps
    assert [name for name, _ in steps] == ["log", "genes", "scaler", "classifier"]


@pytest.mark.parametrize(
    ("given", "genes", "error", "message"),
    [
        ({}, None, ConfigError, "needs the names of the cohort's genes"),
        ({"min_genes": 13}, GENES, ConfigError, "none of 8 gene sets has 13 of the cohort's 40 genes"),
        ({"min_genes": 0}, GENES, ConfigError, "'min_genes' must be a whole number of at least 1, found 0"),
        ({"scaling": "sample"}, GENES, ConfigError, "Unknown key 'scaling' for recipe kind 'deepcc' with gene_sets"),
        ({"centring": "cohort"}, GENES, ConfigError, "centring"),
        ({"gene_sets": 3}, GENES, ConfigError, "'gene_sets' must be the path of a GMT file, found 3"),
        ({"gene_sets": "nowhere.gmt"}, GENES, DataError, "nowhere.gmt: does not exist"),
    ],
)
def test_unusable_gene_sets_are_errors(gmt, given, genes, error, message):
    with pytest.raises(error, match=message):
        build_recipe("deepcc", {"gene_sets": str(gmt), **given}, scale="log2", genes=genes)


def test_gene_sets_belong_to_deepcc_alone(gmt):
    with pytest.raises(ConfigError, match="Unknown key 'gene_sets' for recipe kind 'mlp'"):
        build_recipe("mlp", {"gene_sets": str(gmt)}, scale="log2", genes=GENES)


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


# ------------------------------------------------------------------------------------------------- the real cohorts

PAIRED = Path(__file__).parents[2].parent / "shared" / "data" / "tcga_paired11.h5ad"


@pytest.mark.cohort
@pytest.mark.skipif(not PAIRED.is_file(), reason="the real cohorts are not in ../shared/data")
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("softmax", {"epochs": 5}),
        ("cnn", {"epochs": 3}),
        ("deeptype", {"hidden": [128, 64], "supervised_steps": 60, "joint_steps": 5, "learning_rate": 5e-3}),
        ("deepcc", {"hidden": [128, 64], "adam_epochs": 8, "sgd_epochs": 1}),
    ],
)
def test_half_of_the_patients_of_eleven_cancers_tell_the_other_half(kind, parameters):
    cohort = read_h5ad(PAIRED)
    patients = np.unique(cohort.obs["patient_id"], return_inverse=True)[1]
    members = np.random.default_rng(0).permutation(patients.max() + 1)[patients] % 2 == 0
    X, y = np.asarray(cohort.X), cohort.obs["cancer_type"].to_numpy()
    recipe = set_random_state(build_recipe(kind, {"genes": 500, **parameters}, scale="log2"), 0)
    recipe = fit_recipe(recipe, X[members], y[members], patients=patients[members])
    assert recipe.score(X[~members], y[~members]) > 0.7  # the largest class is a fifth
