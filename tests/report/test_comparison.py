import json
import shutil

import pytest
from certified import draw_quickly
from sample_verdict import build_verdict

from genoaudit import compare_runs
from genoaudit.errors import ConfigError, DataError
from genoaudit.metrics.estimates import Estimate
from genoaudit.report.comparison import compare
from genoaudit.report.sections import Guarantee


def with_auc(report, *limits):
    estimate = Estimate(sum(limits) / 2, *limits) if limits else Estimate(0.7, None, None)
    attacks = tuple(attack.model_copy(update={"auc": estimate}) for attack in report.attacks)
    return report.model_copy(update={"attacks": attacks})


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0.5, 0.59), "lower"),
        ((0.71, 0.8), "higher"),
        ((0.5, 0.6), "overlapping"),
        ((0.7, 0.9), "overlapping"),
        ((0.5, 0.9), "overlapping"),
        ((), "unknown"),
    ],
)
def test_a_number_is_beyond_the_first_only_where_intervals_do_not_overlap(report, limits, expected):
    found = compare({"first": with_auc(report, 0.6, 0.7), "second": with_auc(report, *limits)})
    assert found.runs[1].auc.against_first == expected
    assert found.runs[0].auc.against_first == "unknown"


def test_every_run_carries_its_numbers_its_guarantee_and_its_verdict(report):
    promise = Guarantee(
        epsilon=8.0,
        delta=1e-3,
        accountant="pld",
        noise_multiplier=1.0,
        neighbouring="add/remove",
        unit="patient",
        vacuous=False,
        end_to_end=True,
        gaps=(),
    )
    protected = report.model_copy(update={"guarantee": promise, "verdict": build_verdict("release")})
    first, second = compare({"plain": report, "protected": protected}).runs
    lira = report.attacks[1]
    assert first.attack == lira.title
    assert first.auc.estimate == lira.auc
    assert first.worst_patient.estimate == report.exposure.worst[0].auc
    assert first.worst_patients.estimate == report.exposure.worst[2].auc
    assert first.flagged == pytest.approx(123 / 400)
    assert first.accuracy == report.utility.non_members.accuracy
    assert (first.guarantee, first.verdict) == (None, None)
    assert second.guarantee == promise
    assert (second.verdict, second.policy) == ("release", "standard")


def test_all_runs_are_judged_by_one_attack_where_one_ran_in_all(report):
    fewer = report.model_copy(
        update={"attacks": tuple(a for a in report.attacks if a.name != "lira"), "headline": "lira_offline"}
    )
    found = compare({"all": report, "fewer": fewer})
    assert found.same_attack
    assert {run.attack for run in found.runs} == {"LiRA, offline"}
    alone = report.model_copy(update={"attacks": report.attacks[1:2]})
    apart = compare({"alone": alone, "fewer": fewer})
    assert not apart.same_attack
    assert [run.attack for run in apart.runs] == ["LiRA, online", "LiRA, offline"]
    assert any("not comparable" in warning for warning in apart.warnings)


def test_a_rate_is_compared_at_the_strictest_budget_that_all_runs_resolve(report):
    strict = tuple(
        attack.model_copy(
            update={
                "tpr_at_fpr": tuple(rate.__class__(**{**vars(rate), "resolvable": True}) for rate in attack.tpr_at_fpr)
            }
        )
        for attack in report.attacks
    )
    finer = report.model_copy(update={"attacks": strict})
    assert compare({"a": report, "b": finer}).fpr == 0.1
    assert compare({"a": finer, "b": finer}).fpr == 0.001
    none = report.model_copy(update={"attacks": (), "headline": None})
    without = compare({"a": report, "b": none})
    assert without.fpr is None
    assert without.runs[0].tpr.estimate.value is None


def test_only_settings_that_differ_are_listed(report):
    other = report.model_copy(
        update={"recipe": report.recipe.model_copy(update={"parameters": {**report.recipe.parameters, "epochs": 40}})}
    )
    found = compare({"a": report, "b": other, "c": report})
    assert [run.settings for run in found.runs] == [("epochs = 20",), ("epochs = 40",), ("epochs = 20",)]


def test_other_patients_other_adversaries_and_other_policies_are_said(report, release_report):
    elsewhere = report.model_copy(update={"cohort": report.cohort.model_copy(update={"sha256": "0" * 64})})
    (warning,) = compare({"here": report, "there": elsewhere}).warnings
    assert warning.startswith("Not on the patients of here (the data differ): there.")
    labels = report.model_copy(update={"adversary": report.adversary.model_copy(update={"access": "labels"})})
    assert any("adversaries" in warning for warning in compare({"a": report, "b": labels}).warnings)
    assert any("one given model" in warning for warning in compare({"a": report, "b": release_report}).warnings)
    strict = report.model_copy(update={"verdict": build_verdict(policy="strict")})
    lenient = report.model_copy(update={"verdict": build_verdict(policy="lenient")})
    assert compare({"a": strict, "b": lenient}).warnings == ("The verdicts are by different policies.",)
    assert compare({"a": report, "b": report}).warnings == ()


def test_one_run_is_no_comparison(report):
    with pytest.raises(ConfigError, match="two or more"):
        compare({"alone": report})


def test_runs_are_read_from_their_folders_and_told_apart_by_number_where_names_are_equal(
    audit_result, tmp_path, monkeypatch
):
    draw_quickly(monkeypatch)
    for parent in ("monday", "tuesday"):
        audit_result.save(tmp_path / parent / "run")
    shutil.copytree(tmp_path / "monday" / "run", tmp_path / "other")
    folders = [tmp_path / "monday" / "run", tmp_path / "tuesday" / "run", tmp_path / "other"]
    found = compare_runs(folders)
    assert [run.name for run in found.runs] == ["run (1)", "run (2)", "other"]
    assert str(tmp_path) not in found.to_json()
    assert json.loads(found.to_json())["runs"][0]["auc"]["against_first"] == "unknown"
    with pytest.raises(ConfigError, match="is no run"):
        compare_runs([*folders, tmp_path / "nowhere"])
    (tmp_path / "other" / "signals.npz").write_bytes(b"")
    with pytest.raises(DataError, match=r"other: signals\.npz is not the file that was written"):
        compare_runs(folders)
