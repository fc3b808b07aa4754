import json

import pytest

from genoaudit.errors import ConfigError
from genoaudit.mitigations.catalogue import CATALOGUE, get_mitigation, mitigation_records
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.recipes import set_random_state
from genoaudit.models.releases import RELEASES

EVERY = tuple(CATALOGUE.values())

OFF = {
    "l2": 0,
    "l1": 0.0,
    "group_lasso": 0,
    "dropout": 0.0,
    "early_stopping": 0.0,
    "label_smoothing": 0,
    "mixup": 0,
    "variable_genes": 60,
    "rounding": 16,
    "top_k": 3,
    "temperature": 1,
    "output_noise": float("inf"),
}
"""The settings that leave a recipe as it is; the other mitigations have none."""

ON = {"gene_list": None, "distillation": 2, "dp": 8.0, "label_only": "on", "l2": 2.0, "variable_genes": 20}


def setting_of(mitigation, tmp_path):
    if mitigation.name == "gene_list":
        (tmp_path / "list.txt").write_text("gene1\ngene7\n")
        return str(tmp_path / "list.txt")
    return ON.get(mitigation.name, (mitigation.defaults or (None,))[-1])


def test_names_are_keys_and_releases_are_those_of_the_models():
    assert all(name == mitigation.name for name, mitigation in CATALOGUE.items())
    assert {name for name, mitigation in CATALOGUE.items() if mitigation.release} == set(RELEASES)


@pytest.mark.parametrize("mitigation", EVERY, ids=lambda mitigation: mitigation.name)
def test_a_record_says_everything_in_sentences(mitigation):
    for text in (mitigation.protects, mitigation.costs, mitigation.failures, mitigation.setting):
        assert text.endswith(".")
        assert 20 < len(text) < 500
        assert "  " not in text
    assert "doi:" in mitigation.reference
    assert len(set(mitigation.defaults)) == len(mitigation.defaults)


def test_records_are_json_in_the_order_of_the_catalogue():
    records = json.loads(json.dumps(mitigation_records(), allow_nan=False))
    assert [record["name"] for record in records] == list(CATALOGUE)
    assert {record["acts_on"] for record in records} == {"training", "outputs"}


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"no mitigation named 'drop_out'. Did you mean 'dropout'"):
        get_mitigation("drop_out")
    with pytest.raises(ConfigError, match="Choose from: dp, l2, l1"):
        get_mitigation("zzz")


@pytest.mark.parametrize("kind", ["mlp", "softmax", "logistic", "xgboost"])
@pytest.mark.parametrize("mitigation", EVERY, ids=lambda mitigation: mitigation.name)
def test_a_recipe_is_protected_or_told_why_not_and_never_changed(mitigation, kind, recipes, genes, tmp_path):
    recipe, setting = recipes[kind], setting_of(mitigation, tmp_path)
    before = describe_recipe(recipe)
    if mitigation.why_not(recipe) is None:
        protected = mitigation.apply(recipe, setting, genes)
        assert describe_recipe(protected) != before
        assert protected is not recipe
    else:
        with pytest.raises(ConfigError, match=f"^{mitigation.name} cannot be applied: "):
            mitigation.apply(recipe, setting, genes)
    assert describe_recipe(recipe) == before
    assert not hasattr(recipe[-1], "classes_")


def test_who_can_be_protected_how(recipes):
    refused = {
        kind: {mitigation.name for mitigation in EVERY if mitigation.why_not(recipe)}
        for kind, recipe in recipes.items()
    }
    networks_only = {"dp", "group_lasso", "dropout", "early_stopping", "label_smoothing", "mixup"}
    assert refused == {"mlp": set(), "softmax": {"dropout"}, "logistic": networks_only, "xgboost": networks_only}


@pytest.mark.parametrize("kind", ["mlp", "logistic", "xgboost"])
@pytest.mark.parametrize("name", OFF)
def test_off_trains_the_same_model_bit_for_bit(name, kind, recipes, genes, clouds):
    (X, y), _ = clouds
    recipe, mitigation = set_random_state(recipes[kind], 1), CATALOGUE[name]
    if mitigation.why_not(recipe) is not None:
        pytest.skip("makes no sense for this recipe")
    expected = recipe.fit(X, y)
    protected = mitigation.apply(recipe, OFF[name], genes).fit(X, y)
    last = "predict_log_proba" if hasattr(protected, "predict_log_proba") else "predict_proba"
    exact = getattr(expected, last)(X)
    tolerance = 1e-7 if mitigation.release and kind != "mlp" else 0  # log and exp again, in double precision
    assert abs(getattr(protected, last)(X) - exact).max() <= tolerance


@pytest.mark.parametrize("mitigation", EVERY, ids=lambda mitigation: mitigation.name)
@pytest.mark.parametrize("setting", [-1, float("nan"), True, None, "strong"], ids=str)
def test_impossible_settings_are_refused_before_training(mitigation, setting, recipes, genes):
    with pytest.raises(ConfigError, match=r"label_only has no|needs |does not exist"):
        mitigation.apply(recipes["mlp"], setting, genes)
