"""DP recipes: the exact engine against the recipe itself, which forms every patient's gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import solve_triangular
from scipy.stats import ks_2samp

from genoaudit.config import RunOptions
from genoaudit.data.design import make_design
from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.data.simulate import simulate_cohort
from genoaudit.errors import TrainingError
from genoaudit.models.fitting import fit_recipe
from genoaudit.models.forms import form_of
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import set_random_state
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.training import exact, private
from genoaudit.training.exact import prepare, train_exactly
from genoaudit.training.gram import member_root
from genoaudit.training.lift import Lift
from genoaudit.training.outputs import Asked, outputs_of
from genoaudit.training.plan import Work, make_plan
from genoaudit.training.programs import descent_of
from genoaudit.training.shadows import gather, train_shadows

COHORT = simulate_cohort(patients=60, genes=200, classes=3, seed=4, repeat_share=0.5)
TALL = simulate_cohort(patients=60, genes=25, classes=3, seed=4, repeat_share=0.5)
DP = DPSGD(noise_multiplier=0.4, clip=2.0, sampling_rate=0.3, steps=60)


def recipe_of(dp=DP, scaling="sample", gain=10.0, **parameters):
    from sklearn.pipeline import Pipeline

    network = MLPClassifier(**{"hidden": [16], "learning_rate": 0.05, "dp": dp, **parameters})
    steps = [("log", LogTransform("log2")), ("scale", ExpressionScaler(scaling, gain=gain)), ("classifier", network)]
    return Pipeline(steps)


def members_of(cohort, models, seed=0):
    return make_design(cohort.y, cohort.patients, models=models, seed=seed).members[:, cohort.patients]


def seeded(recipe, models):
    recipes = [set_random_state(recipe, 5, "shadow", model) for model in range(models)]
    return recipes, [own.get_params()["classifier__random_state"] for own in recipes]


def fitted_outputs(recipe, cohort, member):
    fit_recipe(recipe, cohort.X[member], cohort.y[member], patients=cohort.patients[member])
    return outputs_of(recipe, cohort.X, cohort.y, classes=3)


RECIPES = {
    "reference": {},
    "deep, layer norm, dropout": {"hidden": [16, 8], "layer_norm": True, "dropout": 0.2},
    "nesterov, schedule, smoothed labels": {"nesterov": True, "schedule": "cosine", "label_smoothing": 0.1},
    "softmax regression, no scaling": {"hidden": [], "scaling": "none", "learning_rate": 0.005},
    "no momentum": {"momentum": 0.0, "learning_rate": 0.3},
}


def assert_same_models(found, recipes, cohort, members):
    for model, (member, own) in enumerate(zip(members, recipes, strict=True)):
        expected = fitted_outputs(own, cohort, member)
        alive = np.abs(expected.logit).max()
        assert alive > 1
        assert np.abs(found[model].logit - expected.logit).max() < 1e-3 * max(1, alive)
        assert np.abs(found[model].proba - expected.proba).max() < 5e-4
        assert (expected.proba.argmax(1) == cohort.y)[member].mean() > 0.5


@pytest.mark.parametrize("name", RECIPES)
def test_in_genes_the_engine_trains_the_very_models_that_the_recipe_trains_noise_included(name):
    recipe, members = recipe_of(**RECIPES[name]), members_of(COHORT, 2)
    recipes, states = seeded(recipe, 2)
    found = dict(train_exactly(form_of(recipe), prepare(form_of(recipe), COHORT, "genes"), members, states))
    assert_same_models(found, recipes, COHORT, members)


@pytest.fixture
def gene_space_starts(monkeypatch):
    """Let models start from weights drawn gene by gene, written in the coordinates of each model's root."""

    def explicit(recipe, cohort, members, prepared):
        waiting = list(members)

        def draw(rng, rows, units):
            member = waiting.pop(0)
            outputs = recipe[:-1].fit_transform(cohort.X) @ rng.standard_normal((cohort.n_genes, units), np.float32)
            own = member_root(prepared.gram, member) if member.sum() < prepared.root.shape[1] else None
            if own is None:
                found = np.linalg.lstsq(prepared.root, outputs, rcond=None)[0]
                return np.concatenate([found, np.zeros((rows - len(found), units))]).astype(np.float32)
            inside = solve_triangular(own.inside[member], outputs[member], lower=True)
            rest = outputs[~member] - own.inside[~member] @ inside
            return np.concatenate([inside, np.linalg.lstsq(own.beyond, rest, rcond=None)[0]]).astype(np.float32)

        monkeypatch.setattr(private, "_first_draw", draw)

    return explicit


@pytest.mark.parametrize("cohort", [COHORT, TALL], ids=["p > n", "n > p"])
@pytest.mark.parametrize("name", RECIPES)
def test_without_noise_the_space_of_samples_gives_the_very_models_too(name, cohort, gene_space_starts):
    recipe = recipe_of(replace(DP, noise_multiplier=0.0), weight_decay=0.02, **RECIPES[name])
    members, form = members_of(cohort, 2), form_of(recipe)
    recipes, states = seeded(recipe, 2)
    prepared = prepare(form, cohort)
    gene_space_starts(recipe, cohort, members, prepared)
    assert_same_models(dict(train_exactly(form, prepared, members, states)), recipes, cohort, members)


