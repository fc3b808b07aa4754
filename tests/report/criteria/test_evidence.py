from judged import given_model, quiet, reasons, verdict
from sample_report import build_report

from genoaudit.report.sections import CheckFinding


def test_too_little_evidence_is_undecidable_and_never_a_hold():
    report = quiet(checks=build_report().checks)
    for evidence, told in (
        ({"models": 128}, "Models: 64, at least 128 asked for."),
        ({"non_members": 300}, "Non-members of a model: 199, at least 300 asked for."),
        ({"checks": True}, "GA001, duplicates: 3 pairs of samples of different patients are nearly the same."),
    ):
        found = verdict(report, evidence=evidence)
        assert (found.decision, found.reasons) == ("undecidable", (told,))
    labels = quiet(adversary=report.adversary.model_copy(update={"access": "labels"}))
    found = verdict(labels, evidence={"access": "probabilities"})
    assert found.reasons == ("The adversary: saw labels, at least probabilities asked for.",)
    assert verdict(report, evidence={"access": "parameters", "models": 64, "non_members": 199}).decision == "release"
    black_box = tuple(attack for attack in report.attacks if attack.access != "parameters")
    found = verdict(report.model_copy(update={"attacks": black_box}), evidence={"access": "parameters"})
    assert found.reasons == (
        "The adversary: saw logits, as no attack on the parameters ran, at least parameters asked for.",
    )


def test_checks_that_raise_no_issue_pass_and_none_at_all_do_not():
    fine = CheckFinding(code="GA002", title="Sides", status="tip", summary="", advice="")
    assert verdict(quiet(checks=(fine,)), evidence={"checks": True}).decision == "release"
    assert verdict(quiet(checks=()), evidence={"checks": True}).decision == "undecidable"


def test_a_failed_self_test_puts_the_numbers_in_doubt():
    passed, failed = (
        quiet(self_test=build_report().self_test.model_copy(update={"passed": ok})) for ok in (True, False)
    )
    assert verdict(passed, evidence={"self_test": True}).decision == "release"
    assert verdict(failed, evidence={"self_test": True}).decision == "undecidable"


def test_of_a_given_model_its_own_non_members_count_and_the_rest_is_of_its_recipe():
    report = quiet(audit="release", target=given_model())
    found = verdict(report, evidence={"non_members": 100}, worst_patient={"auc": 0.99}, worst_group={"auc": 0.95})
    assert found.reasons == ("Non-members of a model: 50, at least 100 asked for.",)
    assert reasons(found, "worst_patient.auc")[0].startswith("The most exposed patient, in models of the same recipe:")
    assert ", in models of the same recipe: AUC" in reasons(found, "worst_group.auc")[0]
