"""What a reconstruction comparison found: profiles recovered, members identified, members recognised, utility."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from genoaudit.files import read_whole
from genoaudit.metrics.estimates import Estimate
from genoaudit.report.result import MOST_BYTES, CohortSummary, NotRun, canonical_json
from genoaudit.report.sections import Part

if TYPE_CHECKING:
    import pandas as pd

RecoveryAttack = Literal[
    "class_mean", "analytic", "rank_one", "whole_patient", "imprint", "trap_weights", "matching", "informed"
]


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
    vanished: float | None = Field(
        description="Share of updates whose first layer has no gradient even without noise: there is nothing to read, "
        "the correlation counts as 0, and neither is a protection. None where no single update is read."
    )
    learnt: float | None = Field(
        description="Share of updates that vanished because the network fits the sample to the last digit; in the "
        "others that vanished no unit of the first layer is active for it."
    )


class Threshold(Part):
    """How often a reconstruction can count as a success, whatever the attack: worst-case bound of the ReRo kind."""

    kappa: float = Field(
        description="Most that a guess without the model reaches, for a patient of the cohort drawn at random."
    )
    bound: float = Field(description="Most that any attack on one update of the patient reaches; 1 without noise.")


class HalfLost(Part):
    """Where the best reconstruction from scratch loses half of its correlation, by theory (Riess et al. 2024)."""

    noise_multiplier: float = Field(description="Mean over the patients under attack, before training.")
    epsilon: float = Field(description="Of this training with that noise.")


class Identification(Part):
    """Which of m candidates was in a training whose every step is seen."""

    candidates: int
    patients: int = Field(description="Members attacked.")
    named: int = Field(description="Of them, told from all other candidates.")
    rate: Estimate = Field(description="Share named; exact 95 % interval, as if patients were independent.")
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
    threshold: Threshold
    half_lost: HalfLost | None = Field(description="None where no patient has a gradient.")
    identification: Identification
    inversion: Inversion
    accuracy: Estimate
    auc: Estimate = Field(description="Membership inference on all patients.")
    worst_auc: Estimate = Field(description="On the five most exposed patients.")

    def recovery(self, attack: str, network: str) -> Recovery | None:
        """Return the numbers of an attack, None if it was not made."""
        return next((one for one in self.recoveries if (one.attack, one.network) == (attack, network)), None)


class NamedShare(Part):
    """Identification over all seeds of a recipe at a budget, beside what the mechanism allows on average."""

    recipe: str
    budget: float | None
    candidates: int = Field(description="The fewest of any seed.")
    patients: int = Field(description="Attacked over all seeds.")
    named: int = Field(description="Of them, told from all other candidates.")
    rate: Estimate = Field(
        description="Share named; 95 % interval (Korn and Graubard) that holds for all shares with a bound below 1 at "
        "once, 1.5 patients of a training counting as one trial."
    )
    bound: float = Field(description="Most that any attack reaches on average; 1 above an epsilon of 1,000.")
    reading: Literal["below", "by_chance", "exceeded"] = Field(
        description="by_chance: the share is above the bound, which lies within the interval; exceeded: the whole "
        "interval is above it, so that training is not what is accounted for."
    )


class Threat(Part):
    """An attack that was made, and by whom it could be."""

    name: str
    title: str
    sees: Literal["gradients", "parameters"]
    threat_model: str
    cost: str
    reference: str
    caveat: str


class ReconstructReport(Part):
    """Everything a comparison found out; rates and means, no row per patient."""

    schema_version: Literal["1.0"] = "1.0"
    genoaudit_version: str
    cohort: CohortSummary
    models: int = Field(description="Per cell, for utility and membership; 0: not measured.")
    patients: int = Field(description="Under attack in each cell.")
    eta: float
    cells: tuple[ReconstructCell, ...]
    named: tuple[NamedShare, ...] = Field(description="One for each recipe and budget.")
    threats: tuple[Threat, ...] = Field(description="What the adversary of each attack sees, knows and does.")
    not_run: tuple[NotRun, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """Return the report as strict JSON: keys sorted, six significant digits, no clock, no host, no NaN."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: str | Path) -> ReconstructReport:
        """Read a report back from ``reconstruct.json``."""
        return cls.model_validate_json(read_whole(Path(path), most=MOST_BYTES))

    @property
    def table(self) -> pd.DataFrame:
        """One row per cell and measure: what ``reconstruct.parquet`` holds."""
        from genoaudit.report.reconstruct_table import tidy

        return tidy(self)
