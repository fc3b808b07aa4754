"""A policy's verdict and a given model without an audit behind them."""

from genoaudit.report.release_sections import Criterion, GivenModel, Verdict


def criterion(outcome, **changes):
    content = {
        "key": "attacks.auc",
        "subject": "LiRA, online",
        "threshold": 0.6,
        "value": 0.77,
        "at_least": 0.75,
        "at_most": 0.79,
        "outcome": outcome,
        "p_value": 0.0004,
        "reason": f"LiRA, online: AUC 0.77, at least 0.75 (95 %), allowed 0.60 ({outcome}).",
    }
    return Criterion(**{**content, **changes})


def build_verdict(decision="hold", **changes):
    """Return a verdict with one criterion of every outcome."""
    nothing = dict.fromkeys(("value", "at_least", "at_most", "p_value"))
    content = {
        "decision": decision,
        "policy": "standard",
        "policy_sha256": "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
        "criteria": (
            criterion("pass", key="utility.accuracy", subject="unseen patients", threshold=0.8, p_value=None),
            criterion("open", key="worst_patient.auc", subject="most exposed patient", **nothing),
            criterion("fail"),
            criterion("silent", key="bounds.audited_epsilon", subject="most exposed patient", at_most=None),
        ),
        "reasons": ("LiRA, online: AUC 0.77, at least 0.75 (95 %), allowed 0.60.",),
    }
    return Verdict(**{**content, **changes})


def build_given_model(**changes):
    """Return the description of a given model."""
    content = {
        "kind": "scores",
        "source": "scores.csv",
        "sha256": "7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730",
        "members": 200,
        "non_members": 200,
        "members_by": "the column 'member'",
        "non_members_from": None,
        "manifest": "none",
        "seeded": None,
    }
    return GivenModel(**{**content, **changes})
