"""Risk bounds and calibration from the command line, without data."""

import json
import time

import pytest

ISSUE = ("bounds", "--epsilon", 8, "--delta", 1e-3, "--sample-rate", 0.1, "--steps", 300)


def test_bounds_of_a_budget_take_seconds(genoaudit):
    began = time.perf_counter()
    text = genoaudit(*ISSUE, check=0).stdout
    assert time.perf_counter() - began < 20  # some four on an idle core
    assert text.startswith("epsilon 8.00 at delta 0.001 per patient")
    for words in ("RDP, classic", "replace-one", "TPR at 0.1 % FPR", "not guaranteed"):
        assert words in text


def test_json_holds_what_the_table_shows(genoaudit):
    options = ("--patients", 500, "--genes", 1000, "--samples-per-patient", 2, "--prior", 0.02, "--prior", 0.3)
    report = json.loads(genoaudit(*ISSUE, *options, "--json", check=0).stdout)
    assert report["sample"]["epsilon"] == pytest.approx(8, rel=1e-3)
    assert report["epsilon"] > 8
    assert {found["prior"] for found in report["risks"][0]["ppv"]} == {0.02, 0.3}
    assert report["reconstruction"]["candidates"] == 500
    assert report["from_scratch"]["genes"] == 1000


def test_the_noise_may_be_given_and_the_figure_written(genoaudit, tmp_path):
    figure = tmp_path / "curve.svg"
    plan = ("--noise-multiplier", 1.1, "--patients", 800, "--candidates", 50, "--sample-rate", 0.08, "--steps", 500)
    report = json.loads(genoaudit("bounds", *plan, "--figure", figure, "--json", check=0).stdout)
    assert report["delta"] == pytest.approx(1 / 8000, rel=1e-5)
    assert report["mechanism"]["noise_multiplier"] == 1.1
    assert "<svg" in figure.read_text()


@pytest.mark.parametrize(
    "target",
    [
        ("--advantage", 0.1),
        ("--tpr", 0.2, "--fpr", 0.01),
        ("--reconstruction", 0.1, "--candidates", 100),
        ("--epsilon", 8, "--delta", 1e-3),
    ],
)
def test_calibration_finds_the_noise_and_draws_what_it_allows(genoaudit, target, tmp_path):
    plan = ("calibrate", *target, "--sample-rate", 0.1, "--steps", 300)
    figure = tmp_path / "curve.svg"
    report = json.loads(genoaudit(*plan, "--figure", figure, "--json", check=0).stdout)
    assert "target: " in figure.read_text()
    assert 0.5 < report["noise_multiplier"] < 20
    assert genoaudit(*plan, check=0).stdout.startswith(f"Noise multiplier {report['noise_multiplier']:.5g}: ")


PLAN = ("--sample-rate", 0.1, "--steps", 300)
BUDGET = ("bounds", "--epsilon", 8, "--delta", 1e-3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("bounds", "--epsilon", 8, *PLAN), "--delta"),
        (("bounds", "--delta", 1e-3, *PLAN), "--noise-multiplier"),
        ((*ISSUE, "--noise-multiplier", 1), "exactly one of --epsilon and --noise-multiplier"),
        ((*BUDGET, "--sample-rate", 2, "--steps", 300), "--sample-rate"),
        ((*BUDGET, "--sample-rate", "nan", "--steps", 300), "--sample-rate"),
        ((*BUDGET, "--sample-rate", 0.1, "--steps", 0), "--steps"),
        (("bounds", "--epsilon", -1, "--delta", 1e-3, *PLAN), "--epsilon must lie between 0.1 and 1e12, found -1"),
        (("bounds", "--epsilon", "inf", "--delta", 1e-3, *PLAN), "--epsilon must lie"),
        (("bounds", "--epsilon", 8, "--delta", 1, *PLAN), "--delta must lie"),
        (("bounds", "--noise-multiplier", "nan", "--delta", 1e-3, *PLAN), "--noise-multiplier must be"),
        ((*ISSUE, "--candidates", 1), "--candidates must be at least 2"),
        ((*ISSUE, "--prior", 0), "--prior must lie"),
        ((*ISSUE, "--genes", 2), "--genes must be at least 3"),
        ((*ISSUE, "--samples-per-patient", 65), "--samples-per-patient must lie"),
        ((*ISSUE, "--figure", "curve.pdf"), "must end in .svg or .png"),
        (("calibrate", *PLAN), "exactly one of"),
        (("calibrate", "--advantage", 1, *PLAN), "--advantage must lie"),
        (("calibrate", "--tpr", 0.01, "--fpr", 0.02, *PLAN), "--tpr must be above --fpr"),
        (("calibrate", "--reconstruction", 0.5, *PLAN), "--candidates"),
        (("calibrate", "--mse", 0.5, *PLAN), "--mse needs --genes"),
        (("calibrate", "--epsilon", 0, "--delta", 1e-3, *PLAN), "--epsilon must lie"),
        (("calibrate", "--advantage", 0.5, *PLAN, "--figure", "curve.gif"), "must end in .svg or .png"),
    ],
)
def test_impossible_arguments_get_one_clear_line(refused, arguments, expected):
    done = refused(*arguments, check=3)
    assert done.stderr.startswith("genoaudit: ")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("bounds", "--epsilon", 8, "--sample-rate", 0.1), "Missing option '--steps'"),
        ((*BUDGET, "--sample-rate", 0.1, "--steps", "many"), "Invalid value for '--steps'"),
        ((*ISSUE, "--samples-per-patient", 2.5), "Invalid value for '--samples-per-patient'"),
        ((*ISSUE, "--unheard-of", 1), "No such option: --unheard-of"),
        ((*ISSUE, "stray"), "unexpected extra argument"),
        (("bound",), "No such command 'bound'"),
    ],
)
def test_wrong_usage_gets_one_clear_line_with_the_way_to_help(refused, arguments, expected):
    done = refused(*arguments, check=2)
    assert done.stderr.startswith("genoaudit: ")
    assert expected in done.stderr
    assert "--help'." in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_no_command_at_all_shows_the_commands(genoaudit):
    done = genoaudit(check=2)
    assert "reconstruct" in done.stderr
    assert genoaudit("bounds", "--help", check=0).stdout.startswith("Usage: ")
