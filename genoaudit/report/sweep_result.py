"""The result of a sweep: what each protection costs and buys, one cell per recipe, protection, setting and seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from genoaudit.contracts import Access
from genoaudit.files import read_whole
from genoaudit.metrics.estimates import Estimate
from genoaudit.report.reconstruct_result import CellReconstruction
from genoaudit.report.result import MOST_BYTES, CohortSummary, Leakage, NotRun, Utility, canonical_json
from genoaudit.report.sections import CanaryKindLeakage, Guarantee, Part, WorstPatients

if TYPE_CHECKING:
    import pandas as pd

NONE = "none"
"""The mitigation of a cell without any: what all others are measured against."""

DP_ARM = "dp_arm"
"""The mitigation of cells trained as the DP cells are, but without DP: what DP itself changes is seen beside them."""

DP = "dp"
"""The mitigation of cells trained with DP-SGD."""


class SweepCell(Part):
    """One recipe under one protection, audited: every model the target once."""

    name: str = Field(description="Unique, such as 'mlp/dp=8/seed=0'.")
    recipe: str
    mitigation: str = Field(description="'none', 'dp', 'dp_arm', or a name of the catalogue.")
    setting: float | int | str | None
    title: str = Field(description="For people, such as 'DP, epsilon 8'.")
    acts_on: Literal["nothing", "training", "outputs"]
    tuned: bool = Field(description="Added to match a defence's utility, not asked for in the configuration.")
    seed: int
    access: Access = Field(description="What the adversary saw.")
    attack: str = Field(description="The attack of the leakage, chosen by the number of models, never by the results.")
    utility: Utility
    accuracy: Estimate = Field(description="Of patients a model has not seen; 95 % interval over pairs of models.")
    accuracy_loss: Estimate = Field(
        description="Accuracy of the recipe as it is, without protection, minus this one's, model by model; 95 %."
    )
    leakage: Leakage
    labels_only: Leakage | None = Field(default=None, description="An output defence attacked through labels alone.")
    worst: tuple[WorstPatients, ...]
    canaries: CanaryKindLeakage | None = Field(description="All planted patients together; None where none were asked.")
    reconstruction: CellReconstruction | None = Field(
        default=None, description="Profiles read off single updates under the noise of the cell's training."
    )
    guarantee: Guarantee | None
    on_frontier: bool = Field(
        description="No other cell of the recipe and seed has both more utility and less leakage."
    )
    warnings: tuple[str, ...] = ()


class FairComparison(Part):
    """A defence beside the DP-SGD that is as useful, by what either leaves of the leak of those who need protection."""

    recipe: str
    seed: int
    defence: str = Field(description="Name of the defence's cell.")
    dp: str | None = Field(description="Name of the DP cell with most noise that loses hardly more; None if none.")
    accuracy_difference: float | None = Field(description="Accuracy of DP-SGD minus the defence's.")
    worst_auc_defence: Estimate
    worst_auc_dp: Estimate
    canary_auc_defence: Estimate
    canary_auc_dp: Estimate
    worst_favours: Literal["dp", "defence", "neither"] = Field(description="By intervals that do not overlap.")
    canaries_favour: Literal["dp", "defence", "neither"]


class SweepReport(Part):
    """Everything a sweep found out; rates and counts of patients, no row per patient."""

    schema_version: Literal["1.0"] = "1.0"
    genoaudit_version: str
    cohort: CohortSummary
    models: int
    canary_models: int = Field(description="0: no canaries were planted.")
    cells: tuple[SweepCell, ...]
    comparisons: tuple[FairComparison, ...]
    not_run: tuple[NotRun, ...] = Field(description="Cells that make no sense for a recipe, failed, or met the limit.")
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """Return the report as strict JSON: keys sorted, six significant digits, no clock, no host, no NaN."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: str | Path) -> SweepReport:
        """Read a report back from ``sweep.json``."""
        return cls.model_validate_json(read_whole(Path(path), most=MOST_BYTES))

    @property
    def table(self) -> pd.DataFrame:
        """One row per cell, one column per number: what ``sweep.parquet`` holds."""
        from genoaudit.report.sweep_table import tidy

        return tidy(self)
