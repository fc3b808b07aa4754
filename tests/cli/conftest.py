import pytest
from certified import draw_quickly


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run whose pages take no time."""
    from genoaudit import AuditSection, RunOptions, audit_recipe, build_recipe, simulate_cohort

    folder = tmp_path_factory.mktemp("run")
    cohort = simulate_cohort(patients=40, genes=20, classes=2, seed=1)
    recipe = build_recipe("logistic", {}, scale=cohort.scale)
    options = RunOptions(threads=1, cache=folder / "cache")
    settings = AuditSection(models=4, attacks=("loss",))
    with pytest.MonkeyPatch.context() as patch:
        draw_quickly(patch)
        audit_recipe(recipe, cohort, settings, options).save(folder / "run")
        yield folder / "run"
