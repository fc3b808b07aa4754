"""What a configuration trains: said before, in slices, and all of it."""

import numpy as np
import pandas as pd
import pytest

from genoaudit import RunOptions, build_recipe, parse_config, simulate_cohort
from genoaudit.config import located_earlier, read_config
from genoaudit.configured import check, plan_config, run_audit, train_slice
from genoaudit.errors import ConfigError, DataError
from genoaudit.models.recipes import set_random_state

RECIPE = {"kind": "mlp", "hidden": [8], "epochs": 5}
AUDIT = {"models": 12, "attacks": ["loss", "lira_fixed"], "seed": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A cohort and three releases on it: new, old with other members, and one trained on everybody."""
    folder = tmp_path_factory.mktemp("cohort")
    cohort = simulate_cohort(patients=60, genes=40, classes=2, imbalance=1.0, seed=5)
    cohort.to_anndata().write_h5ad(folder / "cohort.h5ad")
    half = np.random.default_rng(0).permutation(60) < 30
    moved = half.copy()
    moved[[np.flatnonzero(half)[0], np.flatnonzero(~half)[0]]] = [False, True]
    for name, members, seed in (("new", half, 1), ("old", moved, 2), ("every", np.ones(60, dtype=bool), 3)):
        rows = members[cohort.patients]
        recipe = build_recipe("mlp", {"hidden": [8], "epochs": 5}, scale="log2")
        fitted = set_random_state(recipe, seed, "released").fit(cohort.X[rows], cohort.y[rows])
        table = pd.DataFrame(fitted.predict_proba(cohort.X), columns=list(cohort.classes))
        table.insert(0, "sample", list(cohort.sample_ids))
        table.insert(1, "member", rows)
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def config(folder):
    def make(**sections):
        cohort = {"path": folder / "cohort.h5ad", "label": "cancer_type", "patient": "patient_id", "scale": "log2"}
        return parse_config({"cohort": cohort, "recipe": RECIPE, "audit": AUDIT, **sections})

    return make


def everybody(folder):
    return {"target": {"path": folder / "every.csv", "members": "all"}}


def several(folder):
    other = {"kind": "mlp", "hidden": [4], "epochs": 5}
    return {
        "target": {"path": folder / "new.csv"},
        "earlier": [{"path": folder / "old.csv"}, {"path": folder / "old.csv", "name": "2023", "recipe": other}],
    }


@pytest.mark.parametrize(("case", "models"), [(everybody, 12 + 6 * 10), (several, 3 * 12)])
def test_all_that_is_trained_can_be_trained_in_slices_beforehand(case, models, config, folder, tmp_path):
    asked, options = config(**case(folder)), RunOptions(threads=1, cache=tmp_path)
    assert plan_config(asked, options)["models"] == models
    for first in range(0, models, 10):
        train_slice(asked, f"{first}:{min(first + 10, models)}", options)
    told = []
    run_audit(asked, options, progress=lambda *said: told.append(said))
    trained = [(done, total) for stage, done, total in told if stage.startswith("Training")]
    assert sum(total for done, total in trained if done == total) == models
    assert all(done == total for done, total in trained)  # everything was there
    with pytest.raises(ConfigError, match=f"<= {models}, the audit's number of models"):
        train_slice(asked, f"0:{models + 1}", options)


def test_a_model_trained_on_everybody_is_recorded_and_its_recipe_audited(config, folder, tmp_path):
    report = run_audit(config(**everybody(folder)), RunOptions(threads=1, cache=tmp_path)).report
    assert report.audit == "recipe"
    assert report.target.source == "every.csv"
    assert report.full_size.points[1].members == 54


def test_earlier_releases_have_their_own_recipes_and_names(config, folder, tmp_path):
    report = run_audit(config(**several(folder)), RunOptions(threads=1, cache=tmp_path)).report
    assert report.joint.earlier == ("old.csv", "2023")
    assert report.joint.earlier_alone[0] != report.joint.earlier_alone[1]
    assert (report.joint.judged, report.joint.left_out) == (58, 2)
    assert report.exposure is not None


def test_all_is_checked_before_anything_is_trained(config, folder):
    check(config(**everybody(folder)))
    check(config(**several(folder)))
    with pytest.raises(DataError, match=r"gone\.csv: does not exist"):
        check(config(target={"path": folder / "gone.csv", "members": "all"}))
    with pytest.raises(DataError, match=r"gone\.csv: does not exist"):
        check(config(target={"path": folder / "new.csv"}, earlier=[{"path": folder / "gone.csv"}]))
    with pytest.raises(ConfigError, match=r"Unknown key 'hiden' for recipe"):
        check(
            config(
                target={"path": folder / "new.csv"},
                earlier=[{"path": folder / "old.csv", "recipe": {"kind": "mlp", "hiden": [4]}}],
            )
        )


@pytest.mark.parametrize("members", [{"members": "all"}, {}], ids=["as configured", "as its table says"])
def test_a_model_trained_on_everybody_cannot_be_judged_without_its_recipe(members, config, folder):
    with pytest.raises(ConfigError, match=r"nobody is left to compare.*Name the recipe"):
        check(config(recipe=None, target={"path": folder / "every.csv", **members}))
    check(config(target={"path": folder / "every.csv", **members}))


def test_earlier_releases_need_a_recipe_and_somebody_who_was_left_out(config, folder):
    earlier = [{"path": folder / "old.csv"}]
    with pytest.raises(ConfigError, match="attacked together with a later one that left patients out"):
        check(config(recipe=None, target={"path": folder / "new.csv"}, earlier=earlier))
    with pytest.raises(ConfigError, match="attacked together with a later one that left patients out"):
        check(config(target={"path": folder / "every.csv"}, earlier=earlier))


def test_paths_of_earlier_releases_are_relative_to_the_file(tmp_path):
    path = tmp_path / "audit.toml"
    path.write_text(
        '[cohort]\npath = "a.csv"\nlabel = "t"\nscale = "log2"\n[target]\npath = "new.csv"\n'
        '[[earlier]]\npath = "x/old.csv"\n[earlier.recipe]\nkind = "deepcc"\ngene_sets = "sets.gmt"\n',
        encoding="utf-8",
    )
    (earlier,) = read_config(path).earlier
    assert earlier.path == tmp_path / "x" / "old.csv"
    assert earlier.recipe.parameters["gene_sets"] == str(tmp_path / "sets.gmt")
    assert located_earlier(earlier, tmp_path).name is None
