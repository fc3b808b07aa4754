import dataclasses
import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from genoaudit.data.gene_lists import ListedGenes
from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.data.private_moments import PrivateScaler
from genoaudit.data.selection import VariableGenes
from genoaudit.data.spectra import FunctionalSpectra
from genoaudit.models.claims import privacy_claim, settle_privacy
from genoaudit.models.distillation import DistilledClassifier
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.outputs import DefendedOutputs
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.dpsgd import DPSGD

PUBLIC = DPSGD(epsilon=4.0, steps=20, hyperparameters="public")


def _recipe(*before, dp=PUBLIC, **parameters):
    return make_pipeline(*before, MLPClassifier(dp=dp, **parameters))


class TheirMLP(MLPClassifier):
    """Trains in its own way, for all that is known."""


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (LogTransform("counts"), ExpressionScaler("sample")),
        (LogTransform(), ExpressionScaler("none"), "passthrough", None),
        (ListedGenes((0, 3)), PrivateScaler(5.0, genes=20)),
    ],
    ids=str,
)
def test_steps_that_learn_nothing_or_privately_leave_no_gap(steps):
    claim = privacy_claim(_recipe(*steps), patients=200)
    assert claim.gaps == ()
    assert claim.end_to_end
    assert not claim.seeded


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        (_recipe(ExpressionScaler()), "ExpressionScaler learns .* scaling = 'sample'.* or PrivateScaler"),
        (_recipe(make_pipeline(PrivateScaler())), "Pipeline inside a Pipeline .* into the outer one"),
        (make_pipeline(LogTransform(), _recipe(LogTransform())), "Pipeline inside a Pipeline"),
        (_recipe(VariableGenes(50)), "VariableGenes chooses .* public list .* or PrivateScaler with genes"),
        (_recipe(LogTransform(), PCA(5)), "What PCA learns .* not known; use steps that learn nothing"),
        (_recipe(PrivateScaler(), PCA(5)), "What PCA learns"),
        (_recipe(dp=DPSGD(epsilon=4.0, steps=20)), "not declared .* declare dp.hyperparameters = 'public'"),
        (
            _recipe(dp=DPSGD(epsilon=4.0, steps=20, hyperparameters="searched")),
            "chosen by looking at these patients; fix them beforehand",
        ),
        (_recipe(early_stopping=0.2), "Early stopping reads .* set early_stopping = 0"),
        (DistilledClassifier(_recipe()), "several models and a student .* use the private classifier by itself"),
        (CalibratedClassifierCV(_recipe()), "CalibratedClassifierCV trains, chooses or calibrates .* by itself"),
        (GridSearchCV(_recipe(), {}), "GridSearchCV trains, chooses or calibrates"),
        (DefendedOutputs(_recipe(ExpressionScaler())), "ExpressionScaler learns"),
    ],
    ids=lambda value: None if isinstance(value, BaseEstimator) else value[:30],
)
def test_what_the_guarantee_does_not_cover_is_said_with_the_alternative(recipe, says):
    claim = privacy_claim(recipe, patients=200)
    assert not claim.end_to_end
    assert len(claim.gaps) == 1
    assert re.search(says, claim.gaps[0])
    assert claim.gaps[0].endswith(".")
    # The guarantee of the training itself stays what it is.
    assert claim.guarantee.epsilon <= 4.0


def test_every_gap_is_told_once():
    recipe = _recipe(VariableGenes(50), ExpressionScaler(), PCA(9), PCA(5), dp=DPSGD(epsilon=4.0, steps=20))
    gaps = privacy_claim(recipe, patients=200).gaps
    assert [gap.split()[0] for gap in gaps] == ["VariableGenes", "ExpressionScaler", "What", "It"]


def test_noise_that_a_seed_can_repeat_is_told_apart():
    assert privacy_claim(_recipe(random_state=0), patients=200).seeded
    assert privacy_claim(_recipe(PrivateScaler(random_state=0)), patients=200).seeded
    claim = privacy_claim(DefendedOutputs(_recipe(), random_state=0), patients=200)
    assert not claim.seeded
    assert claim.end_to_end


def test_the_number_of_patients_is_an_assumption_not_a_gap():
    claim = privacy_claim(_recipe(), patients=200)
    assert claim.mechanism.patients == 200
    assert claim.assumptions[0] == "The number of patients (200), the genes and the classes are public."
    declared = DPSGD(epsilon=4.0, steps=20, patients=150, hyperparameters="public")
    assert "150" in privacy_claim(_recipe(dp=declared), patients=200).assumptions[0]


