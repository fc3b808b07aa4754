import pytest
from judged import outcomes, reasons, verdict
from sample_report import build_minimal_report, build_release_report, build_report


def test_the_most_exposed_patients_of_the_number_asked_for_are_read():
    for k, value in ((1, "0.95"), (5, "0.93"), (20, "0.89")):
        found = verdict(build_report(), worst_patient={"k": k, "auc": 0.75})
        (reason,) = reasons(found, "worst_patient.auc")
        assert f"AUC {value}, at least" in reason
        assert outcomes(found, "worst_patient.auc") == ["fail"]
    rate = verdict(build_report(), worst_patient={"tpr_at_fpr": {"0.05": 0.5}})
    assert "cannot be resolved with 32 models without the patient" in reasons(rate, "worst_patient.tpr_at_fpr.0.05")[0]


def test_the_most_exposed_group_is_named():
    found = verdict(build_report(), worst_group={"auc": 0.7})
    assert reasons(found, "worst_group.auc") == [
        "The most exposed group (class: PRAD): AUC 0.86, at least 0.81 (95 %), allowed 0.70."
    ]


def test_every_kind_of_canary_is_held_to_the_limit():
    found = verdict(build_report(), canaries={"auc": 0.75, "tpr_at_fpr": {"0.1": 0.9}})
    assert outcomes(found, "canaries.auc") == ["fail", "fail"]
    assert reasons(found, "canaries.auc")[0].startswith("Canaries, label swapped: AUC 0.93")
    assert "cannot be resolved with 25 canaries" in reasons(found, "canaries.tpr_at_fpr.0.1")[0]


@pytest.mark.parametrize("report", [build_release_report(), build_minimal_report()], ids=["release", "minimal"])
def test_parts_that_were_not_run_are_open(report):
    tables = {
        "worst_patient": {"auc": 0.99, "tpr_at_fpr": {"0.05": 0.99}},
        "worst_group": {"auc": 0.99},
        "canaries": {"auc": 0.99, "tpr_at_fpr": {"0.1": 0.99}},
        "bounds": {"audited_epsilon": 100},
        "evidence": {"self_test": True},
    }
    report = report.model_copy(update={"bounds": ()})
    found = verdict(report, **tables)
    assert found.decision == "undecidable"
    open_keys = {criterion.key for criterion in found.criteria if criterion.outcome == "open"}
    assert open_keys == {
        "worst_patient.auc",
        "worst_patient.tpr_at_fpr.0.05",
        "worst_group.auc",
        "canaries.auc",
        "canaries.tpr_at_fpr.0.1",
        "bounds.audited_epsilon",
        "evidence.self_test",
    }
