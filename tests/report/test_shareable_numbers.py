from sample_summary import build_full_report, unresolved

from genoaudit.metrics.estimates import Estimate
from genoaudit.report import shareable_numbers as numbers


def test_what_cannot_be_resolved_or_is_not_there_is_not_told():
    assert numbers.rate(unresolved()) is None
    assert numbers.number(Estimate(None, None, None)) is None
    assert numbers.number(Estimate(0.7149, None, None)).low is None


def test_a_promise_tells_neither_noise_nor_gaps():
    told = numbers.promise(build_full_report().guarantee)
    assert "1.23" not in told.model_dump_json()
    assert "397" not in told.model_dump_json()
    assert not told.end_to_end


def test_long_names_are_cut():
    assert numbers.named("site") == "site"
    assert len(numbers.named("x" * 5000)) == 200
