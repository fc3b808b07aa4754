import pytest
from sample_report import build_release_report, build_report

from genoaudit.metrics.estimates import Estimate
from genoaudit.release.not_tested import what_was_not_tested
from genoaudit.report.release_sections import GivenModel, WorstGroup

GIVEN = GivenModel(
    kind="scores",
    source="s.csv",
    sha256="",
    members=10,
    non_members=10,
    members_by="",
    non_members_from=None,
    manifest="none",
    seeded=None,
)


@pytest.fixture(scope="module")
def report():
    return build_report()


@pytest.fixture(scope="module")
def release_report():
    return build_release_report()


def what(report):
    return " | ".join(gap.what for gap in what_was_not_tested(report))


def test_without_a_design_what_takes_many_models_is_listed_first(release_report):
    report = release_report.model_copy(update={"design": None, "recipe": None, "target": GIVEN})
    gaps = what_was_not_tested(report)
    assert "LiRA" in gaps[0].what
    assert "no [recipe]" in gaps[0].why
    assert all(gap.why[0].isupper() and gap.why.endswith(".") for gap in gaps)


def test_what_was_measured_is_not_listed(release_report, report):
    assert "single patients" in what(release_report)
    assert "most exposed group" in what(release_report)
    group = WorstGroup(variable="sex", value="f", models_per_half=16, auc=Estimate(0.6, 0.5, 0.7))
    full = release_report.model_copy(
        update={"exposure": report.exposure, "bounds": report.bounds, "canaries": report.canaries, "worst_group": group}
    )
    for named in ("single patients", "Lower bounds", "canaries", "most exposed group", "LiRA"):
        assert named not in what(full)


@pytest.mark.parametrize(
    ("kind", "access", "expected"),
    [
        ("scores", "logits", "known by its scores alone"),
        ("torch", "probabilities", "this adversary sees probabilities only"),
        ("torch", "parameters", "none was asked for"),
    ],
)
def test_why_parameters_were_not_attacked(release_report, kind, access, expected):
    attacks = tuple(attack for attack in release_report.attacks if attack.access != "parameters")
    report = release_report.model_copy(
        update={
            "target": GIVEN.model_copy(update={"kind": kind}),
            "adversary": release_report.adversary.model_copy(update={"access": access, "decimals": None}),
            "attacks": attacks,
            "not_run": (),
        }
    )
    assert any(expected in gap.why.casefold() for gap in what_was_not_tested(report))
