from pathlib import Path

import pytest
from sample_reconstruct import build_hostile_reconstruct, build_reconstruct, with_named

from genoaudit.report.reconstruct_save import FILES
from genoaudit.report.reconstruct_terminal import print_reconstruct, print_threats


def test_the_answer_the_tables_and_the_files_are_printed(capsys):
    print_reconstruct(build_reconstruct(), Path("run"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("The attacks tried no longer read profiles off updates at ε 1000")
    rows = [line.split() for line in lines if line.startswith("ε 1e9 !")]
    assert len(rows) == 2
    for row in rows:
        assert row[:9] == ["ε", "1e9", "!", "93", "%", "0.77", "0.91", "0.998", "100"]
        assert row[10].startswith("[")
        assert row[-2:] == ["100", "%"]
    assert "mlp; class mean: 0.90" in lines
    assert [line.strip() for line in lines[-4:]] == [f"run/{name}" for name in FILES]
    assert max(len(line.rstrip()) for line in lines if line.startswith(("ε", "no protection"))) <= 80


def test_shares_above_their_bound_are_marked(capsys):
    report = build_reconstruct(recipes=("mlp",), budgets=(1.0, 8.0, None))
    print_reconstruct(with_named(report, 1.0, 4), Path("run"))
    printed = capsys.readouterr().out
    assert next(line for line in printed.splitlines() if line.startswith("ε 1 ")).count("~") == 1
    assert "~ above what is allowed on average, by no more than chance" in printed
    print_reconstruct(with_named(report, 1.0, 30), Path("run"))
    printed = capsys.readouterr().out
    assert printed.startswith("More was identified than the mechanism allows.")
    assert printed.count("ALARM") == 2


@pytest.mark.parametrize("report", [build_hostile_reconstruct(), build_reconstruct(cells=(), models=0)])
def test_odd_reports_are_printed(report, capsys):
    print_reconstruct(report, Path("run"))
    assert "None" not in capsys.readouterr().out


def test_threat_models_are_listed(capsys):
    threats = build_reconstruct().threats
    print_threats(threats)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"{len(threats)} attacks." in printed
    for threat in threats:
        assert f"{threat.name} {threat.title} sees {threat.sees}" in printed
        assert " ".join(threat.threat_model.split()) in printed
