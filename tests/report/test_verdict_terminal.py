import pytest
from judged import quiet, verdict
from rich.console import Console
from sample_report import build_report

from genoaudit.report.release_sections import Criterion, Verdict
from genoaudit.report.terminal import print_result, stdout_console
from genoaudit.report.verdict_terminal import REASONS_SHOWN, print_verdict
from genoaudit.report.verdict_wording import found_text, limits_text, threshold_text


@pytest.fixture
def printed():
    def run(found, width=100):
        console = Console(width=width, record=True, soft_wrap=True, markup=False, highlight=False)
        print_verdict(console, found)
        return console.export_text()

    return run


def test_the_decision_its_reasons_and_every_criterion_are_printed(printed):
    found = verdict(build_report(), attacks={"auc": 0.6}, worst_group={"auc": 0.7}, evidence={"models": 64})
    text = printed(found)
    assert text.startswith("Hold: the policy “ours” is not met.\n  LiRA, online: AUC 0.77, at least 0.75 (95 %)")
    table = text.split("\n\n")[1]
    assert table.count("attacks.auc") == 5
    assert "not met  attacks.auc      LiRA, online" in table
    assert "0.75 to 0.79  <= 0.60" in table
    assert ">= 64" in table


def test_the_name_of_a_policy_cannot_steer_the_terminal(capsys):
    found = verdict(build_report(), attacks={"auc": 0.6}).model_copy(update={"policy": "a\x1b[2Jb\u202ec\nd"})
    print_verdict(stdout_console(), found)
    assert capsys.readouterr().out.startswith("Hold: the policy “a�[2Jb�c�d” is not met.\n")


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_loses_nothing_on_a_narrow_terminal(width, printed):
    found = verdict(
        build_report(),
        attacks={"auc": 0.6, "tpr_at_fpr": {"0.1": 0.2}, "require": ["loss", "qmia"]},
        worst_patient={"k": 20, "auc": 0.7},
        worst_group={"auc": 0.7},
        canaries={"auc": 0.7},
        bounds={"epsilon": 8, "audited_epsilon": 1},
        utility={"accuracy": 0.9},
        evidence={"models": 64, "non_members": 100, "self_test": True, "checks": True, "access": "logits"},
    )
    table = printed(found, width).split("\n\n", 1)[1]
    assert "\N{HORIZONTAL ELLIPSIS}" not in table
    assert max(map(len, table.splitlines())) <= width
    assert all(criterion.key in table for criterion in found.criteria)


def test_many_reasons_are_counted(printed):
    reasons = tuple(f"Reason {i}." for i in range(REASONS_SHOWN + 3))
    found = Verdict(decision="undecidable", policy="ours", policy_sha256="", criteria=(), reasons=reasons)
    text = printed(found)
    assert text.startswith("Undecidable: this evidence does not settle the policy “ours”.")
    assert f"Reason {REASONS_SHOWN - 1}." in text
    assert f"Reason {REASONS_SHOWN}." not in text
    assert "and 3 more" in text


def test_a_result_with_a_verdict_says_it_first(capsys):
    report = quiet()
    print_result(report.model_copy(update={"verdict": verdict(report)}), [])
    assert capsys.readouterr().out.startswith("Release: every criterion of the policy “ours” is met.\n")


@pytest.mark.parametrize(
    ("key", "value", "threshold", "expected"),
    [
        ("attacks.auc", 0.6004, 0.6, ("0.6004", "<= 0.60")),
        ("attacks.tpr_at_fpr.0.1", 0.123, 0.2, ("12 %", "<= 20 %")),
        ("bounds.tpr_at_fpr.0.01", 0.05, 0.05, ("5 %", "<= 5 %")),
        ("utility.accuracy", 0.91, 0.8, ("91 %", ">= 80 %")),
        ("bounds.epsilon", 7.99, 8.0, ("7.99", "<= 8")),
        ("evidence.models", 64, 1024, ("64", ">= 1,024")),
        ("attacks.require", None, None, ("-", "-")),
    ],
)
def test_numbers_are_said_in_the_unit_of_their_key(key, value, threshold, expected):
    criterion = Criterion(
        key=key,
        subject="",
        threshold=threshold,
        value=value,
        at_least=None,
        at_most=None,
        outcome="pass",
        p_value=None,
        reason="",
    )
    assert (found_text(criterion), threshold_text(criterion)) == expected
    assert limits_text(criterion) == ""