@pytest.mark.parametrize(
    "recipe",
    [
        build_recipe("mlp", {}, scale="log2"),
        build_recipe("logistic", {}, scale="log2"),
        LogisticRegression(),
        make_pipeline(PrivateScaler(), MLPClassifier()),
        DefendedOutputs(LogisticRegression()),
        DefendedOutputs(),
    ],
    ids=lambda recipe: type(recipe).__name__,
)
def test_without_dp_there_is_no_claim_and_nothing_to_settle(recipe):
    assert privacy_claim(recipe, patients=200) is None
    assert settle_privacy(recipe, patients=200) is recipe


def test_a_training_that_is_not_ours_has_no_claim():
    assert privacy_claim(make_pipeline(LogTransform(), TheirMLP(dp=PUBLIC)), patients=200) is None
    assert privacy_claim(make_pipeline(LogTransform(), MLPClassifier(dp=PUBLIC)), patients=200) is not None


def test_settling_pins_the_target_in_a_copy():
    recipe = _recipe(ExpressionScaler("sample"))
    settled = settle_privacy(recipe, patients=200)
    assert recipe[-1].dp == PUBLIC
    assert settled[-1].dp == PUBLIC.settled(200)
    assert settled[-1].dp.noise_multiplier > 0
    # However many members a model has, the mechanism is the same now.
    assert settled[-1].dp.mechanism(90) == settled[-1].dp.mechanism(200)
    assert settle_privacy(settled, patients=90)[-1].dp == settled[-1].dp


def test_private_moments_are_paid_for_out_of_the_same_budget():
    recipe = _recipe(LogTransform(), PrivateScaler(1.5), PrivateScaler(2.0, patients_public=120))
    settled = settle_privacy(recipe, patients=200)
    assert settled[-1].dp == PUBLIC.settled(200, releases=(1.5, 2.0))
    assert settled[-1].dp.noise_multiplier > PUBLIC.settled(200).noise_multiplier
    assert [step.patients_public for step in settled[1:3]] == [200, 120]
    assert recipe[1].patients_public is None
    claim = privacy_claim(recipe, patients=200)
    assert claim.mechanism.releases == (1.5, 2.0)
    assert claim.guarantee == guarantee([claim.mechanism], 1 / 2000)
    assert 3.9 < claim.guarantee.epsilon <= 4.0
    assert settled[-1].dp.mechanism(200) == claim.mechanism  # also for a classifier that sees no other step
    # The training alone spends less than all together.
    alone = guarantee([dataclasses.replace(claim.mechanism, releases=())], 1 / 2000)
    assert alone.epsilon < claim.guarantee.epsilon - 0.3


def test_the_claim_of_the_settled_recipe_is_that_of_the_open_one():
    recipe = _recipe(PrivateScaler(3.0), ExpressionScaler())
    assert privacy_claim(settle_privacy(recipe, patients=200), patients=90) == privacy_claim(recipe, patients=200)


@pytest.mark.parametrize(
    ("recipe", "path"),
    [
        (MLPClassifier(dp=PUBLIC), "dp"),
        (Pipeline([("net", MLPClassifier(dp=PUBLIC))]), "net__dp"),
        (DefendedOutputs(MLPClassifier(dp=PUBLIC)), "estimator__dp"),
        (DefendedOutputs(Pipeline([("net", MLPClassifier(dp=PUBLIC))])), "estimator__net__dp"),
        (Pipeline([("net", DistilledClassifier(MLPClassifier(dp=PUBLIC)))]), "net__estimator__dp"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_private_classifier_is_found_wherever_it_stands(recipe, path):
    settled = settle_privacy(recipe, patients=200)
    assert type(settled) is type(recipe)
    assert settled.get_params()[path] == PUBLIC.settled(200)
    assert recipe.get_params()[path] == PUBLIC
    assert privacy_claim(recipe, patients=200).guarantee == privacy_claim(settled, patients=1).guarantee


def test_scalers_of_a_wrapped_pipeline_are_pinned_and_counted():
    inner = Pipeline([("moments", PrivateScaler(2.0)), ("net", MLPClassifier(dp=PUBLIC))])
    settled = settle_privacy(DefendedOutputs(inner), patients=200)
    assert settled.get_params()["estimator__moments__patients_public"] == 200
    assert privacy_claim(settled, patients=200).mechanism.releases == (2.0,)


@pytest.mark.parametrize(("centring", "gaps"), [("members", 1), ("none", 0)])
def test_spectra_centred_on_the_members_are_a_gap(centring, gaps):
    spectra = FunctionalSpectra(np.array([[0, 0], [0, 1]]), centring=centring)
    claim = privacy_claim(_recipe(LogTransform(), spectra), patients=200)
    assert len(claim.gaps) == gaps


def test_a_delta_that_would_allow_giving_a_patient_away_is_a_gap():
    recipe = _recipe(LogTransform())
    recipe[-1].set_params(dp=dataclasses.replace(recipe[-1].dp, delta=0.3))
    assert "not below one in 200 patients" in privacy_claim(recipe, patients=200).gaps[0]
