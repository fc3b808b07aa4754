import pytest
from certified import POLICY, audit_world, copied, write_world
from html_page import Page
from sample_patients import build_patients
from sample_report import (
    build_alone_report,
    build_minimal_report,
    build_release_report,
    build_report,
    build_report_of_thirty,
)


@pytest.fixture(scope="session")
def report():
    return build_report()


@pytest.fixture(scope="session")
def minimal_report():
    return build_minimal_report()


@pytest.fixture(scope="session")
def release_report():
    return build_release_report()


@pytest.fixture(scope="session")
def alone_report():
    return build_alone_report()


@pytest.fixture(scope="session")
def report_of_thirty():
    return build_report_of_thirty()


@pytest.fixture(scope="session")
def make_report():
    return build_report


@pytest.fixture(scope="session")
def audit_result(tmp_path_factory):
    """A small audit as objects."""
    from genoaudit import AuditSection, RunOptions, audit_recipe, build_recipe, simulate_cohort

    cohort = simulate_cohort(patients=60, genes=40, classes=2, seed=1)
    recipe = build_recipe("logistic", {}, scale=cohort.scale)
    options = RunOptions(threads=1, cache=tmp_path_factory.mktemp("cache"))
    return audit_recipe(recipe, cohort, AuditSection(models=8), options, groups=["sex"])


@pytest.fixture
def without_drawing(monkeypatch):
    """Pages with empty figures: drawing is most of the time and has its own tests."""
    for name in ("roc_figure", "reliability_figure", "convergence_figure"):
        monkeypatch.setattr(f"genoaudit.report.html.{name}", lambda _: "<svg></svg>")


@pytest.fixture(scope="session")
def patients():
    return build_patients()


@pytest.fixture(scope="session")
def page(report, patients):
    from genoaudit.report.html import render_html

    return Page(render_html(report, patients=patients))


@pytest.fixture(scope="session")
def signed(tmp_path_factory):
    """A release audit from files, signed with a model; pages as they are really drawn."""
    from genoaudit.report.certifying import certify

    world = write_world(tmp_path_factory.mktemp("signed"))
    audit_world(world)
    certify(world.run, POLICY, world.key, model=world.model)
    return world


@pytest.fixture
def world(signed, tmp_path):
    """The same, to be damaged; its inputs are where they were audited."""
    return copied(signed, tmp_path)
