"""A verdict that may be shared: the same outcomes, told from rounded numbers and without naming whom they are about."""

from __future__ import annotations

from genoaudit.report import rounding
from genoaudit.report import shareable_sections as parts
from genoaudit.report.criteria.population import EXTRAPOLATED
from genoaudit.report.release_sections import Criterion
from genoaudit.report.result import AuditReport
from genoaudit.report.shareable_numbers import band, named
from genoaudit.report.shareable_patients import classes_are_complete

_ABOUT_MANY = frozenset({"attacks", "canaries", "utility"})
_ABOUT_FEW = frozenset({"worst_patient", "worst_group"})
_OVER_CLASSES = ("balanced", "auroc", "f1")


def shared_verdict(
    report: AuditReport, variables: tuple[parts.Variable, ...], *, enough: bool
) -> parts.SharedVerdict | None:
    """Tell the verdict of a report; None where no policy was asked.

    Sentences of the report are not taken over: they quote exact numbers, counts and groups. Numbers are told only of
    criteria that are known here to be about many patients, and bands of those about few; with too few patients (not
    `enough`) neither.
    """
    verdict = report.verdict
    if verdict is None:
        return None
    about_many = _ABOUT_MANY if enough else frozenset()
    about_few = _ABOUT_FEW if enough else frozenset()
    if not all(variable.complete for variable in variables):
        about_few -= {"worst_group"}  # of no group that is shown, it would be of a hidden one, which is then not small
    means = classes_are_complete(variables)
    titles = {attack.title for attack in report.attacks}
    names = titles | {attack.name for attack in report.attacks} | {title + EXTRAPOLATED for title in titles}
    return parts.SharedVerdict(
        decision=verdict.decision,
        policy=named(verdict.policy),
        criteria=tuple(
            _criterion(
                found,
                subject=found.subject if found.subject in names else None,
                about_many=_section(found) in about_many and (means or not _is_mean_over_classes(found)),
                about_few=_section(found) in about_few,
            )
            for found in verdict.criteria
        ),
    )


def _section(found: Criterion) -> str:
    return found.key.partition(".")[0]


def _is_mean_over_classes(found: Criterion) -> bool:
    return any(name in found.key for name in _OVER_CLASSES)


def _criterion(found: Criterion, *, subject: str | None, about_many: bool, about_few: bool) -> parts.SharedCriterion:
    value, at_least, at_most = (found.value, found.at_least, found.at_most) if about_many else (None, None, None)
    return parts.SharedCriterion(
        key=named(found.key),
        subject=subject,
        threshold=found.threshold,
        value=None if value is None else rounding.rounded(value),
        at_least=None if at_least is None else -rounding.up(-at_least),
        at_most=None if at_most is None else rounding.up(at_most),
        lies_in=band(found.value) if about_few and found.value is not None else None,
        outcome=found.outcome,
    )
