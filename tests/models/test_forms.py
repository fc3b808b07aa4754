import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.models.forms import ExactForm, Inexact, form_of
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.dpsgd import DPSGD


@pytest.mark.parametrize("scaling", ["members", "sample", "none"])
@pytest.mark.parametrize("kind", ["mlp", "logistic"])
def test_the_built_in_recipes_have_an_exact_form(kind, scaling):
    form = form_of(build_recipe(kind, {"scaling": scaling}, scale="counts"))
    assert isinstance(form, ExactForm)
    assert (form.scale, form.scaling, form.gain) == ("counts", scaling, 10.0)
    assert form.kind == {"mlp": "network", "logistic": "convex"}[kind]


@pytest.mark.parametrize("parameters", [{"dropout": 0.5}, {"nesterov": True}, {"hidden": []}, {"label_smoothing": 0.1}])
def test_sgd_of_every_kind_stays_exact(parameters):
    assert isinstance(form_of(build_recipe("mlp", parameters, scale="log2")), ExactForm)


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (build_recipe("mlp", {"optimizer": "adam"}, scale="log2"), "Adam"),
        (build_recipe("xgboost", {}, scale="log2"), "XGBClassifier sees single genes"),
        (build_recipe("logistic", {"class_weight": "balanced"}, scale="log2"), "class_weight"),
        (build_recipe("logistic", {"l1_ratio": 0.5, "solver": "saga"}, scale="log2"), "l1_ratio"),
        (build_recipe("logistic", {"fit_intercept": False}, scale="log2"), "fit_intercept"),
        (build_recipe("logistic", {"max_iter": 5}, scale="log2"), "not at its optimum"),
        (build_recipe("logistic", {"solver": "liblinear"}, scale="log2"), "liblinear"),
        (LogisticRegression(), "preprocessing"),
        (make_pipeline(ExpressionScaler(), MLPClassifier()), "preprocessing"),
        (make_pipeline(LogTransform(), ExpressionScaler(), ExpressionScaler(), MLPClassifier()), "preprocessing"),
    ],
)
def test_a_recipe_without_an_exact_form_says_why(recipe, reason):
    form = form_of(recipe)
    assert isinstance(form, Inexact)
    assert reason in form.reason


DP = DPSGD(noise_multiplier=1.0)


def network(scaling="sample", **parameters):
    return make_pipeline(LogTransform(), ExpressionScaler(scaling), MLPClassifier(**parameters))


@pytest.mark.parametrize("scaling", ["sample", "none"])
@pytest.mark.parametrize("parameters", [{}, {"hidden": ()}, {"dropout": 0.2, "layer_norm": True}, {"nesterov": True}])
def test_dp_is_exact_with_patient_local_preprocessing(scaling, parameters):
    form = form_of(network(scaling, dp=DP, **parameters))
    assert isinstance(form, ExactForm)
    assert form.private
    assert not form_of(network(scaling)).private


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (network("members", dp=DP), "DP with preprocessing fitted on the members"),
        (network(dp=DP, optimizer="adam"), "Adam"),
        (network(dp=DP, mixup=0.2), "mixup"),
        (network(dp=DP, class_weights=[1.0, 2.0]), "class weights"),
        (network(l1=1e-4), "L1 sees single genes"),
        (network(group_lasso=1e-4), "group lasso sees single genes"),
        (network(early_stopping=0.2), "early stopping"),
        (network(warm_start=True), "warm_start"),
    ],
)
def test_a_network_without_an_exact_form_says_why(recipe, reason):
    form = form_of(recipe)
    assert isinstance(form, Inexact)
    assert reason in form.reason


def test_a_subclass_is_not_taken_for_the_class_it_extends():
    class Louder(MLPClassifier):
        pass

    assert isinstance(form_of(make_pipeline(LogTransform(), ExpressionScaler(), Louder())), Inexact)
