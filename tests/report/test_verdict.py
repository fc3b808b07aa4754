"""What a policy says of a report as a whole; single criteria are tested in criteria/."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judged import outcomes, quiet, verdict
from sample_report import NOTHING, attack, build_report
from scipy import special

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.policy import read_policy
from genoaudit.report.result import AuditReport
from genoaudit.report.verdict import decide


def test_every_attack_is_held_to_the_limit_and_the_worst_comes_first():
    found = verdict(build_report(), attacks={"auc": 0.6, "tpr_at_fpr": {"0.1": 0.2}})
    assert found.decision == "hold"
    assert outcomes(found, "attacks.auc") == ["pass", "fail", "fail", "pass", "pass"]
    assert found.reasons[0] == "LiRA, online: AUC 0.77, at least 0.75 (95 %), allowed 0.60."
    assert (
        found.reasons[1]
        == "LiRA, online: 41 % of members recognised at 10 % false alarms, at least 35 % (95 %), allowed 20 %."
    )
    assert all("allowed" in reason for reason in found.reasons)
    lira = next(criterion for criterion in found.criteria if criterion.subject == "LiRA, online")
    assert (lira.value, lira.threshold) == (pytest.approx(0.771, abs=1e-3), 0.6)
    assert lira.at_least < lira.value < lira.at_most
    assert lira.p_value < 1e-6


def test_all_kept_is_a_release_with_what_comes_closest_first():
    found = verdict(quiet(), attacks={"auc": 0.6, "tpr_at_fpr": {"0.1": 0.3}}, evidence={"models": 64})
    assert found.decision == "release"
    assert {criterion.outcome for criterion in found.criteria} == {"pass"}
    assert found.reasons[0].startswith("LiRA, online: AUC 0.51, at most 0.53 (95 %), allowed 0.60")
    assert found.reasons[2] == "Models: 64, at least 64 asked for."
    assert (found.policy, len(found.policy_sha256)) == ("ours", 64)


def test_too_close_to_call_is_undecidable():
    found = verdict(build_report(half_width=0.2), attacks={"auc": 0.7})
    assert found.decision == "undecidable"
    assert "too close to call" in found.reasons[0]


def test_beyond_by_itself_but_not_among_many_is_open():
    """One of thirty attacks at p = 0.03 proves nothing; alone it would."""
    edge = special.expit(
        special.logit(0.62) - np.array([1.96, 1.645]) / 1.88 * (special.logit(0.62) - special.logit(0.6))
    )
    lucky = attack("lira", "LiRA, online", 0.35).model_copy(
        update={"auc": Estimate(0.62, edge[0], 0.65, edge[1], 0.645)}
    )
    others = tuple(attack(f"attack_{i}", f"Attack {i}", 0.1) for i in range(29))
    report = build_report()
    alone = verdict(report.model_copy(update={"attacks": (lucky,)}), attacks={"auc": 0.6})
    among = verdict(report.model_copy(update={"attacks": (lucky, *others)}), attacks={"auc": 0.6})
    assert (alone.decision, among.decision) == ("hold", "undecidable")
    assert alone.criteria[0].p_value == pytest.approx(0.03, abs=1e-3)
    assert among.criteria[0].p_value == pytest.approx(0.9, abs=0.03)
    assert "not clearly beyond among 30 criteria (adjusted p = 0.9" in among.reasons[0]


def test_the_verdict_is_a_function_of_the_written_report_and_not_of_an_earlier_verdict():
    report, policy = build_report(), read_policy("standard")
    written = AuditReport.model_validate_json(report.to_json())
    found = decide(written, policy)
    again = AuditReport.model_validate_json(written.model_copy(update={"verdict": found}).to_json())
    assert decide(again, policy) == found
    assert again.verdict.decision == found.decision
    assert again.verdict.reasons == found.reasons


def test_the_shipped_policies_call_the_same_report_worse_the_stricter_they_are():
    rank = {"release": 0, "undecidable": 1, "hold": 2}
    for separation in (0.05, 0.3, 0.6, 1.05):
        report = build_report(separation=separation)
        found = [rank[decide(report, read_policy(name)).decision] for name in ("lenient", "standard", "strict")]
        assert found == sorted(found)


# Properties -----------------------------------------------------------------------------------------------------------

UNIT = st.floats(0.02, 0.98)


@st.composite
def numbers(draw):
    """A value with limits of an error on the logit scale, and the error."""
    return draw(UNIT), draw(st.floats(0.01, 1.5))


def noisy(value, error):
    ends = special.expit(special.logit(value) + error * np.array([-1.96, 1.96, -1.645, 1.645]))
    return Estimate(value, *map(float, ends))


def report_of(aucs, utility, worst):
    template = build_report().attacks[0]
    attacks = tuple(template.model_copy(update={"auc": noisy(*auc), "name": f"a{i}"}) for i, auc in enumerate(aucs))
    found = build_report().utility.model_copy(update={"unseen_accuracy": noisy(*utility)})
    group = build_report().worst_group.model_copy(update={"auc": noisy(*worst)})
    return BASE.model_copy(update={"attacks": attacks, "utility": found, "worst_group": group})


BASE = build_report()
REPORTS = {"aucs": st.lists(numbers(), min_size=1, max_size=6), "utility": numbers(), "worst": numbers()}
LIMITS = {"auc": st.floats(0.5, 1), "group": st.floats(0.5, 1), "floor": st.floats(0, 1)}


def of(report, auc, group, floor):
    return verdict(report, attacks={"auc": auc}, worst_group={"auc": group}, utility={"accuracy": floor})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(loosen=st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1)), **REPORTS, **LIMITS)
def test_loosening_never_makes_a_verdict_worse_than_open(loosen, aucs, utility, worst, auc, group, floor):
    report = report_of(aucs, utility, worst)
    tight = of(report, auc, group, floor)
    loose = of(report, min(auc + loosen[0], 1), min(group + loosen[1], 1), max(floor - loosen[2], 0))
    if tight.decision == "release":
        assert loose.decision == "release"
    if tight.decision == "undecidable":
        assert loose.decision != "hold"
    for before, after in zip(tight.criteria, loose.criteria, strict=True):
        order = ("fail", "open", "pass")
        assert order.index(after.outcome) >= order.index(before.outcome)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(more=st.floats(1, 8), **REPORTS, **LIMITS)
def test_more_noise_moves_every_criterion_to_open_and_nowhere_else(more, aucs, utility, worst, auc, group, floor):
    clear = of(report_of(aucs, utility, worst), auc, group, floor)
    widened = [(value, more * error) for value, error in aucs]
    blurred = report_of(widened, (utility[0], more * utility[1]), (worst[0], more * worst[1]))
    for before, after in zip(clear.criteria, of(blurred, auc, group, floor).criteria, strict=True):
        assert after.outcome in {before.outcome, "open"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**REPORTS, **LIMITS)
def test_decisions_follow_from_outcomes_and_reasons_from_decisions(aucs, utility, worst, auc, group, floor):
    found = of(report_of(aucs, utility, worst), auc, group, floor)
    kinds = {criterion.outcome for criterion in found.criteria}
    assert found.decision == ("hold" if "fail" in kinds else "undecidable" if "open" in kinds else "release")
    deciding = {"hold": "fail", "undecidable": "open", "release": "pass"}[found.decision]
    assert set(found.reasons) == {one.reason for one in found.criteria if one.outcome == deciding}
    for criterion in found.criteria:
        beyond = (
            criterion.at_most < floor
            if criterion.key == "utility.accuracy"
            else criterion.at_least > criterion.threshold
        )
        assert beyond or criterion.outcome != "fail"


def test_without_numbers_nothing_passes():
    report = build_report().model_copy(
        update={"attacks": tuple(part.model_copy(update={"auc": NOTHING}) for part in build_report().attacks)}
    )
    assert verdict(report, attacks={"auc": 1.0}).decision == "undecidable"
