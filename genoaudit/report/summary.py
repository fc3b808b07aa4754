"""Arrays and tables to the parts of a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import Attack, Combination
from genoaudit.data.groups import patient_classes
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.models.descriptions import describe_recipe
from genoaudit.randomness import entropy_permutation, generator
from genoaudit.report import release_sections, sections
from genoaudit.report import result as parts
from genoaudit.report.release_sections import GivenModel

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.checks.evidence import Finding
    from genoaudit.config import AuditSection
    from genoaudit.contracts import Design, Recipe
    from genoaudit.data.cohort import Cohort
    from genoaudit.data.target import Target
    from genoaudit.metrics.flags import Flags
    from genoaudit.metrics.groups import GroupNumbers
    from genoaudit.metrics.leakage import AttackNumbers, Leakage
    from genoaudit.metrics.posterior import Posterior
    from genoaudit.metrics.stability import HalvesAgreement
    from genoaudit.metrics.thresholds import AtShadowThreshold
    from genoaudit.metrics.unseen import UnseenUtility
    from genoaudit.metrics.worst import Worst
    from genoaudit.metrics.worst_group import WorstGroup
    from genoaudit.models.claims import PrivacyClaim
    from genoaudit.privacy.lower_bounds import LowerBound

MOST_EXPOSED = 20
GROUP = "group: "
"""What the names of the columns with patients' groups begin with, in the table of patients."""

_NOTHING = Estimate(None, None, None)
_KINDS = {"MLPClassifier": "mlp", "LogisticRegression": "logistic", "XGBClassifier": "xgboost"}


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


@dataclass(frozen=True, eq=False)
class Findings:
    """What is known of single patients beyond their rows in the table; None where there are too few models."""

    flags: Flags | None
    halves: HalvesAgreement | None
    worst: tuple[Worst, ...]
    posterior: Posterior | None


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


def given_model(target: Target) -> GivenModel:
    """Say what the given model is and how its members are known."""
    inside = int(target.members.sum())
    return GivenModel(
        kind=target.kind,
        source=target.source,
        sha256=target.sha256,
        members=inside,
        non_members=target.members.size - inside,
        members_by=target.members_by,
        non_members_from=target.non_members_from,
        manifest=target.manifest,
        seeded=target.seeded,
    )


def design(design: Design) -> parts.DesignSummary:
    """Count who is in which model."""
    sizes = design.members.sum(axis=1)
    return parts.DesignSummary(
        kind=design.kind,
        neighbouring="replace-one",
        models=design.models,
        pairs=int((design.partner >= 0).sum()) // 2 if design.kind == "half_split" else 0,
        members_per_model=(int(sizes.min()), int(sizes.max())),
        seed=design.seed,
    )


def adversary(settings: AuditSection) -> parts.Adversary:
    """Say what the adversary was allowed to see."""
    return parts.Adversary(access=settings.access, decimals=settings.decimals, queries=settings.queries)


def checks(findings: Iterable[Finding]) -> tuple[sections.CheckFinding, ...]:
    """Put what the checks say in the report's form."""
    return tuple(sections.CheckFinding(**asdict(finding)) for finding in findings)


def attack_result(
    attack: Attack | Combination,
    numbers: AttackNumbers,
    thresholds: Sequence[AtShadowThreshold],
    *,
    single: bool = False,
) -> parts.AttackResult:
    """Put an attack's record and its numbers side by side."""
    roc = parts.RocBand(**{name: getattr(numbers.roc, name) for name in ("fpr", "tpr", "low", "high")})
    return parts.AttackResult(
        name=attack.name,
        title=attack.title,
        access=attack.access if isinstance(attack, Attack) else "probabilities",
        threat_model=attack.threat_model,
        reference=attack.reference,
        caveat=attack.caveat,
        estimand="single_target" if single else "mean_over_targets",
        at_shadow_thresholds=tuple(
            sections.ShadowThreshold(fpr=at.fpr, tpr=at.tpr, achieved_fpr=at.achieved_fpr, ppv=at.ppv)
            for at in thresholds
        ),
        **_leakage(numbers.mean_over_targets),
        pooled=parts.PooledLeakage(**_leakage(numbers.pooled), roc=roc),
    )


