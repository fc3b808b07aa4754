"""The result of an audit: typed, versioned, and written the same way every time.

`AuditReport` is what ``report.json`` holds; its JSON Schema is ``data_schemas/report.schema.json``. It is confidential:
it carries per-patient numbers under pseudonyms. Clock, hardware and versions are kept apart in ``run.json``, so that
the same audit gives the same bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genoaudit.metrics.estimates import Estimate, RateAtFpr

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION: Literal["1.0"] = "1.0"
SIGNIFICANT_DIGITS = 6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSize(_Part):
    """One cancer type and how many carry it."""

    name: str
    patients: int
    samples: int


class CohortSummary(_Part):
    """The cohort in counts; no identifiers."""

    source: str = Field(description="File name without folders, or 'simulated'.")
    sha256: str = Field(description="Digest of the source.")
    samples: int
    patients: int
    genes: int
    scale: str
    label: str
    classes: tuple[ClassSize, ...]
    samples_per_patient: dict[int, int] = Field(description="Number of patients by their number of samples.")


class RecipeSummary(_Part):
    """What every model was trained with."""

    kind: str
    steps: tuple[str, ...] = Field(description="The pipeline's steps, in order.")
    parameters: dict[str, Any]


class DesignSummary(_Part):
    """Who was in which model, in counts."""

    kind: Literal["half_split"]
    neighbouring: Literal["replace-one"]
    models: int
    pairs: int
    members_per_model: tuple[int, int] = Field(description="Smallest and largest number of member patients.")
    seed: int


class RocBand(_Part):
    """A pooled ROC on a fixed grid of false-positive rates, with a 95 % band at each point."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Leakage(_Part):
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
    threat_model: str
    reference: str
    caveat: str
    estimand: Literal["mean_over_targets"] = "mean_over_targets"
    pooled: PooledLeakage


class NotRun(_Part):
    """An attack that was asked for and could not run."""

    name: str
    reason: str


class SideUtility(_Part):
    """Mean over models; low and high are the 2.5 and 97.5 percentiles over models, a spread rather than an error."""

    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    auroc: Estimate


class Utility(_Part):
    """What the models are good for, on the patients they were trained on and on the others; per sample."""

    members: SideUtility
    non_members: SideUtility


class GroupLeakage(_Part):
    """The headline attack within one group of patients; None where the group is too small to show."""

    variable: str
    value: str
    patients: int
    auc: Estimate
    tpr_at_fpr: RateAtFpr
    suppressed: bool


class ExposedPatient(_Part):
    """One of the most exposed patients, under a pseudonym; the key stands in ``patients.parquet`` only."""

    rank: int
    pseudonym: str
    class_name: str
    samples: int
    score: float
    d_prime: float | None
    auc: Estimate


class Exposure(_Part):
    """How exposure is spread over patients: per-patient AUC of in against out over the models."""

    auc_quantiles: dict[str, float] = Field(description="5, 25, 50, 75, 95 and 100 % quantiles over patients.")
    most_exposed: tuple[ExposedPatient, ...]


class AuditReport(_Part):
    """Everything an audit found out, in counts and rates, plus the most exposed patients under pseudonyms."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    genoaudit_version: str
    audit: Literal["recipe"] = "recipe"
    confidential: Literal[True] = True
    headline: str | None = Field(description="Name of the attack that groups and patients are shown for.")
    cohort: CohortSummary
    recipe: RecipeSummary
    design: DesignSummary
    attacks: tuple[AttackResult, ...]
    not_run: tuple[NotRun, ...]
    utility: Utility
    groups: tuple[GroupLeakage, ...]
    exposure: Exposure
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """Return the report as strict JSON: keys sorted, six significant digits, no clock, no host, no NaN."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: Path) -> AuditReport:
        """Read a report back from ``report.json``."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


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
