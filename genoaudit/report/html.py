"""A report as one self-contained page: no network, nothing but the numbers of ``report.json`` and ``patients.parquet``.

The page is ``templates/report.html.j2``, which includes one template per section; sentences come from `answer`, `risk`
and `wording`, figures from `figures` and `strip`. Everything that comes from the cohort (names of classes, groups and
columns, patients) passes through autoescaping, or through `script_json` in the block that the page's one script reads.
The page's policy lets no script run but that one, known by its digest, and nothing be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report import promise_wording, release_wording, wording
from genoaudit.report.answer import answer
from genoaudit.report.figures import convergence_figure, drawn_attacks, reliability_figure, roc_figure, roc_points
from genoaudit.report.patient_rows import columns_of, first_rows, patient_block, script_json
from genoaudit.report.result import AttackResult, AuditReport
from genoaudit.report.risk import risk_of
from genoaudit.report.sections import CanaryKindLeakage, ShadowThreshold
from genoaudit.report.strip import WIDTH, strip_of
from genoaudit.report.theory_figure import theory_figure
from genoaudit.report.verdict_wording import (
    OUTCOMES,
    by_outcome,
    found_text,
    limits_text,
    threshold_text,
    unseen_sentence,
    verdict_count,
    verdict_heading,
    worst_group_sentence,
)

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

NOTHING = "\N{EM DASH}"
MEASURES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "auroc": "AUROC",
}
CONTENTS = {
    "full-size": "Trained on everybody",
    "risk": "Risk in plain words",
    "attacks": "Attacks",
    "joint": "With earlier releases",
    "exposure": "Patients",
    "groups": "Groups",
    "theory": "Guarantee and evidence",
    "utility": "Utility",
    "untested": "Not tested",
    "reproduce": "Reproduce",
    "details": "Details",
}
"""The numbered sections, in their order, by the id of their heading; some stand only where there is reason to."""

TABLE_BUDGETS = (0.1, 0.01)
ONLY_HERE_SHOWN = 8


class _OfVariable(Protocol):
    @property
    def variable(self) -> str: ...


_Grouped = TypeVar("_Grouped", bound=_OfVariable)


def render_html(
    report: AuditReport,
    *,
    patients: pd.DataFrame | None = None,
    names: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
) -> str:
    """Render the confidential page; the same arguments give the same bytes.

    Parameters
    ----------
    report
        What to show.
    patients
        The audit's table of patients, in the order of ranks; without it the page shows the most exposed ones only.
    names
        Patients' identifiers by pseudonym, to be shown in their place; without it the page holds pseudonyms only.
    versions
        Of the libraries that the numbers come from, by name.

    Returns
    -------
    str
        A complete HTML document.
    """
    low, high = wording.unexposed_band(report)
    parts = _patient_parts(report, patients, names)
    page = environment().get_template("report.html.j2")
    return page.render(
        report=report,
        names=names,
        versions=versions or {},
        single=report.audit == "release",
        per_patient=patients is not None or report.exposure is not None,
        answer=answer(report),
        criteria=by_outcome(report.verdict.criteria if report.verdict is not None else ()),
        risk=risk_of(report),
        subject=wording.subject(report),
        whose=wording.whose(report.cohort),
        over_targets=wording.over_targets(report),
        headline=wording.headline_attack(report),
        control=release_wording.control_of(report),
        measures=MEASURES,
        unexposed={"low": low, "high": high},
        contents=_contents(report),
        **parts,
        **_attack_parts(report),
        **_group_parts(report),
        **_figures(report),
        **{status: [check for check in report.checks if check.status == status] for status in ("issue", "tip")},
        quiet=[check for check in report.checks if check.status not in {"issue", "tip"}],
        natural=_natural(report),
        neighbours=_neighbours(report),
        limits=_limits(report),
        script=_script(),
        script_digest=_script_digest(),
    )


def _contents(report: AuditReport) -> dict[str, str]:
    """List the sections that the page has."""
    optional = {"full-size": report.full_size, "joint": report.joint}
    return {id: title for id, title in CONTENTS.items() if optional.get(id, report) is not None}


def _patient_parts(
    report: AuditReport, patients: pd.DataFrame | None, names: Mapping[str, str] | None
) -> dict[str, Any]:
    """Prepare the strips and both tables of patients, and the block of data behind them and the ROC."""
    data: dict[str, Any] = {"roc": roc_points(report)} if report.attacks else {}
    if patients is None:
        return {"strip": None, "strip_width": WIDTH, "columns": (), "first_rows": (), "data": script_json(data)}
    block = patient_block(patients, names=names)
    return {
        "strip": strip_of(patients, report),
        "strip_width": WIDTH,
        "columns": columns_of(patients),
        "first_rows": first_rows(block) if "member" in patients else (),
        "data": script_json({**data, "patients": block}),
    }


@cache
def _script() -> str:
    """Return the page's script as it stands in the page."""
    return (files("genoaudit.report") / "templates" / "report.js").read_text(encoding="utf-8")


