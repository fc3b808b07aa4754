"""What a policy says of an audit: release, hold or undecidable, with every reason.

How a criterion is decided:

- A number with an error passes if its far one-sided 95 % limit keeps the policy's. All criteria must pass for a
  release, so each can be tested at its own level: a model that breaks any one of them is released in at most 5 % of
  audits.
- It fails if it is beyond the limit with a p-value of at most 5 % after Holm's adjustment over all criteria with an
  error: a model that keeps all of them is held in at most 5 % of audits, however many there are. One that is beyond by
  itself but not among the others is open. Where p-values come from stands in `genoaudit.metrics.one_sided`.
- A number without an error (a guarantee) passes or fails as it is. A lower bound of epsilon may only fail, at its own
  significance, which is not shared with the others; one that does not is silent.
- A number that was not measured, cannot be resolved, or rests on less evidence than demanded is open.

Release: everything passes or is silent. Hold: at least one fails. Otherwise undecidable. An alarm, and a given model
whose noise can be drawn again, are held whatever the policy says.

S. Holm. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6:65-70, 1979.
R. L. Berger. Multiparameter hypothesis testing and acceptance sampling. Technometrics 24:295-300, 1982 (why a release
needs no adjustment).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal

import numpy as np

from genoaudit.metrics.simultaneous import holm
from genoaudit.report.criteria.draft import Adjusted, Draft
from genoaudit.report.criteria.evidence import evidence_drafts
from genoaudit.report.criteria.exposed import canary_drafts, worst_group_drafts, worst_patient_drafts
from genoaudit.report.criteria.guarantees import guarantee_drafts, refusals
from genoaudit.report.criteria.population import attack_drafts
from genoaudit.report.criteria.usefulness import utility_drafts
from genoaudit.report.policy import Policy
from genoaudit.report.release_sections import Criterion, Verdict
from genoaudit.report.result import AuditReport

LEVEL = 0.05

EXIT_CODES = {"release": 0, "hold": 4, "undecidable": 5}
"""What ``genoaudit gate`` ends with."""


def decide(report: AuditReport, policy: Policy) -> Verdict:
    """Hold a report to a policy; a verdict that the report may already carry has no part in it.

    Examples
    --------
    A verdict is a pure function of what ``report.json`` holds::

        decide(AuditReport.read(Path("run/report.json")), read_policy("standard")).decision
    """
    drafts = tuple(_drafts(report, policy))
    judged = tuple(map(_judged, drafts, _adjusted(drafts)))
    decision = _decision(judged)
    wanted = {"release": ("pass", "silent"), "hold": ("fail",), "undecidable": ("open",)}[decision]
    deciding = [criterion for criterion in judged if criterion.outcome in wanted]
    return Verdict(
        decision=decision,
        policy=policy.name,
        policy_sha256=policy.sha256,
        criteria=judged,
        reasons=_reasons(deciding, certain_first=decision != "release"),
    )


def _drafts(report: AuditReport, policy: Policy) -> Iterator[Draft]:
    yield from refusals(report)
    if policy.attacks is not None:
        yield from attack_drafts(policy.attacks, report)
    if policy.worst_patient is not None:
        yield from worst_patient_drafts(policy.worst_patient, report)
    if policy.worst_group is not None:
        yield from worst_group_drafts(policy.worst_group, report)
    if policy.canaries is not None:
        yield from canary_drafts(policy.canaries, report)
    if policy.bounds is not None:
        yield from guarantee_drafts(policy.bounds, report)
    if policy.utility is not None:
        yield from utility_drafts(policy.utility, report)
    if policy.evidence is not None:
        yield from evidence_drafts(policy.evidence, report)


def _adjusted(drafts: tuple[Draft, ...]) -> list[Adjusted | None]:
    known = [draft.p_value for draft in drafts if draft.p_value is not None]
    values = iter(holm(np.array(known)).tolist() if known else ())
    return [None if draft.p_value is None else Adjusted(next(values), len(known)) for draft in drafts]


def _judged(draft: Draft, adjusted: Adjusted | None) -> Criterion:
    outcome = draft.outcome
    if draft.beyond and adjusted is not None and adjusted.p_value <= LEVEL:
        outcome = "fail"
    return Criterion(
        key=draft.key,
        subject=draft.subject,
        threshold=draft.threshold,
        value=draft.number.value,
        at_least=draft.number.at_least,
        at_most=draft.number.at_most,
        outcome=outcome,
        p_value=None if adjusted is None else adjusted.p_value,
        reason=draft.say(outcome, adjusted if draft.beyond else None),
    )


def _decision(criteria: tuple[Criterion, ...]) -> Literal["release", "hold", "undecidable"]:
    outcomes = {criterion.outcome for criterion in criteria}
    if "fail" in outcomes:
        return "hold"
    return "undecidable" if "open" in outcomes else "release"


def _reasons(deciding: list[Criterion], *, certain_first: bool) -> tuple[str, ...]:
    """Put what is furthest beyond a limit, or closest to one that is kept, first; one of every kind before more."""

    def weight(criterion: Criterion) -> tuple[bool, float]:
        return (criterion.p_value is None) != certain_first, _closeness(criterion)

    by_key: dict[str, list[Criterion]] = {}
    for criterion in sorted(deciding, key=weight):
        by_key.setdefault(criterion.key, []).append(criterion)
    rounds = zip_longest(*by_key.values())
    return tuple(dict.fromkeys(criterion.reason for found in rounds for criterion in found if criterion is not None))


def _closeness(criterion: Criterion) -> float:
    """How far the limit that decides lies on the good side of the policy's; negative beyond it."""
    if criterion.threshold is None or criterion.at_least is None or criterion.at_most is None:
        return 0.0
    ends = criterion.threshold - criterion.at_least, criterion.threshold - criterion.at_most
    if criterion.key.startswith("utility."):
        ends = -ends[1], -ends[0]
    return ends[0] if criterion.outcome == "fail" else ends[1]
