import pytest

from genoaudit.mitigations.catalogue import CATALOGUE
from genoaudit.report.mitigations_table import print_mitigations
from genoaudit.report.terminal import short_reference

EVERY = tuple(CATALOGUE.values())


@pytest.mark.parametrize("columns", [80, 120])
def test_the_catalogue_fits_the_terminal_and_says_everything(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_mitigations(EVERY)
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= columns
    text = " ".join(out.split())
    for record in EVERY:
        assert f"{record.name} {record.title}" in text
        for sentence in (record.protects, record.costs, record.failures, record.setting):
            assert sentence in text
    assert f"{len(EVERY)} mitigations." in text
    assert "tried 1, 8, 32, 1000, 1e+06, 1e+09, 1e+12" in text
    assert "tried only where a setting is given" in text
    assert "tried on" in text


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record.name)
def test_a_short_reference_has_an_author_a_year_and_an_identifier(record):
    short = short_reference(record.reference)
    assert short.split()[0].rstrip(",") in record.reference
    assert " 20" in short or " 19" in short
    assert "doi:" in short
    assert len(short) < 80
