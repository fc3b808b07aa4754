"""The result of an audit: typed, versioned, and written the same way every time.

`AuditReport` is what ``report.json`` holds; its JSON Schema is ``data_schemas/report.schema.json``. It is confidential:
it carries per-patient numbers under pseudonyms. Clock, hardware and versions are kept apart in ``run.json``, so that
the same audit gives the same bytes but for the pseudonyms, which a replay draws from the seed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from genoaudit.contracts import Access
from genoaudit.files import read_whole, write_whole
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.release_sections import FullSizeRisk, GivenModel, JointReleases, NotTested, Verdict, WorstGroup
from genoaudit.report.sections import (
    CanaryAudit,
    CheckFinding,
    Convergence,
    EpsilonBound,
    Exposure,
    GroupGap,
    GroupLeakage,
    Guarantee,
    Part,
    SelfTest,
    ShadowThreshold,
    Theory,
    UnionOfAttacks,
)

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.contracts import Design, IntArray, Signals
    from genoaudit.display import Picture
    from genoaudit.report.policy import Policy
    from genoaudit.report.shareable import Summary

SCHEMA_VERSION: Literal["1.0"] = "1.0"
SIGNIFICANT_DIGITS = 6

MOST_BYTES = 1 << 28
"""More than any report has, and the most that is read of one."""


class ClassSize(Part):
    """One cancer type and how many carry it."""

    name: str
    patients: int
    samples: int


class CohortSummary(Part):
    """The cohort in counts; no identifiers."""

    source: str = Field(description="File name without folders, or 'simulated'.")
    sha256: str = Field(
        description="SHA-256 of the file; with a file of labels, of a JSON object with that of both, by role."
    )
    samples: int
    patients: int
    genes: int
    scale: str
    label: str
    classes: tuple[ClassSize, ...]
    samples_per_patient: dict[int, int] = Field(description="Number of patients by their number of samples.")


class RecipeSummary(Part):
    """What every model was trained with."""

    kind: str
    steps: tuple[str, ...] = Field(description="The pipeline's steps, in order.")
    parameters: dict[str, Any]


class DesignSummary(Part):
    """Who was in which model, in counts."""

    kind: Literal["half_split", "random_split"]
    neighbouring: Literal["replace-one"]
    models: int
    pairs: int
    members_per_model: tuple[int, int] = Field(description="Smallest and largest number of member patients.")
    seed: int


class RocBand(Part):
    """A pooled ROC on a fixed grid of false-positive rates, with a 95 % band at each point."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Leakage(Part):
    """How well members are told from non-members. Best thresholds are chosen in sample, which favours the attacker."""

    auc: Estimate
    balanced_accuracy: Estimate
    advantage: Estimate
    tpr_at_fpr: tuple[RateAtFpr, ...]


class PooledLeakage(Leakage):
    """The same over all targets pooled; serves the figure."""

    estimand: Literal["pooled"] = "pooled"
    roc: RocBand


class AttackResult(Leakage):
    """One attack: the mean over target models is the headline, the pooled numbers stand beside it."""

    name: str
    title: str
    access: Access
    threat_model: str
    reference: str
    caveat: str
    estimand: Literal["mean_over_targets", "single_target"] = "mean_over_targets"
    at_shadow_thresholds: tuple[ShadowThreshold, ...] = ()
    pooled: PooledLeakage


class Adversary(Part):
    """What the adversary was allowed to see of the models."""

    access: Access
    decimals: int | None = Field(description="Decimals of the probabilities; None: all.")
    queries: int = Field(description="Further queries of each sample, with technical noise.")


class NotRun(Part):
    """An attack that was asked for and could not run."""

    name: str
    reason: str


class SideUtility(Part):
    """Mean over models; low and high are the 2.5 and 97.5 percentiles over models, a spread rather than an error."""

    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    auroc: Estimate


class Utility(Part):
    """What the models are good for, on the patients they were trained on and on the others; per sample."""

    members: SideUtility
    non_members: SideUtility
    unseen_accuracy: Estimate = Field(
        default=Estimate(None, None, None),
        description="On non-members, mean over models; the interval is one over patients and models.",
    )
    unseen_balanced_accuracy: Estimate = Estimate(None, None, None)


