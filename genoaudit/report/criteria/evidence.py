"""Whether the audit itself is enough to decide on; what it lacks leaves the verdict open and never fails it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from genoaudit.contracts import Access
from genoaudit.report.criteria.draft import Draft, Outcome, decided
from genoaudit.report.policy import EvidenceDemands
from genoaudit.report.result import AuditReport


def evidence_drafts(demands: EvidenceDemands, report: AuditReport) -> Iterator[Draft]:
    """Ask the audit for what the policy demands of it."""
    if demands.models is not None:
        yield _at_least("evidence.models", "Models", report.models, demands.models)
    if demands.non_members is not None:
        yield _at_least("evidence.non_members", "Non-members of a model", _non_members(report), demands.non_members)
    if demands.access is not None:
        yield _access(demands.access, report)
    if demands.self_test:
        yield _self_test(report)
    if demands.checks:
        yield from _checks(report)


def _at_least(key: str, subject: str, found: int, wanted: int) -> Draft:
    outcome: Outcome = "pass" if found >= wanted else "open"
    return decided(key, subject, outcome, f"{found:,}, at least {wanted:,} asked for", threshold=wanted, value=found)


def _non_members(report: AuditReport) -> int:
    if report.target is not None and report.full_size is None:
        return report.target.non_members
    return report.cohort.patients - (0 if report.design is None else report.design.members_per_model[1])


def _access(wanted: Access, report: AuditReport) -> Draft:
    ranks = get_args(Access)
    seen = report.access_used
    outcome: Outcome = "pass" if ranks.index(seen) >= ranks.index(wanted) else "open"
    idle = ", as no attack on the parameters ran" if seen != report.adversary.access else ""
    return decided("evidence.access", "The adversary", outcome, f"saw {seen}{idle}, at least {wanted} asked for")


def _self_test(report: AuditReport) -> Draft:
    key, subject = "evidence.self_test", "The self-test"
    if report.self_test is None:
        return decided(key, subject, "open", "it was asked for and not run; audit with --self-test")
    if report.self_test.passed:
        return decided(key, subject, "pass", "the audit found nothing in a membership that no model knows")
    return decided(
        key, subject, "open", "the audit found something where there is nothing, so its numbers are in doubt"
    )


def _checks(report: AuditReport) -> Iterator[Draft]:
    key = "evidence.checks"
    issues = [check for check in report.checks if check.status == "issue"]
    for check in issues:
        yield decided(key, f"{check.code}, {check.title.lower()}", "open", check.summary.removesuffix("."))
    if not report.checks:
        yield decided(key, "The checks of the evidence", "open", "they were asked for and not run")
    elif not issues:
        yield decided(key, "The checks of the evidence", "pass", "none raised an issue")
