import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.ppv import PpvAtPrior
from genoaudit.report import promise_wording, wording
from genoaudit.report.result import Adversary
from genoaudit.report.wording import NBSP, exposure_quantiles, percent, subject, unexposed_band


def plain(sentence):
    return sentence.replace(NBSP, " ")


def test_the_subject_counts_what_was_audited(report):
    text = subject(report)
    assert "64 models" in text
    assert "each on 199 to 201 of the 400 patients of cohort.h5ad" in text
    simulated = report.model_copy(update={"cohort": report.cohort.model_copy(update={"source": "simulated"})})
    assert "of the 400 simulated patients" in subject(simulated)


def test_percentages_near_the_ends_are_never_rounded_onto_them():
    assert percent(0.00001) != percent(0.0)
    assert percent(0.99999) != percent(1.0)


def test_percentages_are_right_to_the_digits_shown():
    for value in np.linspace(0.001, 0.999, 500).tolist():
        shown = percent(value).replace(NBSP, "").removesuffix("%")
        digits = len(shown.partition(".")[2])
        assert abs(float(shown) - 100 * value) <= 0.5 * 10**-digits + 1e-9


def test_quantiles_come_in_increasing_order_of_percentage(report):
    mixed = dict(reversed(report.exposure.auc_quantiles.items()))
    report = report.model_copy(update={"exposure": report.exposure.model_copy(update={"auc_quantiles": mixed})})
    assert list(exposure_quantiles(report)) == [5, 25, 50, 75, 95, 100]


@pytest.mark.parametrize("models", [16, 64])
def test_the_band_of_unexposed_patients_holds_95_percent_of_them(report, models):
    report = report.model_copy(update={"design": report.design.model_copy(update={"models": models})})
    low, high = unexposed_band(report)
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(4000, models))
    auc = mannwhitneyu(draws[:, : models // 2], draws[:, models // 2 :], axis=1).statistic / (models // 2) ** 2
    assert np.mean((auc >= low) & (auc <= high)) == pytest.approx(0.95, abs=0.015)


def test_the_subject_of_a_release_audit_is_one_model(release_report):
    text = subject(release_report)
    assert text.startswith("One given model (mlp), which predicts cancer_type")
    assert "64 models of the same recipe" in text
    assert wording.over_targets(release_report) == "for this model"


def test_the_subject_of_a_model_without_a_recipe_is_that_model_alone(alone_report):
    text = subject(alone_report)
    assert "trained on 200 of the 400 patients of" in text
    assert "no other models were trained to compare it with" in text
    assert wording.over_targets(alone_report) == "for this model"
    assert wording.unexposed_band(alone_report) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "net.safetensors, a torch model. 200 patients were its members, by file members.txt; 200 were not."),
        ({"kind": "scores", "members_by": ""}, "known by a table of its scores. 200 patients were its members; 200"),
        ({"manifest": "agrees"}, "by file members.txt; the manifest of the model agrees; 200 were not."),
    ],
)
def test_a_given_model_is_said_in_a_sentence(alone_report, changes, said):
    assert said in wording.given_sentence(alone_report.target.model_copy(update=changes))


def test_a_report_without_exposure_has_no_quantiles(release_report):
    assert exposure_quantiles(release_report) == {}


@pytest.mark.parametrize("epsilon", [0.009, 1.2399, 2.0, 0.999])
def test_a_bound_is_never_rounded_up(epsilon):
    assert float(wording.epsilon_text(epsilon)) <= epsilon
    assert float(wording.epsilon_text(epsilon)) > epsilon - 0.0101


def test_a_bound_of_zero_claims_nothing_and_gdp_bounds_say_what_they_rest_on(report):
    positive, zero = report.bounds
    gdp = report.canaries.bounds[1]
    assert promise_wording.bound_claim(gdp) == "smaller ε refuted if the mechanism is GDP"
    assert promise_wording.bound_claim(positive) == "smaller ε refuted"
    assert promise_wording.bound_claim(zero) == "nothing refuted"
    assert promise_wording.BOUND_HOLDS_FOR["one_run_fdp"] == "lower bound if the mechanism is GDP"


