"""The story of a sweep on a cohort of ninety: what is trained once is shared, kept, and set side by side."""

from dataclasses import replace

import numpy as np
import pytest

from genoaudit import simulate_cohort
from genoaudit import sweep as story
from genoaudit.cells import audit as cell_audit
from genoaudit.cells.plan import plan_cells
from genoaudit.config import RunOptions
from genoaudit.errors import ConfigError, TrainingError
from genoaudit.sweep import finished_cells, plan_sweep, run_sweep
from genoaudit.sweep_config import SweepConfig

FAST = {"hidden": [8], "epochs": 8, "scaling": "sample"}
DP = {"dp": {"steps": 20, "hyperparameters": "public"}}


@pytest.fixture(scope="module")
def cohort_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "small.h5ad"
    simulate_cohort(patients=90, genes=120, classes=3, seed=5).to_anndata().write_h5ad(path)
    return path


@pytest.fixture
def config(cohort_file):
    def make(recipes=None, canaries=None, models=16, **sweep):
        sweep = {"budgets": [8.0, 1e9], "mitigations": {"l2": [0.1], "rounding": [1]}, "tune": 0, **sweep}
        return SweepConfig.model_validate(
            {
                "cohort": {"path": cohort_file, "label": "cancer_type", "patient": "patient_id", "scale": "log2"},
                "recipes": recipes or {"mlp": {"kind": "mlp", **FAST, "with_dp": DP}},
                "audit": {"models": models},
                "canaries": canaries,
                "sweep": sweep,
            }
        )

    return make


@pytest.fixture(scope="module")
def shared_options(tmp_path_factory):
    return RunOptions(threads=1, cache=tmp_path_factory.mktemp("models"))


def counted(monkeypatch):
    """Count the cells that are audited."""
    audited = []
    original = story.audit_cell
    monkeypatch.setattr(story, "audit_cell", lambda cell, *a, **k: audited.append(cell.name) or original(cell, *a, **k))
    return audited


def test_every_protection_stands_beside_none(config, shared_options):
    report = run_sweep(config(canaries={"kinds": ["label_swapped"], "count": 12, "models": 32}), shared_options).report
    cells = {cell.name: cell for cell in report.cells}
    assert list(cells) == [
        *("mlp/none/seed=0", "mlp/dp_arm/seed=0", "mlp/dp=8/seed=0", "mlp/dp=1e+09/seed=0", "mlp/l2=0.1/seed=0"),
        "mlp/rounding=1/seed=0",
    ]
    none, strict, vast = (cells[f"mlp/{name}/seed=0"] for name in ("none", "dp=8", "dp=1e+09"))
    assert none.accuracy_loss.value == 0
    assert none.guarantee is None
    assert (strict.guarantee.vacuous, vast.guarantee.vacuous) == (False, True)
    assert strict.guarantee.epsilon == pytest.approx(8, rel=1e-3)
    assert strict.guarantee.end_to_end
    assert all(cell.canaries.canaries == 12 for cell in report.cells)
    assert any(cell.on_frontier for cell in report.cells)
    assert {found.defence for found in report.comparisons} == {"mlp/l2=0.1/seed=0", "mlp/rounding=1/seed=0"}


def test_a_loss_is_the_difference_of_the_same_models(config, shared_options):
    report = run_sweep(config(), shared_options).report
    none, strict = report.cells[0], report.cells[2]
    assert strict.accuracy_loss.value == pytest.approx(none.accuracy.value - strict.accuracy.value)


def test_a_protection_of_outputs_trains_nothing_and_is_attacked_by_labels_too(config, shared_options):
    settings = config(mitigations={"rounding": [6], "label_only": ["on"]}, budgets=[])
    rows = plan_sweep(settings, shared_options)
    assert [row["models"] for row in rows] == [16, 0, 0]
    none, rounded, labels = run_sweep(settings, shared_options).report.cells
    assert none.labels_only is None
    assert rounded.labels_only == labels.labels_only
    assert (none.access, rounded.access, labels.access) == ("parameters", "probabilities", "labels")
    assert rounded.accuracy == none.accuracy


def test_finished_cells_are_not_audited_again(config, shared_options, tmp_path, monkeypatch):
    audited = counted(monkeypatch)
    first = run_sweep(config(), shared_options, finished=tmp_path / "cells").report
    assert len(audited) == 6
    again = run_sweep(config(), shared_options, finished=tmp_path / "cells").report
    assert len(audited) == 6
    assert again.to_json() == first.to_json()
    run_sweep(config(mitigations={"l2": [0.2]}), shared_options, finished=tmp_path / "cells")
    assert audited[6:] == ["mlp/l2=0.2/seed=0"]
    run_sweep(config(models=18), shared_options, finished=tmp_path / "cells")
    assert len(audited) == 13
    run_sweep(config(budgets=[]), replace(shared_options, fresh=True), finished=tmp_path / "cells")
    assert len(audited) == 16


