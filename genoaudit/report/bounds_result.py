"""What a private mechanism guarantees, as a document: computed from the mechanism alone, without data or a model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from genoaudit.files import read_whole
from genoaudit.report.result import MOST_BYTES, canonical_json
from genoaudit.report.sections import Part

BOUNDS_VERSION: Literal["1.0"] = "1.0"


class MechanismSummary(Part):
    """DP-SGD: Poisson sampling of units, clipping of each unit's gradient, Gaussian noise on the sum."""

    unit: Literal["patient", "sample"] = Field(description="What is drawn and clipped.")
    samples_per_patient: int = Field(description="Most samples of a patient; 1 where the patient is the unit.")
    noise_multiplier: float = Field(description="Standard deviation of the noise over the clipping norm.")
    sampling_rate: float
    steps: int
    patients: int | None = Field(description="None: not said.")
    releases: tuple[float, ...] = Field(description="Noise multipliers of what was released beforehand.")


class Claim(Part):
    """Epsilon for adding or removing one unit, computed in one way."""

    method: Literal["pld", "rdp_improved", "rdp_classic", "prv", "group_privacy"] = Field(
        description="group_privacy: from the epsilon of one sample alone, where the sample is the unit."
    )
    epsilon: float | None = Field(description="None: not finite, or not computed because it would say nothing.")
    claimed: bool = Field(description="Whether this one is the guarantee; the others stand beside it.")
    discretisation: float | None = Field(description="Interval that losses were rounded to (pld).")
    orders: int | None = Field(description="Number of orders tried (rdp).")
    smallest_order: float | None
    largest_order: float | None
    best_order: float | None


class TprAtFpr(Part):
    """Largest TPR of any membership attack at an FPR."""

    fpr: float
    tpr: float


class Ppv(Part):
    """Largest share of true members among those accused, at an FPR and a prior share of members."""

    prior: float
    fpr: float
    ppv: float


class Curve(Part):
    """FPR against the largest TPR."""

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]


class Risks(Part):
    """What no membership attack exceeds, under one neighbouring relation."""

    neighbouring: Literal["add/remove", "replace-one"]
    epsilon: float | None = Field(description="At the report's delta; None: vacuous, or beyond what floats can tell.")
    advantage: float = Field(description="Largest TPR - FPR.")
    auc: float
    tpr_at_fpr: tuple[TprAtFpr, ...]
    ppv: tuple[Ppv, ...]
    curve: Curve


class Reconstruction(Part):
    """How often any attack picks the right one of equally likely candidates."""

    candidates: int
    kappa: float = Field(description="Chance of success by guessing: 1 / candidates.")
    gamma: float | None = Field(description="Largest chance of success; None: refused.")
    advantage: float | None = Field(description="gamma - kappa, which is what the model is to blame for.")
    refused: str | None = Field(description="Why there is no number.")
    edgeworth: float | None = Field(description="gamma by an Edgeworth expansion: a cross-check, not a bound.")
    edgeworth_refused: str | None
    relaxed: float | None = Field(description="The same if the assumption held.")
    assumption: str = Field(description="About the adversary of `relaxed`, which is not covered by epsilon.")


class FromScratch(Part):
    """How well a profile is read out of one noisy gradient by an adversary without prior knowledge: no guarantee."""

    genes: int
    median_correlation: float = Field(description="Pearson, with a centred profile.")
    median_mse: float = Field(description="In units of the profile's mean square over genes.")
    noise_for_half: float = Field(description="Noise multiplier at which half of the correlation is left.")
    assumption: str


class Guarantees(Part):
    """What nobody can do to a patient, or to a sample: epsilon in several ways, and every risk that follows."""

    epsilon: float | None = Field(description="The claim, for adding or removing one; None: not finite.")
    vacuous: bool = Field(description="Epsilon above 1,000: no attack is excluded, and no risk was computed.")
    claims: tuple[Claim, ...]
    risks: tuple[Risks, ...]
    reconstruction: Reconstruction

    def under(self, neighbouring: Literal["add/remove", "replace-one"]) -> Risks:
        """Return the risks under a relation."""
        return next(risks for risks in self.risks if risks.neighbouring == neighbouring)


class BoundsReport(Guarantees):
    """What a mechanism guarantees to a patient with all samples at a delta, in every currency."""

    schema_version: Literal["1.0"] = BOUNDS_VERSION
    genoaudit_version: str
    mechanism: MechanismSummary
    delta: float
    sample: Guarantees | None = Field(description="The same for one sample, where the sample is the unit.")
    from_scratch: FromScratch | None
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """Return the report as strict JSON: keys sorted, six significant digits, no NaN."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: str | Path) -> BoundsReport:
        """Read a report back."""
        return cls.model_validate_json(read_whole(Path(path), most=MOST_BYTES))


class CalibrationReport(Part):
    """The noise that meets a target, and what else it guarantees."""

    schema_version: Literal["1.0"] = BOUNDS_VERSION
    target: Literal["epsilon", "advantage", "tpr", "reconstruction", "mse"]
    value: float
    fpr: float | None = Field(
        description="Where the curve meets the target: the FPR of a TPR, 1 / candidates; None for other targets."
    )
    wish: str = Field(description="The target in words.")
    guaranteed: bool = Field(description="False where the target rests on an assumption about the adversary.")
    noise_multiplier: float = Field(description="The smallest that meets the target.")
    bounds: BoundsReport

    def to_json(self) -> str:
        """Return the report as strict JSON: keys sorted, six significant digits, no NaN."""
        return canonical_json(self.model_dump(mode="json"))