def _script_digest() -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()}"


def _figures(report: AuditReport) -> dict[str, str | None]:
    calibration = None if report.exposure is None else report.exposure.calibration
    return {
        "roc": roc_figure(report) if report.attacks else None,
        "reliability": reliability_figure(calibration) if calibration is not None and calibration.bins else None,
        "convergence": convergence_figure(report.convergence) if len(report.convergence) > 1 else None,
        "theory_svg": theory_figure(report) if report.theory is not None else None,
    }


def _attack_parts(report: AuditReport) -> dict[str, Any]:
    """Put the attacks into families by what the adversary sees, and say which budgets there are."""
    budgets = sorted({rate.fpr for attack in report.attacks for rate in attack.tpr_at_fpr}, reverse=True)
    thresholds = {own.fpr for attack in report.attacks for own in attack.at_shadow_thresholds}
    families = [
        (seen, sorted((a for a in report.attacks if a.access == access), key=wording.auc_or_lowest, reverse=True))
        for access, seen in wording.SEES.items()
    ]
    return {
        "families": [(seen, attacks) for seen, attacks in families if attacks],
        "curves": drawn_attacks(report),
        "budgets": budgets,
        "table_budgets": [fpr for fpr in budgets if fpr in TABLE_BUDGETS] or budgets[:2],
        "threshold_budget": min(thresholds, key=lambda fpr: (fpr != wording.CARD_FPR, -fpr), default=None),
        "titles": {attack.name: attack.title for attack in report.attacks},
        "only_here": _only_here(report),
    }


def _only_here(report: AuditReport) -> list[tuple[str, float]]:
    """List the attacks that find most members alone, by name."""
    found = {} if report.union is None else report.union.only_here
    alone = [(name, share) for name, share in found.items() if share > 0]
    return sorted(alone, key=lambda pair: (-pair[1], pair[0]))[:ONLY_HERE_SHOWN]


def _group_parts(report: AuditReport) -> dict[str, Any]:
    """Put groups and pairs of groups under their variables, with one scale for all differences."""
    differences = [group.difference for group in report.groups] + [gap.difference for gap in report.group_gaps]
    ends = [abs(end) for shown in differences for end in (shown.value, shown.low, shown.high) if end is not None]
    return {
        "groups": _by_variable(report.groups),
        "gaps": _by_variable(report.group_gaps),
        "difference_limit": next((step for step in (0.05, 0.1, 0.2, 0.5) if step >= max(ends, default=0)), 1.0),
    }


def _by_variable(parts: Sequence[_Grouped]) -> list[tuple[str, list[_Grouped]]]:
    """Put what belongs to a variable together, in the report's order."""
    order = {name: place for place, name in enumerate(dict.fromkeys(part.variable for part in parts))}
    ordered = sorted(parts, key=lambda part: order[part.variable])
    return [(name, list(members)) for name, members in groupby(ordered, key=lambda part: part.variable)]


def _neighbours(report: AuditReport) -> list[str]:
    """List the neighbouring relations that any bound is about."""
    planted = () if report.canaries is None else report.canaries.bounds
    return list(dict.fromkeys(bound.neighbouring for bound in (*report.bounds, *planted)))


