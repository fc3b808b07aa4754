"""Arrays and tables to the parts of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genoaudit.data.groups import patient_classes
from genoaudit.metrics.estimates import Estimate
from genoaudit.models.descriptions import describe_recipe
from genoaudit.randomness import generator
from genoaudit.report import result as parts

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.contracts import Attack, Design, Recipe
    from genoaudit.data.cohort import Cohort
    from genoaudit.metrics.groups import GroupNumbers
    from genoaudit.metrics.leakage import AttackNumbers, Leakage

MOST_EXPOSED = 20
ENOUGH_FOR_OWN_VARIANCE = 64
"""Below this many models a variance per patient is too noisy (Carlini et al., IEEE S&P 2022)."""

_NOTHING = Estimate(None, None, None)
_KINDS = {"MLPClassifier": "mlp", "LogisticRegression": "logistic", "XGBClassifier": "xgboost"}


def headline(ran: tuple[str, ...], models: int) -> str:
    """Name the attack that groups and patients are shown for, by the number of models and never by the results."""
    preferred = ("lira", "lira_fixed") if models >= ENOUGH_FOR_OWN_VARIANCE else ("lira_fixed", "lira")
    return next(name for name in (*preferred, *ran) if name in ran)


def cohort(cohort: Cohort) -> parts.CohortSummary:
    """Count what the cohort holds."""
    repeats = np.bincount(cohort.patients)
    return parts.CohortSummary(
        source=cohort.source,
        sha256=cohort.sha256,
        samples=cohort.n_samples,
        patients=cohort.n_patients,
        genes=cohort.n_genes,
        scale=cohort.scale,
        label=cohort.label,
        classes=tuple(
            parts.ClassSize(
                name=name,
                patients=int(np.unique(cohort.patients[cohort.y == code]).size),
                samples=int((cohort.y == code).sum()),
            )
            for code, name in enumerate(cohort.classes)
        ),
        samples_per_patient={int(n): int((repeats == n).sum()) for n in np.unique(repeats)},
    )


def recipe(recipe: Recipe) -> parts.RecipeSummary:
    """Name the recipe's steps and their parameters; seeds are drawn per model and say nothing."""
    steps = [step for _, step in recipe.steps] if hasattr(recipe, "steps") else [recipe]
    # The log step follows from the cohort's scale.
    described = [describe_recipe(step)["parameters"] for step in steps if type(step).__name__ != "LogTransform"]
    return parts.RecipeSummary(
        kind=_KINDS.get(type(steps[-1]).__name__, "import"),
        steps=tuple(type(step).__name__ for step in steps),
        parameters={name: value for step in described for name, value in step.items() if name != "random_state"},
    )


def design(design: Design) -> parts.DesignSummary:
    """Count who is in which model."""
    sizes = design.members.sum(axis=1)
    return parts.DesignSummary(
        kind=design.kind,
        neighbouring="replace-one",
        models=design.models,
        pairs=int((design.partner >= 0).sum()) // 2,
        members_per_model=(int(sizes.min()), int(sizes.max())),
        seed=design.seed,
    )


def attack_result(attack: Attack, numbers: AttackNumbers) -> parts.AttackResult:
    """Put an attack's record and its numbers side by side."""
    roc = parts.RocBand(**{name: getattr(numbers.roc, name) for name in ("fpr", "tpr", "low", "high")})
    return parts.AttackResult(
        name=attack.name,
        title=attack.title,
        threat_model=attack.threat_model,
        reference=attack.reference,
        caveat=attack.caveat,
        **_leakage(numbers.mean_over_targets),
        pooled=parts.PooledLeakage(**_leakage(numbers.pooled), roc=roc),
    )


def _leakage(leakage: Leakage) -> dict[str, object]:
    return {name: getattr(leakage, name) for name in ("auc", "balanced_accuracy", "advantage", "tpr_at_fpr")}


