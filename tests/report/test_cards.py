import pytest
from html_page import Page
from sample_sweep import build_sweep
from sample_verdict import build_verdict

from genoaudit.report.cards import audit_card, comparison_card, sweep_card, verdict_card
from genoaudit.report.comparison import compare

HOSTILE = "<script>alert(1)</script>"


def words(card):
    return Page(f"<body>{card}</body>").words


def test_an_audit_shows_its_answer_and_the_headline_attack_first(report):
    found = words(audit_card(report))
    assert found.startswith("Members can be told from non-members.")
    assert found.index("LiRA, online") < found.index("LiRA, offline") < found.index("Loss threshold")
    assert "0.77 [0.75, 0.79]" in found
    assert "41 %, 95 % interval 34 % to 48 %" in found


def test_a_verdict_comes_first_where_there_is_one(report):
    found = words(audit_card(report.model_copy(update={"verdict": build_verdict("hold")})))
    assert found.startswith("Hold: the policy “standard” is not met.")
    assert "Members can be told" in found


def test_a_report_without_attacks_or_resolvable_rates_still_shows_itself(report, minimal_report):
    assert "too little evidence" in words(audit_card(report.model_copy(update={"attacks": (), "headline": None})))
    assert "None" not in words(audit_card(minimal_report))


def test_a_verdict_shows_what_decided_and_every_criterion():
    verdict = build_verdict("undecidable")
    found = words(verdict_card(verdict))
    assert found == words(verdict._repr_html_())
    assert found.index("× not met") < found.index("? undecided") < found.index("✓ met")
    assert all(criterion.reason in found for criterion in verdict.criteria)


def test_a_comparison_shows_each_run_and_how_to_read_it(report, make_report):
    comparison = compare({"plain": report, "safer": make_report(separation=0.1)})
    found = words(comparison_card(comparison))
    assert found == words(comparison._repr_html_())
    assert "0.53 [0.51–0.55] lower" in found
    assert "No pairing of models between runs is known" in found


def test_a_sweep_shows_its_protections():
    report = build_sweep()
    found = words(sweep_card(report))
    assert found.startswith("For at most 1 point of accuracy")
    assert "No protection" in found
    assert "nothing (ε 1e9)" in found  # so large a budget is never said as a protection
    assert "nothing (ε 8)" not in found


@pytest.mark.parametrize("place", ["attack", "reason", "run"])
def test_names_are_text(report, place):
    hostile = {
        "attack": lambda: audit_card(
            report.model_copy(
                update={"attacks": tuple(a.model_copy(update={"title": HOSTILE}) for a in report.attacks)}
            )
        ),
        "reason": lambda: verdict_card(build_verdict(reasons=(HOSTILE,))),
        "run": lambda: comparison_card(compare({HOSTILE: report, "b": report})),
    }[place]()
    assert "<script" not in hostile
    assert HOSTILE in words(hostile)