def _limits(report: AuditReport) -> list[dict[str, Any]]:
    """Set what the headline attack achieves, pooled as in the figure, beside what the mechanism allows."""
    curves = () if report.theory is None else report.theory.curves
    first = drawn_attacks(report)[:1] if curves else ()
    return [
        {
            "fpr": rate.fpr,
            "achieved": rate,
            **{curve.neighbouring: float(np.interp(rate.fpr, curve.fpr, curve.tpr)) for curve in curves},
        }
        for attack in first
        for rate in sorted(attack.pooled.tpr_at_fpr, key=lambda rate: -rate.fpr)
    ]


def _natural(report: AuditReport) -> CanaryKindLeakage | None:
    """Return what the canaries' attack finds of the natural patients, where the canaries' part does not say it."""
    canaries = report.canaries
    if canaries is None or not canaries.kinds or any(kind.kind == "natural" for kind in canaries.kinds):
        return None
    attack = next((attack for attack in report.attacks if attack.name == canaries.attack), None)
    rate = None if attack is None else _rate_at(attack.tpr_at_fpr, canaries.kinds[0].tpr_at_fpr.fpr)
    if attack is None or rate is None:
        return None
    return CanaryKindLeakage(
        kind="natural", title="Natural patients", canaries=report.cohort.patients, auc=attack.auc, tpr_at_fpr=rate
    )


@cache
def environment() -> Environment:
    """Return the templates, with every text escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("genoaudit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    said = (
        wording.percent,
        wording.budget,
        wording.main_rate,
        wording.p_text,
        wording.epsilon_text,
        promise_wording.claim_text,
        wording.ppv_text,
    )
    sentences = (
        wording.adversary_sentence,
        wording.worst_sentence,
        wording.flagging_sentence,
        wording.stability_sentence,
        wording.calibration_sentence,
        wording.union_sentence,
        promise_wording.bound_claim,
        wording.canary_sentence,
        promise_wording.guarantee_sentence,
        promise_wording.alarm_sentence,
        promise_wording.samples_sentence,
        wording.self_test_sentence,
        wording.given_sentence,
        release_wording.joint_sentence,
        release_wording.joint_promise,
        release_wording.control_sentence,
    )
    verdict = (
        verdict_heading,
        verdict_count,
        found_text,
        limits_text,
        threshold_text,
        worst_group_sentence,
        unseen_sentence,
    )
    environment.filters |= {function.__name__: function for function in (*said, *sentences, *verdict)}
    environment.filters |= {
        "auc": wording.auc_text,
        "unbroken": lambda text: text.replace(" %", f"{wording.NBSP}%"),
        "count": lambda number: f"{number:,}",
        "decimals": _decimals,
        "decimal_span": _decimal_span,
        "percent_span": _percent_span,
        "signed": _signed,
        "signed_span": _signed_span,
        "literal": lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True),
        "rate_at": _rate_at,
        "threshold_at": _threshold_at,
        "attack_title": lambda name, report: release_wording.title_of(report, name),
    }
    environment.globals |= {
        "relations": promise_wording.RELATIONS,
        "bound_holds_for": promise_wording.BOUND_HOLDS_FOR,
        "outcomes": OUTCOMES,
    }
    return environment


def _decimals(value: float | None, digits: int = 3) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _decimal_span(estimate: Estimate, digits: int = 3) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.{digits}f}{wording.EN_DASH}{estimate.high:.{digits}f}"


def _signed(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if text[1:] == "0.00" else text


def _signed_span(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_signed(estimate.low)} to {_signed(estimate.high)}"


def _percent_span(estimate: Estimate | RateAtFpr) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    low = wording.percent(estimate.low).removesuffix(f"{wording.NBSP}%")
    return f"{low}{wording.EN_DASH}{wording.percent(estimate.high)}"


def _rate_at(rates: tuple[RateAtFpr, ...], fpr: float) -> RateAtFpr | None:
    return next((rate for rate in rates if rate.fpr == fpr), None)


def _threshold_at(attack: AttackResult, fpr: float) -> ShadowThreshold | None:
    return next((own for own in attack.at_shadow_thresholds if own.fpr == fpr), None)
