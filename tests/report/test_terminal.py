from pathlib import Path

import pytest

from genoaudit.attacks.catalogue import CATALOGUE, COMBINATIONS
from genoaudit.report.terminal import (
    print_attacks,
    print_cohort,
    print_plan,
    print_result,
    short_reference,
)

EVERY = (*CATALOGUE.values(), *COMBINATIONS.values())


@pytest.fixture
def shown(capsys):
    """What printing wrote, with white space as single spaces."""

    def run(function, *arguments):
        function(*arguments)
        return " ".join(capsys.readouterr().out.split())

    return run


def test_a_result_is_said_in_short(report, shown):
    text = shown(print_result, report, [Path("run/report.html")])
    assert text.startswith("Members can be told from non-members.")
    assert "lira 0.77 [0.75, 0.79] 40.8% [34.0, 47.7]" in text
    assert "The most exposed patient has an AUC of 0.95" in text
    assert "123 of 400 patients are flagged" in text
    assert "together recognise 58 % of the members" in text
    assert "epsilon at least 1.23 (replace-one, delta 0.00025, 95% level)" in text
    assert (
        "epsilon at least 0 (replace-one, delta 0.00025, 95% level) (nothing refuted; not a proof of privacy)" in text
    )
    assert "epsilon at least 2.39 (add/remove, delta 0.00025, 95% level, lower bound if the mechanism is GDP)" in text
    assert "Self-test passed." in text
    assert text.index("GA001 issue") < text.index("GA008 tip")
    assert "GA002" not in text
    assert "Not run: lira_fixed" in text
    assert text.endswith("Written (confidential): run/report.html")


def test_files_that_may_be_shared_are_listed_apart(report, shown):
    text = shown(print_result, report, [Path("run/report.json"), Path("run/shareable/summary.html")])
    assert "Written (confidential): run/report.json Written (may be shared;" in text
    assert text.endswith("run/shareable/summary.html")


def test_no_patient_is_named(report, shown):
    text = shown(print_result, report, [])
    assert not [patient.pseudonym for patient in report.exposure.most_exposed if patient.pseudonym in text]


def test_of_many_attacks_the_strongest_are_shown_and_the_headline_first(report_of_thirty, shown):
    text = shown(print_result, report_of_thirty, [])
    assert text.index("lira 0.77") < text.index("attack_27 0.7")
    assert "Further attacks of a lower AUC, in the report only: 22." in text


def test_the_optional_parts_may_be_absent(minimal_report, release_report, shown):
    for report in (minimal_report, release_report.model_copy(update={"attacks": (), "headline": None})):
        text = shown(print_result, report, [])
        assert "epsilon" not in text
        assert "None" not in text
    assert "for this model" in shown(print_result, release_report, [])


def test_a_given_model_is_named_and_what_was_not_tested_is_counted(alone_report, shown):
    text = shown(print_result, alone_report, [])
    assert "1 thing was not tested, first: Attacks that compare a patient with other models." in text
    several = alone_report.model_copy(update={"not_tested": alone_report.not_tested * 3})
    assert "3 things were not tested, first:" in shown(print_result, several, [])
    checked = shown(print_cohort, alone_report.cohort, (), alone_report.target)
    assert (
        "net.safetensors, a torch model. 200 patients were its members, by file members.txt; 200 were not." in checked
    )


def test_a_plan_without_models_says_why(shown):
    assert (
        shown(print_plan, {"models": 0, "reason": "there is no recipe"}) == "No models are trained: there is no recipe."
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_the_catalogue_fits_the_terminal_and_says_everything(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_attacks(EVERY)
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= columns
    text = " ".join(out.split())
    for record in EVERY:
        assert f"{record.name} {record.title}" in text
        assert record.caveat in text
        assert record.cost in text
    assert f"{len(EVERY)} attacks." in text
    assert "sees labels, of noisy copies too; at least 1 model" in text
    assert "sees the scores of the other attacks; at least 16 models" in text


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record.name)
def test_a_short_reference_has_an_author_a_year_and_an_identifier(record):
    short = short_reference(record.reference)
    assert short.split()[0].rstrip(",") in record.reference
    assert " 20" in short or " 19" in short
    assert "doi:" in short
    assert len(short) < 80