def _leakage(leakage: Leakage) -> dict[str, object]:
    return {name: getattr(leakage, name) for name in ("auc", "balanced_accuracy", "advantage", "tpr_at_fpr")}


def patients(
    cohort: Cohort, table: pd.DataFrame, groups: Mapping[str, NDArray[np.str_]], *, seed: int | None
) -> pd.DataFrame:
    """Put identifier, pseudonym, class and number of samples in front of each patient's numbers, most exposed first.

    Pseudonyms are drawn from the operating system: with those of a seed, whoever knows the seed and has a list of the
    patients could draw them again and name everybody in a report. The groups stand behind the numbers, in columns that
    begin with `GROUP`.

    Parameters
    ----------
    cohort
        Whose patients they are.
    table
        One row per patient, in the cohort's order, with a ``rank``.
    groups
        What each patient is grouped by, see `genoaudit.data.groups.patient_groups`; text [patients] by variable.
    seed
        Draws the pseudonyms in place of the operating system, so that the same audit gives the same bytes.
    """
    if seed is None:
        order = entropy_permutation(cohort.n_patients)
    else:
        order = generator(seed, "pseudonyms").permutation(cohort.n_patients)
    width = len(str(cohort.n_patients))
    named = table.copy()
    named.insert(0, "patient_id", list(cohort.patient_ids))
    named.insert(1, "pseudonym", [f"P{number + 1:0{width}d}" for number in order])
    named.insert(2, "class", patient_classes(cohort))
    named.insert(3, "samples", np.bincount(cohort.patients))
    for variable, values in groups.items():
        named[f"{GROUP}{variable}"] = values.astype(object)
    return named.sort_values("rank", kind="stable", ignore_index=True)


def exposure(patients: pd.DataFrame, found: Findings) -> sections.Exposure:
    """Say how exposure is spread and who is most exposed, by pseudonym."""
    worst = patients.nsmallest(MOST_EXPOSED, "rank")
    flags, halves, posterior = found.flags, found.halves, found.posterior
    return sections.Exposure(
        auc_quantiles={f"{q}%": float(patients["auc"].quantile(q / 100)) for q in range(0, 101, 5)},
        most_exposed=tuple(_exposed(row) for row in worst.to_dict("records")),
        flagging=None
        if flags is None
        else sections.Flagging(
            least_auc=flags.null_auc, level=flags.level, flagged=int(flags.flagged.sum()), patients=flags.flagged.size
        ),
        stability=None
        if halves is None
        else sections.Stability(
            models_per_half=halves.models,
            spearman=halves.spearman,
            tops=tuple(
                sections.TopOverlap(k=top.k, jaccard=top.jaccard, by_chance=top.by_chance) for top in halves.tops
            ),
        ),
        worst=tuple(map(worst_patients, found.worst)),
        calibration=None if posterior is None else _calibration(posterior),
    )


def worst_patients(worst: Worst) -> sections.WorstPatients:
    """Put the most exposed patients in the form of a report; who they are stays behind."""
    return sections.WorstPatients(
        k=worst.k,
        models_per_half=worst.models,
        auc=worst.auc,
        d_prime=worst.d_prime,
        tpr_at_fpr=worst.tpr_at_fpr,
    )


def guarantee(claim: PrivacyClaim, *, seeded: bool = True) -> sections.Guarantee:
    """Put what a DP training promises in the form of a report; the models of an audit are always seeded."""
    found = claim.guarantee
    return sections.Guarantee(
        epsilon=found.epsilon if math.isfinite(found.epsilon) else None,
        delta=found.delta,
        accountant=found.accountant,
        noise_multiplier=min(mechanism.noise_multiplier for mechanism in claim.mechanisms),
        neighbouring=found.neighbouring,
        unit=found.unit,
        vacuous=found.vacuous,
        end_to_end=claim.end_to_end,
        gaps=claim.gaps,
        assumptions=claim.assumptions,
        seeded=seeded,
        assumed=claim.assumed,
    )


