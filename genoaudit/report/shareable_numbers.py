"""Numbers of a report in the form of a summary: rounded, resolvable, or a band."""

from __future__ import annotations

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report import rounding
from genoaudit.report import shareable_sections as parts
from genoaudit.report.sections import Guarantee

_LONGEST = 200


def number(estimate: Estimate) -> parts.Number | None:
    """Round a share or an AUC over many patients; None where there is none."""
    if estimate.value is None:
        return None
    low, high = rounding.rounded_limits(estimate)
    return parts.Number(value=rounding.rounded(estimate.value), low=low, high=high)


def rate(found: RateAtFpr) -> parts.Rate | None:
    """Round a rate; None where the non-members cannot resolve it, whose number is not told."""
    if found.tpr is None or not found.resolvable:
        return None
    low, high = rounding.rounded_limits(found)
    return parts.Rate(fpr=found.fpr, tpr=rounding.rounded(found.tpr), low=low, high=high)


def band(auc: float) -> parts.Band:
    """Say where the AUC of one patient, or of few, lies."""
    low, high = rounding.band_of(auc)
    return parts.Band(low=low, high=high)


def promise(guarantee: Guarantee) -> parts.Promise:
    """Round what a training promises up; the noise, which is reckoned from the number of patients, is not told."""
    epsilon = guarantee.epsilon
    return parts.Promise(
        epsilon=None if epsilon is None else rounding.significant(epsilon, 2, up=True),
        delta=rounding.significant(guarantee.delta, 1, up=True),
        neighbouring=guarantee.neighbouring,
        unit=guarantee.unit,
        vacuous=guarantee.vacuous,
        end_to_end=guarantee.end_to_end,
    )


def named(text: str) -> str:
    """Cut a name of the cohort's to a length that pages can bear."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