class AuditReport(Part):
    """Everything an audit found out, in counts and rates, plus the most exposed patients under pseudonyms."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    genoaudit_version: str
    audit: Literal["recipe", "release"] = "recipe"
    confidential: Literal[True] = True
    pseudonyms: Literal["random", "from the seed"] = Field(
        default="random", description="From the seed (a replay): whoever knows the cohort can draw them again."
    )
    verdict: Verdict | None = Field(default=None, description="None where no policy was asked.")
    target: GivenModel | None = Field(default=None, description="Of a release audit.")
    full_size: FullSizeRisk | None = Field(default=None, description="Of a model trained on all patients.")
    joint: JointReleases | None = Field(default=None, description="Where earlier releases were given.")
    not_tested: tuple[NotTested, ...] = ()
    headline: str | None = Field(description="Name of the attack that groups and patients are shown for.")
    cohort: CohortSummary
    recipe: RecipeSummary | None = Field(description="None: the recipe of a given model is not known.")
    guarantee: Guarantee | None = Field(
        default=None, description="Of a recipe or a given model trained with DP; None: it promises nothing."
    )
    theory: Theory | None = Field(default=None, description="Of a training with DP: its guarantee and evidence.")
    design: DesignSummary | None = Field(description="None: no models were trained.")
    adversary: Adversary
    attacks: tuple[AttackResult, ...]
    not_run: tuple[NotRun, ...]
    union: UnionOfAttacks | None = None
    utility: Utility
    groups: tuple[GroupLeakage, ...]
    group_gaps: tuple[GroupGap, ...] = ()
    worst_group: WorstGroup | None = Field(default=None, description="None with too few models or groups.")
    exposure: Exposure | None
    bounds: tuple[EpsilonBound, ...] = ()
    canaries: CanaryAudit | None = None
    convergence: tuple[Convergence, ...] = ()
    stopped: str | None = Field(default=None, description="Why models = 'auto' stopped where it did.")
    self_test: SelfTest | None = None
    checks: tuple[CheckFinding, ...] = ()
    warnings: tuple[str, ...]

    @property
    def models(self) -> int:
        """Number of models that were trained: for a given model without a recipe, none."""
        return 0 if self.design is None else self.design.models

    @property
    def access_used(self) -> Access:
        """What the attacks that ran made use of: parameters only if one of them reads parameters."""
        read = any(attack.access == "parameters" for attack in self.attacks)
        return "logits" if self.adversary.access == "parameters" and not read else self.adversary.access

    @property
    def promise(self) -> Guarantee | None:
        """What training promises: that of all patients, where models of some of them stand for one of all."""
        return self.guarantee if self.full_size is None else self.full_size.guarantee

    def to_json(self) -> str:
        """Return the report as strict JSON: keys sorted, six significant digits, no clock, no host, no NaN."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: str | Path) -> AuditReport:
        """Read a report back from ``report.json``."""
        return cls.model_validate_json(read_whole(Path(path), most=MOST_BYTES))


def canonical_json(content: object) -> str:
    """Serialise with sorted keys and six significant digits, so that equal results are equal bytes."""
    return json.dumps(_rounded(content), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


@dataclass(frozen=True, eq=False)
class AuditResult:
    """An audit as objects: the report, the table of patients, the signals behind them, and how it ran.

    Parameters
    ----------
    report
        What ``report.json`` holds.
    patients
        One row per patient with identifier and pseudonym; confidential.
    signals, design, patient_of_sample
        What every model said, who was in which model, and whose each sample is.
    run
        Clock, versions, hardware and timings: what may differ between two runs of the same audit.
    """

    report: AuditReport
    patients: pd.DataFrame
    signals: Signals
    design: Design
    patient_of_sample: IntArray
    run: dict[str, Any]

    @property
    def attacks(self) -> pd.DataFrame:
        """One row per attack and estimand, with intervals."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"attack": attack.name, "estimand": leakage.estimand, **_flat(leakage)}
                for attack in self.report.attacks
                for leakage in (attack, attack.pooled)
            ]
        )

    @property
    def groups(self) -> pd.DataFrame:
        """One row per group of patients, with intervals."""
        import pandas as pd

        return pd.json_normalize([group.model_dump() for group in self.report.groups])

    def roc(self) -> Picture:
        """Draw the ROC of the attacks, as the page has it."""
        from genoaudit.display import Picture
        from genoaudit.report.figures import roc_figure

        return Picture(roc_figure(self.report))

    def share(self) -> Summary:
        """Return the summary that may be shared: the same for the same run, whenever it is asked for."""
        from genoaudit.report.derived import summary_of

        # Through JSON, so that a summary made later from the run's files is the same summary.
        return summary_of(AuditReport.model_validate_json(self.report.to_json()), self.patients, self.design.members)

    def save(self, folder: str | Path, *, show_ids: bool = False) -> tuple[Path, ...]:
        """Write the run's files; an earlier run in `folder` is replaced. Returns what was written."""
        from genoaudit.report.save import save_result

        return save_result(self, Path(folder), show_ids=show_ids)

    def to_html(self, path: str | Path, *, show_ids: bool = False) -> None:
        """Write the page alone, whole or not at all, with pseudonyms unless identifiers are asked for."""
        from genoaudit.report.saved import Run

        run = Run(self.report, self.patients, self.run.get("versions", {}))
        write_whole(Path(path), run.to_html(show_ids=show_ids).encode())

    def check(self, policy: Policy | str | Path) -> Verdict:
        """Return what a policy, or one by name or path, says of this audit, as ``genoaudit gate`` does of the run."""
        from genoaudit.report.policy import Policy, read_policy
        from genoaudit.report.verdict import decide

        demanded = policy if isinstance(policy, Policy) else read_policy(policy)
        # Through JSON, so that the verdict on the saved run is the same to the last digit.
        return decide(AuditReport.model_validate_json(self.report.to_json()), demanded)

    def judged(self, policy: Policy | str | Path) -> AuditResult:
        """Return the same audit with the verdict of a policy in its report."""
        return replace(self, report=self.report.model_copy(update={"verdict": self.check(policy)}))

    def _repr_html_(self) -> str:
        from genoaudit.report.cards import audit_card

        return audit_card(self.report)


def _flat(leakage: AttackResult | PooledLeakage) -> dict[str, float | bool | None]:
    row: dict[str, float | bool | None] = {}
    for name in ("auc", "balanced_accuracy", "advantage"):
        estimate: Estimate = getattr(leakage, name)
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    for rate in leakage.tpr_at_fpr:
        key = f"tpr_at_{rate.fpr:g}"
        row |= {key: rate.tpr, f"{key}_low": rate.low, f"{key}_high": rate.high, f"{key}_resolvable": rate.resolvable}
    return row
