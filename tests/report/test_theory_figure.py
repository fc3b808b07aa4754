import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from html_page import Page
from sample_report import build_minimal_report, build_release_report, build_report, build_report_of_thirty

from genoaudit.privacy.gdp import epsilon_from_mu, gdp_tpr
from genoaudit.privacy.trade_off import dp_fnr
from genoaudit.report.answer import answer
from genoaudit.report.html import render_html
from genoaudit.report.promise_wording import alarm_sentence, claim_text, guarantee_sentence, samples_sentence
from genoaudit.report.sections import ClaimComparison, Guarantee, Theory, TradeOff
from genoaudit.report.terminal import print_result
from genoaudit.report.theory_figure import theory_figure

SVG = "{http://www.w3.org/2000/svg}"


def guarantee(**changes):
    content = {
        "epsilon": 7.9912,
        "delta": 0.0005,
        "accountant": "pld",
        "noise_multiplier": 1.1,
        "neighbouring": "add/remove",
        "unit": "patient",
        "vacuous": False,
        "end_to_end": True,
        "gaps": (),
    }
    return Guarantee(**{**content, **changes})


def comparison(epsilon, claimed, neighbouring="replace-one"):
    return ClaimComparison(
        kind="many_run",
        neighbouring=neighbouring,
        on="one patient, fixed beforehand",
        epsilon=epsilon,
        delta=0.00025,
        significance=0.05,
        claimed=claimed,
        exceeded=claimed is not None and epsilon > claimed,
    )


def theory(*comparisons, curves=True):
    fpr = np.geomspace(1e-4, 1, 41)
    drawn = [
        TradeOff(neighbouring=relation, fpr=tuple(fpr), tpr=tuple(gdp_tpr(mu, fpr)))
        for relation, mu in (("replace-one", 2.8), ("add/remove", 1.4))
    ]
    return Theory(
        curves=tuple(drawn if curves else ()),
        comparisons=comparisons,
        alarm=any(found.exceeded for found in comparisons),
        level=0.05 if comparisons else 0.0,
    )


SILENT = theory(comparison(1.2399, 12.238), comparison(0.5, 7.8201, "add/remove"))
RINGING = theory(comparison(1.2399, 12.238), comparison(5.219, 2.0011, "add/remove"))
VACUOUS = {
    "guarantee": guarantee(epsilon=3.2e9, vacuous=True, accountant="rdp"),
    "theory": theory(comparison(4.0, None), curves=False),
}


def private_report(**changes):
    return build_report(**{"guarantee": guarantee(), "theory": SILENT, **changes})


def words(figure):
    return " ".join(element.text for element in ET.fromstring(figure).iter(f"{SVG}text"))


def test_the_figure_names_both_limits_and_a_handful_of_attacks():
    drawn = words(theory_figure(private_report()))
    for label in ("(replace-one)", "added or taken out", "LiRA, online, 95 % band", "Loss threshold", "guessing"):
        assert label in drawn


@pytest.mark.parametrize("build", [build_report, build_report_of_thirty])
def test_every_attack_has_a_panel_with_its_band_under_the_limit(build):
    report = build().model_copy(update={"theory": SILENT})
    without = report.model_copy(update={"theory": theory(curves=False)})
    figures = [theory_figure(found) for found in (report, without)]
    drawn = "".join(words(figures[0]).split())  # titles are wrapped
    for attack in report.attacks:
        assert "".join(attack.title.split()) in drawn
    paths = [figure.count("var(--series-1") for figure in figures]
    assert paths == [2 * len(report.attacks) + 2 + 1] * 2  # a line and a band each; above, with a key, the first again
    limits = [figure.count("var(--ink") for figure in figures]
    assert limits[0] - limits[1] >= len(report.attacks)


def test_proved_bounds_stand_where_a_mechanism_of_that_epsilon_would_end():
    weaker = comparison(0.7, 12.238)
    report = build_minimal_report().model_copy(update={"theory": theory(weaker, comparison(1.2399, 12.238))})
    text = words(theory_figure(report))
    assert "proved: ε ≥ 1.23 (replace-one)" in text
    assert text.count("proved") == 1  # the strongest under each relation
    assert "It is proved that epsilon is at least 1.23 under replace-one" in theory_figure(report)
    nothing = build_minimal_report().model_copy(update={"theory": theory(comparison(0.0, 12.238))})
    assert "proved" not in theory_figure(nothing)


def test_a_bound_rings_exactly_where_the_limit_of_its_relation_stays_below_it():
    fpr = np.geomspace(1e-9, 0.999, 4000)
    limit = gdp_tpr(1.4, fpr)
    claimed = epsilon_from_mu(1.4, 0.00025)
    for epsilon, below in ((1.02 * claimed, True), (0.98 * claimed, False)):
        assert bool((limit < 1 - dp_fnr(epsilon, 0.00025, fpr)).all()) is below


def test_the_limit_speaks_of_samples_where_patients_have_several():
    assert "patient or sample (replace-one)" in words(theory_figure(private_report()))
    cohort = private_report().cohort.model_copy(update={"samples_per_patient": {1: 400}})
    assert "one patient exchanged (replace-one)" in words(theory_figure(private_report(cohort=cohort)))


