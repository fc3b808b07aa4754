"""What the model must still be good for: floors on patients it has not seen."""

from __future__ import annotations

from collections.abc import Iterator

from genoaudit.report.criteria.draft import Draft, Limit
from genoaudit.report.policy import UtilityFloors
from genoaudit.report.result import AuditReport

_SUBJECT = "On patients not seen"


def utility_drafts(floors: UtilityFloors, report: AuditReport) -> Iterator[Draft]:
    """Hold accuracy on unseen patients to the floors."""
    found = report.utility
    if floors.accuracy is not None:
        limit = Limit("utility.accuracy", "accuracy", floors.accuracy, "share", floor=True)
        yield limit.of(_SUBJECT, found.unseen_accuracy)
    if floors.balanced_accuracy is not None:
        limit = Limit("utility.balanced_accuracy", "balanced accuracy", floors.balanced_accuracy, "share", floor=True)
        yield limit.of(_SUBJECT, found.unseen_balanced_accuracy)
