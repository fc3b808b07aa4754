"""Several runs side by side: what each recipe is good for, what it gives away, and whether runs differ beyond chance.

Two runs of the same cohort share its patients, but nothing says which model of one belongs to which of the other, so
no difference is formed. A number counts as higher or lower only if the two 95 % intervals do not overlap, which asks
for more than a test of the difference would (Schenker and Gentleman, The American Statistician 55:182, 2001).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from genoaudit.contracts import Access
from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.report.result import AttackResult, AuditReport, canonical_json
from genoaudit.report.saved import read_saved
from genoaudit.report.sections import Guarantee, Part
from genoaudit.report.wording import headline_attack

Against = Literal["higher", "lower", "overlapping", "unknown"]

_UNKNOWN = Estimate(None, None, None)
_MOST = 20  # patients whose mean exposure stands beside that of the single most exposed one


class ComparedNumber(Part):
    """A number of one run, and where its 95 % interval lies against that of the first run."""

    estimate: Estimate
    against_first: Against = Field(description="unknown: one of the two has no interval, or it is the first run.")


class ComparedRun(Part):
    """One run in a comparison."""

    name: str = Field(description="Of the folder; numbered where folders share a name.")
    audit: Literal["recipe", "release"]
    recipe: str | None = Field(description="None: not known.")
    settings: tuple[str, ...] = Field(description="What is not the same in all runs, as 'name = value'.")
    cohort: str
    cohort_sha256: str
    patients: int
    models: int
    access: Access
    attack: str | None = Field(description="Title of the attack that the numbers are of.")
    accuracy: Estimate = Field(description="On patients not seen; low and high are a spread over models, not an error.")
    auc: ComparedNumber
    tpr: ComparedNumber = Field(description="At the comparison's false-positive rate.")
    worst_patient: ComparedNumber = Field(description="AUC of the most exposed patient, chosen on other models.")
    worst_patients: ComparedNumber = Field(description="Mean AUC of the 20 most exposed patients, likewise.")
    flagged: float | None = Field(description="Share of patients flagged as exposed; None with too few models.")
    guarantee: Guarantee | None
    verdict: Literal["release", "hold", "undecidable"] | None = Field(description="None where no policy was asked.")
    policy: str | None


class Comparison(Part):
    """Runs side by side, the first being what the others are compared with."""

    schema_version: Literal["1.0"] = "1.0"
    same_attack: bool = Field(description="Whether the numbers of all runs are of one attack.")
    fpr: float | None = Field(description="The strictest false-positive rate that all runs can resolve; None: none.")
    runs: tuple[ComparedRun, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """Return the comparison as strict JSON, as a report is."""
        return canonical_json(self.model_dump(mode="json"))

    def _repr_html_(self) -> str:
        from genoaudit.report.cards import comparison_card

        return comparison_card(self)


def compare_runs(folders: Sequence[str | Path]) -> Comparison:
    """Set runs side by side.

    Parameters
    ----------
    folders
        Two or more, each written by an audit; the first is what the others are compared with.

    Raises
    ------
    ConfigError, DataError
        If there are fewer than two, or one is not a run as it was written (`genoaudit.report.saved.read_saved`).
    """
    paths = [Path(folder) for folder in folders]
    return compare({name: read_saved(path).report for name, path in zip(_names(paths), paths, strict=True)})


def compare(reports: Mapping[str, AuditReport]) -> Comparison:
    """Set reports side by side, by their names; see `compare_runs`.

    Raises
    ------
    ConfigError
        If there are fewer than two.
    """
    if len(reports) < 2:
        msg = f"{len(reports)} run given; a comparison needs two or more."
        raise ConfigError(msg)
    spoken = _spoken(list(reports.values()))
    fpr = _common_fpr(spoken)
    settings = _settings(list(reports.values()))
    first = _numbers(next(iter(reports.values())), spoken[0], fpr)
    runs = tuple(
        _run(name, report, attack, differing, _against(first, _numbers(report, attack, fpr), is_first=place == 0))
        for place, ((name, report), attack, differing) in enumerate(zip(reports.items(), spoken, settings, strict=True))
    )
    same = len({None if attack is None else attack.name for attack in spoken}) == 1
    return Comparison(same_attack=same, fpr=fpr, runs=runs, warnings=_warnings(runs, same_attack=same))


def _names(paths: Sequence[Path]) -> list[str]:
    names = [path.resolve().name for path in paths]
    often, seen = Counter(names), Counter[str]()
    for place, name in enumerate(names):
        seen[name] += 1
        if often[name] > 1:
            names[place] = f"{name} ({seen[name]})"
    return names


def _spoken(reports: Sequence[AuditReport]) -> list[AttackResult | None]:
    """Return one attack of every run: the same, if any ran in all, else the headline of each."""
    by_name = [{attack.name: attack for attack in report.attacks} for report in reports]
    first = [report.headline for report in reports if report.headline is not None]
    common = next((name for name in (*first, *by_name[0]) if all(name in found for found in by_name)), None)
    if common is None:
        return [headline_attack(report) for report in reports]
    return [found[common] for found in by_name]


def _common_fpr(attacks: Sequence[AttackResult | None]) -> float | None:
    resolvable = [
        set[float]() if attack is None else {rate.fpr for rate in attack.tpr_at_fpr if rate.resolvable}
        for attack in attacks
    ]
    return min(set.intersection(*resolvable), default=None)


def _settings(reports: Sequence[AuditReport]) -> list[tuple[str, ...]]:
    """List for every run what of recipe, adversary and seed is not the same in all."""
    told = [_set(report) for report in reports]
    names = dict.fromkeys(name for settings in told for name in settings)
    differing = [name for name in names if len({repr(settings.get(name)) for settings in told}) > 1]
    return [
        tuple(f"{name} = {setting_text(settings[name])}" for name in differing if name in settings) for settings in told
    ]


def _set(report: AuditReport) -> dict[str, Any]:
    recipe = {} if report.recipe is None else {"kind": report.recipe.kind, **report.recipe.parameters}
    seed = {} if report.design is None else {"seed": report.design.seed}
    return {"access": report.adversary.access, **seed, **recipe}


def setting_text(value: object) -> str:
    """Say a parameter of a recipe shortly; of an object what is set of it.

    Examples
    --------
    >>> setting_text(None), setting_text(0.5), setting_text({"class": "a.b:C", "fields": {"x": 1.0, "y": None}})
    ('none', '0.5', 'C(x=1.0)')
    """
    if isinstance(value, Mapping) and {"class", "fields"} <= set(value):
        inside = ", ".join(f"{name}={setting_text(part)}" for name, part in value["fields"].items() if part)
        return f"{str(value['class']).rpartition(':')[2]}({inside})"
    return "none" if value is None else str(value)


def _numbers(report: AuditReport, attack: AttackResult | None, fpr: float | None) -> dict[str, Estimate]:
    worst = {} if report.exposure is None else {part.k: part.auc for part in report.exposure.worst}
    rates = () if attack is None else attack.tpr_at_fpr
    rate = next((rate for rate in rates if rate.fpr == fpr), None)
    return {
        "auc": _UNKNOWN if attack is None else attack.auc,
        "tpr": _UNKNOWN if rate is None else Estimate(rate.tpr, rate.low, rate.high),
        "worst_patient": worst.get(1, _UNKNOWN),
        "worst_patients": worst.get(_MOST, _UNKNOWN),
    }


def _against(
    first: Mapping[str, Estimate], own: Mapping[str, Estimate], *, is_first: bool
) -> dict[str, ComparedNumber]:
    return {
        name: ComparedNumber(estimate=found, against_first="unknown" if is_first else _beyond(first[name], found))
        for name, found in own.items()
    }


def _beyond(first: Estimate, other: Estimate) -> Against:
    if first.low is None or first.high is None or other.low is None or other.high is None:
        return "unknown"
    return "higher" if other.low > first.high else "lower" if other.high < first.low else "overlapping"


def _run(
    name: str,
    report: AuditReport,
    attack: AttackResult | None,
    settings: tuple[str, ...],
    numbers: Mapping[str, ComparedNumber],
) -> ComparedRun:
    flagging = None if report.exposure is None else report.exposure.flagging
    verdict = report.verdict
    return ComparedRun(
        name=name,
        audit=report.audit,
        recipe=None if report.recipe is None else report.recipe.kind,
        settings=settings,
        cohort=report.cohort.source,
        cohort_sha256=report.cohort.sha256,
        patients=report.cohort.patients,
        models=report.models,
        access=report.access_used,
        attack=None if attack is None else attack.title,
        accuracy=report.utility.non_members.accuracy,
        flagged=None if flagging is None else flagging.flagged / flagging.patients,
        guarantee=report.promise,
        verdict=None if verdict is None else verdict.decision,
        policy=None if verdict is None else verdict.policy,
        **numbers,
    )


def _warnings(runs: Sequence[ComparedRun], *, same_attack: bool) -> tuple[str, ...]:
    """Say what keeps the numbers from being about the same thing."""
    first, told = runs[0], []
    others = [run.name for run in runs if (run.cohort_sha256, run.patients) != (first.cohort_sha256, first.patients)]
    if others:
        told.append(
            f"Not on the patients of {first.name} (the data differ): {', '.join(others)}. A difference may come from "
            "the patients and not from the recipe."
        )
    if len({run.audit for run in runs}) > 1:
        told.append("Audits of a recipe and of one given model stand side by side: one is a mean over many models.")
    if not same_attack:
        told.append("No attack ran in all runs, so that each is judged by its own; AUC and TPR are not comparable.")
    if len({run.access for run in runs}) > 1:
        told.append("The adversaries do not see the same of the models.")
    if len({run.policy for run in runs if run.policy is not None}) > 1:
        told.append("The verdicts are by different policies.")
    return tuple(told)
