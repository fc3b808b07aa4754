"""What is told of an audit to those outside."""

import json

import numpy as np
import pytest
from sample_report import build_minimal_report, build_release_report, build_report
from sample_summary import build_full_report, build_members, build_patients, build_summary, unresolved

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.shareable import Summary, summarise_for_sharing


@pytest.fixture(scope="module")
def full():
    return build_summary(build_full_report())


def test_attacks_are_told_with_rounded_intervals(full):
    lira = next(attack for attack in full.attacks if attack.name == "lira")
    exact = next(attack for attack in build_report().attacks if attack.name == "lira")
    assert lira.auc.value == round(exact.auc.value, 2)
    assert lira.auc.low <= exact.auc.low <= exact.auc.high <= lira.auc.high
    assert [rate.fpr for rate in lira.rates] == [0.1]  # 200 non-members resolve no smaller rate


def test_no_rate_is_told_that_the_non_members_cannot_resolve():
    first, *rest = build_report().attacks
    first = first.model_copy(update={"tpr_at_fpr": (unresolved(),)})
    assert build_summary(attacks=(first, *rest)).attacks[0].rates == ()


def test_the_roc_is_told_on_a_fixed_grid_of_resolvable_rates(full):
    assert [point.fpr for point in full.roc] == [0.05, 0.1, 0.2, 0.5]  # 400 pooled non-members: sample_report
    assert all(point.low <= point.tpr <= point.high for point in full.roc)
    assert [point.tpr for point in full.roc] == sorted(point.tpr for point in full.roc)


def test_what_a_promise_allows_is_rounded_up_and_a_bound_down(full):
    assert (full.promise.epsilon, full.promise.delta) == (8.0, 0.0003)
    assert [(bound.about, bound.at_least) for bound in full.bounds] == [
        ("the most exposed patient", 1.0),  # 1.2399 and the next step is 2
        ("canaries", 0.73),
    ]
    assert all(bound.delta == 0.0002 for bound in full.bounds)
    assert [(limit.fpr, limit.tpr) for limit in full.theory.limits] == [(0.01, 0.1), (0.1, 0.32)]


def test_bounds_that_rest_on_an_assumption_are_not_told():
    gaussian = tuple(bound.model_copy(update={"kind": "gdp_fit"}) for bound in build_report().bounds)
    assert [bound.about for bound in build_summary(bounds=gaussian).bounds] == ["canaries"]


def test_a_handful_of_canaries_is_not_told():
    canaries = build_report().canaries
    few = canaries.kinds[0].model_copy(update={"canaries": 9})
    natural = canaries.kinds[0].model_copy(update={"kind": "natural", "canaries": 397})
    told = build_summary(canaries=canaries.model_copy(update={"kinds": (few, natural, canaries.kinds[1])})).canaries
    assert [kind.title for kind in told.kinds] == ["Rare subtype"]


def test_means_over_classes_are_told_only_if_all_classes_are(full):
    assert full.non_members.accuracy.value == 0.93
    assert full.non_members.balanced_accuracy is None  # one class is too small
    assert full.non_members.auroc is None
    patients = build_patients()
    patients["group: class"] = np.where(np.arange(400) % 2, "one", "other")
    whole = summarise_for_sharing(build_report(), patients, build_members())
    assert whole.non_members.balanced_accuracy.value == 0.9


def test_what_was_not_tested_is_named_unless_it_names_a_file_or_a_number(full):
    assert full.not_tested == ("Attacks on gradients",)


def test_neither_files_nor_digests_nor_the_seed_nor_notes_are_told():
    design = build_report().design.model_copy(update={"seed": 918273645})
    report = build_full_report().model_copy(update={"design": design})
    text = build_summary(report).to_json()
    for secret in ("cohort.h5ad", "st-marys", "9f86d081", "abab", "cdcd", "918273645", "397", "203", "THCA", "island"):
        assert secret not in text


def test_of_a_tiny_cohort_hardly_anything_is_left():
    patients = build_patients().head(19)
    summary = summarise_for_sharing(build_full_report(), patients, build_members(19))
    assert summary.task.patients is None
    assert summary.found == "unknown"
    assert summary.attacks == summary.roc == summary.variables == summary.bounds == ()
    for part in ("union", "members", "non_members", "exposure", "canaries", "full_size", "joint", "most_exposed_group"):
        assert getattr(summary, part) is None
    assert {criterion.value for criterion in summary.verdict.criteria} == {None}
    assert summary.checks


def test_a_given_model_is_told_with_its_members_about():
    patients = build_patients()
    members = (np.arange(400) % 100 < 53)[None, :]
    summary = summarise_for_sharing(build_release_report(), patients, members)
    assert summary.task.audit == "release"
    assert summary.task.members in {210, 215}
    assert summary.task.members_share is None
    assert summary.task.patients == 400
    assert summary.exposure is None


def test_a_report_with_little_in_it_can_be_told():
    summary = build_summary(build_minimal_report())
    assert summary.exposure is None
    assert summary.canaries is None
    assert summary.self_test_passed is None
    assert len(summary.attacks) == 2


def test_an_attack_without_a_number_stays_one_without():
    first, *rest = build_report().attacks
    nothing = first.model_copy(update={"auc": Estimate(None, None, None)})
    assert build_summary(attacks=(nothing, *rest)).attacks[0].auc is None


def test_the_same_run_always_tells_the_same(full):
    assert build_summary(build_full_report()) == full
    assert Summary.model_validate_json(full.to_json()) == full


def test_a_replay_says_so(full):
    assert full.rule.drawn == "random"
    assert build_summary(pseudonyms="from the seed").rule.drawn == "from the seed"


def test_every_number_is_coarse(full):
    def walk(value):
        if isinstance(value, dict):
            for item in value.values():
                yield from walk(item)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item)
        elif isinstance(value, float):
            yield value

    found = list(walk(json.loads(full.to_json())))
    assert len(found) > 80
    assert all(round(value, 2) == value or abs(value - 0.5) < 0.01 or value in {0.0002, 0.0003} for value in found)
