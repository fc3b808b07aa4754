import pytest

from genoaudit.bounds import bounds
from genoaudit.calibrate import Target, calibrate
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.report.bounds_terminal import print_bounds, print_calibration


def report(noise=1.1, **more):
    return bounds(Mechanism(1.0, noise, 0.08, 100, patients=400), 1 / 4000, **more)


@pytest.fixture
def printed(capsys, monkeypatch):
    """What is printed of a report on a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "80")

    def show(report, print_report=print_bounds):
        print_report(report)
        return capsys.readouterr().out

    return show


def test_the_claim_comes_first_rounded_up_with_its_relation_and_unit(printed):
    found = report()
    lines = printed(found).splitlines()
    assert lines[0].startswith("epsilon ")
    assert lines[0].endswith("at delta 0.00025 per patient")
    assert float(lines[0].split()[1]) >= found.epsilon
    assert "add/remove one patient" in lines[1]


def test_tables_fit_a_narrow_terminal_uncut(printed):
    text = printed(report(genes=1000, samples_per_patient=2))
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for words in ("RDP, classic", "losses rounded up", "replace-one", "TPR at 0.1 % FPR", "prior 50 %", "guessing"):
        assert words in text


def test_the_relaxed_bound_is_called_an_assumption_and_never_epsilon(printed):
    line = next(line for line in printed(report()).splitlines() if "generalised likelihood ratio" in line)
    assert line.strip().startswith("Under an assumption, not guaranteed")
    assert "Not part of what epsilon guarantees" in line


def test_patients_with_several_samples_come_first_in_every_table(printed):
    found = report(noise=4.0, samples_per_patient=2)
    lines = printed(found).splitlines()
    assert lines[0].startswith("epsilon ")
    assert " per patient with up to 2 samples; " in lines[0]
    assert lines[0].endswith(" per sample")
    assert "add/remove one patient" in lines[1]
    claims = next(line for line in lines if line.startswith("epsilon by"))
    assert claims.index("patient") < claims.index("sample")
    risks = next(line for line in lines if line.startswith("no membership"))
    assert risks.split()[2:] == ["patient,", "sample,", "patient,", "sample,"]
    tpr = next(line for line in lines if line.startswith("TPR at 10 % FPR"))
    shown = [float(text) for text in tpr.removeprefix("TPR at 10 % FPR").replace("%", "").split()]
    rates = [level.under(name).tpr_at_fpr[2].tpr for name in ("add/remove", "replace-one") for level in levels(found)]
    assert shown == pytest.approx([*(100 * rate for rate in rates), 10], abs=0.06)
    picking = [line for line in lines if line.startswith("Picking a ")]
    assert [line.split()[2] for line in picking] == ["patient", "sample"]
    accusations = [line for line in lines if line.startswith("at 1 % FPR")]
    assert [line.split(",")[1].strip() for line in accusations] == ["patient", "sample"]


def levels(found):
    return found, found.sample


def test_genes_are_spoken_of_on_request(printed):
    assert "Reading 1,000 genes out of one noisy gradient" in printed(report(genes=1000))
    assert "genes" not in printed(report())


def test_vacuous_budgets_are_called_so(printed):
    text = printed(report(noise=1e-3))
    assert "vacuous" in text.splitlines()[0]
    assert "100 %" in text
    assert "infinite" in printed(report(noise=0.0)).splitlines()[0]


def test_a_refused_number_is_a_reason(printed):
    text = printed(report(candidates=10**9))
    assert "no number. kappa = 1e-09 is too small" in text


def test_warnings_are_notes(printed):
    found = bounds(Mechanism(1.0, 1.1, 0.08, 100, patients=400), 0.01)
    assert "Note: delta = 0.01 is not below 1 / 400" in printed(found)


def test_calibration_says_the_noise_first(printed):
    found = calibrate(Target(advantage=0.2), sample_rate=0.1, steps=50)
    first = printed(found, print_calibration).splitlines()[0]
    told = "no membership attack has a TPR - FPR above 0.2 (add/remove)."
    assert first == f"Noise multiplier {found.noise_multiplier:.5g}: {told}"
    weak = calibrate(Target(mse=0.5, genes=100), sample_rate=0.1, steps=50)
    assert "rests on an assumption" in printed(weak, print_calibration)
