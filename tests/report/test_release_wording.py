import pytest
from sample_release import (
    PROMISE,
    build_full_size_report,
    build_joint_report,
    control,
    full_size,
    joint,
)
from sample_report import NOTHING, estimate, rate

from genoaudit.report.answer import answer
from genoaudit.report.release_wording import (
    biased_sentence,
    control_of,
    control_sentence,
    full_size_sentences,
    joint_promise,
    joint_sentence,
    of_recipe,
    title_of,
)
from genoaudit.report.sections import ClaimComparison, Theory
from genoaudit.report.wording import NBSP


def plainly(text):
    return text.replace(NBSP, " ")


def test_a_model_trained_on_everybody_is_said_not_to_be_measured_and_the_trend_not_to_be_a_bound():
    report = build_full_size_report()
    everybody, trend = map(plainly, full_size_sentences(report, report.full_size))
    assert "trained on all 400 patients" in everybody
    assert "nothing was measured on it" in everybody
    assert "Extrapolated from models trained on 50 % and 90 % of the patients" in trend
    assert "LiRA, online" in trend
    assert "74 times in 100 (AUC 0.74, 95 % interval 0.72 to 0.77)" in trend
    assert "At 10 % false alarms it would recognise 39 % of the members (95 % interval 33 % to 45 %)" in trend
    assert trend.endswith(
        "This is an extrapolation, not a measurement and not a bound, for an attacker who knows 90 % of the patients; "
        "one who knows more of them gets more."
    )


def test_a_trend_of_rates_that_cannot_be_resolved_is_not_quoted():
    points = tuple(point.model_copy(update={"tpr_at_fpr": rate(1.0, 0.1, 60)}) for point in full_size().points)
    report = build_full_size_report(points=points)
    assert "39 %" not in plainly(full_size_sentences(report, report.full_size)[1])


def test_a_trend_without_numbers_says_that_nothing_can_be_said():
    report = build_full_size_report(auc=NOTHING, tpr=NOTHING)
    trend = full_size_sentences(report, report.full_size)[1]
    assert "nothing can be said" in trend
    assert "None" not in trend


def test_the_answer_of_a_model_trained_on_everybody_begins_with_that():
    said = answer(build_full_size_report())
    assert "trained on all 400 patients" in said.sentences[0]
    assert said.sentences[1].startswith("Extrapolated from")
    assert said.sentences[2] == "What was measured, on models trained on half of the patients:"
    assert "Given one of these models" in said.sentences[3]


def test_several_releases_are_said_with_each_alone_and_who_was_left_out():
    text = plainly(joint_sentence(joint()))
    assert "holds the earlier release '2023 <b>release</b>'" in text
    assert "reaches an AUC of 0.82, 95 % interval 0.80 to 0.84" in text
    assert "Of this model alone the same attack has 0.77, 95 % interval 0.75 to 0.79" in text
    assert "of the earlier one 0.74" in text
    assert "380 patients whose membership is the same in all of them; 20 who joined or left" in text
    two = plainly(joint_sentence(joint(earlier=("a", "b"), earlier_alone=joint().earlier_alone * 2, left_out=0)))
    assert "the earlier releases 'a' and 'b'" in two
    assert "joined or left" not in two


def test_a_promise_of_several_releases_is_that_of_all_or_of_none():
    assert "promise nothing" in joint_promise(joint())
    assert plainly(joint_promise(joint(guarantee=PROMISE))).startswith(
        "All 2 releases together, as one training: Training by DP-SGD promises"
    )
    assert "11.30" in joint_promise(joint(guarantee=PROMISE))


def test_earlier_releases_can_expose_members_that_one_model_does_not(make_report):
    quiet = make_report(separation=0.0, half_width=0.03, audit="release", exposure=None)
    said = answer(build_joint_report(base=quiet).model_copy(update={"exposure": None}))
    assert said.tone == "exposed"
    assert said.heading == "Members can be told from non-members by whoever holds earlier releases too."
    silent = build_joint_report(base=quiet, together=NOTHING).model_copy(update={"exposure": None})
    assert answer(silent).tone == "nothing_found"


def test_what_is_got_without_the_model_stands_beside():
    report = build_joint_report()
    found = control_of(report)
    assert control_sentence(found) == (
        "Without the model, an attempt to tell members from non-members has an AUC of 0.52 by expression alone "
        "(chance: below 0.58) and 0.51 by covariates alone (chance: below 0.57)."
    )
    assert answer(report).heading == "Members can be told from non-members."
    assert control_of(report.model_copy(update={"audit": "recipe"})) is None
    assert control_of(report.model_copy(update={"checks": ()})) is None


def test_a_biased_control_group_is_said_first_and_the_success_is_not_called_leakage(make_report):
    biased = control(0.81, status="issue")
    report = build_joint_report().model_copy(update={"checks": (biased,)})
    said = answer(report)
    assert said.tone == "unknown"
    assert said.heading == "Members can be told from non-members, but without the model as well."
    assert said.sentences[0] == biased_sentence(biased)
    assert "0.81 by expression" in said.sentences[0]
    assert "measures how the two groups were chosen" in said.sentences[0]
    quiet = make_report(separation=0.0, half_width=0.03, audit="release", exposure=None, checks=(biased,))
    assert answer(quiet).tone == "nothing_found"
    assert answer(quiet).sentences[0] == biased_sentence(biased)


def test_what_references_say_of_single_patients_is_said_of_the_recipe(report, release_report):
    sentence = "The most exposed patient has an AUC of 0.9."
    assert of_recipe(report, sentence) == sentence
    assert of_recipe(release_report, sentence).startswith("Of models trained by the same recipe, not of this one: the")
    assert of_recipe(release_report, "") == ""
    told = " ".join(answer(build_joint_report()).sentences)
    assert "not of this one: exposure differs between patients" in told


def test_an_attack_is_called_by_its_title(report):
    assert title_of(report, "lira") == "LiRA, online"
    assert title_of(report, "unheard") == "unheard"


@pytest.mark.parametrize("alarm", [False, True])
def test_a_guarantee_is_held_against_bounds_that_are_said_to_be_of_the_recipe(alarm):
    compared = ClaimComparison(
        kind="many_run",
        neighbouring="replace-one",
        on="one patient",
        epsilon=2.5,
        delta=1e-4,
        significance=0.05,
        claimed=1.0 if alarm else 4.0,
        exceeded=alarm,
    )
    theory = Theory(curves=(), comparisons=(compared,), alarm=alarm, level=0.05)
    said = answer(build_joint_report().model_copy(update={"theory": theory, "guarantee": PROMISE}))
    assert ("ALARM" in said.sentences[0]) == alarm
    told = said.sentences[0] if alarm else said.sentences[-1]
    assert told.endswith("The lower bounds are those of reference models of its recipe.")


def test_an_attacker_takes_the_release_that_gives_away_most():
    said = joint_sentence(joint(earlier_alone=(estimate(0.99),)))
    assert said.endswith("an attacker takes that one.")
    assert "takes that one" not in joint_sentence(joint())
