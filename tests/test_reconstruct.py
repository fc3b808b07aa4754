"""The story of a comparison on a cohort of ninety."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from genoaudit import reconstruct as story
from genoaudit import simulate_cohort
from genoaudit.cells.prey import choose_prey
from genoaudit.cells.reconstruction import attack_mechanism, reconstruct_cell
from genoaudit.config import RunOptions
from genoaudit.data.design import make_design
from genoaudit.errors import ConfigError, TrainingError
from genoaudit.models.claims import settle_privacy
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.privacy.reconstruction_bound import reconstruction_bound
from genoaudit.reconstruct import run_reconstruct
from genoaudit.reconstruct_config import ReconstructConfig
from genoaudit.reconstruction.success import class_mean_guesses, guessing_share

FAST = {"hidden": [8], "epochs": 8, "scaling": "sample"}
DP = {"dp": {"steps": 20, "hyperparameters": "public"}}


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(patients=90, genes=120, classes=3, seed=5)


@pytest.fixture(scope="module")
def cohort_file(cohort, tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "small.h5ad"
    cohort.to_anndata().write_h5ad(path)
    return path


@pytest.fixture
def config(cohort_file):
    def make(recipes=None, **reconstruct):
        given = {"budgets": [8.0, 1e12], "seeds": [10], "patients": 12, "candidates": 10, "models": 0, **reconstruct}
        return ReconstructConfig.model_validate(
            {
                "cohort": {"path": cohort_file, "label": "cancer_type", "patient": "patient_id", "scale": "log2"},
                "recipes": recipes or {"mlp": {"kind": "mlp", **FAST, "with_dp": DP}},
                "reconstruct": given,
            }
        )

    return make


@pytest.fixture(scope="module")
def prey(cohort):
    members = make_design(cohort.y, cohort.patients, models=2, seed=0).members[0]
    recipe = build_recipe("mlp", FAST, scale="log2")
    return choose_prey(recipe, cohort, members=members, seed=0, patients=15)


def attack(prey, noise, *, hidden=(8,), **changes):
    mechanism = Mechanism(1.0, noise, 0.2, 20, int(prey.members.sum()))
    settings = {"learning_rate": 0.5, "candidates": 10, "eta": 0.01, "vacuous": noise == 0}
    found = attack_mechanism(prey, hidden=hidden, mechanism=mechanism, **{**settings, **changes})
    return {(one.attack, one.network): one for one in found.recoveries}, found.identification, found.threshold


def test_targets_are_members_and_guesses_leave_them_out(prey, cohort):
    assert prey.members[prey.targets].all()
    assert (prey.patients[prey.rows] == prey.targets).all()
    assert (prey.patients[prey.row_of] == np.arange(90)).all()
    np.testing.assert_allclose(prey.guesses, class_mean_guesses(prey.X, prey.y, prey.patients)[prey.rows])
    assert (prey.tolerance > 0).all()


def test_without_noise_profiles_are_exact_and_with_noise_of_epsilon_8_they_are_lost(prey):
    exact, named, _ = attack(prey, 0.0)
    assert exact["analytic", "fresh"].pearson > 0.999
    assert exact["analytic", "fresh"].success.value == exact["analytic", "fresh"].nearest_patient == 1
    assert exact["analytic", "trained"].pearson > 0.999
    assert exact["class_mean", "none"].nearest_patient < 0.5
    assert named.rate.value > 0.9
    assert named.bound == 1
    lost, named, _ = attack(prey, 2.0)
    control = lost["class_mean", "none"]
    assert lost["analytic", "fresh"].pearson < control.pearson
    assert lost["analytic", "fresh"].success.value == 0
    assert named.guessing == 0.1 < named.bound < 1
    assert named.rate.low <= named.bound


def test_the_law_foretells_what_the_analytic_attack_recovers(prey):
    found, _, _ = attack(prey, 0.03)
    one = found["analytic", "fresh"]
    assert 0.3 < one.expected_pearson < 0.99
    assert one.pearson == pytest.approx(one.expected_pearson, abs=0.06)
    assert one.pearson <= one.expected_pearson + 0.03  # known errors are the best case


def test_the_last_sample_of_a_softmax_regression_is_recovered_without_noise_only(prey):
    found, _, _ = attack(prey, 0.0, hidden=())
    assert found["informed", "trained"].pearson > 0.999
    assert ("informed", "trained") not in attack(prey, 1.0, hidden=())[0]
    assert ("informed", "trained") not in attack(prey, 0.0)[0]


def test_samples_of_one_patient_come_out_mixed_unless_units_hear_one_alone(prey):
    mixed, _, _ = attack(prey, 0.0, hidden=())
    assert mixed["whole_patient", "fresh"].pearson < mixed["analytic", "fresh"].pearson
    several = np.bincount(prey.patients)[prey.targets] > 1
    assert several.any()
    told, _, _ = attack(prey, 0.0, hidden=(64,))
    assert told["whole_patient", "fresh"].pearson > 0.9999
    assert attack(prey, 1.0, hidden=(64,))[0]["whole_patient", "fresh"].pearson < 0.5


def test_every_attack_of_the_catalogue_is_made_and_noise_takes_each_below_guessing(prey):
    exact, lost = (attack(prey, noise)[0] for noise in (0.0, 2.0))
    made = {name for name, _ in exact}
    assert made == {"class_mean", "analytic", "rank_one", "whole_patient", "imprint", "trap_weights", "matching"}
    assert ("matching", "fresh") not in attack(prey, 0.0, hidden=())[0]
    for key in {("imprint", "chosen"), ("trap_weights", "chosen")}:
        assert exact[key].pearson > 0.5
        assert lost[key].pearson < 0.5 < lost["class_mean", "none"].pearson
    assert exact["matching", "fresh"].patients == 4


def test_success_is_below_the_bound_of_the_one_update(prey):
    exact, _, certain = attack(prey, 0.0)
    assert certain.bound == 1
    for noise in (0.05, 0.5, 5.0):
        found, _, threshold = attack(prey, noise)
        assert threshold.kappa == certain.kappa == guessing_share(prey.X[prey.row_of], 0.01)
        assert threshold.bound == pytest.approx(
            reconstruction_bound(threshold.kappa, noise_multiplier=noise, sampling_rate=1.0, steps=1)
        )
        assert found["analytic", "fresh"].success.low <= threshold.bound
    assert exact["class_mean", "none"].success.low <= certain.kappa


def test_a_trained_network_without_a_gradient_is_told_from_one_that_gives_nothing_away(prey):
    # Steps so large that every unit of the first layer falls silent.
    dead, _, _ = attack(prey, 0.0, learning_rate=500.0)
    assert dead["analytic", "trained"].vanished == 1
    assert dead["analytic", "trained"].learnt < 1
    assert dead["analytic", "trained"].pearson == 0
    live, _, _ = attack(prey, 0.0)
    assert (live["analytic", "trained"].vanished, live["analytic", "fresh"].vanished) == (0, 0)
    assert live["class_mean", "none"].vanished is live["imprint", "chosen"].vanished is None


def test_threads_change_no_number(prey):
    with threadpool_limits(2):
        several = attack(prey, 0.1)
    with threadpool_limits(1):
        assert attack(prey, 0.1) == several


def test_a_cell_of_a_sweep_says_what_its_noise_leaves(cohort):
    members = make_design(cohort.y, cohort.patients, models=2, seed=0).members[0]
    plain = build_recipe("mlp", FAST, scale="log2")
    found = reconstruct_cell(plain, cohort, members=members, seed=0, patients=8)
    assert found.patients == 8
    assert found.pearson > 0.999
    assert found.hit_rate == found.expected == 1
    private = build_recipe("mlp", {**FAST, **DP, "dp": {**DP["dp"], "epsilon": 1.0}}, scale="log2")
    settled = settle_privacy(private, patients=45)
    lost = reconstruct_cell(settled, cohort, members=members, seed=0, patients=8)
    assert lost.pearson < lost.control == found.control
    logistic = build_recipe("logistic", {}, scale="log2")
    assert reconstruct_cell(logistic, cohort, members=members, seed=0) is None


def test_where_half_of_the_correlation_is_lost_is_what_attacks_with_that_noise_find(config, prey):
    report = run_reconstruct(config(budgets=[8.0])).report
    (half, same) = (cell.half_lost for cell in report.cells)
    assert half == same  # a matter of the network and the training, not of the budget
    mechanism = Mechanism(1.0, half.noise_multiplier, 0.1, 20, patients=45)
    assert half.epsilon == pytest.approx(guarantee([mechanism], 1 / 450).epsilon, rel=1e-6)
    found = attack_mechanism(
        prey,
        hidden=(8,),
        mechanism=Mechanism(1.0, 0.03, 0.2, 20, int(prey.members.sum())),
        learning_rate=0.5,
        candidates=10,
        eta=0.01,
        vacuous=True,
    )
    noise = found.half_noise
    again, _, _ = attack(prey, noise)
    assert again["analytic", "fresh"].expected_pearson == pytest.approx(0.5, abs=0.03)
    assert 0.1 < again["analytic", "fresh"].pearson < 0.55  # the law knows the errors, the attack does not


def test_fewer_patients_and_candidates_than_asked_for_are_said(config):
    report = run_reconstruct(config(budgets=[8.0], patients=60, candidates=100)).report
    assert report.patients == report.cells[0].identification.patients < 60
    assert report.cells[0].identification.candidates < 100
    patients, candidates = report.warnings[-2:]
    assert patients.startswith(f"60 patients under attack were asked for, and {report.patients} were attacked")
    assert f"members were told from {report.cells[0].identification.candidates - 1} others" in candidates
    enough = run_reconstruct(config(budgets=[8.0])).report
    assert not any("asked for" in warning for warning in enough.warnings)


def test_identification_is_added_up_over_seeds_and_set_beside_its_bound(config):
    report = run_reconstruct(config(budgets=[8.0], seeds=[10, 11])).report
    assert [(share.recipe, share.budget) for share in report.named] == [("mlp", None), ("mlp", 8.0)]
    for share in report.named:
        cells = [cell for cell in report.cells if cell.budget == share.budget]
        assert share.patients == sum(cell.identification.patients for cell in cells) == 24
        assert share.named == sum(cell.identification.named for cell in cells)
        assert share.rate.value == share.named / 24
        assert share.rate.low < share.rate.value <= share.rate.high
        assert share.bound == max(cell.identification.bound for cell in cells)
        assert share.reading != "exceeded"


def test_every_budget_stands_beside_none(config, tmp_path):
    recipes = {
        "mlp": {"kind": "mlp", **FAST, "with_dp": DP},
        "softmax": {"kind": "softmax", "epochs": 5, "scaling": "sample", "with_dp": DP},
    }
    report = run_reconstruct(config(recipes, seeds=[10, 11])).report
    assert [(cell.recipe, cell.budget, cell.seed) for cell in report.cells] == [
        (recipe, budget, seed) for seed in (10, 11) for recipe in ("mlp", "softmax") for budget in (None, 8.0, 1e12)
    ]
    for cell in report.cells:
        assert cell.accuracy.value is None
        assert (cell.noise_multiplier is None) == (cell.budget is None)
        assert cell.vacuous == (cell.budget != 8.0)
        assert cell.recovery("analytic", "fresh").patients == 12
        assert bool(cell.recovery("informed", "trained")) == (cell.recipe == "softmax" and cell.budget is None)
    assert report.cells[0].recoveries != report.cells[6].recoveries


def test_the_same_configuration_gives_the_same_bytes(config):
    assert run_reconstruct(config()).report.to_json() == run_reconstruct(config()).report.to_json()


def test_utility_and_membership_are_those_of_the_sweeps_cells(config, tmp_path):
    options = RunOptions(threads=1, cache=tmp_path / "models")
    report = run_reconstruct(config(models=16, budgets=[8.0]), options).report
    for cell in report.cells:
        assert 0 < cell.accuracy.low <= cell.accuracy.value <= cell.accuracy.high <= 1
        assert cell.auc.value is not None
    assert report.models == 16


def test_finished_cells_are_not_attacked_again(config, tmp_path, monkeypatch, caplog):
    attacked = []
    original = story.attack_mechanism
    monkeypatch.setattr(story, "attack_mechanism", lambda *a, **k: attacked.append(1) or original(*a, **k))
    first = run_reconstruct(config(), finished=tmp_path / "cells").report
    assert len(attacked) == 3
    assert run_reconstruct(config(), finished=tmp_path / "cells").report == first
    assert len(attacked) == 3
    run_reconstruct(config(budgets=[8.0], eta=0.05), finished=tmp_path / "cells")
    assert len(attacked) == 5
    for path in (tmp_path / "cells").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    assert run_reconstruct(config(), finished=tmp_path / "cells").report == first
    assert "attacked again" in caplog.text
    run_reconstruct(config(), replace(RunOptions(), fresh=True), finished=tmp_path / "cells")
    assert len(attacked) == 11


def test_a_cell_that_cannot_be_trained_stops_no_other(config, monkeypatch):
    original = story.attack_mechanism

    def fragile(prey, **options):
        if options["vacuous"]:
            return original(prey, **options)
        raise TrainingError("the weights are not finite.")

    monkeypatch.setattr(story, "attack_mechanism", fragile)
    report = run_reconstruct(config()).report
    assert [cell.budget for cell in report.cells] == [None, 1e12]
    assert [idle.name for idle in report.not_run] == ["mlp/dp=8/seed=10"]


def test_a_recipe_that_dp_is_not_for_is_refused_before_anything_is_attacked(config):
    with pytest.raises(ConfigError, match="mixup"):
        run_reconstruct(config({"mlp": {"kind": "mlp", **FAST, "mixup": 0.4}}))
