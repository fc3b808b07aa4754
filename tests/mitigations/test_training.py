"""Every protection of training does something, in the direction that it claims."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from genoaudit.data.gene_lists import ListedGenes
from genoaudit.data.preprocessing import LogTransform
from genoaudit.data.selection import VariableGenes
from genoaudit.errors import ConfigError
from genoaudit.mitigations.catalogue import CATALOGUE
from genoaudit.models.distillation import DistilledClassifier
from genoaudit.models.recipes import build_recipe, set_random_state
from genoaudit.privacy.dpsgd import DPSGD


def protected(recipe, name, setting, genes):
    return set_random_state(CATALOGUE[name].apply(recipe, setting, genes), 0)


def plain(recipe):
    return set_random_state(recipe, 0)


@pytest.mark.parametrize(
    ("kind", "name", "setting"),
    [
        ("mlp", "l2", 0.3),
        ("softmax", "l2", 0.3),
        ("logistic", "l2", 100.0),
        ("xgboost", "l2", 20.0),
        ("xgboost", "l1", 3.0),
        ("mlp", "dropout", 0.5),
        ("mlp", "early_stopping", 0.2),
        ("mlp", "mixup", 1.0),
        ("mlp", "label_smoothing", 0.3),
        ("mlp", "variable_genes", 12),
        ("mlp", "distillation", 5),
        ("xgboost", "distillation", 3),
    ],
)
def test_members_and_non_members_come_closer(kind, name, setting, recipes, genes, clouds, loss_gap):
    inside, outside = clouds
    before = loss_gap(plain(recipes[kind]).fit(*inside), inside, outside)
    after = loss_gap(protected(recipes[kind], name, setting, genes).fit(*inside), inside, outside)
    assert before > 0.1
    assert after < 0.85 * before


@pytest.mark.parametrize(("name", "setting"), [("l1", 0.15), ("group_lasso", 0.3)])
def test_genes_of_noise_leave_the_network_exactly(name, setting, recipes, genes, clouds):
    (X, y), outside = clouds
    recipes["mlp"][-1].set_params(epochs=200, batch_size=16)
    model = protected(recipes["mlp"], name, setting, genes).fit(X, y)
    gone = (model[-1].coefs_[0] == 0).all(axis=1)
    assert gone[6:].mean() > 0.5
    assert gone[:6].mean() < gone[6:].mean()
    assert model.score(*outside) > 0.4
    assert not (plain(recipes["mlp"]).fit(X, y)[-1].coefs_[0] == 0).any()


def test_genes_of_noise_leave_the_logistic_regression_exactly(recipes, genes, clouds):
    (X, y), _ = clouds
    recipe = recipes["logistic"]
    recipe[-1].set_params(C=np.inf)
    model = protected(recipe, "l1", 3.0, genes).fit(X, y)
    gone = (model[-1].coef_ == 0).all(axis=0)
    assert gone[6:].mean() > 0.5 > gone[:6].mean()


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_a_logistic_penalty_is_set_beside_the_other(name, recipes, genes):
    recipe = recipes["logistic"]
    recipe[-1].set_params(C=0.5, l1_ratio=0.25, solver="saga")  # l1: 0.5, l2: 1.5
    changed = CATALOGUE[name].apply(recipe, 3.0, genes)[-1]
    penalties = {"l1": changed.l1_ratio / changed.C, "l2": (1 - changed.l1_ratio) / changed.C}
    expected = {"l1": 0.5, "l2": 1.5, name: 3.0}
    assert penalties == pytest.approx(expected)
    assert CATALOGUE[name].apply(recipe, 0.4, genes)[-1].C == 0.5


def test_an_l2_penalty_of_a_logistic_regression_is_one_over_c(recipes, genes):
    changed = CATALOGUE["l2"].apply(recipes["logistic"], 4.0, genes)[-1]
    assert (changed.C, changed.l1_ratio, changed.solver) == (0.25, 0.0, "lbfgs")


@pytest.mark.parametrize(
    ("kind", "name", "parameter"),
    [
        ("mlp", "l2", "weight_decay"),
        ("mlp", "l1", "l1"),
        ("mlp", "group_lasso", "group_lasso"),
        ("mlp", "dropout", "dropout"),
        ("mlp", "label_smoothing", "label_smoothing"),
        ("mlp", "mixup", "mixup"),
        ("mlp", "early_stopping", "early_stopping"),
        ("xgboost", "l2", "reg_lambda"),
        ("xgboost", "l1", "reg_alpha"),
    ],
)
def test_a_parameter_is_raised_and_never_lowered(kind, name, parameter, recipes, genes):
    recipe = recipes[kind]
    recipe[-1].set_params(**{parameter: 0.5})
    assert CATALOGUE[name].apply(recipe, 0.25, genes)[-1].get_params()[parameter] == 0.5
    assert CATALOGUE[name].apply(recipe, 0.75, genes)[-1].get_params()[parameter] == 0.75


def test_a_default_of_xgboost_that_is_not_written_counts(recipes, genes):
    assert CATALOGUE["l2"].apply(recipes["xgboost"], 0.5, genes)[-1].reg_lambda is None  # stands for 1
    assert CATALOGUE["l2"].apply(recipes["xgboost"], 2.0, genes)[-1].reg_lambda == 2.0


def test_early_stopping_ends_before_all_epochs(recipes, genes, clouds):
    (X, y), _ = clouds
    recipe = recipes["mlp"]
    recipe[-1].set_params(epochs=200)
    model = protected(recipe, "early_stopping", 0.2, genes).fit(X, y)
    assert len(model[-1].loss_curve_) < 100


def test_variable_genes_stand_behind_the_log_and_replace_a_wider_choice(recipes, genes, clouds):
    (X, y), _ = clouds
    model = protected(recipes["mlp"], "variable_genes", 12, genes).fit(X, y)
    assert [name for name, _ in model.steps] == ["log", "genes", "scaler", "classifier"]
    assert model[-1].coefs_[0].shape[0] == 12
    wide = build_recipe("mlp", {"genes": 30}, scale="zscore")
    for asked, kept in ((12, 12), (40, 30)):
        narrowed = CATALOGUE["variable_genes"].apply(wide, asked, genes)
        assert [step.genes for _, step in narrowed.steps if isinstance(step, VariableGenes)] == [kept]


def test_a_public_list_drops_the_other_genes(recipes, genes, clouds, tmp_path, loss_gap):
    inside, outside = clouds
    (tmp_path / "list.txt").write_text("\n".join(reversed(genes[:6])))
    model = protected(recipes["mlp"], "gene_list", str(tmp_path / "list.txt"), genes).fit(*inside)
    assert [type(step) for _, step in model.steps][:2] == [LogTransform, ListedGenes]
    assert model[-1].coefs_[0].shape[0] == 6
    untouched = outside[0].copy()
    untouched[:, 6:] = 1e3
    np.testing.assert_array_equal(model[:2].transform(untouched), outside[0][:, :6])
    assert loss_gap(model, inside, outside) < 0.7 * loss_gap(plain(recipes["mlp"]).fit(*inside), inside, outside)


def test_a_public_list_goes_before_a_choice_by_variance(genes, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join(genes[:9]))
    recipe = build_recipe("mlp", {"genes": 30}, scale="zscore")
    listed = CATALOGUE["gene_list"].apply(recipe, str(tmp_path / "list.txt"), genes)
    both = CATALOGUE["variable_genes"].apply(listed, 5, genes)
    assert [name for name, _ in both.steps] == ["log", "listed", "genes", "scaler", "classifier"]
    assert both.fit(np.random.default_rng(0).normal(size=(9, 60)), np.arange(9) % 3)[-1].coefs_[0].shape[0] == 5


def test_a_list_of_all_genes_trains_the_same_model(recipes, genes, clouds, tmp_path):
    (X, y), _ = clouds
    (tmp_path / "list.txt").write_text("\n".join(genes))
    model = protected(recipes["mlp"], "gene_list", str(tmp_path / "list.txt"), genes).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), plain(recipes["mlp"]).fit(X, y).predict_proba(X))


@pytest.mark.parametrize("name", ["variable_genes", "gene_list"])
def test_recipes_that_know_their_genes_by_place_are_left_alone(name, recipes):
    classifier = recipes["logistic"][-1]
    assert "own preprocessing" in CATALOGUE[name].why_not(classifier)
    assert "own preprocessing" in CATALOGUE[name].why_not(make_pipeline(PolynomialFeatures(), classifier))
    spectra = make_pipeline(LogTransform("log2"), PolynomialFeatures(), classifier)
    assert "PolynomialFeatures is made for all genes" in CATALOGUE[name].why_not(spectra)


def test_distillation_wraps_the_whole_recipe(recipes, genes):
    wrapped = CATALOGUE["distillation"].apply(recipes["mlp"], 7, genes)
    assert isinstance(wrapped, DistilledClassifier)
    assert wrapped.models == 7
    assert [name for name, _ in wrapped.estimator.steps] == ["log", "scaler", "classifier"]


def test_dp_replaces_the_target_and_keeps_how_the_budget_is_spent(recipes, genes):
    recipe = recipes["mlp"]
    assert CATALOGUE["dp"].apply(recipe, 8, genes)[-1].dp == DPSGD(epsilon=8.0)
    own = DPSGD(noise_multiplier=0.0, clip=0.3, sampling_rate=0.05, steps=77, hyperparameters="public")
    recipe[-1].set_params(dp=own)
    expected = replace(own, noise_multiplier=None, epsilon=1e9)
    assert CATALOGUE["dp"].apply(recipe, 1e9, genes)[-1].dp == expected
    recipe[-1].set_params(dp=DPSGD(tpr=0.1))
    assert CATALOGUE["dp"].apply(recipe, 1.0, genes)[-1].dp == DPSGD(epsilon=1.0)


@pytest.mark.parametrize("name", ["l1", "group_lasso"])
def test_what_a_classifier_cannot_have_beside_its_other_parameters_is_said_before_training(name, recipes, genes):
    recipes["mlp"][-1].set_params(optimizer="adam")
    assert "optimizer='sgd'" in CATALOGUE[name].why_not(recipes["mlp"])
    assert CATALOGUE["l2"].why_not(recipes["mlp"]) is None


def test_a_private_classifier_is_not_distilled(recipes, genes):
    private = CATALOGUE["dp"].apply(recipes["mlp"], 8.0, genes)
    assert "DP-SGD" in CATALOGUE["distillation"].why_not(private)
    with pytest.raises(ConfigError, match="distillation cannot be applied"):
        CATALOGUE["distillation"].apply(private, 5, genes)
