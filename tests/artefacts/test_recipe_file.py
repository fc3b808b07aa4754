import contextlib
import copy
import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from stored_recipes import COHORT, KINDS, NAMES, cohort_for, fitted, unfitted

from genoaudit.artefacts.folder_files import read_arrays, read_tree
from genoaudit.artefacts.parts import read_parts, untrusted_types, write_parts
from genoaudit.artefacts.recipe_file import Packed, inputs_of_parts, other_parts, pack, unpack
from genoaudit.errors import ArtefactError
from genoaudit.models import recipes
from genoaudit.models.answers import log_probabilities
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.seeds import for_release


def through_bytes(packed):
    """Write a recipe that was taken apart, and read it from the bytes."""
    from safetensors.numpy import save

    parts = write_parts(packed.parts) if packed.parts else None
    return Packed(
        tree=read_tree(json.dumps(packed.tree).encode()),
        arrays=read_arrays(save(packed.arrays)) if packed.arrays else {},
        parts=() if parts is None else read_parts(parts, trusted=untrusted_types(parts)),
        booster=packed.booster,
    )


def test_every_kind_of_recipe_is_tried():
    assert set(recipes._KINDS) - {"import"} == KINDS


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_that_was_stored_answers_to_the_bit(name):
    recipe, X = fitted(name), cohort_for(name).X
    stored = unpack(through_bytes(pack(recipe)))
    np.testing.assert_array_equal(log_probabilities(stored, X), log_probabilities(recipe, X))
    np.testing.assert_array_equal(stored.predict(X), recipe.predict(X))
    np.testing.assert_array_equal(stored.classes_, recipe.classes_)
    assert stored.n_features_in_ == X.shape[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_that_was_stored_is_the_same_recipe_but_for_its_seeds(name):
    stored = unpack(through_bytes(pack(fitted(name))))
    given = json.dumps(describe_recipe(for_release(stored, None)), sort_keys=True)
    assert given == json.dumps(describe_recipe(for_release(unfitted(name), None)), sort_keys=True)


@pytest.mark.parametrize("name", ["mlp, private", "mlp, all private", "cnn, private", "deepcc, private"])
def test_what_training_released_of_the_patients_is_stored(name):
    recipe = fitted(name, seed=None)
    before, after = recipe[-1], unpack(through_bytes(pack(recipe)))[-1]
    assert after.mechanisms_ == before.mechanisms_
    assert (after.delta_, after.releasable_) == (before.delta_, True)
    assert not unpack(pack(fitted(name)))[-1].releasable_


def test_what_answers_do_not_need_is_not_stored():
    packed = pack(fitted("mlp, variable genes"))
    assert sorted(name.split("/")[0] for name in packed.arrays if name.startswith("genes")) == ["genes"]
    assert packed.arrays["genes/support"].dtype == bool
    written = json.dumps(packed.tree)
    assert "loss_curve" not in written
    assert "random_state" not in written
    assert not [name for name in pack(fitted("deeptype")).arrays if "centre" in name]


def test_only_noise_on_answers_needs_its_secret():
    assert pack(fitted("output_noise")).tree["secret"] == fitted("output_noise")._secret
    assert "secret" not in pack(fitted("rounding")).tree


def test_parts_of_other_libraries_are_found_with_what_they_were_fitted_on():
    recipe = fitted("theirs between ours")
    assert [type(part).__name__ for part in other_parts(unfitted("theirs between ours"))] == ["StandardScaler", "PCA"]
    logged, scaled = inputs_of_parts(recipe, COHORT.X)
    np.testing.assert_array_equal(logged, recipe[0].transform(COHORT.X))
    np.testing.assert_array_equal(scaled, recipe[1].transform(logged))
    assert other_parts(unfitted("mlp")) == ()


def test_a_class_that_inherits_from_ours_is_not_taken_for_ours():
    class Their(MLPClassifier):
        pass

    assert len(other_parts(make_pipeline(Their()))) == 1


def test_a_recipe_fitted_on_names_is_refused():
    named = clone(unfitted("mlp")).fit(COHORT.X, np.array(COHORT.classes)[COHORT.y])
    with pytest.raises(ArtefactError, match="Fit it on the cohort's class codes"):
        pack(named)


def test_a_parameter_that_json_cannot_hold_is_named():
    defended = fitted("rounding")
    defended.setting = object()
    with pytest.raises(ArtefactError, match=r"DefendedOutputs\.setting is a object, which no safe file can hold"):
        pack(defended)


NETWORK = pack(fitted("mlp, two layers normed"))
STEPS = {"log": 0, "scaler": 1, "classifier": 2}


def node(tree, step):
    return tree["steps"][STEPS[step]][1]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda tree: tree.update({"class": "os.system"}), "'os.system' is none of this package's"),
        (lambda tree: tree.update({"class": "LogisticRegression"}), "'LogisticRegression' is none of this package's"),
        (lambda tree: tree.pop("class"), "does not describe a recipe"),
        (lambda tree: tree.update(steps=[]), "need names"),
        (lambda tree: tree["steps"].append(tree["steps"][2]), "need names, each its own"),
        (lambda tree: tree["steps"].append(["more", {"class": "part"}]), "a part of another library is missing"),
        (lambda tree: tree["steps"].append(["more", {"class": "XGBClassifier"}]), "trees of its XGBClassifier"),
        (lambda tree: node(tree, "log").update({"class": []}), "does not describe a recipe"),
        (lambda tree: node(tree, "log")["parameters"].update(scale="bits"), "'scale' parameter of LogTransform"),
        (lambda tree: node(tree, "log")["parameters"].update(depth=3), "unexpected keyword argument 'depth'"),
        (lambda tree: node(tree, "log").update(inputs=25), "takes 26 columns and is given 25"),
        (lambda tree: node(tree, "log").update(inputs=True), "True is not a whole number"),
        (lambda tree: node(tree, "scaler").update(inputs=-1), "-1 is not a whole number"),
        (lambda tree: node(tree, "scaler")["parameters"].update(scaling="sample"), "arrays belong nowhere"),
        (
            lambda tree: node(tree, "classifier")["parameters"].update(hidden=[8, 6]),
            r"has shape \(8, 5\) of float32; .* has \(8, 6\)",
        ),
        (lambda tree: node(tree, "classifier")["parameters"].update(hidden=[8]), "classifier.*shape|belong nowhere"),
        (lambda tree: node(tree, "classifier")["parameters"].update(hidden=[8, 5, 10**9]), "too many or too few"),
        (lambda tree: node(tree, "classifier")["parameters"].update(dropout={"float": "nan"}), "'dropout' parameter"),
        (lambda tree: node(tree, "classifier")["parameters"].update(dp={"import": "os"}), "unknown kind 'import'"),
        (lambda tree: node(tree, "classifier").update(classes=[0, 2, 1]), "ascending codes"),
        (lambda tree: node(tree, "classifier").update(classes=[0]), "at least two ascending codes"),
        (lambda tree: node(tree, "classifier").update(classes=[0, 1, 2, 3]), "has shape"),
        (lambda tree: node(tree, "classifier").update(private={"mechanisms": [{"clip": 0}]}), "does not describe"),
    ],
)
def test_a_tree_that_was_changed_ends_in_one_clear_error(damage, says):
    tree = copy.deepcopy(NETWORK.tree)
    damage(tree)
    with pytest.raises(ArtefactError, match=says):
        unpack(Packed(tree, NETWORK.arrays))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda arrays: arrays["classifier/coefs.0"].__setitem__((0, 0), np.nan), "1 values that are not finite"),
        (lambda arrays: arrays["scaler/mean_"].__setitem__(slice(2), np.inf), "2 values that are not finite"),
        (lambda arrays: arrays.update({"classifier/coefs.0": np.zeros((26, 8))}), "of float64; its recipe has"),
        (lambda arrays: arrays.pop("classifier/norms.1.gain"), "too many or too few"),
        (lambda arrays: arrays.update(more=np.zeros(3)), "arrays belong nowhere"),
    ],
)
def test_arrays_that_were_changed_end_in_one_clear_error(damage, says):
    arrays = {name: array.copy() for name, array in NETWORK.arrays.items()}
    damage(arrays)
    with pytest.raises(ArtefactError, match=says):
        unpack(Packed(NETWORK.tree, arrays))