def scores(noise, cohort, space, *, first_seed):
    recipe = recipe_of(replace(DP, noise_multiplier=noise, steps=10), weight_decay=0.05, hidden=[8])
    form, states = form_of(recipe), range(first_seed, first_seed + 200)
    members = members_of(cohort, 200)
    trained = train_exactly(form, prepare(form, cohort, space), members, states)
    return np.array([out.logit[0] for _, out in trained]), members


def spread(logits, rows):
    """How much a model's logits vary over some of its rows; [models]."""
    return np.array([own[held].std() for own, held in zip(logits, rows, strict=True)])


@pytest.mark.parametrize("cohort", [COHORT, TALL], ids=["p > n", "n > p"])
def test_with_noise_the_space_of_samples_keeps_the_law_of_the_scores(cohort):
    ours, members = scores(8.0, cohort, "samples", first_seed=0)
    theirs, _ = scores(8.0, cohort, "genes", first_seed=1_000)
    # One row a model, drawn apart: rows of a model share its noise.
    row = np.random.default_rng(0).integers(0, cohort.n_samples, size=len(members))
    for one, other in (
        (ours[np.arange(len(ours)), row], theirs[np.arange(len(theirs)), row]),
        (spread(ours, members), spread(theirs, members)),
        (spread(ours, ~members), spread(theirs, ~members)),
        (ours[:, 3] - ours[:, 8], theirs[:, 3] - theirs[:, 8]),
    ):
        assert ks_2samp(one, other).pvalue > 1e-3
    less, _ = scores(4.0, cohort, "samples", first_seed=0)
    for rows in (members, ~members):
        assert ks_2samp(spread(less, rows), spread(theirs, rows)).pvalue < 1e-6


def test_start_and_noise_reach_every_direction_of_the_pool_alike():
    """Where nobody is ever drawn, the logits of two classes differ by normal numbers of covariance 2 (v K + b)."""
    few = simulate_cohort(patients=20, genes=60, classes=2, seed=1)
    dp = DPSGD(noise_multiplier=1.0, clip=1e-9, sampling_rate=1e-9, steps=4, patients=5)  # deviation 1 / 5
    recipe = recipe_of(dp, hidden=[], momentum=0.0, weight_decay=0.0, learning_rate=0.6)
    form, members = form_of(recipe), members_of(few, 1_500)
    prepared = prepare(form, few)
    trained = train_exactly(form, prepared, members, range(1_500))
    apart = np.array([out.logit[0] for _, out in trained]) * np.where(few.y == 1, 1, -1)
    by_noise = 4 * (0.6 / 5) ** 2
    white, ones = np.linalg.solve(prepared.root, apart.T).T, np.linalg.solve(prepared.root, np.ones(few.n_samples))
    expected = 2 * ((2 / 60 + by_noise) * np.eye(few.n_samples) + by_noise * np.outer(ones, ones))
    found = white.T @ white / len(white)
    error = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / len(white))
    assert np.abs((found - expected) / error).max() < 4.5


def test_the_clipped_sum_is_divided_by_the_expected_patients_not_floored():
    mechanism = DPSGD(noise_multiplier=1.0, sampling_rate=0.0125, steps=7).mechanism(patients=199)
    descent = descent_of(MLPClassifier(), 3, mechanism)
    assert descent.batch_size == pytest.approx(2.4875)
    assert descent.steps == len(descent.learning_rate) == 7


def test_a_settled_mechanism_is_the_one_that_is_trained():
    """Twice the public number of patients halves every step: what a model is divided by is not its own number."""
    members, states = members_of(COHORT, 2)[:1], [3]
    patients = np.unique(COHORT.patients[members[0]]).size
    one, same, other = (
        dict(train_exactly(form_of(recipe), prepare(form_of(recipe), COHORT), members, states))[0].logit
        for recipe in (recipe_of(), recipe_of(DP.settled(patients)), recipe_of(DP.settled(2 * patients)))
    )
    assert (one == same).all()
    assert np.abs(one - other).max() > 0.1


@pytest.mark.parametrize("space", ["samples", "genes"])
def test_a_model_is_the_same_to_the_bit_whoever_fills_the_other_places(space):
    form, members = form_of(recipe_of()), members_of(COHORT, 4)
    prepared = prepare(form, COHORT, space)
    whole = dict(train_exactly(form, prepared, members, range(4)))
    for kept in ([0], [1, 3]):
        some = np.zeros_like(members)
        some[kept] = members[kept]
        part = dict(train_exactly(form, prepared, some, range(4)))
        assert sorted(part) == kept
        assert all((part[model].logit == whole[model].logit).all() for model in kept)


