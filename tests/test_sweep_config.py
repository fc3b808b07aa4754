"""A sweep's configuration: what is asked for is kept, and what is wrong is named."""

from pathlib import Path

import pytest

from genoaudit.errors import ConfigError
from genoaudit.sweep_config import BUDGETS, override, read_sweep

COHORT = '[cohort]\npath = "cohort.h5ad"\nlabel = "type"\nscale = "log2"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(COHORT + text, encoding="utf-8")
    return path


def test_a_cohort_alone_is_a_sweep(tmp_path):
    config = read_sweep(written(tmp_path, ""))
    assert config.sweep.budgets == BUDGETS
    assert list(config.recipes) == ["mlp"]
    assert config.canaries is not None
    assert config.cohort.path == tmp_path / "cohort.h5ad"


def test_recipes_keep_their_parameters_and_those_of_their_dp_arm(tmp_path):
    text = '[recipes.small]\nkind = "mlp"\nhidden = [8]\nwith_dp = { learning_rate = 0.5, dp = { clip = 2.0 } }\n'
    recipe = read_sweep(written(tmp_path, text)).recipes["small"]
    assert recipe.parameters == {"hidden": [8]}
    assert recipe.with_dp == {"learning_rate": 0.5, "dp": {"clip": 2.0}}


def test_canaries_can_be_left_out(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text("canaries = false\n" + COHORT, encoding="utf-8")
    assert read_sweep(path).canaries is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[sweep]\nbudget = [1]\n", "unknown key 'sweep.budget'; did you mean 'budgets'?"),
        ("[sweep]\nbudgets = [0.01]\n", "sweep.budgets"),
        ("[sweep]\nbudgets = [8, 8.0]\n", "the same value twice"),
        ("[sweep]\nmitigations = { l2 = [true] }\n", "sweep.mitigations"),
        ("[recipes.a]\nkind = 'svm'\n", "recipes.a.kind"),
        ("[audit]\nmodels = 'auto'\n", "models must be a number in a sweep"),
        ("[audit]\naccess = 'labels'\n", "follow from each cell's protection"),
        ("[audit]\nmodel = 8\n", "did you mean 'models'?"),
        ("[recipes]\n", "recipes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, problem):
    with pytest.raises(ConfigError) as caught:
        read_sweep(written(tmp_path, text))
    assert problem in str(caught.value)


def test_the_command_line_overrides_models_and_minutes_only(tmp_path):
    config = read_sweep(written(tmp_path, ""))
    changed = override(config, models=8, minutes=5.0)
    assert (changed.audit.models, changed.sweep.minutes) == (8, 5.0)
    assert override(config) == config
    with pytest.raises(ConfigError, match="single audits"):
        override(config, models="auto")
    with pytest.raises(ConfigError, match="models"):
        override(config, models=3)


def test_files_are_taken_relative_to_the_configuration(tmp_path):
    text = (
        '[recipes.a]\nkind = "deepcc"\ngene_sets = "sets.gmt"\n[sweep.mitigations]\ngene_list = ["lists/public.txt"]\n'
    )
    config = read_sweep(written(tmp_path, text))
    assert config.recipes["a"].parameters["gene_sets"] == str(tmp_path / "sets.gmt")
    assert config.sweep.mitigations == {"gene_list": (str(tmp_path / "lists/public.txt"),)}