def test_where_no_false_alarm_was_seen_only_the_lower_limit_of_ppv_is_said():
    assert plain(wording.ppv_text(PpvAtPrior(0.1, None, 0.412, None))) == "at least 41 %"
    assert plain(wording.ppv_text(PpvAtPrior(0.1, 0.5, 0.412, None))) == "50 %"


@pytest.mark.parametrize(
    ("adversary", "said"),
    [
        (Adversary(access="labels", decimals=2, queries=0), "The adversary sees predicted labels."),
        (
            Adversary(access="probabilities", decimals=2, queries=1),
            "The adversary sees probabilities rounded to 2 decimals; 1 noisy copy of each sample may be asked as well.",
        ),
        (
            Adversary(access="parameters", decimals=None, queries=8),
            "The adversary sees all parameters and probabilities; 8 noisy copies of each sample may be asked as well.",
        ),
    ],
)
def test_what_the_adversary_sees_is_said(adversary, said, report):
    assert any(attack.access == "parameters" for attack in report.attacks)
    assert wording.adversary_sentence(report.model_copy(update={"adversary": adversary})) == said


def test_parameters_that_no_attack_read_are_not_said_to_be_seen(report):
    black_box = tuple(attack for attack in report.attacks if attack.access != "parameters")
    adversary = Adversary(access="parameters", decimals=None, queries=0)
    said = wording.adversary_sentence(report.model_copy(update={"attacks": black_box, "adversary": adversary}))
    assert said == "The adversary sees exact logits; no attack that ran reads parameters."


def test_flags_are_said_with_their_effect_and_their_error(report):
    said = plain(wording.flagging_sentence(report.exposure.flagging))
    assert said == "123 of 400 patients are flagged: AUC above 0.60, false flags held at 5 %."


def test_the_worst_patients_are_said_with_how_they_were_chosen(report):
    one, five, _ = (wording.worst_sentence(worst) for worst in report.exposure.worst)
    assert one.startswith("The most exposed patient has an AUC of 0.95, ")
    assert five.startswith("The 5 most exposed patients have a mean AUC of 0.93, ")
    assert "chosen on one half of the models and measured on the other" in one


def test_stability_is_said_as_a_number_or_as_unmeasured(report):
    stability = report.exposure.stability
    assert "a correlation of 0.71 (0.66 to 0.75 in" in wording.stability_sentence(stability)
    unknown = stability.model_copy(update={"spearman": Estimate(None, None, None)})
    assert "could not be measured" in wording.stability_sentence(unknown)


def test_the_union_is_said_with_its_price(report):
    said = plain(wording.union_sentence(report.union))
    assert "5 attacks, each allowed 10 % false alarms" in said
    assert "recognise 58 % of the members" in said
    assert "accuse 28 % of the non-members" in said


def test_a_self_test_that_found_something_is_said_to_have_failed(report):
    passed = report.self_test
    wrong = passed.attacks[0].model_copy(update={"passed": False})
    failed = passed.model_copy(update={"attacks": (wrong, passed.attacks[1]), "passed": False})
    assert "Passed: it found nothing" in wording.self_test_sentence(passed)
    assert "Failed: 1 of 2 attacks found what is not there." in wording.self_test_sentence(failed)
    flagged = passed.model_copy(update={"flagged": 3, "passed": False})
    assert "Failed, though every attack alone found nothing." in wording.self_test_sentence(flagged)
    assert "3 of 400 patients flagged" in wording.self_test_sentence(flagged)


def test_canaries_are_counted_without_natural_patients(report):
    natural = report.canaries.kinds[0].model_copy(update={"kind": "natural", "canaries": 400})
    canaries = report.canaries.model_copy(update={"kinds": (natural, *report.canaries.kinds)})
    said = wording.canary_sentence(canaries, "LiRA, online")
    assert said.startswith("100 invented patients (canaries)")
    assert "each of 64 further models by its own fair coin" in said
