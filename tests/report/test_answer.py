from dataclasses import replace

import pytest

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.answer import answer
from genoaudit.report.wording import NBSP


def said(report):
    found = answer(report)
    return found.tone, " ".join((found.heading, *found.sentences)).replace(NBSP, " ")


def with_rate(report, rate):
    """Every attack's rates replaced by one."""
    attacks = tuple(attack.model_copy(update={"tpr_at_fpr": (rate,)}) for attack in report.attacks)
    return report.model_copy(update={"attacks": attacks})


def with_auc(report, **auc):
    attacks = tuple(
        attack.model_copy(update={"auc": auc[attack.name]}) if attack.name in auc else attack
        for attack in report.attacks
    )
    return report.model_copy(update={"attacks": attacks})


def test_an_exposing_attack_is_said_with_its_rate_its_interval_and_what_guessing_gives(report):
    tone, text = said(report)
    rate = report.attacks[1].tpr_at_fpr[0]
    assert tone == "exposed"
    assert "accepts 10 % false alarms recognises 41 % of the members (95 % interval 34 % to 48 %)" in text
    assert round(100 * rate.tpr) == 41
    assert "guessing would recognise 10 %" in text
    assert "picks the member 77 times in 100 (AUC 0.77, 95 % interval 0.75 to 0.79)" in text


@pytest.mark.parametrize(
    "rate",
    [
        RateAtFpr(0.1, 0.08, 0.4321, 0.1, 0.8, resolvable=False, n_out=60),
        RateAtFpr(0.1, None, None, None, None, resolvable=False, n_out=8),
    ],
)
def test_an_unresolvable_rate_is_never_quoted(report, rate):
    _, text = said(with_rate(report, rate))
    assert "43 %" not in text
    assert f"With {rate.n_out} non-members, what an attacker achieves at 10 % false alarms cannot be resolved" in text
    assert text.index("picks the member") < text.index("cannot be resolved")


def test_a_rate_whose_interval_holds_the_budget_is_not_called_better_than_guessing(report):
    _, text = said(with_rate(report, RateAtFpr(0.1, 0.1, 0.12, 0.08, 0.16, resolvable=True, n_out=200)))
    assert "not clearly more than the 10 % that guessing would" in text


def test_without_a_budget_of_ten_percent_the_largest_speaks(report):
    rates = tuple(RateAtFpr(fpr, fpr, 0.2, 0.15, 0.25, resolvable=True, n_out=5000) for fpr in (0.001, 0.05, 0.01))
    attacks = tuple(attack.model_copy(update={"tpr_at_fpr": rates}) for attack in report.attacks)
    assert "accepts 5 % false alarms" in said(report.model_copy(update={"attacks": attacks}))[1]


def test_finding_nothing_is_said_as_nothing_found_and_not_as_safety(make_report):
    quiet = {"5%": 0.4, "50%": 0.5, "95%": 0.6, "100%": 0.7}
    report = make_report(separation=0.0)
    flagging = report.exposure.flagging.model_copy(update={"flagged": 0})
    exposure = report.exposure.model_copy(update={"auc_quantiles": quiet, "flagging": flagging})
    report = report.model_copy(update={"exposure": exposure})
    tone, text = said(report)
    assert tone == "nothing_found"
    assert "None of the 5 attacks tells members from non-members better than guessing" in text
    assert "not a proof of safety: an AUC up to 0.52" in text
    assert "recognises" not in text
    assert "stand out" not in text


def test_the_best_of_many_attacks_may_lie_above_guessing_by_luck_and_that_is_said(make_report):
    report = make_report(separation=0.0)
    lucky = report.attacks[2].model_copy(update={"auc": Estimate(0.55, 0.502, 0.598)})
    tone, text = said(report.model_copy(update={"attacks": (*report.attacks[:2], lucky, *report.attacks[3:])}))
    assert tone == "nothing_found"
    assert "guessing gives 0.50. That is the best of 5 attacks, and the best of so many gets that far by luck" in text
    assert "the best of so many" not in said(report)[1]


def test_no_patient_is_said_to_exceed_certainty(report):
    certain = {"50%": 0.9, "95%": 1.0, "100%": 1.0}
    report = report.model_copy(update={"exposure": report.exposure.model_copy(update={"auc_quantiles": certain})})
    assert "reaches 0.90 for half of them and 1.00 for one in twenty" in said(report)[1]


def test_patients_who_stand_out_are_said_even_where_the_average_shows_nothing(make_report):
    tone, text = said(make_report(separation=0.0))
    assert tone == "nothing_found"
    assert "Single patients do stand out" in text


