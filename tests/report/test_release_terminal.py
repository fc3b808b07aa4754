from pathlib import Path

import pytest
from sample_release import PROMISE, build_full_size_report, build_joint_report, control

from genoaudit.report.terminal import print_result


@pytest.fixture
def shown(capsys):
    def run(report):
        print_result(report, [Path("run/report.html")])
        return " ".join(capsys.readouterr().out.split())

    return run


def test_a_model_trained_on_everybody_is_said_so_before_any_number(shown):
    text = shown(build_full_size_report())
    first = text.index("was trained on all 400 patients")
    assert first < text.index("Extrapolated from models trained on 50 %") < text.index("Membership leakage per patient")
    assert "About the recipe" not in text


def test_several_releases_and_what_is_got_without_the_model_are_printed(shown):
    text = shown(build_joint_report(guarantee=PROMISE))
    assert "Without the model, an attempt to tell members from non-members has an AUC of 0.52" in text
    assert "attacks all together reaches an AUC of 0.82" in text
    assert "All 2 releases together, as one training: Training by DP-SGD promises epsilon = 11.30" in text
    assert text.index("About the recipe, not this model") < text.index("The most exposed patient has an AUC of 0.95")
    assert "measures how the two groups were chosen" not in text


def test_a_biased_control_group_is_printed_first(shown):
    text = shown(build_joint_report().model_copy(update={"checks": (control(0.81, status="issue"),)}))
    assert text.index("measures how the two groups were chosen") < text.index("Membership leakage per patient")