def _exposed(row: dict[Any, Any]) -> sections.ExposedPatient:
    tpr = _estimate(row, "tpr_at_fpr_0.05")
    return sections.ExposedPatient(
        rank=int(row["rank"]),
        rank_low=float(row["rank_low"]),
        rank_high=float(row["rank_high"]),
        pseudonym=row["pseudonym"],
        class_name=row["class"],
        samples=int(row["samples"]),
        score=float(row["score"]),
        d_prime=_estimate(row, "d_prime"),
        auc=_estimate(row, "auc"),
        tpr_at_fpr=RateAtFpr(
            fpr=0.05,
            achieved_fpr=None,
            tpr=tpr.value,
            low=tpr.low,
            high=tpr.high,
            resolvable=bool(row["tpr_at_fpr_0.05_resolvable"]),
            n_out=int(row["n_out"]),
        ),
        flagged=bool(row["flagged"]),
        flagged_again=float(row["flagged_again"]),
    )


def _estimate(row: dict[Any, Any], name: str) -> Estimate:
    values = (float(row[key]) for key in (name, f"{name}_low", f"{name}_high"))
    return Estimate(*(None if np.isnan(value) else value for value in values))


def _calibration(posterior: Posterior) -> sections.Calibration:
    return sections.Calibration(
        bins=tuple(
            sections.ReliabilityBin(
                low=found.low, high=found.high, predicted=found.predicted, observed=found.observed, cases=found.n
            )
            for found in posterior.reliability
        ),
        brier=posterior.brier,
        calibration_error=posterior.calibration_error,
    )


def group(numbers: GroupNumbers) -> sections.GroupLeakage:
    """Put one group's numbers in the report's form."""
    return sections.GroupLeakage(
        variable=numbers.variable,
        value=numbers.group,
        patients=numbers.patients,
        auc=numbers.auc,
        tpr_at_fpr=numbers.tpr_at_fpr,
        difference=numbers.difference,
        p_holm=numbers.p_holm,
        suppressed=numbers.suppressed,
    )


def worst_group(found: WorstGroup) -> release_sections.WorstGroup:
    """Put the most exposed group in the report's form; where the halves chose differently, it names both."""
    variable, label = (one if one == other else f"{one} / {other}" for one, other in zip(*found.chosen, strict=True))
    return release_sections.WorstGroup(variable=variable, value=label, models_per_half=found.models, auc=found.auc)


def bound(found: LowerBound, on: str) -> sections.EpsilonBound:
    """Put a lower bound in the report's form; `on` says whom it is about."""
    fields = asdict(found)
    return sections.EpsilonBound(on=on, **fields)


def utility(quality: dict[str, dict[str, Estimate]], unseen: UnseenUtility) -> parts.Utility:
    """Put the two sides' utility in the report's form."""
    return parts.Utility(
        members=parts.SideUtility(**quality["members"]),
        non_members=parts.SideUtility(**quality["non_members"]),
        unseen_accuracy=unseen.accuracy,
        unseen_balanced_accuracy=unseen.balanced_accuracy,
    )


def warnings(report: parts.AuditReport) -> tuple[str, ...]:
    """Say what a reader should know before trusting the numbers, besides what the checks say."""
    return tuple(text for check in (_unstable,) if (text := check(report)))


def _unstable(report: parts.AuditReport) -> str | None:
    found = {attack.name: attack.auc for attack in report.attacks}
    loss, lira = found.get("loss", _NOTHING).low, found.get("lira_fixed", found.get("lira", _NOTHING)).high
    if loss is not None and lira is not None and loss > lira:
        return (
            "The loss attack does better than LiRA. Models trained alike then differ too much from one another; look "
            "at the stability of training (learning rate, epochs) before reading the LiRA numbers."
        )
    return None
