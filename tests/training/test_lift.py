"""What the exact engine never wrote down, written down: fitted recipes, their answers and their gradients."""

import numpy as np
import pytest

from genoaudit.data.design import make_design
from genoaudit.data.queries import make_queries
from genoaudit.data.simulate import simulate_cohort
from genoaudit.models.forms import form_of
from genoaudit.models.recipes import build_recipe, set_random_state
from genoaudit.training.exact import prepare, train_exactly
from genoaudit.training.lift import Lift
from genoaudit.training.outputs import Asked, outputs_of
from genoaudit.training.questions import Questions, ask

COHORT = simulate_cohort(patients=70, genes=200, classes=3, seed=4, repeat_share=0.3)
MEMBERS = make_design(COHORT.y, COHORT.patients, models=2, seed=0).members[:, COHORT.patients]
RECIPES = {
    "network": ("mlp", {"hidden": [16], "dropout": 0.1}),
    "patient-local scaling": ("mlp", {"hidden": [16], "scaling": "sample", "gain": 20.0}),
    "deep, layer norm, chosen genes": ("mlp", {"hidden": [16, 8], "layer_norm": True, "genes": 50}),
    "softmax regression": ("mlp", {"hidden": [], "nesterov": True}),
}


def lifted(recipe, space="samples"):
    recipes = [set_random_state(recipe, 5, "shadow", model) for model in range(2)]
    states = [seeded.get_params().get("classifier__random_state") for seeded in recipes]
    lift = Lift(recipes, COHORT.X, MEMBERS, 3)
    found = dict(train_exactly(form_of(recipe), prepare(form_of(recipe), COHORT, space), MEMBERS, states, lift=lift))
    return found, lift.fitted, recipes


@pytest.mark.parametrize("space", ["samples", "genes"])
@pytest.mark.parametrize("name", RECIPES)
def test_the_lifted_recipe_is_the_one_that_training_gives(name, space):
    kind, parameters = RECIPES[name]
    found, fitted, recipes = lifted(build_recipe(kind, parameters, scale="log2"), space)
    for model, seeded in enumerate(recipes):
        expected = seeded.fit(COHORT.X[MEMBERS[model]], COHORT.y[MEMBERS[model]])
        for ours, theirs in zip(fitted[model][-1].coefs_, expected[-1].coefs_, strict=True):
            assert np.abs(ours - theirs).max() < 1e-4
        answers = outputs_of(fitted[model], COHORT.X, COHORT.y, classes=3)
        assert np.abs(answers.logit - found[model].logit).max() < 1e-3
        assert np.abs(answers.logit - outputs_of(expected, COHORT.X, COHORT.y, classes=3).logit).max() < 1e-3


@pytest.mark.parametrize("classes", [2, 3])
def test_a_lifted_logistic_regression_gives_the_logits_of_its_coordinates(classes):
    cohort = simulate_cohort(patients=50, genes=120, classes=classes, seed=1)
    members = make_design(cohort.y, cohort.patients, models=2, seed=0).members[:, cohort.patients]
    recipe = build_recipe("logistic", {"C": 0.1}, scale="log2")
    lift = Lift([recipe, recipe], cohort.X, members, classes)
    for model, outputs in train_exactly(form_of(recipe), prepare(form_of(recipe), cohort), members, [0, 0], lift=lift):
        answers = outputs_of(lift.fitted[model], cohort.X, cohort.y, classes=classes)
        assert answers.logit == pytest.approx(outputs.logit, rel=1e-3, abs=1e-3)


def test_further_queries_are_answered_after_the_samples_themselves():
    found, fitted, _ = lifted(build_recipe("mlp", {"hidden": [16]}, scale="log2"))
    questions = Questions.of(COHORT, Asked(queries=2, noise=0.2), seed=7)
    asked = ask(questions, fitted[0], found[0], MEMBERS[0])
    assert asked.logit.shape == asked.label.shape == (3, COHORT.n_samples)
    assert np.array_equal(asked.logit[0], found[0].logit[0])
    noisy = make_queries(COHORT, count=2, seed=7, noise=0.2)
    for query in range(2):
        direct = outputs_of(fitted[0], noisy[query], COHORT.y, classes=3)
        assert np.array_equal(asked.logit[query + 1], direct.logit[0])
        assert np.array_equal(asked.label[query + 1], fitted[0].predict(noisy[query]))
    assert asked.grad_norm is None
