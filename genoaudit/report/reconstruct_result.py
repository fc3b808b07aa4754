"""What a reconstruction comparison found: profiles recovered, members identified, members recognised, utility."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from genoaudit.metrics.estimates import Estimate
from genoaudit.report.result import CohortSummary, NotRun, canonical_json
from genoaudit.report.sections import Part

if TYPE_CHECKING:
    import pandas as pd

RecoveryAttack = Literal["class_mean", "analytic", "rank_one", "whole_patient", "imprint", "informed"]


class CellReconstruction(Part):
    """What the analytic attack recovers from the gradient of one sample under the noise of a sweep's cell."""

    patients: int
    pearson: float = Field(description="Mean correlation with the true profile, over genes.")
    control: float = Field(description="That of the mean of the sample's class over other patients.")
    expected: float = Field(description="That of the best reconstruction from scratch, by theory.")
    hit_rate: float = Field(description="Share in which the nearest patient of the cohort is the one attacked.")


class Recovery(Part):
    """How well one attack recovers profiles, beside the true ones; means over the patients under attack."""

    attack: RecoveryAttack
    network: Literal["none", "fresh", "trained", "chosen"] = Field(
        description="Whose gradient: before training, after it, or of parameters chosen by the adversary."
    )
    patients: int
    pearson: float
    spearman: float
    mse: float = Field(description="On the scale that the network sees, squared.")
    within_noise: float = Field(description="Share of genes that are off by no more than a technical replicate.")
    nearest_patient: float = Field(description="Share in which the nearest patient of the cohort is the right one.")
    class_right: float = Field(description="Share in which the nearest class mean is that of the patient's class.")
    sex_right: float | None = Field(description="Share in which sex genes call the same sex; None without such genes.")
    success: Estimate = Field(description="Share with 1 - Pearson of at most eta; exact 95 % interval over patients.")
    expected_pearson: float | None = Field(description="Of the best reconstruction from scratch, by theory.")
    expected_success: float | None


class Identification(Part):
    """Which of m candidates was in a training whose every step is seen."""

    candidates: int
    rate: Estimate = Field(description="Share of members told from all other candidates; exact 95 % interval.")
    guessing: float
    bound: float = Field(description="Most that any attack reaches; 1 above an epsilon of 1,000.")


class Inversion(Part):
    """Profiles that a trained model calls typical of a class: whether members are nearer to them than others."""

    classes: int
    auc: float = Field(description="Mean over classes; 0.5: the profile shows the class alone.")
    pearson: float = Field(description="Mean highest correlation with a member.")


class ReconstructCell(Part):
    """One recipe at one budget and seed."""

    name: str
    recipe: str
    title: str
    budget: float | None = Field(description="Target epsilon; None without protection.")
    seed: int
    noise_multiplier: float | None
    vacuous: bool = Field(description="No promise worth the name: no DP, or an epsilon above 1,000.")
    recoveries: tuple[Recovery, ...]
    identification: Identification
    inversion: Inversion
    accuracy: Estimate
    auc: Estimate = Field(description="Membership inference on all patients.")
    worst_auc: Estimate = Field(description="On the five most exposed patients.")

    def recovery(self, attack: str, network: str) -> Recovery | None:
        """Return the numbers of an attack, None if it was not made."""
        return next((one for one in self.recoveries if (one.attack, one.network) == (attack, network)), None)


class ReconstructReport(Part):
    """Everything a comparison found out; rates and means, no row per patient."""

    schema_version: Literal["1.0"] = "1.0"
    genoaudit_version: str
    cohort: CohortSummary
    models: int = Field(description="Per cell, for utility and membership; 0: not measured.")
    patients: int = Field(description="Under attack in each cell.")
    eta: float
    cells: tuple[ReconstructCell, ...]
    not_run: tuple[NotRun, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """Return the report as strict JSON: keys sorted, six significant digits, no clock, no host, no NaN."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: Path) -> ReconstructReport:
        """Read a report back from ``reconstruct.json``."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))

    @property
    def table(self) -> pd.DataFrame:
        """One row per cell and measure: what ``reconstruct.parquet`` holds."""
        from genoaudit.report.reconstruct_table import tidy

        return tidy(self)