def test_the_limit_stands_where_the_report_says():
    # Axes from 0 to 103 %: half of that lies in the middle of their frame.
    limit = TradeOff(neighbouring="replace-one", fpr=(1e-4, 0.1, 1.0), tpr=(0.515, 0.515, 0.515))
    report = build_minimal_report().model_copy(update={"theory": theory().model_copy(update={"curves": (limit,)})})
    paths = [(path.get("style", ""), path.get("d")) for path in ET.fromstring(theory_figure(report)).iter(f"{SVG}path")]
    frame, line, *_ = (
        np.array(re.findall(r"-?[\d.]+", d), float).reshape(-1, 2)[:, 1]
        for style, d in (paths[1], *(path for path in paths if "var(--ink" in path[0]))
    )
    assert line == pytest.approx((frame.min() + frame.max()) / 2, abs=0.01)


def test_a_guarantee_of_nothing_is_a_line_at_the_top_with_words():
    figure = theory_figure(private_report(**VACUOUS))
    assert "limit: none" in words(figure)
    assert "patient or sample" not in words(figure)
    assert "so large that it allows any attack" in figure


def test_the_figure_can_be_read_without_seeing_it():
    figure = theory_figure(private_report())
    assert "Under replace-one the mechanism allows no attack more than 94% of members at 0.1 false alarms" in figure
    assert "LiRA, online recognises" in figure


def test_the_same_report_gives_the_same_bytes_and_no_attack_is_needed():
    assert theory_figure(private_report()) == theory_figure(private_report())
    assert "guessing" in words(theory_figure(private_report(attacks=(), headline=None)))


def test_the_page_sets_bounds_beside_claims_of_the_same_relation():
    page = Page(render_html(private_report()))
    assert page.row("1.2312.24") == "1.2312.24replace-oneone patient, fixed beforehand0.0002595 %not refuted"
    assert "0.507.83add/remove" in page.row("0.507.83")
    assert "the attacks are to be compared with the curve of replace-one" in page.words
    assert "None of 2 valid lower bounds exceeds what the mechanism claims" in page.words
    assert "ALARM" not in page.words
    assert page.row("10 %41").endswith("94 %55 %")


def test_an_alarm_comes_first_on_the_page_and_in_the_terminal(capsys):
    report = private_report(theory=RINGING)
    found = answer(report)
    assert found.tone == "exposed"
    assert found.heading == "More was found than the guarantee allows."
    assert "ALARM" in found.sentences[0]
    page = Page(render_html(report))
    assert page.words.count("ALARM: 1 of 2 valid lower bounds exceeds") == 2
    assert page.row("5.21").endswith("refuted")
    print_result(report, ())
    printed = capsys.readouterr().out
    assert "epsilon is at least 5.21 where 2.01 is claimed (add/remove, delta = 0.00025" in printed


def test_without_an_alarm_the_terminal_says_what_is_promised(capsys):
    print_result(private_report(), ())
    printed = capsys.readouterr().out
    assert "Training by DP-SGD promises epsilon = 8.00 at delta = 0.0005" in printed
    assert "ALARM" not in printed


def test_a_report_without_dp_says_that_nothing_is_guaranteed_and_has_no_figure_of_it():
    page = Page(render_html(build_report()))
    assert "No guarantee is claimed." in page.words
    assert "What the guarantee allows" not in page.words
    assert not any("promise" in sentence for sentence in answer(build_report()).sentences)


def test_a_guarantee_of_nothing_is_called_so():
    report = private_report(**VACUOUS)
    assert "above 1,000" in guarantee_sentence(report.guarantee)
    assert "nothing is promised" in answer(report).sentences[-1]
    page = Page(render_html(report))
    assert "there is no curve to hold the attacks against" in page.words
    assert page.row("4.00none").endswith("no claim")
    assert "Nothing is claimed that a lower bound could refute" in page.words
    assert "sets the alarm off" not in page.words
    assert "without noise" in guarantee_sentence(guarantee(epsilon=None, vacuous=True))


def test_gaps_are_named_and_share_the_blame():
    told = guarantee(end_to_end=False, gaps=("Genes were chosen by looking.",))
    page = Page(render_html(private_report(guarantee=told, theory=RINGING)))
    assert "Genes were chosen by looking." in page.words
    assert "or what the promise does not cover gave patients away" in page.words
    assert "look at clipping" in alarm_sentence(RINGING, end_to_end=True)


def test_silence_confirms_nothing():
    assert alarm_sentence(SILENT, end_to_end=True).endswith("refutes nothing, and confirms nothing.")
    assert "too few models" in alarm_sentence(theory(), end_to_end=True)


@pytest.mark.parametrize(("epsilon", "text"), [(7.991, "8.00"), (7.99, "7.99"), (0.001, "0.01"), (0.0, "0")])
def test_a_claim_is_rounded_up(epsilon, text):
    assert claim_text(epsilon) == text


def test_one_given_model_has_its_curves_and_is_said_to_prove_nothing(capsys):
    report = build_release_report().model_copy(update={"guarantee": guarantee(), "theory": theory()})
    page = Page(render_html(report))
    assert "Training by DP-SGD promises" in page.words
    assert "the attacks are to be compared with the curve of replace-one" in page.words
    assert "The ROC of one model is one draw" in page.words
    assert page.words.count("One given model gives no lower bound of") == 2
    assert (
        "all target models pooled" not in page.words[page.words.index("Guarantee and evidence") :].split("Utility")[0]
    )
    assert "nothing confirms it" in " ".join(answer(report).sentences)
    print_result(report, ())
    assert "One given model gives no lower bound of epsilon" in capsys.readouterr().out


def test_what_is_said_of_samples_depends_on_whether_patients_have_several():
    assert "80 patients of 400 have several samples" in samples_sentence(private_report())
    cohort = private_report().cohort.model_copy(update={"samples_per_patient": {1: 400}})
    assert "said of patients is said of samples" in samples_sentence(private_report(cohort=cohort))
