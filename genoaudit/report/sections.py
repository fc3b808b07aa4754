"""Parts of a report: patients, groups, bounds, canaries, checks; each number with its interval and what it claims."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.ppv import PpvAtPrior


class Part(BaseModel):
    """A frozen piece of a report; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ShadowThreshold(Part):
    """An attack at a threshold that it took from other models, as an attacker must: no peeking at the target."""

    fpr: float = Field(description="False-positive budget that the threshold was chosen for, on other models.")
    tpr: Estimate
    achieved_fpr: Estimate
    ppv: tuple[PpvAtPrior, ...] = Field(description="Positive predictive value at declared prior shares of members.")


class GroupLeakage(Part):
    """The headline attack within one group of patients; None where the group is too small to show."""

    variable: str
    value: str
    patients: int
    auc: Estimate
    tpr_at_fpr: RateAtFpr
    difference: Estimate = Field(
        description="AUC minus that of the other patients; limits hold for all groups at once."
    )
    p_holm: float | None = Field(description="Two-sided, adjusted over all groups shown.")
    suppressed: bool


class GroupGap(Part):
    """AUC of one group minus that of another of the same variable; limits hold for all pairs at once."""

    variable: str
    group: str
    other: str
    difference: Estimate
    p_holm: float


class ExposedPatient(Part):
    """One of the most exposed patients, under a pseudonym; the key stands in ``patients.parquet`` only."""

    rank: int
    rank_low: float = Field(description="Lower 95 % limit of the rank in infinitely many models; 1 = most exposed.")
    rank_high: float
    pseudonym: str
    class_name: str
    samples: int
    score: float
    d_prime: Estimate
    auc: Estimate
    tpr_at_fpr: RateAtFpr = Field(description="Over models; n_out counts the models without the patient.")
    flagged: bool = Field(description="AUC above the minimum effect, after adjustment for all patients.")
    flagged_again: float = Field(description="Share of resamples of the models in which the patient is flagged again.")


class TopOverlap(Part):
    """Patients among the k most exposed of both halves, divided by those of either; and what chance gives."""

    k: int
    jaccard: Estimate = Field(description="Mean over splits and the range of 95 % of them: no confidence interval.")
    by_chance: float


class Stability(Part):
    """How far two disjoint halves of the models agree on who is exposed."""

    models_per_half: int
    spearman: Estimate = Field(description="Of d'; mean over splits and the range of 95 % of them.")
    tops: tuple[TopOverlap, ...]


class WorstPatients(Part):
    """The most exposed patients, chosen on one half of the models and measured on the other."""

    k: int
    models_per_half: int
    auc: Estimate
    d_prime: Estimate
    tpr_at_fpr: RateAtFpr


class Flagging(Part):
    """Patients whose AUC exceeds a minimum effect; the share of false flags among them is held at `level`."""

    least_auc: float
    level: float
    flagged: int
    patients: int


class ReliabilityBin(Part):
    """Cases whose predicted probability of membership lies in a range, and how many of them were members."""

    low: float
    high: float
    predicted: float
    observed: Estimate
    cases: int


class Calibration(Part):
    """How far predicted probabilities of membership can be taken at their word, on models that taught them nothing."""

    bins: tuple[ReliabilityBin, ...]
    brier: Estimate
    calibration_error: float


class Exposure(Part):
    """How exposure is spread over patients: per-patient AUC of in against out over the models."""

    auc_quantiles: dict[str, float] = Field(description="Quantiles over patients, every 5 %.")
    most_exposed: tuple[ExposedPatient, ...]
    flagging: Flagging | None
    stability: Stability | None = Field(description="None with too few models.")
    worst: tuple[WorstPatients, ...] = Field(description="Of the worst one, five and twenty; none with too few models.")
    calibration: Calibration | None


class EpsilonBound(Part):
    """A lower bound on epsilon of the training as it was done: a smaller epsilon is refuted at this level."""

    epsilon: float
    delta: float
    significance: float
    kind: Literal["many_run", "gdp_fit", "one_run", "one_run_fdp"] = Field(
        description="gdp_fit and one_run_fdp hold if the mechanism is Gaussian DP, the others for any mechanism."
    )
    neighbouring: Literal["replace-one", "add/remove"]
    on: str = Field(description="Whom it is about: one patient or canary fixed beforehand, or all canaries of one run.")
    trials: int
    threshold: str
    note: str


