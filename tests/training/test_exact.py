"""The exact engine against the recipe itself: the same draws must give the same models."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from genoaudit.data.design import make_design
from genoaudit.data.readers import read_cohort
from genoaudit.data.simulate import simulate_cohort
from genoaudit.errors import TrainingError
from genoaudit.models.draws import initial_parameters
from genoaudit.models.forms import form_of
from genoaudit.models.recipes import build_recipe, set_random_state
from genoaudit.training import exact
from genoaudit.training.exact import prepare, train_exactly
from genoaudit.training.outputs import outputs_of
from genoaudit.training.stacked.program import Start

COHORT = simulate_cohort(patients=80, genes=300, classes=3, seed=2)
COUNTS = simulate_cohort(patients=80, genes=300, classes=3, seed=2, scale="counts")


def members_of(cohort, models, seed=0):
    return make_design(cohort.y, cohort.patients, models=models, seed=seed).members[:, cohort.patients]


@pytest.fixture
def gene_space_starts(monkeypatch):
    """Let the engine start from weights drawn gene by gene, as the recipe does, instead of through a root of K."""

    def explicit(recipes, cohort, members):
        def patched(network, genes, streams, root_of):
            def start(model):
                weights, _ = initial_parameters((genes, *network.widths), streams[model].init)
                fitted = recipes[model][:-1].fit(cohort.X[members[model]])
                return Start(torch.as_tensor(fitted.transform(cohort.X) @ weights[0]), tuple(w.T for w in weights[1:]))

            return start

        monkeypatch.setattr(exact, "_start_through_root", patched)

    return explicit


RECIPES = {
    "reference": {},
    "patient-local scaling": {"scaling": "sample", "gain": 30.0, "epochs": 60},
    "no scaling": {"scaling": "none", "learning_rate": 3e-4, "epochs": 40},
    "no gain": {"gain": False, "learning_rate": 1e-3},
    "dropout": {"dropout": 0.3},
    "nesterov, smoothed labels": {"nesterov": True, "label_smoothing": 0.1},
    "two hidden layers, odd batches": {"hidden": [24, 7], "batch_size": 13, "dropout": 0.2},
    "softmax regression": {"hidden": []},
    "cosine schedule, class weights": {"schedule": "cosine", "class_weights": [2.0, 1.0, 0.5]},
    "mixup, class weights by label": {"mixup": 0.4, "class_weights": {0: 3.0}, "learning_rate": 0.02},
    "layer norm, dropout, mixup": {"layer_norm": True, "dropout": 0.2, "mixup": 1.0, "hidden": [24, 7]},
    "the genes that vary most among the members": {"genes": 60, "learning_rate": 0.02},
    "no momentum": {"momentum": 0.0, "learning_rate": 0.05},
}


@pytest.mark.parametrize("space", ["samples", "genes"])
@pytest.mark.parametrize("cohort", [COHORT, COUNTS], ids=["log2", "counts"])
@pytest.mark.parametrize("name", RECIPES)
def test_the_engine_trains_the_very_models_that_the_recipe_trains(name, cohort, space, gene_space_starts):
    recipe = build_recipe("mlp", {"hidden": [32], **RECIPES[name]}, scale=cohort.scale)
    members = members_of(cohort, 3)
    recipes = [set_random_state(recipe, 5, "shadow", model) for model in range(3)]
    states = [seeded.get_params()["classifier__random_state"] for seeded in recipes]
    gene_space_starts(recipes, cohort, members)
    form = form_of(recipe)
    found = dict(train_exactly(form, prepare(form, cohort, space), members, states))
    for model, (member, seeded) in enumerate(zip(members, recipes, strict=True)):
        fitted = seeded.fit(cohort.X[member], cohort.y[member])
        expected = outputs_of(fitted, cohort.X, cohort.y, classes=3)
        alive = np.abs(expected.logit).max()
        assert alive > 1
        assert np.abs(found[model].logit - expected.logit).max() < 1e-4 * max(1, alive)
        assert np.abs(found[model].proba - expected.proba).max() < 1e-4
        assert (expected.proba.argmax(1) == cohort.y)[member].mean() > 0.6


def test_drawing_through_a_root_of_k_keeps_the_law_of_the_scores():
    recipe = build_recipe("mlp", {"hidden": [16], "epochs": 4}, scale="log2")
    small = simulate_cohort(patients=40, genes=120, classes=2, seed=1)
    members = members_of(small, 200)
    recipes = [set_random_state(recipe, 9, "shadow", model) for model in range(200)]
    states = [seeded.get_params()["classifier__random_state"] for seeded in recipes]
    form = form_of(recipe)
    ours = dict(train_exactly(form, prepare(form, small), members, states))
    ours = np.array([ours[model].logit[0] for model in range(200)])
    theirs = np.array(
        [
            outputs_of(seeded.fit(small.X[held], small.y[held]), small.X, small.y, classes=2).logit[0]
            for held, seeded in zip(members, recipes, strict=True)
        ]
    )
    assert np.abs(ours - theirs).max() > 0.1  # other draws
    for row in (0, 11, 23):
        assert ks_2samp(ours[:, row], theirs[:, row]).pvalue > 1e-3
    assert ks_2samp(ours.std(axis=1), theirs.std(axis=1)).pvalue > 1e-3
    assert ks_2samp(ours[:, 3] - ours[:, 8], theirs[:, 3] - theirs[:, 8]).pvalue > 1e-3


@pytest.mark.parametrize("scaling", ["members", "sample"])
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_solved_to_the_optimum_that_scikit_learn_approaches(scaling, classes):
    cohort = simulate_cohort(patients=60, genes=150, classes=classes, seed=3)
    parameters = {"scaling": scaling, "C": 0.1}
    form = form_of(build_recipe("logistic", parameters, scale="log2"))
    members = members_of(cohort, 2)
    found = dict(train_exactly(form, prepare(form, cohort), members, [None, None]))
    strict = build_recipe("logistic", {**parameters, "tol": 1e-9, "max_iter": 5000}, scale="log2")
    for model, member in enumerate(members):
        fitted = strict.fit(cohort.X[member], cohort.y[member])
        expected = outputs_of(fitted, cohort.X, cohort.y, classes=classes)
        assert found[model].logit == pytest.approx(expected.logit, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(("kind", "space"), [("mlp", "samples"), ("mlp", "genes"), ("logistic", "samples")])
@pytest.mark.parametrize("scaling", ["members", "sample"])
def test_a_model_is_the_same_to_the_bit_whoever_fills_the_other_places(kind, space, scaling):
    form = form_of(build_recipe(kind, {"scaling": scaling}, scale="log2"))
    prepared = prepare(form, COHORT, space)
    members = members_of(COHORT, 6)
    whole = dict(train_exactly(form, prepared, members, range(6)))
    for kept in ([0], [1, 4], [3, 4, 5]):
        some = np.zeros_like(members)
        some[kept] = members[kept]
        part = dict(train_exactly(form, prepared, some, range(6)))
        assert sorted(part) == kept
        for model in kept:
            assert (part[model].logit == whole[model].logit).all()


@pytest.mark.parametrize("kind", ["mlp", "logistic"])
@pytest.mark.parametrize("parameters", [{"scaling": "members"}, {"scaling": "sample"}, {"genes": 40}])
def test_a_backed_file_gives_the_same_models_to_the_bit(kind, parameters, tmp_path):
    COUNTS.to_anndata(label="type", patient="who").write_h5ad(tmp_path / "x.h5ad")
    left = read_cohort(tmp_path / "x.h5ad", label="type", patient="who", scale="counts", backed=True)
    recipe = build_recipe(kind, parameters, scale="counts")
    members, states = members_of(COUNTS, 3), [1, 2, 3]
    one, other = (
        dict(train_exactly(form_of(recipe), prepare(form_of(recipe), cohort), members, states))
        for cohort in (COUNTS, left)
    )
    for model in range(3):
        assert np.array_equal(one[model].logit, other[model].logit)


def test_samples_that_are_the_same_get_the_same_scores():
    twins = COHORT.subset(np.arange(COHORT.n_samples))
    X = twins.X.copy()
    X[4] = X[9]
    object.__setattr__(twins, "X", X)
    form = form_of(build_recipe("mlp", {}, scale="log2"))
    members = members_of(twins, 2)
    for _, out in train_exactly(form, prepare(form, twins), members, [0, 1]):
        assert np.abs(out.proba[4] - out.proba[9]).max() < 1e-5


def test_a_diverging_recipe_is_refused_with_advice():
    form = form_of(build_recipe("mlp", {"learning_rate": 1e9}, scale="log2"))
    with pytest.raises(TrainingError, match="learning_rate"):
        list(train_exactly(form, prepare(form, COHORT), members_of(COHORT, 2), [0, 1]))


@pytest.mark.gpu
def test_a_gpu_gives_the_same_scores_to_float_rounding():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    form = form_of(build_recipe("mlp", {}, scale="log2"))
    prepared, members = prepare(form, COHORT), members_of(COHORT, 2)
    here, there = (dict(train_exactly(form, prepared, members, [0, 1], device=device)) for device in ("cpu", "cuda"))
    for model in range(2):
        one, other = here[model].logit, there[model].logit
        assert np.abs(one - other).max() < 1e-4 * max(1, np.abs(one).max())