@pytest.mark.parametrize(
    "name", ["mlp, variable genes", "deepcc, spectra", "cnn", "listed genes", "distilled", "xgboost"]
)
def test_no_change_to_a_tree_ends_in_anything_but_a_recipe_or_our_error(name):
    """Values of a tree, one at a time, become others of all kinds."""
    packed, rng = pack(fitted(name)), np.random.default_rng(0)
    others = [None, True, -1, 0, 7, 10**12, 1.5, "x", "", [], [1], {}, {"float": "nan"}, {"a": 1, "b": 2}]

    def places(value, path=()):
        if isinstance(value, dict | list):
            for key in value if isinstance(value, dict) else range(len(value)):
                yield from places(value[key], (*path, key))
        yield path

    found = [path for path in places(packed.tree) if path]
    for _ in range(150):
        path = found[rng.integers(len(found))]
        tree = copy.deepcopy(packed.tree)
        inner = tree
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = others[rng.integers(len(others))]
        with contextlib.suppress(ArtefactError):
            unpack(Packed(tree, packed.arrays, packed.parts, packed.booster))


def test_parts_that_nobody_asks_for_are_refused():
    with pytest.raises(ArtefactError, match="parts that belong nowhere"):
        unpack(Packed(NETWORK.tree, NETWORK.arrays, parts=[LogisticRegression()]))


def test_a_tree_that_never_ends_is_refused():
    tree = {"class": "Pipeline", "steps": []}
    for _ in range(100_000):
        tree = {"class": "Pipeline", "steps": [["next", tree]]}
    with pytest.raises(ArtefactError, match="RecursionError"):
        unpack(Packed(tree))