class Guarantee(Part):
    """What a DP training promises, and whether the promise covers the whole pipeline."""

    epsilon: float | None = Field(description="None: no finite epsilon holds (no noise).")
    delta: float
    accountant: str
    noise_multiplier: float
    neighbouring: str
    unit: str
    vacuous: bool = Field(description="Epsilon above 1,000: the promise excludes no attack at all.")
    end_to_end: bool
    gaps: tuple[str, ...] = Field(description="Why the promise does not cover the whole pipeline; empty if it does.")
    assumptions: tuple[str, ...] = Field(default=(), description="What the promise takes as given.")
    seeded: bool = Field(
        default=True, description="The noise can be drawn again: reproducible, as an audit must be, not releasable."
    )
    assumed: bool = Field(
        default=False, description="The given model is only said to be trained by the recipe that promises this."
    )


class TradeOff(Part):
    """The highest TPR that any attack on the mechanism can have at each FPR."""

    neighbouring: Literal["replace-one", "add/remove"]
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]


class ClaimComparison(Part):
    """A valid lower bound beside the mechanism's own epsilon, under the same relation at the same delta."""

    kind: Literal["many_run", "one_run"]
    neighbouring: Literal["replace-one", "add/remove"]
    on: str
    epsilon: float = Field(description="The lower bound: every smaller epsilon is refuted.")
    delta: float
    significance: float
    claimed: float | None = Field(description="Of the mechanism; None: none that an audit could reach.")
    exceeded: bool


class Theory(Part):
    """What the mechanism of a DP training allows at most, beside what was found; rings if more was found."""

    curves: tuple[TradeOff, ...] = Field(description="Empty where epsilon is above 1,000: any attack is allowed.")
    comparisons: tuple[ClaimComparison, ...]
    alarm: bool = Field(description="Whether any lower bound exceeds the claim.")
    level: float = Field(description="How often a correct training sets the alarm off, at most.")


class CanaryKindLeakage(Part):
    """How well planted patients of one kind are found, beside the natural ones: one target at a time, averaged."""

    kind: str
    title: str
    canaries: int
    auc: Estimate
    tpr_at_fpr: RateAtFpr


class CanaryAudit(Part):
    """Planted worst-case patients, each in each model by its own fair coin, and what can be proved with them."""

    attack: str
    models: int
    kinds: tuple[CanaryKindLeakage, ...]
    bounds: tuple[EpsilonBound, ...]


class Convergence(Part):
    """The headline attack with ever more models: its interval shrinks until patients are what limits it."""

    models: int
    auc: Estimate
    tpr_at_fpr: RateAtFpr


class NullAttack(Part):
    """One attack against a membership that no model knows."""

    name: str
    auc: Estimate = Field(description="Limits hold for all attacks at once.")
    passed: bool


class SelfTest(Part):
    """The audit of a membership drawn afterwards, which nothing can have leaked: it must find nothing."""

    attacks: tuple[NullAttack, ...]
    flagged: int
    patients: int
    epsilon: float = Field(description="The many-run bound; 0 where it claims nothing.")
    passed: bool


class Measured(Part):
    """A number behind a finding, beside what chance alone reaches."""

    what: str
    value: float
    chance: float


class CheckFinding(Part):
    """What one check of the evidence says."""

    code: str
    title: str
    status: Literal["passed", "issue", "tip", "not_applicable"]
    summary: str
    advice: str
    measured: tuple[Measured, ...] = Field(
        default=(), description="Of the model-blind baseline: the AUC of classifiers by what they know."
    )


class UnionOfAttacks(Part):
    """All attacks together, each at the same false-positive budget on other models and patients."""

    fpr: float
    attacks: int
    tpr: float = Field(description="Members flagged by at least one attack; mean over targets.")
    achieved_fpr: float = Field(description="Non-members flagged by at least one: more than the budget of one attack.")
    only_here: dict[str, float] = Field(description="Share of the members found that only this attack finds.")
