import pytest
from judged import CURVES, GUARANTEE, THEORY, given_model, outcomes, quiet, reasons, verdict
from sample_report import bound

from genoaudit.report.sections import ClaimComparison, Theory


def test_a_demanded_guarantee_fails_where_there_is_none():
    found = verdict(quiet(), bounds={"epsilon": 8, "end_to_end": True, "tpr_at_fpr": {"0.01": 0.5}})
    assert found.decision == "hold"
    assert found.reasons == ("The guarantee: there is none, as not trained with DP.",)
    assert len([criterion for criterion in found.criteria if criterion.outcome == "fail"]) == 3


def test_a_guarantee_passes_or_fails_by_its_epsilon():
    report = quiet(guarantee=GUARANTEE, theory=THEORY)
    assert verdict(report, bounds={"epsilon": 2.5}).decision == "release"
    found = verdict(report, bounds={"epsilon": 2.4})
    assert found.reasons == ("The guarantee: epsilon 2.50 at delta 0.0003 (add/remove), allowed 2.4.",)
    none = GUARANTEE.model_copy(update={"epsilon": None})
    assert verdict(quiet(guarantee=none), bounds={"epsilon": 1000}).decision == "hold"


def test_what_only_the_recipe_promises_decides_nothing():
    report = quiet(guarantee=GUARANTEE.model_copy(update={"assumed": True}), theory=THEORY)
    bounds = {"epsilon": 100, "end_to_end": True, "tpr_at_fpr": {"0.01": 0.99}}
    found = verdict(report, bounds=bounds)
    assert found.decision == "undecidable"
    assert outcomes(found, "bounds.epsilon") == outcomes(found, "bounds.end_to_end") == ["open"]
    assert outcomes(found, "bounds.tpr_at_fpr.0.01") == ["open"]
    assert "nothing shows that the given model was trained by it" in found.reasons[0]


def test_a_guarantee_of_part_of_the_pipeline_names_the_gap():
    partial = GUARANTEE.model_copy(update={"end_to_end": False, "gaps": ("Scaling saw the patients.", "So did genes.")})
    found = verdict(quiet(guarantee=partial, theory=THEORY), bounds={"epsilon": 8, "end_to_end": True})
    assert found.decision == "hold"
    assert found.reasons[0] == (
        "The guarantee: it does not cover the whole pipeline. Scaling saw the patients (and 1 more)."
    )


@pytest.mark.parametrize(
    ("fpr", "most", "outcome"), [(0.01, 0.12, "pass"), (0.01, 0.11, "fail"), (0.05, 0.45, "pass"), (0.05, 0.4, "fail")]
)
def test_what_the_mechanism_allows_is_read_from_the_higher_curve_and_never_between_its_points(fpr, most, outcome):
    found = verdict(quiet(guarantee=GUARANTEE, theory=THEORY), bounds={"tpr_at_fpr": {str(fpr): most}})
    assert outcomes(found, f"bounds.tpr_at_fpr.{fpr:g}") == [outcome]
    assert "(replace-one)" in reasons(found, f"bounds.tpr_at_fpr.{fpr:g}")[0]


def test_a_vacuous_guarantee_allows_everything_and_a_missing_curve_decides_nothing():
    bounds = {"tpr_at_fpr": {"0.1": 0.99}}
    vacuous = GUARANTEE.model_copy(update={"epsilon": 1e6, "vacuous": True})
    assert verdict(quiet(guarantee=vacuous, theory=THEORY), bounds=bounds).decision == "hold"
    assert verdict(quiet(guarantee=GUARANTEE), bounds=bounds).decision == "undecidable"


def test_an_audited_lower_bound_may_only_fail():
    bounds = (bound("many_run", 1.24, "one patient"), bound("gdp_fit", 9.0, "one patient"))
    report = quiet(bounds=bounds, canaries=None)
    low = verdict(report, bounds={"audited_epsilon": 2})
    assert outcomes(low, "bounds.audited_epsilon") == ["silent"]  # the fit holds for Gaussian DP alone
    assert low.decision == "release"
    assert "confirms nothing" in reasons(low, "bounds.audited_epsilon")[0]
    high = verdict(report, bounds={"audited_epsilon": 1})
    assert high.decision == "hold"
    assert high.reasons == (
        "Lower bound from one patient: epsilon is at least 1.24 (95 %; add/remove, delta 0.00025), allowed 1.",
    )


def test_an_alarm_is_a_hold_whatever_the_policy():
    comparison = ClaimComparison(
        kind="many_run",
        neighbouring="replace-one",
        on="one patient",
        epsilon=9.1,
        delta=1e-4,
        significance=0.05,
        claimed=4.0,
        exceeded=True,
    )
    rung = Theory(curves=CURVES, comparisons=(comparison,), alarm=True, level=0.05)
    found = verdict(quiet(guarantee=GUARANTEE, theory=rung))
    assert found.decision == "hold"
    assert found.reasons[0].startswith(
        "The guarantee: ALARM: 1 of 1 valid lower bound exceeds what the mechanism claims"
    )


def test_a_given_model_whose_noise_can_be_drawn_again_is_a_hold():
    for seeded, decision in ((True, "hold"), (False, "release"), (None, "release")):
        report = quiet(audit="release", target=given_model(seeded=seeded))
        assert verdict(report).decision == decision
    assert "reproducible, not releasable" in verdict(quiet(target=given_model(seeded=True))).reasons[0]