def test_a_lifted_dp_model_is_the_one_that_training_gives():
    recipe, members = recipe_of(hidden=[16, 8], layer_norm=True), members_of(COHORT, 2)
    recipes, states = seeded(recipe, 2)
    lift = Lift(recipes, COHORT.X, members, 3)
    form = form_of(recipe)
    found = dict(train_exactly(form, prepare(form, COHORT, "genes"), members, states, lift=lift))
    for model, own in enumerate(recipes):
        answers = outputs_of(lift.fitted[model], COHORT.X, COHORT.y, classes=3)
        assert np.abs(answers.logit - found[model].logit).max() < 1e-3
        fitted_outputs(own, COHORT, members[model])
        for ours, theirs in zip(lift.fitted[model][-1].coefs_, own[-1].coefs_, strict=True):
            assert np.abs(ours - theirs).max() < 1e-3


def test_a_diverging_dp_recipe_is_refused_with_advice():
    form = form_of(recipe_of(learning_rate=1e30))
    with pytest.raises(TrainingError, match="learning_rate"):
        list(train_exactly(form, prepare(form, COHORT), members_of(COHORT, 2), [0, 1]))


def test_recipes_that_differ_in_their_budget_share_the_products_of_samples(monkeypatch):
    made = []
    monkeypatch.setattr(exact, "sample_gram", lambda *args, **kw: made.append(1) or real(*args, **kw))
    from genoaudit.training.gram import sample_gram as real

    exact._products.cache_clear()
    first = prepare(form_of(recipe_of()), COHORT)
    again = simulate_cohort(patients=60, genes=200, classes=3, seed=4, repeat_share=0.5)
    assert prepare(form_of(recipe_of(DPSGD(epsilon=3.0), hidden=[])), again).gram is first.gram
    assert prepare(form_of(recipe_of(dp=None)), COHORT).root is first.root
    assert len(made) == 1
    assert prepare(form_of(recipe_of(gain=3.0)), COHORT).gram is not first.gram
    changed = COHORT.subset(np.arange(COHORT.n_samples - 1))
    assert len(prepare(form_of(recipe_of()), changed).gram) == COHORT.n_samples - 1
    assert len(made) == 3


def train(recipe, design, cache, *, engine="auto", asked=None):
    work = Work(COHORT.n_samples, COHORT.n_genes, 3, design.models)
    plan = replace(make_plan(recipe, work, threads=1), engine=engine)
    store = train_shadows(recipe, COHORT, design, plan, RunOptions(cache=cache), asked=asked)
    return gather(store, COHORT, design)[0]


def test_the_recipe_as_it_is_learns_whose_the_samples_are(tmp_path):
    design, recipe = make_design(COHORT.y, COHORT.patients, models=2, seed=1), recipe_of()
    by_recipe, by_genes = (train(recipe, design, tmp_path, engine=engine) for engine in ("processes", "stacked"))
    assert np.abs(by_recipe.logit - by_genes.logit).max() < 1e-2
    alone = set_random_state(recipe, design.seed, "shadow", 0)
    member = design.members[0][COHORT.patients]
    alone.fit(COHORT.X[member], COHORT.y[member])  # every sample a patient of its own
    other = outputs_of(alone, COHORT.X, COHORT.y, classes=3)
    assert np.abs(by_recipe.logit[0] - other.logit).max() > 0.1


def test_a_dp_recipe_that_is_asked_more_is_trained_with_noise_on_every_gene(tmp_path):
    design, recipe = make_design(COHORT.y, COHORT.patients, models=2, seed=1), recipe_of()
    asked = Asked(queries=1, white_box=True)
    planned = train(recipe, design, tmp_path, engine="gram", asked=asked)
    in_genes = train(recipe, design, tmp_path, engine="stacked", asked=asked)
    assert (planned.logit == in_genes.logit).all()
    assert planned.logit.shape[1] == 2
    assert planned.grad_norm is not None
    recipe_scores = train(recipe, design, tmp_path, engine="processes", asked=asked)
    assert np.abs(planned.logit - recipe_scores.logit).max() < 1e-2
    assert planned.grad_norm == pytest.approx(recipe_scores.grad_norm, rel=1e-2, abs=1e-2)
    scores = train(recipe, design, tmp_path, engine="gram")
    assert np.abs(scores.logit[:, 0] - planned.logit[:, 0]).max() > 0.1


def test_models_of_another_budget_are_not_taken_from_the_store(tmp_path):
    design = make_design(COHORT.y, COHORT.patients, models=2, seed=1)
    budgets = [replace(DP, steps=2), replace(DP, steps=2, clip=1.0), replace(DP, steps=2, hyperparameters="public")]
    first, clipped, declared = (train(recipe_of(dp), design, tmp_path) for dp in budgets)
    assert (first.logit != clipped.logit).any()
    assert (first.logit == declared.logit).all()
    assert len(list(tmp_path.rglob("ingredients.json"))) == 3


@pytest.mark.gpu
def test_a_gpu_gives_the_same_scores_to_float_rounding():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    form, members = form_of(recipe_of()), members_of(COHORT, 2)
    for space in ("samples", "genes"):
        prepared = prepare(form, COHORT, space)
        here, there = (dict(train_exactly(form, prepared, members, [0, 1], device=d)) for d in ("cpu", "cuda"))
        for model in range(2):
            one, other = here[model].logit, there[model].logit
            assert np.abs(one - other).max() < 1e-3 * max(1, np.abs(one).max())
