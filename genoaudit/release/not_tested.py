"""What an audit of one given model says nothing about, and why: read off what its report lacks."""

from __future__ import annotations

from collections.abc import Iterator

from genoaudit.report.release_sections import NotTested
from genoaudit.report.result import AuditReport

_NO_RECIPE = "there is no [recipe] to train such models by; name the one that the model was trained by"


def what_was_not_tested(report: AuditReport) -> tuple[NotTested, ...]:
    """List what was not tested, the largest gap first.

    Parameters
    ----------
    report
        Of a release audit, complete but for this list.
    """
    return tuple(NotTested(what=what, why=f"{why[0].upper()}{why[1:]}.") for what, why in _gaps(report))


def _gaps(report: AuditReport) -> Iterator[tuple[str, str]]:
    many = "one model says one thing of each patient; it takes many models, and so its recipe"
    if report.design is not None:
        many = f"the {report.design.models} reference models are too few to leave everybody out often; train more"
    if report.design is None:
        yield (
            "Attacks that compare a patient with other models (LiRA, BaVarIA, RMIA and others: as a rule the best)",
            (f"they take models with and without the patient, and {_NO_RECIPE}"),
        )
        yield "Thresholds as an attacker would have to set them, on models of his own", _NO_RECIPE
    if report.exposure is None:
        yield "How exposed single patients are, and the most exposed of them", many
    if report.worst_group is None:
        yield (
            "The most exposed group, chosen on some models and measured on others",
            many if report.design is None else f"{many}, or no group is large enough",
        )
    if not report.bounds:
        yield "Lower bounds on \N{GREEK SMALL LETTER EPSILON}", many
    if report.canaries is None:
        yield (
            "Planted worst-case patients (canaries)",
            "they take further models of the recipe; "
            + ("name it, and" if report.design is None else "ask for them by")
            + " [canaries]",
        )
    if report.guarantee is None:
        yield (
            "A guarantee",
            (
                "nothing is known of how the model was trained that would limit what any attacker can do; this is "
                "evidence alone"
            ),
        )
    yield from _gaps_of_access(report)


def _gaps_of_access(report: AuditReport) -> Iterator[tuple[str, str]]:
    ran = {attack.access for attack in report.attacks}
    if report.target is not None and report.target.kind == "scores":
        yield (
            "Attacks on the parameters, and further queries",
            ("the model is known by its scores alone; name its file under [target]"),
        )
        return
    if "parameters" not in ran:
        reason = f"this adversary sees {report.adversary.access} only"
        if report.adversary.access == "parameters":
            named = any(found.name in {"grad_norm", "influence"} for found in report.not_run)
            reason = "those that there are cannot read a model of this kind" if named else "none was asked for"
        yield "Attacks on the parameters", reason
    if report.adversary.queries == 0:
        yield "Further queries of each sample", "none were asked for (queries under [audit])"
