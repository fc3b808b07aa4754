import pytest

from genoaudit.errors import ConfigError
from genoaudit.reconstruct_config import SEEDS, ReconstructConfig, read_reconstruct
from genoaudit.sweep_config import BUDGETS

COHORT = '[cohort]\npath = "a.h5ad"\nlabel = "type"\nscale = "log2"\n'


def read(tmp_path, text):
    path = tmp_path / "reconstruct.toml"
    path.write_text(COHORT + text)
    return read_reconstruct(path)


def test_defaults_are_the_budgets_and_seeds_of_the_field(tmp_path):
    config = read(tmp_path, "")
    assert config.reconstruct.budgets == BUDGETS
    assert config.reconstruct.seeds == SEEDS
    assert config.cohort.path == tmp_path / "a.h5ad"
    assert config.sweep.sweep.mitigations == {}
    assert config.sweep.canaries is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[reconstruct]\nbudget = [1]\n", "did you mean 'budgets'"),
        ("[reconstruct]\nbudgets = []\n", "budgets': must hold at least one value"),
        ("[reconstruct]\nbudgets = [0]\n", "greater than or equal to 0.1"),
        ("[reconstruct]\nbudgets = [nan]\n", "finite number"),
        ('[reconstruct]\nbudgets = ["8"]\n', "valid number"),
        ("[reconstruct]\nseeds = [1.5]\n", "valid integer"),
        ("[reconstruct]\neta = nan\n", "finite number"),
        ("[reconstruct]\nseeds = [1, 1]\n", "same value twice"),
        ("[reconstruct]\nmodels = 3\n", "0 or at least 4"),
        ("[reconstruct]\neta = 1.5\n", "less than 1"),
        ('[recipes.trees]\nkind = "xgboost"\n', "trees is of kind 'xgboost'"),
    ],
)
def test_problems_are_named(tmp_path, text, problem):
    with pytest.raises(ConfigError, match=problem) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_no_models_still_make_a_sweep():
    cohort = {"path": "a.h5ad", "label": "type", "scale": "log2"}
    assert ReconstructConfig.model_validate({"cohort": cohort, "reconstruct": {"models": 0}}).sweep.audit.models == 4