def test_a_damaged_cell_is_audited_again(config, shared_options, tmp_path, monkeypatch, caplog):
    settings = config(budgets=[], mitigations={"l2": [0.1]})
    first = run_sweep(settings, shared_options, finished=tmp_path).report
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    audited = counted(monkeypatch)
    assert run_sweep(settings, shared_options, finished=tmp_path).report == first
    assert len(audited) == 2
    assert "audited again" in caplog.text


def test_what_makes_no_sense_for_a_recipe_is_said(config, shared_options):
    recipes = {"logistic": {"kind": "logistic", "scaling": "sample"}}
    report = run_sweep(config(recipes, mitigations={"dropout": [0.5]}), shared_options).report
    assert [cell.name for cell in report.cells] == ["logistic/none/seed=0"]
    assert {idle.name for idle in report.not_run} == {"logistic/dp", "logistic/dropout"}


def test_a_cell_that_cannot_be_trained_stops_no_other(config, shared_options, monkeypatch):
    original = story.audit_cell

    def fragile(cell, *arguments, **options):
        if cell.mitigation == "l2":
            raise TrainingError("models 0 to 11: the logits are not finite.")
        return original(cell, *arguments, **options)

    monkeypatch.setattr(story, "audit_cell", fragile)
    report = run_sweep(config(budgets=[]), shared_options).report
    assert [cell.mitigation for cell in report.cells] == ["none", "rounding"]
    assert report.not_run[0].reason.startswith("models 0 to 11")


def test_no_cell_is_begun_after_the_limit(config, shared_options, monkeypatch):
    settings = config(budgets=[])
    monkeypatch.setattr(story.time, "monotonic", iter(np.arange(0.0, 1e6, 100.0)).__next__)
    report = run_sweep(
        settings.model_copy(update={"sweep": settings.sweep.model_copy(update={"minutes": 2.0})}), shared_options
    ).report
    assert len(report.cells) == 1
    assert "limit of 2 minutes" in report.not_run[0].reason


def test_dp_is_tuned_between_budgets_where_a_defence_lies_there(config, shared_options, monkeypatch):
    """Made-up accuracies put the defence between the two budgets, whatever the models have learnt."""
    original = story.audit_cell

    def staged(cell, *arguments, **options):
        found = original(cell, *arguments, **options)
        accuracy = {"mlp/dp=1/seed=0": 0.3, "mlp/dp=1e+12/seed=0": 0.9, "mlp/l2=1/seed=0": 0.6}.get(cell.name, 0.7)
        return replace(found, accuracies=np.full(found.accuracies.size, accuracy))

    monkeypatch.setattr(story, "audit_cell", staged)
    report = run_sweep(config(budgets=[1.0, 1e12], mitigations={"l2": [1.0]}, tune=1), shared_options).report
    (tuned,) = [cell for cell in report.cells if cell.tuned]
    noises = [cell.guarantee.noise_multiplier for cell in report.cells if cell.mitigation == "dp" and not cell.tuned]
    assert min(noises) < tuned.guarantee.noise_multiplier < max(noises)
    assert not tuned.guarantee.end_to_end  # its noise was chosen by accuracies of these patients
    assert report.comparisons[0].dp == tuned.name


def test_a_budget_out_of_reach_is_noted_before_anything_is_trained(config):
    recipes = {"mlp": {"kind": "mlp", **FAST, "with_dp": {**DP, "scaling": "private", "moments_noise": 1.0}}}
    cohort = simulate_cohort(patients=90, genes=120, classes=3, seed=5)
    cells, idle = plan_cells(config(recipes, budgets=[1.0, 1e9]), cohort)
    assert [note.name for note in idle] == ["mlp/dp=1/seed=0"]
    assert "mlp/dp=1e+09/seed=0" in [cell.name for cell in cells]


def test_a_recipe_with_dp_of_its_own_is_audited_without_it_too(config):
    recipes = {"mlp": {"kind": "mlp", **FAST, "dp": {"epsilon": 8.0, "steps": 20, "clip": 2.0}}}
    cohort = simulate_cohort(patients=90, genes=120, classes=3, seed=5)
    cells, _ = plan_cells(config(recipes, budgets=[1e9]), cohort)
    by_name = {cell.mitigation: cell.recipe.get_params()["classifier__dp"] for cell in cells}
    assert by_name["none"] is by_name["l2"] is by_name["dp_arm"] is None
    assert (by_name["dp"].epsilon, by_name["dp"].clip) == (1e9, 2.0)


