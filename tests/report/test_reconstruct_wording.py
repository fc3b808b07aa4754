from sample_reconstruct import build_reconstruct, with_named, with_vanished

from genoaudit.report.reconstruct_table import shown_rows
from genoaudit.report.reconstruct_wording import breaking_row, exceeded_sentences, reconstruct_answer


def words(**options):
    found = reconstruct_answer(build_reconstruct(**{"recipes": ("mlp",), **options}))
    return found.tone, found.heading, " ".join(found.sentences)


def test_reconstruction_breaks_where_guessing_does_as_well():
    row = breaking_row(shown_rows(build_reconstruct(recipes=("mlp",))))
    assert row.budget == 1e3
    assert row.value("analytic") < row.value("control")


def test_a_profile_below_the_class_mean_that_names_its_patient_is_not_lost():
    rows = shown_rows(build_reconstruct(recipes=("mlp",), budgets=(1e3, 1e6, None)))
    assert rows[1].value("analytic") < rows[1].value("control")
    assert rows[1].value("hit_rate") == 1
    assert breaking_row(rows).budget == 1e3


def test_membership_that_is_left_where_profiles_are_lost_is_said():
    tone, heading, text = words()
    assert tone == "exposed"
    assert heading == (
        "The attacks tried no longer read profiles off updates at ε 1000 and below, but at that budget membership "
        "still leaks."
    )
    assert (
        "correlation of 0.61 at ε 1e6, by the best of the attacks tried; guessing the mean of the class gives" in text
    )
    assert "the right patient is nearest in 0" in text
    assert "and of the five most exposed" in text
    assert "that a huge budget is better than none is not borne out" in text


def test_a_huge_budget_that_stops_the_reading_alone_is_said_to():
    _, heading, text = words(budgets=(8.0, 1e4, 1e9, None))
    assert "at ε 1e4 and below" in heading
    assert "for these alone: such a budget promises nothing" in text


def test_membership_that_is_gone_is_said_without_a_promise():
    tone, heading, text = words(shift=9.0, budgets=(8.0, 1e4, 1e9, None))
    assert tone == "nothing_found"
    assert "next to nothing of the membership leak is measured" in heading
    assert "still promises nothing against others" in text


def test_the_claim_is_not_borne_out_where_only_small_budgets_stop_the_reading():
    _, heading, text = words(budgets=(8.0, 1e9, None))
    assert "at ε 8 and below" in heading
    assert "not borne out" in text


def test_where_every_budget_gives_profiles_away_it_is_said():
    tone, heading, _ = words(budgets=(1e9, 1e12, None))
    assert tone == "exposed"
    assert heading == "Profiles of mlp are recovered better than by guessing at every budget tried."


def test_what_was_not_measured_is_not_spoken_of():
    tone, heading, text = words(models=0)
    assert tone == "unknown"
    assert heading.endswith("was not measured on the most exposed, which takes 32 models.")
    assert "AUC" not in text
    assert words(cells=())[:2] == ("unknown", "Nothing was attacked.")


def test_nothing_is_said_to_be_impossible_that_was_only_not_achieved():
    for options in ({}, {"shift": 9.0, "budgets": (8.0, 1e4, None)}, {"budgets": (8.0, 1e9, None)}, {"models": 0}):
        _, heading, text = words(**options)
        for claim in ("cannot", "can no longer", "impossible", "safe", "as good as gone"):
            assert claim not in f"{heading} {text}"
        assert "attacks tried" in heading


def test_any_attack_on_updates_counts_against_a_budget_not_the_inversion_alone():
    report = build_reconstruct(recipes=("mlp",), budgets=(8.0, 1e3, None))
    assert breaking_row(shown_rows(report)).budget == 1e3

    def better(one):
        return one.model_copy(update={"pearson": 0.99}) if one.attack == "imprint" else one

    cells = tuple(
        one.model_copy(update={"recoveries": tuple(map(better, one.recoveries))}) if one.budget == 1e3 else one
        for one in report.cells
    )
    told = report.model_copy(update={"cells": cells})
    assert breaking_row(shown_rows(told)).budget == 8
    assert (
        "mean correlation of 0.99 at ε 1000, by the best of the attacks tried" in reconstruct_answer(told).sentences[0]
    )


def test_a_vanished_gradient_is_told_with_its_cause_and_called_no_protection():
    report = build_reconstruct(recipes=("mlp",), budgets=(8.0, None))
    causes = {}
    for vanished, learnt in ((1.0, 0.0), (1.0, 1.0), (0.5, 0.2)):
        told = with_vanished(report, vanished=vanished, learnt=learnt)
        causes[vanished, learnt] = next(text for text in reconstruct_answer(told).sentences if "has vanished" in text)
        assert "which is no protection" in causes[vanished, learnt]
    assert "no unit of it is active" in causes[1.0, 0.0]
    assert "they are fitted fully" in causes[1.0, 1.0]
    assert "active for them or they are fitted fully" in causes[0.5, 0.2]
    assert not any("vanished" in text for text in reconstruct_answer(report).sentences)


def test_where_theory_sees_half_of_a_profile_lost_is_said():
    assert "half of the correlation at a noise multiplier of 0.011, which is ε 2.1e4 in this training" in words()[2]


def test_more_named_than_allowed_is_a_matter_of_chance_or_an_alarm_before_everything():
    report = build_reconstruct(recipes=("mlp",), budgets=(1.0, 8.0, None))
    assert exceeded_sentences(with_named(report, 1.0, 4)) == ()
    assert any(
        "At ε 1 more candidates were named" in text for text in reconstruct_answer(with_named(report, 1.0, 4)).sentences
    )
    found = reconstruct_answer(with_named(report, 1.0, 30))
    assert (found.tone, found.heading) == ("exposed", "More was identified than the mechanism allows.")
    assert found.sentences[0].startswith("ALARM: on mlp at ε 1, 30 of 40 patients were named")
    assert len(found.sentences) > 3
