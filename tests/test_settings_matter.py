"""No key of [audit] or [canaries] is ignored: each changes something that a reader sees."""

import pytest

from genoaudit import AuditSection, RunOptions, audit_recipe, build_recipe, simulate_cohort
from genoaudit.canaries import audit_canaries
from genoaudit.config import CanarySection

COHORT = simulate_cohort(patients=60, genes=60, classes=3, seed=3)
RECIPE = build_recipe("mlp", {"hidden": [8], "epochs": 8}, scale="log2")
BASE = {"models": 16, "attacks": ("loss", "lira_fixed")}
CHANGES = {
    "models": 18,
    "max_models": 40,
    "attacks": ("loss",),
    "access": "labels",
    "decimals": 1,
    "queries": 1,
    "query_noise": 1.0,
    "query_thinning": 0.2,
    "least_auc": 0.9,
    "min_group": 5,
    "group_pairs": True,
    "delta": 1e-9,
    "seed": 1,
}
NEEDS = {
    "max_models": {"models": "auto", "attacks": ("loss",)},
    "access": {"attacks": ("gap", "loss")},
    "decimals": {"access": "probabilities"},
    "query_noise": {"attacks": ("label_noise",), "queries": 1},
    "query_thinning": {"attacks": ("label_noise",), "queries": 1},
    "delta": {"models": 64, "attacks": ("loss",)},
}
CANARIES = {"kinds": ("label_swapped",), "count": 12, "models": 32, "guesses": 4}
CANARY_CHANGES = {"kinds": ("high_leverage",), "count": 14, "models": 36, "guesses": 8}


def test_every_key_has_a_test():
    assert set(CHANGES) == set(AuditSection.model_fields)
    assert set(CANARY_CHANGES) == set(CanarySection.model_fields)


@pytest.mark.parametrize("key", CHANGES)
def test_every_key_changes_the_report(key, tmp_path):
    counts = key == "query_thinning"
    cohort = simulate_cohort(patients=60, genes=60, classes=3, seed=3, scale="counts") if counts else COHORT
    recipe = build_recipe("mlp", {"hidden": [8], "epochs": 8}, scale=cohort.scale)
    before = {**BASE, **NEEDS.get(key, {})}
    options = RunOptions(threads=1, cache=tmp_path, replay=True)  # pseudonyms would differ in any case
    reports = [
        audit_recipe(recipe, cohort, AuditSection(**settings), options, groups=("sex",))
        for settings in (before, {**before, key: CHANGES[key]})
    ]
    one, other = (result.report.model_dump(exclude={"adversary"}) for result in reports)
    assert one != other


@pytest.mark.parametrize("key", CANARY_CHANGES)
def test_every_key_of_the_canaries_changes_what_is_said_of_them(key, tmp_path):
    options = RunOptions(threads=1, cache=tmp_path)
    one, other = (
        audit_canaries(RECIPE, COHORT, CanarySection(**section), AuditSection(), options)
        for section in (CANARIES, {**CANARIES, key: CANARY_CHANGES[key]})
    )
    assert (one.kinds, one.bounds) != (other.kinds, other.bounds)
