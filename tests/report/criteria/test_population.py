from judged import GUARANTEE, THEORY, outcomes, quiet, reasons, verdict
from sample_report import build_report, estimate

from genoaudit.metrics.estimates import RateAtFpr
from genoaudit.report.release_sections import FullSizeRisk, JointReleases, RiskAtShare, Trend
from genoaudit.report.result import NotRun


def test_rates_that_cannot_be_resolved_or_were_not_measured_are_open_and_said_once():
    for fpr, told in (("0.01", "cannot be resolved with 200 non-members"), ("0.05", "was not measured")):
        found = verdict(build_report(), attacks={"auc": 0.99, "tpr_at_fpr": {fpr: 0.99}})
        assert found.decision == "undecidable"
        assert outcomes(found, f"attacks.tpr_at_fpr.{fpr}") == ["open"]
        assert told in found.reasons[0]
        assert found.reasons[0].startswith("Every attack: the share of members recognised at ")


def test_required_attacks_must_have_run():
    required = {"attacks": {"auc": 0.9, "require": ["loss", "lira_fixed", "qmia"]}}
    found = verdict(build_report(), **required)
    assert outcomes(found, "attacks.require") == ["pass", "open", "open"]
    assert found.reasons == (
        "lira_fixed: required, and did not run: needs at least 128 models, has 64.",
        "qmia: required, and did not run: it was not asked for.",
    )
    nothing = build_report(attacks=(), headline=None, not_run=(NotRun(name="loss", reason="has no probabilities"),))
    assert verdict(nothing).reasons == ("Attacks: AUC was not measured: none ran.",)


def full_size(auc, *, smallest=200, others=None):
    points = tuple(
        RiskAtShare(
            share=share,
            members=round(400 * share),
            models=64,
            auc=estimate(0.7),
            tpr_at_fpr=RateAtFpr(0.1, 0.1, 0.3, 0.25, 0.35, smallest >= 100, smallest, 0.26, 0.34),
        )
        for share in (0.5, 0.9)
    )
    risk = {"points": points, "tpr": estimate(0.15, 0.04)}
    others = tuple(Trend(attack=name, auc=other, **risk) for name, other in (others or {}).items())
    return FullSizeRisk(attack="lira", auc=auc, trend="log members", others=others, **risk)


def test_of_a_model_of_everybody_the_extrapolation_is_judged_and_said_to_be_one():
    safe = {attack.name: estimate(0.52, 0.02) for attack in build_report().attacks if attack.name != "lira"}
    report = build_report(full_size=full_size(estimate(0.55, 0.03), others=safe))
    found = verdict(report, attacks={"auc": 0.6, "tpr_at_fpr": {"0.1": 0.2}}, worst_patient={"auc": 0.99})
    assert found.decision == "release"
    said = reasons(found, "attacks.auc")
    assert len(said) == len(report.attacks)
    assert any(
        reason.startswith("LiRA, online, extrapolated to a model of all patients and not measured: AUC 0.55, at most")
        for reason in said
    )
    assert reasons(found, "attacks.tpr_at_fpr.0.1")[0].endswith(
        "15 % of members recognised at 10 % false alarms, at most 18 % (95 %), allowed 20 %."
    )
    assert reasons(found, "worst_patient.auc")[0].startswith(
        "The most exposed patient, in models of 50 % of the patients:"
    )
    unresolved = build_report(full_size=full_size(estimate(0.55, 0.03), smallest=40))
    assert verdict(unresolved, attacks={"tpr_at_fpr": {"0.1": 0.9}}).decision == "undecidable"


def test_of_a_model_of_everybody_every_attack_is_judged_and_one_that_ran_at_one_share_alone_decides_nothing():
    better = build_report(full_size=full_size(estimate(0.55, 0.03), others={"grad_norm": estimate(0.9, 0.02)}))
    found = verdict(better, attacks={"auc": 0.6})
    assert found.decision == "hold"
    assert found.reasons[0].startswith("Gradient norm")
    missing = build_report(full_size=full_size(estimate(0.55, 0.03)))
    found = verdict(missing, attacks={"auc": 0.6})
    assert found.decision == "undecidable"
    assert found.reasons[0].endswith(
        "extrapolated to a model of all patients and not measured: AUC could not be measured."
    )


def test_several_releases_are_judged_together():
    joint = JointReleases(
        attack="Joint LiRA",
        earlier=("old.skops",),
        judged=380,
        left_out=20,
        new_alone=estimate(0.55),
        earlier_alone=(estimate(0.56),),
        together=estimate(0.66),
        together_tpr=RateAtFpr(0.1, 0.1, 0.3, 0.25, 0.35, True, 180, 0.26, 0.34),
        guarantee=GUARANTEE.model_copy(update={"epsilon": 5.0, "seeded": False}),
    )
    report = quiet(joint=joint, guarantee=GUARANTEE, theory=THEORY)
    found = verdict(report, attacks={"auc": 0.6, "tpr_at_fpr": {"0.1": 0.2}}, bounds={"epsilon": 3})
    assert found.reasons == (
        "The guarantee: epsilon 5.00 at delta 0.0003 (add/remove), allowed 3.",
        (
            "Joint LiRA on this and 1 earlier release together: 30 % of members recognised at 10 % false alarms, at "
            "least 26 % (95 %), allowed 20 %."
        ),
        "Joint LiRA on this and 1 earlier release together: AUC 0.66, at least 0.64 (95 %), allowed 0.60.",
    )
    seeded = GUARANTEE.model_copy(update={"epsilon": 2.0, "seeded": True})
    known = quiet(joint=joint.model_copy(update={"guarantee": seeded}), guarantee=GUARANTEE, theory=THEORY)
    assert "the noise of one of the releases can be drawn again" in verdict(known, bounds={"epsilon": 3}).reasons[0]
    without = quiet(joint=joint.model_copy(update={"guarantee": None}), guarantee=GUARANTEE, theory=THEORY)
    assert "not all releases were trained with DP" in verdict(without, bounds={"epsilon": 3}).reasons[0]