@pytest.mark.parametrize("tested", [True, False])
def test_nobody_is_said_to_stand_out_who_is_not_flagged(make_report, tested):
    report = make_report(separation=0.0)
    flagging = report.exposure.flagging.model_copy(update={"flagged": 0}) if tested else None
    wide = {"50%": 0.62, "95%": 0.85, "100%": 0.9}
    exposure = report.exposure.model_copy(update={"auc_quantiles": wide, "flagging": flagging})
    _, text = said(report.model_copy(update={"exposure": exposure}))
    assert "do stand out" not in text
    assert "reaches 0.62 for half of them and 0.85 for one in twenty" in text
    if tested:
        assert "No single one stands out, though: 0 of 400 patients are flagged" in text
    else:
        assert "cannot be said with so few models" in text


def test_an_interval_that_holds_one_half_is_not_better_than_guessing(make_report):
    assert said(make_report(separation=0.1, half_width=0.05))[0] == "nothing_found"
    assert said(make_report(separation=0.3, half_width=0.05))[0] == "exposed"


def test_if_the_headline_attack_finds_nothing_the_strongest_that_does_speaks(report):
    tone, text = said(with_auc(report, lira=Estimate(0.51, 0.47, 0.55)))
    assert tone == "exposed"
    assert "the attack (LiRA, offline) picks the member 72 times" in text


def test_an_attack_stronger_than_the_headline_is_named(report):
    _, text = said(with_auc(report, loss=Estimate(0.9, 0.88, 0.92)))
    assert "Loss threshold does better still: AUC 0.90" in text
    assert "does better still" not in said(report)[1]


def test_worse_than_guessing_is_called_suspicious(report):
    below = Estimate(0.3, 0.25, 0.35)
    tone, text = said(with_auc(report, loss=below, lira=below, lira_offline=below, label_noise=below, grad_norm=below))
    assert tone == "unknown"
    assert "worse than guessing" in text
    assert "error in the set-up" in text


@pytest.mark.parametrize("attacks", ["none", "without intervals"])
def test_no_evidence_is_said_as_no_evidence(report, attacks):
    empty = Estimate(None, None, None)
    without = with_auc(report, loss=empty, lira=empty, lira_offline=empty, label_noise=empty, grad_norm=empty)
    tone, text = said(without if attacks != "none" else report.model_copy(update={"attacks": (), "headline": None}))
    assert tone == "unknown"
    assert "too little evidence" in text
    assert "not been found safe" in text


def test_the_most_exposed_patient_is_spoken_of_beside_the_average(report):
    _, text = said(report)
    assert "The most exposed patient has an AUC of 0.95, 95 % interval 0.89 to 0.99: chosen on one half" in text


def test_flagged_patients_are_said_even_where_neither_the_average_nor_the_spread_shows_them(make_report):
    report = make_report(separation=0.0)
    quiet = report.exposure.model_copy(update={"auc_quantiles": {"50%": 0.5, "95%": 0.6}})
    tone, text = said(report.model_copy(update={"exposure": quiet}))
    assert tone == "nothing_found"
    assert "Single patients do stand out." in text
    assert "123 of 400 patients are flagged" in text


def test_one_model_is_spoken_of_as_this_model(release_report):
    _, text = said(release_report)
    assert "Given this model, an attacker" in text
    assert "most exposed patient" not in text
    assert "these models" not in said(release_report.model_copy(update={"attacks": (), "headline": None}))[1]


def test_finding_nothing_without_references_says_what_did_not_run(alone_report, make_report):
    quiet = make_report(separation=0.0)
    attacks = tuple(attack.model_copy(update={"estimand": "single_target"}) for attack in quiet.attacks)
    tone, text = said(alone_report.model_copy(update={"attacks": attacks}))
    assert tone == "nothing_found"
    assert "The attacks that are the best as a rule did not run" in text
    assert "did not run" not in said(quiet)[1]


def test_a_report_without_optional_parts_is_answered(minimal_report):
    assert said(minimal_report)[0] == "exposed"


def test_an_attack_that_recognises_more_members_is_named_beside_the_headline(report):
    lira = next(attack for attack in report.attacks if attack.name == report.headline)
    more = lira.model_copy(
        update={
            "name": "influence",
            "title": "Influence",
            "auc": Estimate(0.68, 0.64, 0.72),
            "tpr_at_fpr": tuple(replace(rate, tpr=0.9, low=0.8, high=0.95) for rate in lira.tpr_at_fpr),
        }
    )
    _, text = said(report.model_copy(update={"attacks": (*report.attacks, more)}))
    assert "Influence recognises more of the members: 90 %" in text
    assert "recognises more" not in said(report)[1]
