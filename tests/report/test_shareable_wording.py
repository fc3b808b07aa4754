"""Sentences of a summary."""

import pytest
from sample_report import build_report
from sample_summary import build_full_report, build_members, build_patients, build_summary

from genoaudit.report import shareable_sections as parts
from genoaudit.report import shareable_wording as wording
from genoaudit.report.shareable import summarise_for_sharing
from genoaudit.report.wording import NBSP


def said(answer):
    return " ".join(answer.sentences).replace(NBSP, " ")


def test_what_is_extrapolated_is_said_first():
    sentences = wording.shared_answer(build_summary(build_full_report())).sentences
    assert "was trained on all patients" in sentences[0]
    assert "AUC of 0.72" in sentences[0]


def test_an_alarm_comes_before_everything():
    report = build_full_report()
    alarmed = report.model_copy(update={"theory": report.theory.model_copy(update={"alarm": True})})
    assert wording.shared_answer(build_summary(alarmed)).heading == "More was found than the guarantee allows."


def test_nothing_found_is_no_proof_of_safety():
    summary = build_summary(build_report(separation=0.01))
    answer = wording.shared_answer(summary)
    assert (answer.tone, answer.heading) == ("nothing_found", "No attack did better than guessing.")
    assert "not a proof of safety" in said(answer)
    assert "which is not clearly more than the 10 % that guessing would" in said(answer)
    assert "best of so many" not in said(answer)
    lucky = summary.attacks[0].model_copy(update={"auc": parts.Number(value=0.55, low=0.51, high=0.6)})
    again = wording.shared_answer(summary.model_copy(update={"attacks": (lucky, *summary.attacks[1:])}))
    assert "That is the best of 5 attacks, and the best of so many gets that far by luck" in said(again)


def test_the_strongest_attack_speaks_where_the_headline_beats_nothing():
    attacks = {attack.name: attack for attack in build_report().attacks}
    weak = attacks["lira"].model_copy(update={"auc": attacks["lira"].auc.__class__(0.5, 0.45, 0.55)})
    summary = build_summary(attacks=(weak, attacks["lira_offline"]))
    assert "(LiRA, offline)" in said(wording.shared_answer(summary))


def test_without_a_rate_that_can_be_resolved_the_answer_says_so():
    first = build_report().attacks[1].model_copy(update={"tpr_at_fpr": ()})
    sentences = wording.shared_answer(build_summary(attacks=(first,))).sentences
    assert sentences[0].startswith("Shown one member and one non-member")
    assert sentences[1].startswith("There are too few non-members")


def test_a_seeded_model_is_said_not_to_be_releasable():
    report = build_full_report()
    seeded = report.model_copy(update={"target": report.target.model_copy(update={"seeded": True})})
    assert "not releasable" in said(wording.shared_answer(build_summary(seeded)))
    assert "not releasable" not in said(wording.shared_answer(build_summary(report)))


def test_the_task_is_told_with_rounded_counts():
    task = wording.task_sentence(build_summary()).replace(NBSP, " ")
    assert "64 models of one recipe (mlp)" in task
    assert "each on 50 % of about 400 patients" in task
    release = build_report(audit="release", exposure=None)
    one = summarise_for_sharing(release, build_patients(), build_members()[:1])
    assert "trained on about 200 of about 400 patients" in wording.task_sentence(one)
    few = summarise_for_sharing(build_report(), build_patients().head(9), build_members(9))
    assert "patients" not in wording.task_sentence(few)


@pytest.mark.parametrize(
    ("access", "decimals", "queries", "sentence"),
    [
        ("labels", 3, 0, "The adversary sees predicted labels."),
        ("probabilities", 3, 0, "The adversary sees probabilities rounded to 3 decimals."),
        ("logits", None, 2, "The adversary sees exact logits, and may ask 2 noisy copies of each sample."),
    ],
)
def test_the_adversary_is_told(access, decimals, queries, sentence):
    task = build_summary().task.model_copy(update={"access": access, "decimals": decimals, "queries": queries})
    assert wording.sees_sentence(task) == sentence


def test_flagged_patients_are_told_in_words():
    def told(how_many, patients=None):
        return wording.flagged_sentence(parts.Flagged(least_auc=0.6, how_many=how_many, patients=patients))

    assert told("fewer than 10").startswith("Fewer than 10 patients, or none, are")
    assert told("counted", 1230).startswith("About 1,230 patients are")
    assert told("all but fewer than 10").startswith("All patients, or all but fewer than 10, are")


def test_promises_that_promise_nothing_are_called_so():
    promise = build_summary(build_full_report()).promise
    assert "nothing is promised" in wording.promise_sentence(promise.model_copy(update={"epsilon": None}))
    vacuous = promise.model_copy(update={"epsilon": 1e9, "vacuous": True})
    assert "excludes no attack" in wording.promise_sentence(vacuous)
    assert "does not cover all" in wording.promise_sentence(promise)


def test_a_bound_of_nothing_refutes_nothing():
    bound = parts.SharedBound(about="canaries", at_least=0.0, delta=0.0002, neighbouring="add/remove")
    assert "is refuted" in wording.bound_sentence(bound.model_copy(update={"at_least": 2.0}))
    assert "no ε" in wording.bound_sentence(bound)
