import pytest

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.ppv import ppv_at_priors
from genoaudit.report.risk import resolvable_threshold, risk_of
from genoaudit.report.sections import ShadowThreshold
from genoaudit.report.wording import NBSP


def threshold(fpr, tpr, achieved, priors=(0.01, 0.1, 0.5)):
    return ShadowThreshold(fpr=fpr, tpr=tpr, achieved_fpr=achieved, ppv=ppv_at_priors(tpr, achieved, priors=priors))


def with_thresholds(report, *thresholds, n_out=5_000):
    """Every attack judged at these thresholds among so many non-members."""
    rates = tuple(RateAtFpr(own.fpr, own.fpr, 0.5, 0.4, 0.6, own.fpr * n_out >= 10, n_out) for own in thresholds)
    changes = {"at_shadow_thresholds": thresholds, "tpr_at_fpr": rates}
    return report.model_copy(update={"attacks": tuple(attack.model_copy(update=changes) for attack in report.attacks)})


STRICT = threshold(0.01, Estimate(0.2, 0.15, 0.25), Estimate(0.01, 0.008, 0.0125))
LOOSE = threshold(0.1, Estimate(0.6, 0.5, 0.7), Estimate(0.1, 0.08, 0.125))


def said(report):
    risk = risk_of(report)
    return risk, f"{risk.reach} {risk.accusations}".replace(NBSP, " ")


def test_the_sentences_say_the_numbers_at_the_strictest_rate_that_can_be_resolved(report):
    risk, text = said(with_thresholds(report, LOOSE, STRICT))
    assert "set on other models for 1 % false alarms" in text
    assert "would name 20 of 100 members (95 % interval 15 to 25), and 1 of 100 non-members" in text
    # 0.2 / (0.2 + 0.01), 0.02 / (0.02 + 0.9 * 0.01), ...; the limits are with the limits of both rates.
    assert "about 95 (92 to 97) are members if half of those attacked are, " in text
    assert "about 69 (57 to 78) if one in ten is and about 17 (11 to 24) if one in a hundred is" in text
    assert "Of 100 named at random, 50, 10 and 1 would be." in text
    assert [odds.shown for odds in risk.odds] == [95, 69, 17]


def test_a_rate_that_cannot_be_resolved_is_passed_over(report):
    _, text = said(with_thresholds(report, LOOSE, STRICT, n_out=900))
    assert "10 % false alarms" in text
    assert "1 % false alarms" not in text.replace("10 %", "")
    assert risk_of(with_thresholds(report, STRICT, n_out=900)) is None
    assert resolvable_threshold(with_thresholds(report, STRICT, n_out=900).attacks[0]) is None


def test_an_attack_without_thresholds_of_other_models_leaves_the_word_to_the_next_best(report):
    report = with_thresholds(report, LOOSE)
    best = max(report.attacks, key=lambda attack: attack.auc.value)
    without = tuple(
        attack.model_copy(update={"at_shadow_thresholds": ()} if attack.name == best.name else {})
        for attack in report.attacks
    )
    spoken = risk_of(report.model_copy(update={"attacks": without})).attack
    rest = [attack for attack in without if attack.name != best.name]
    assert spoken.name == max(rest, key=lambda attack: attack.auc.value).name


def test_without_a_false_alarm_only_the_lower_limit_is_said(report):
    none = threshold(0.01, Estimate(0.5, 0.4, 0.6), Estimate(0.0, 0.0, 0.004))
    risk, text = said(with_thresholds(report, none))
    assert "at least 99 are members if half of those attacked are" in text
    assert "none of 100 non-members" in text
    assert risk.odds[0].span == ""


def test_what_may_be_guessing_is_said_as_a_range_and_not_drawn(report):
    guess = threshold(0.1, Estimate(0.12, 0.09, 0.15), Estimate(0.1, 0.08, 0.12))
    risk, text = said(with_thresholds(report, guess))
    assert risk.odds == ()
    assert "43 to 65 are members if half of those attacked are" in text
    assert "not clearly better than that" in text


@pytest.mark.parametrize(
    ("tpr", "achieved", "right", "wrong"),
    [
        (Estimate(0.12, 0.03, 0.2), Estimate(0.1, 0.08, 0.12), "2 at most if one in a hundred is", "fewer than 1 to"),
        (Estimate(0.9, 0.8, 0.95), Estimate(0.0001, 0.0, 0.0004), "more than 99 are members if half", "to more than"),
        (Estimate(0.9, 0.3, 0.95), Estimate(0.002, 0.001, 0.02), "(94 or more) are members", "about more"),
    ],
)
def test_limits_next_to_none_or_all_are_said_as_one(report, tpr, achieved, right, wrong):
    _, text = said(with_thresholds(report, threshold(0.1, tpr, achieved)))
    assert right in text
    assert wrong not in text


def test_the_attack_that_speaks_is_the_one_that_the_answer_speaks_of(report):
    assert risk_of(report).attack.name == report.headline
    hidden = Estimate(0.5, 0.48, 0.52)
    attacks = tuple(
        attack.model_copy(update={"auc": hidden}) if attack.name == report.headline else attack
        for attack in report.attacks
    )
    assert risk_of(report.model_copy(update={"attacks": attacks})).attack.name == "lira_offline"


def test_one_given_model_is_spoken_of_as_one(release_report):
    assert "who is given this model" in risk_of(release_report).reach


def test_a_share_of_members_without_words_of_its_own_is_said_as_a_percentage(report):
    own = threshold(0.1, LOOSE.tpr, LOOSE.achieved_fpr, priors=(0.2,))
    assert "are members if 20 % of those attacked are." in said(with_thresholds(report, own))[1]


def test_without_thresholds_or_attacks_nothing_is_said(report, minimal_report):
    assert risk_of(minimal_report) is None
    assert risk_of(report.model_copy(update={"attacks": ()})) is None


@pytest.mark.parametrize("priors", [(0.01,), (0.1,)])
def test_a_single_share_of_members_makes_one_sentence(report, priors):
    own = threshold(0.1, LOOSE.tpr, LOOSE.achieved_fpr, priors=priors)
    words = "one in a hundred" if priors == (0.01,) else "one in ten"
    assert f"are members if {words} of those attacked is. Of 100" in said(with_thresholds(report, own))[1]
