"""Training for release, called from Python."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from genoaudit import (
    ArtefactError,
    ConfigError,
    TrainingError,
    build_recipe,
    fit_recipe,
    parse_config,
    read_model,
    run_train,
    simulate_cohort,
    train_model,
)
from genoaudit.data.membership import draw_members, everybody
from genoaudit.data.private_moments import PrivateScaler
from genoaudit.models.answers import log_probabilities
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.outputs import DefendedOutputs
from genoaudit.models.seeds import for_release
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.train import plan_training

COHORT = simulate_cohort(patients=60, genes=40, classes=2, seed=3)
SOME = draw_members(COHORT, share=0.6, seed=1)
ROWS = SOME.members[COHORT.patients]
MLP = build_recipe("mlp", {"hidden": [8], "epochs": 3}, scale="log2")
DP = {"noise_multiplier": 1.0, "steps": 5, "patients": 40, "hyperparameters": "public"}
PRIVATE = build_recipe("mlp", {"hidden": [8], "scaling": "sample", "dp": DP}, scale="log2")


class Their(MLPClassifier):
    """Trains in its own way, for all that is known."""


def test_the_model_is_the_recipe_fitted_on_the_members_alone(tmp_path):
    trained = train_model(MLP, COHORT, SOME, tmp_path / "MODEL", seed=5)
    by_hand = fit_recipe(for_release(MLP, 5), COHORT.X[ROWS], COHORT.y[ROWS], patients=COHORT.patients[ROWS])
    np.testing.assert_array_equal(
        log_probabilities(trained.stored.recipe, COHORT.X), log_probabilities(by_hand, COHORT.X)
    )
    assert trained.stored.members == tuple(np.array(COHORT.patient_ids)[SOME.members])
    assert not hasattr(MLP[-1], "coefs_")


def test_a_seed_gives_the_same_model_again_and_stands_in_the_confidential_part_alone(tmp_path):
    one, again, other = (train_model(MLP, COHORT, SOME, tmp_path / "MODEL", seed=s).stored for s in (5, 5, 6))
    np.testing.assert_array_equal(one.recipe[-1].coefs_[0], again.recipe[-1].coefs_[0])
    assert (one.recipe[-1].coefs_[0] != other.recipe[-1].coefs_[0]).any()
    assert one.confidential.seed == 5
    assert one.manifest.seeded is None


def test_without_dp_a_seed_is_drawn_that_nobody_would_guess(tmp_path):
    one, other = (train_model(MLP, COHORT, SOME, tmp_path / "MODEL").stored for _ in range(2))
    assert one.confidential.seed != other.confidential.seed
    assert max(one.confidential.seed, other.confidential.seed) > 2**40
    again = train_model(MLP, COHORT, SOME, tmp_path / "MODEL", seed=one.confidential.seed).stored
    np.testing.assert_array_equal(one.recipe[-1].coefs_[0], again.recipe[-1].coefs_[0])


def test_with_dp_noise_comes_from_the_operating_system_and_nothing_is_recorded(tmp_path):
    one, other = (train_model(PRIVATE, COHORT, SOME, tmp_path / "MODEL").stored for _ in range(2))
    assert (one.recipe[-1].coefs_[0] != other.recipe[-1].coefs_[0]).any()
    assert one.recipe[-1].releasable_
    assert one.confidential.seed is None
    assert one.manifest.seeded is False
    assert one.manifest.privacy.randomness == "not recorded"
    assert one.manifest.mechanisms == one.recipe[-1].mechanisms_
    assert one.manifest.mechanisms[0].patients == 40
    assert one.manifest.delta == one.recipe[-1].delta_ == 1 / 400
    assert one.manifest.privacy.end_to_end


def test_a_seed_with_dp_is_reproducible_and_not_releasable(tmp_path):
    trained = train_model(PRIVATE, COHORT, SOME, tmp_path / "MODEL", seed=5)
    again = train_model(PRIVATE, COHORT, SOME, tmp_path / "again", seed=5)
    np.testing.assert_array_equal(trained.stored.recipe[-1].coefs_[0], again.stored.recipe[-1].coefs_[0])
    assert trained.stored.manifest.seeded is True
    assert trained.stored.manifest.privacy.randomness == "reproducible, not releasable"
    assert any("Reproducible, not releasable" in note for note in trained.notes)
    assert "Reproducible, not releasable" in (tmp_path / "MODEL/release/README.md").read_text()
    assert not trained.stored.recipe[-1].releasable_


def test_a_seed_that_a_step_brought_along_is_not_used_without_one_for_the_release(tmp_path):
    private = MLPClassifier((8,), dp=DPSGD(**DP), random_state=0)
    recipe = make_pipeline(PrivateScaler(2.0, random_state=0), private)
    one, other = (train_model(recipe, COHORT, SOME, tmp_path / "MODEL").stored for _ in range(2))
    assert (one.recipe[0].mean_ != other.recipe[0].mean_).any()
    assert one.manifest.seeded is False
    assert len(one.manifest.mechanisms[0].releases) == 1


def test_a_private_recipe_must_choose_its_public_number_of_patients(tmp_path):
    undeclared = {key: value for key, value in DP.items() if key != "patients"}
    recipe = build_recipe("mlp", {"scaling": "sample", "dp": undeclared}, scale="log2")
    with pytest.raises(ConfigError, match=r"dp\.patients is missing.*such as dp\.patients = 40"):
        train_model(recipe, COHORT, SOME, tmp_path / "MODEL")
    far = build_recipe("mlp", {"scaling": "sample", "dp": {**DP, "patients": 400}}, scale="log2")
    assert any("far from the 36" in note for note in train_model(far, COHORT, SOME, tmp_path / "MODEL").notes)


def test_what_the_guarantee_does_not_cover_stands_in_manifest_and_card(tmp_path):
    recipe = build_recipe("mlp", {"hidden": [8], "dp": DP}, scale="log2")
    privacy = train_model(recipe, COHORT, SOME, tmp_path / "MODEL").stored.manifest.privacy
    assert not privacy.end_to_end
    assert "ExpressionScaler learns" in privacy.gaps[0]
    assert "ExpressionScaler learns" in (tmp_path / "MODEL/release/README.md").read_text()


def test_dp_in_a_class_of_somebody_else_claims_nothing(tmp_path):
    trained = train_model(Their((4,), dp=DPSGD(**DP)), COHORT, SOME, tmp_path / "MODEL")
    assert trained.stored.manifest.privacy is None
    assert any("nothing is known of it, nor claimed" in note for note in trained.notes)


def test_how_well_it_does_on_the_others_is_measured_and_kept_in_the_house(tmp_path):
    trained = train_model(MLP, COHORT, SOME, tmp_path / "MODEL", seed=0)
    outside = ~ROWS
    right = trained.stored.recipe.predict(COHORT.X[outside]) == COHORT.y[outside]
    assert trained.left_out.patients == 24
    assert trained.left_out.samples == outside.sum()
    assert trained.left_out.accuracy == pytest.approx(right.mean())
    assert trained.left_out.accuracy_low < trained.left_out.accuracy < trained.left_out.accuracy_high or right.all()
    assert trained.stored.confidential.left_out == trained.left_out
    assert "accuracy" not in (tmp_path / "MODEL/release/manifest.json").read_text()


def test_a_model_of_everybody_is_trained_without_a_figure(tmp_path):
    trained = train_model(MLP, COHORT, everybody(COHORT), tmp_path / "MODEL")
    assert trained.left_out is None
    assert any("Nobody was left out" in note for note in trained.notes)


def test_every_class_needs_members(tmp_path):
    only = replace(SOME, members=np.isin(np.arange(60), COHORT.patients[COHORT.y == 0]))
    with pytest.raises(ConfigError, match=r"1 of 2 classes have no members \(first: 'type-2'\)"):
        train_model(MLP, COHORT, only, tmp_path / "MODEL")


def test_what_cannot_be_stored_is_refused_before_hours_are_spent(tmp_path, monkeypatch):
    monkeypatch.setattr("genoaudit.train.fit_recipe", None)
    neighbours = make_pipeline(StandardScaler(), KNeighborsClassifier())
    with pytest.raises(ArtefactError, match="keeps something of every patient"):
        train_model(neighbours, COHORT, SOME, tmp_path / "MODEL")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.docx").touch()
    with pytest.raises(ConfigError, match="not a model's"):
        train_model(MLP, COHORT, SOME, tmp_path / "thesis")
    with pytest.raises(ConfigError, match="recipe must be an unfitted"):
        train_model(LogisticRegression, COHORT, SOME, tmp_path / "MODEL")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


def test_what_other_libraries_tell_and_need_is_said(tmp_path):
    recipe = make_pipeline(MinMaxScaler(), CalibratedClassifierCV(RandomForestClassifier(2), cv=2))
    trained = train_model(recipe, COHORT, SOME, tmp_path / "MODEL")
    assert any("must be named as trusted: sklearn.calibration." in note for note in trained.notes)
    card = (tmp_path / "MODEL" / "release" / "README.md").read_text()
    assert "`DecisionTreeClassifier.nodes`, `MinMaxScaler.min_` and `MinMaxScaler.scale_`" in card
    assert "how many is not told" not in card
    forest = train_model(RandomForestClassifier(2), COHORT, SOME, tmp_path / "forest")
    assert any("how many samples it was trained on: DecisionTreeClassifier.nodes" in note for note in forest.notes)
    assert "how many samples there were" in (tmp_path / "forest" / "release" / "README.md").read_text()
    train_model(MLP, COHORT, SOME, tmp_path / "mlp")
    assert "how many is not told here" in (tmp_path / "mlp" / "release" / "README.md").read_text()
    read_model(tmp_path / "MODEL", trusted=trained.stored.manifest.trusted)


def test_weights_of_classes_stand_in_the_release_and_this_is_said(tmp_path):
    recipe = build_recipe("mlp", {"hidden": [4], "class_weights": [1.0, 2.0]}, scale="log2")
    trained = train_model(recipe, COHORT, SOME, tmp_path / "MODEL")
    assert any("Weights of the classes stand in the release" in note for note in trained.notes)
    assert not [note for note in train_model(MLP, COHORT, SOME, tmp_path / "MODEL").notes if "Weights" in note]


def test_a_recipe_that_fails_leaves_nothing_behind(tmp_path):
    broken = build_recipe("mlp", {"learning_rate": 1e30}, scale="log2")
    with pytest.raises(TrainingError, match=r"loss is|not finite"):
        train_model(broken, COHORT, SOME, tmp_path / "MODEL")
    assert not list(tmp_path.iterdir())


def test_steps_are_named_from_the_inside_out(tmp_path):
    card = tmp_path / "MODEL" / "release" / "README.md"
    train_model(DefendedOutputs(MLP, release="top_k", setting=1), COHORT, SOME, tmp_path / "MODEL")
    listed = [line for line in card.read_text().splitlines() if line[:2] in {"1.", "2.", "3.", "4."}]
    assert listed == ["1. LogTransform", "2. ExpressionScaler", "3. MLPClassifier", "4. DefendedOutputs"]


def test_progress_is_told(tmp_path):
    told = []
    train_model(MLP, COHORT, SOME, tmp_path / "MODEL", progress=lambda *step: told.append(step))
    assert told[0] == ("Training the model", 0, 1)
    assert told[-1] == ("Writing and reading back", 1, 1)


@pytest.fixture
def configured(tmp_path):
    """Write the cohort to a file and return a configuration on it."""
    COHORT.to_anndata().write_h5ad(tmp_path / "cohort.h5ad")
    cohort = {"path": tmp_path / "cohort.h5ad", "label": "cancer_type", "patient": "patient_id", "scale": "log2"}

    def make(**sections):
        return parse_config({"cohort": cohort, "recipe": {"kind": "mlp", "hidden": [8]}, **sections})

    return make


def test_a_configuration_trains_what_the_call_with_objects_trains(configured, tmp_path):
    members = {"share": 0.6, "seed": 1}
    by_config = run_train(configured(train={"members": members, "seed": 5}), tmp_path / "one").stored
    recipe = build_recipe("mlp", {"hidden": [8]}, scale="log2")
    by_hand = train_model(recipe, COHORT, SOME, tmp_path / "other", seed=5).stored
    np.testing.assert_array_equal(by_config.recipe[-1].coefs_[0], by_hand.recipe[-1].coefs_[0])
    assert by_config.members == by_hand.members
    assert by_config.manifest.recipe == by_hand.manifest.recipe


def test_a_target_in_the_configuration_is_for_audits_alone(configured, tmp_path):
    config = configured(train={"members": "all"}, target={"path": tmp_path / "MODEL"})
    assert run_train(config, tmp_path / "MODEL").left_out is None


def test_a_configuration_must_say_whom_to_train_on(configured):
    with pytest.raises(ConfigError, match=r"no \[train\] table; say whom to train on"):
        plan_training(configured())


def test_a_plan_says_what_would_be_done_and_trains_nothing(configured, monkeypatch):
    monkeypatch.setattr("genoaudit.train.fit_recipe", None)
    plan = plan_training(configured(train={"members": {"share": 0.6, "seed": 1}}))
    assert (plan.members, plan.left_out, plan.seeded, plan.epsilon) == (36, 24, None, None)
    assert plan.steps == ("LogTransform", "ExpressionScaler", "MLPClassifier")
    assert plan.seconds > 0
    dp = {"epsilon": 3, "patients": 40, "steps": 20}
    private = plan_training(configured(recipe={"kind": "mlp", "dp": dp}, train={"members": "all"}))
    assert 2.9 < private.epsilon <= 3
    assert private.seeded is False


def test_the_description_in_the_manifest_has_no_seed(tmp_path):
    stored = train_model(MLP, COHORT, SOME, tmp_path / "MODEL", seed=5).stored
    written = json.dumps(stored.manifest.recipe)
    assert "random_state" not in written
    assert '"hidden": [8]' in written
