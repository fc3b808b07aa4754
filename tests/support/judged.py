"""Reports of closed forms held to policies, for tests of single criteria."""

from sample_report import build_report

from genoaudit.report.policy import parse_policy
from genoaudit.report.release_sections import GivenModel
from genoaudit.report.sections import Guarantee, Theory, TradeOff
from genoaudit.report.verdict import decide

GUARANTEE = Guarantee(
    epsilon=2.5,
    delta=0.0003,
    accountant="pld",
    noise_multiplier=1.1,
    neighbouring="add/remove",
    unit="patient",
    vacuous=False,
    end_to_end=True,
    gaps=(),
)
CURVES = tuple(
    TradeOff(neighbouring=relation, fpr=(0.001, 0.01, 0.1, 1.0), tpr=tpr)
    for relation, tpr in (("replace-one", (0.03, 0.12, 0.45, 1.0)), ("add/remove", (0.006, 0.05, 0.3, 1.0)))
)
THEORY = Theory(curves=CURVES, comparisons=(), alarm=False, level=0.05)


def verdict(report, **tables):
    """Hold a report to some limits; unless attacks are named, to one that hardly any attack breaks."""
    return decide(report, parse_policy({"attacks": {"auc": 0.9}, **tables}, name="ours"))


def outcomes(found, key):
    return [criterion.outcome for criterion in found.criteria if criterion.key == key]


def reasons(found, key):
    return [criterion.reason for criterion in found.criteria if criterion.key == key]


def quiet(**changes):
    """A report without leakage."""
    return build_report(separation=0.05, **changes)


def given_model(**changes):
    content = {
        "kind": "sklearn",
        "source": "model.skops",
        "sha256": "",
        "members": 350,
        "non_members": 50,
        "members_by": "a column",
        "non_members_from": None,
        "manifest": "none",
        "seeded": None,
    }
    return GivenModel(**{**content, **changes})
