"""A report as one self-contained page: no script, no network, nothing but the numbers of ``report.json``.

The template is ``templates/report.html.j2``; sentences come from `wording`, figures from `figures`. Everything that
comes from the cohort (names of classes, groups and columns, patients) passes through autoescaping.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report import wording
from genoaudit.report.figures import exposure_figure, in_order_of_interest, roc_figure
from genoaudit.report.result import AuditReport, GroupLeakage

if TYPE_CHECKING:
    from jinja2 import Environment

NOTHING = "\N{EM DASH}"
MEASURES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "auroc": "AUROC",
}


def render_html(report: AuditReport, *, names: Mapping[str, str] | None = None) -> str:
    """Render the confidential page; the same report gives the same bytes.

    Parameters
    ----------
    report
        What to show.
    names
        Patients' identifiers by pseudonym, to be shown in their place; without it the page holds pseudonyms only.

    Returns
    -------
    str
        A complete HTML document.
    """
    low, high = wording.unexposed_band(report)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            names=names,
            answer=wording.answer(report),
            subject=wording.subject(report),
            whose=wording.whose(report),
            headline=wording.headline_attack(report),
            attacks=in_order_of_interest(report),
            budgets=_budgets(report),
            groups=_by_variable(report),
            measures=MEASURES,
            roc=roc_figure(report) if report.attacks else None,
            exposure=exposure_figure(report) if len(wording.exposure_quantiles(report)) > 1 else None,
            unexposed={"low": low, "high": high},
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("genoaudit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "budget": wording.budget,
        "auc": wording.auc_text,
        "count": lambda number: f"{number:,}",
        "decimals": _decimals,
        "decimal_span": _decimal_span,
        "percent_span": _percent_span,
        "literal": lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True),
        "main_rate": wording.main_rate,
        "rate_at": _rate_at,
    }
    return environment


def _decimals(value: float | None, digits: int = 3) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _decimal_span(estimate: Estimate, digits: int = 3) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.{digits}f}{wording.EN_DASH}{estimate.high:.{digits}f}"


def _percent_span(estimate: Estimate | RateAtFpr) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    low = wording.percent(estimate.low).removesuffix(f"{wording.NBSP}%")
    return f"{low}{wording.EN_DASH}{wording.percent(estimate.high)}"


def _rate_at(rates: tuple[RateAtFpr, ...], fpr: float) -> RateAtFpr | None:
    return next((rate for rate in rates if rate.fpr == fpr), None)


def _budgets(report: AuditReport) -> list[float]:
    """List every false-positive budget of any attack, the largest first."""
    return sorted({rate.fpr for attack in report.attacks for rate in attack.tpr_at_fpr}, reverse=True)


def _by_variable(report: AuditReport) -> list[tuple[str, list[GroupLeakage]]]:
    """Put the groups of a variable together, in the report's order."""
    order = {name: place for place, name in enumerate(dict.fromkeys(group.variable for group in report.groups))}
    ordered = sorted(report.groups, key=lambda group: order[group.variable])
    return [(name, list(members)) for name, members in groupby(ordered, key=lambda group: group.variable)]
