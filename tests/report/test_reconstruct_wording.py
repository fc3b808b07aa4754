from sample_reconstruct import build_reconstruct

from genoaudit.report.reconstruct_table import shown_rows
from genoaudit.report.reconstruct_wording import breaking_row, reconstruct_answer


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
        "Profiles can no longer be read off updates at ε 1000 and below, but at that budget membership still leaks."
    )
    assert "correlation of 0.61 at ε 1e6; guessing the mean of the class gives 0.90" in text
    assert "the right patient is nearest in 0" in text
    assert "and of the five most exposed" in text
    assert "that a huge budget is better than none is not borne out" in text


def test_a_huge_budget_that_stops_the_reading_alone_is_said_to():
    _, heading, text = words(budgets=(8.0, 1e4, 1e9, None))
    assert "at ε 1e4 and below" in heading
    assert "for that alone: such a budget promises nothing" in text


def test_membership_that_is_gone_is_said_without_a_promise():
    tone, heading, text = words(shift=9.0, budgets=(8.0, 1e4, 1e9, None))
    assert tone == "nothing_found"
    assert "as good as gone" in heading
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