def test_the_mechanism_is_that_of_half_of_the_patients(config, shared_options):
    report = run_sweep(config(budgets=[8.0], mitigations={"l2": [0.1]}), shared_options).report
    guarantee = next(cell.guarantee for cell in report.cells if cell.mitigation == "dp")
    assert guarantee.delta == pytest.approx(1 / (10 * 45))


def test_canaries_and_the_most_exposed_are_judged_by_what_is_given_out(config, shared_options, monkeypatch):
    """A defence that gives out nothing leaves nothing, wherever it is looked for."""
    monkeypatch.setattr(
        cell_audit,
        "given_out",
        lambda cell, signals: replace(
            signals, logit=np.zeros_like(signals.logit), proba=np.full_like(signals.proba, 1 / 3)
        ),
    )
    settings = config(
        budgets=[],
        models=32,
        mitigations={"rounding": [1]},
        canaries={"kinds": ["label_swapped"], "count": 12, "models": 32},
    )
    report = run_sweep(settings, shared_options).report
    for cell in report.cells:
        assert cell.canaries.auc.value == 0.5
        assert all(worst.auc.value == 0.5 for worst in cell.worst)
        assert cell.worst


@pytest.mark.parametrize("changed", ["models", "canaries", "cohort", "recipe", "engine"])
def test_a_finished_cell_is_not_taken_for_another(config, shared_options, tmp_path, changed):
    base = config(budgets=[], mitigations={})
    cohort = simulate_cohort(patients=90, genes=120, classes=3, seed=5)
    cell = plan_cells(base, cohort)[0][0]
    own = finished_cells(tmp_path, base, cohort, shared_options).key(cell)
    options = shared_options
    if changed == "models":
        base = config(budgets=[], mitigations={}, models=18)
    if changed == "canaries":
        base = config(budgets=[], mitigations={}, canaries={"models": 32})
    if changed == "cohort":
        cohort = simulate_cohort(patients=90, genes=120, classes=3, seed=6)
    if changed == "recipe":
        cell = replace(cell, recipe=plan_cells(config({"mlp": {**FAST, "epochs": 9}}), cohort)[0][0].recipe)
    if changed == "engine":
        options = replace(options, engine="processes")
    assert finished_cells(tmp_path, base, cohort, options).key(cell) != own


def test_seeds_repeat_the_sweep_with_other_splits(config, shared_options):
    report = run_sweep(config(budgets=[], mitigations={"l2": [0.1]}, seeds=[10, 11]), shared_options).report
    assert [cell.seed for cell in report.cells] == [10, 10, 11, 11]
    assert report.cells[0].accuracy != report.cells[2].accuracy


@pytest.mark.parametrize(
    ("sweep", "problem"),
    [
        ({"mitigations": {"l3": [1]}}, "l2"),
        ({"mitigations": {"dp": [8]}}, "sweep.budgets"),
        ({"mitigations": {"dropout": [1.5]}}, "dropout"),
    ],
)
def test_impossible_cells_are_refused_before_anything_is_trained(config, sweep, problem):
    cohort = simulate_cohort(patients=90, genes=120, classes=3, seed=5)
    with pytest.raises(ConfigError, match=problem):
        plan_cells(config(**sweep), cohort)


def test_zeros_that_are_given_out_stand_for_a_quarter_of_the_smallest(config):
    cohort = simulate_cohort(patients=90, genes=120, classes=3, seed=5)
    cell = next(c for c in plan_cells(config(budgets=[]), cohort)[0] if c.mitigation == "rounding")
    proba = np.array([[[0.98, 0.01, 0.01], [0.5, 0.3, 0.2]]], dtype=np.float32)
    signals = cell_audit.Signals(logit=np.zeros((1, 1, 2)), proba=proba, y=np.array([1, 0]))
    given = cell_audit.given_out(cell, signals)
    assert np.allclose(given.proba[0], [[1.0, 0.0, 0.0], [0.5, 0.3, 0.2]])
    low = 0.2 / 4
    assert given.logit[0, 0, 0] == pytest.approx(np.log(low) - np.log(1 + low))
    assert given.label.tolist() == [[[0, 0]]]
    assert given.grad_norm is None


def test_a_cell_that_rests_on_another_is_not_kept_apart_from_it(config, shared_options, tmp_path):
    """Without protection a reconstruction follows the training of the DP arm: its clipping and its steps."""
    cohort = simulate_cohort(patients=90, genes=120, classes=3, seed=5)
    kept = finished_cells(tmp_path, config(), cohort, shared_options)
    none, first = (plan_cells(config(), cohort)[0][place] for place in (0, 2))
    other = {"mlp": {"kind": "mlp", **FAST, "with_dp": {"dp": {"steps": 30}}}}
    second = plan_cells(config(other), cohort)[0][2]
    assert len({kept.key(none), kept.key(none, follows=first), kept.key(none, follows=second)}) == 3
