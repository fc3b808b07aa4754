import pytest
from html_page import Page
from sample_report import NOTHING, build_report

from genoaudit.report.html import render_html
from genoaudit.report.verdict_wording import unseen_sentence, worst_group_sentence
from genoaudit.report.wording import plain


def test_the_most_exposed_group_is_named_with_its_interval():
    group = build_report().worst_group
    assert plain(worst_group_sentence(group)) == (
        "The most exposed group (class: PRAD) has an AUC of 0.86, 95 % interval 0.80 to 0.92: chosen on one half of "
        "the models and measured on the other."
    )
    both = group.model_copy(update={"value": "PRAD / LUAD"})
    assert "(class: PRAD / LUAD, one chosen by each half of the models)" in worst_group_sentence(both)


def test_accuracy_on_unseen_patients_says_what_its_interval_is_over():
    utility = build_report().utility
    assert plain(unseen_sentence(utility, single=False)) == (
        "On patients not seen, accuracy 93 % (95 % interval 92 % to 94 %) and balanced accuracy 90 % (95 % interval "
        "88 % to 92 %); intervals over patients and models."
    )
    assert unseen_sentence(utility, single=True).endswith("intervals over patients.")
    unknown = utility.model_copy(update={"unseen_accuracy": NOTHING, "unseen_balanced_accuracy": NOTHING})
    assert unseen_sentence(unknown, single=True) == ""


@pytest.mark.usefixtures("without_drawing")
def test_both_stand_on_the_page():
    words = Page(render_html(build_report())).words
    assert "The most exposed group (class: PRAD)" in words
    assert "On patients not seen, accuracy" in words