def patients(cohort: Cohort, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Put identifier, pseudonym, class and number of samples in front of each patient's numbers, most exposed first.

    Pseudonyms come from the seed, so that the same audit gives the same report; whoever has only the report cannot
    tell whose they are.
    """
    order = generator(seed, "pseudonyms").permutation(cohort.n_patients)
    width = len(str(cohort.n_patients))
    named = table.copy()
    named.insert(0, "patient_id", list(cohort.patient_ids))
    named.insert(1, "pseudonym", [f"P{number + 1:0{width}d}" for number in order])
    named.insert(2, "class", patient_classes(cohort))
    named.insert(3, "samples", np.bincount(cohort.patients))
    return named.sort_values("rank", kind="stable", ignore_index=True)


def exposure(patients: pd.DataFrame) -> parts.Exposure:
    """Say how exposure is spread and who is most exposed, by pseudonym."""
    worst = patients.nsmallest(MOST_EXPOSED, "rank")
    return parts.Exposure(
        auc_quantiles={f"{q}%": float(patients["auc"].quantile(q / 100)) for q in range(0, 101, 5)},
        most_exposed=tuple(
            parts.ExposedPatient(
                rank=int(row["rank"]),
                pseudonym=row["pseudonym"],
                class_name=row["class"],
                samples=int(row["samples"]),
                score=float(row["score"]),
                d_prime=float(row["d_prime"]),
                auc=Estimate(float(row["auc"]), float(row["auc_low"]), float(row["auc_high"])),
            )
            for _, row in worst.iterrows()
        ),
    )


def group(variable: str, numbers: GroupNumbers) -> parts.GroupLeakage:
    """Put one group's numbers in the report's form, marking those too small to show."""
    return parts.GroupLeakage(
        variable=variable,
        value=numbers.group,
        patients=numbers.patients,
        auc=numbers.auc,
        tpr_at_fpr=numbers.tpr_at_fpr,
        suppressed=numbers.auc.value is None,
    )


def utility(quality: dict[str, dict[str, Estimate]]) -> parts.Utility:
    """Put the two sides' utility in the report's form."""
    return parts.Utility(
        members=parts.SideUtility(**quality["members"]), non_members=parts.SideUtility(**quality["non_members"])
    )


def warnings(report: parts.AuditReport) -> tuple[str, ...]:
    """Say what a reader should know before trusting the numbers."""
    return tuple(text for check in (_chance, _unstable, _few_models, _unresolvable) if (text := check(report)))


def _chance(report: parts.AuditReport) -> str | None:
    outside = report.utility.non_members.balanced_accuracy.value
    chance = 1 / len(report.cohort.classes)
    if outside is not None and outside < 1.2 * chance:
        return (
            f"The models hardly predict: balanced accuracy {outside:.2f} on patients they have not seen, chance is "
            f"{chance:.2f}. An attack on a model that has learnt nothing says nothing about one that has."
        )
    return None


def _unstable(report: parts.AuditReport) -> str | None:
    found = {attack.name: attack.auc for attack in report.attacks}
    loss, lira = found.get("loss", _NOTHING).low, found.get("lira_fixed", found.get("lira", _NOTHING)).high
    if loss is not None and lira is not None and loss > lira:
        return (
            "The loss attack does better than LiRA. Models trained alike then differ too much from one another; look "
            "at the stability of training (learning rate, epochs) before reading the LiRA numbers."
        )
    return None


def _few_models(report: parts.AuditReport) -> str | None:
    if report.design.models < 32:
        return (
            f"Only {report.design.models} models: each patient's own numbers rest on the half of them that held the "
            "patient and the half that did not. Ask for 64 or more; finished models are kept."
        )
    return None


def _unresolvable(report: parts.AuditReport) -> str | None:
    rates = report.attacks[0].tpr_at_fpr if report.attacks else ()
    coarse = [f"{100 * rate.fpr:g} %" for rate in rates if not rate.resolvable]
    if coarse:
        listed = ", ".join(coarse[:-1]) + " and " + coarse[-1] if len(coarse) > 1 else coarse[0]
        return (
            f"With {rates[0].n_out} non-member patients per model, true-positive rates at a false-positive rate of "
            f"{listed} cannot be resolved: fewer than 10 false positives would stand behind them."
        )
    return None
