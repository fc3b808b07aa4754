"""Parts of a summary that may be shared: another family than the parts of a report, with no room for a single patient.

Every list has a length that cohorts do not set, every number is rounded or a band, and no part takes keys of its own or
free text beside the names of classes, groups, attacks and checks. A test walks the types and holds them to it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from genoaudit.contracts import Access
from genoaudit.report.disclosure import BASE, MINIMUM, PROTECTION

Name = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=500)]


class Shared(BaseModel):
    """A frozen piece of a summary; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Shared):
    """What the counts in a summary were held to; see `genoaudit.report.disclosure`."""

    minimum: int = Field(default=MINIMUM, description="Fewest members, and fewest non-members, of what is shown.")
    protection: int = Field(default=PROTECTION, description="How far the limits of a hidden count lie apart at least.")
    base: int = Field(default=BASE, description="Counts of patients are rounded at random to a multiple of this.")
    drawn: Literal["random", "from the seed"] = Field(
        description="How they were rounded. From the seed (a replay): for checking an audit, not for sharing."
    )


class Number(Shared):
    """A share or an AUC over many patients, rounded, with its 95 % interval rounded outwards."""

    value: float
    low: float | None
    high: float | None


class Rate(Shared):
    """Members recognised within a false-positive rate that the number of non-members can resolve."""

    fpr: float
    tpr: float
    low: float | None
    high: float | None


class Band(Shared):
    """Where a number lies that is about one patient or about few; None where the band is open."""

    low: float | None
    high: float | None


class Task(Shared):
    """What was audited, in words and rounded counts."""

    audit: Literal["recipe", "release"]
    recipe: Name | None = Field(description="Kind of the recipe; None: not known, so that no models were trained.")
    label: Name
    classes: int
    genes: int
    scale: Name
    patients: int | None = Field(description="Rounded; None where there are too few to show anything.")
    members: int | None = Field(description="Of the given model, rounded; None in a recipe audit: a share of them.")
    members_share: float | None = Field(description="Of the patients in every model of a recipe audit.")
    models: int = Field(description="Models that were attacked or, for one given model, that attacks learn from.")
    access: Access
    decimals: int | None
    queries: int


class Given(Shared):
    """What is known of the given model; no name of a file."""

    kind: Literal["scores", "genoaudit", "sklearn", "xgboost", "torch"]
    manifest: Literal["agrees", "none"]
    seeded: bool | None
    non_members_declared: bool = Field(description="Whether it was declared where the non-members came from.")


class SharedAttack(Shared):
    """One attack."""

    name: Name
    title: Name
    access: Access
    auc: Number | None
    rates: tuple[Rate, ...] = Field(max_length=12)


class SharedUnion(Shared):
    """All attacks together."""

    fpr: float
    attacks: int
    tpr: float
    achieved_fpr: float


class Quality(Shared):
    """What models are good for; low and high are a spread over models rather than an error.

    Without the means over classes where not every class is shown: with the mean over patients, they say something of
    those that are not.
    """

    accuracy: Number | None
    balanced_accuracy: Number | None
    auroc: Number | None


class GroupValue(Shared):
    """One class or group of patients."""

    name: Name
    patients: int = Field(description="Rounded.")
    auc: Number | None
    rate: Rate | None


class Variable(Shared):
    """What patients are grouped by; values with too few patients, and those that would tell of them, are left out."""

    name: Name
    values: tuple[GroupValue, ...] = Field(max_length=1000)
    complete: bool = Field(description="Whether all values are shown.")


class MostExposedGroup(Shared):
    """The most exposed group, chosen on one half of the models and measured on the other."""

    variable: Name
    value: Name
    auc: Band


class ExposureBand(Shared):
    """Patients whose own AUC lies in a band; at least ten of them."""

    auc: Band
    patients: int = Field(description="Rounded.")


class Flagged(Shared):
    """Patients who are exposed by more than a minimum, beyond chance."""

    least_auc: float
    how_many: Literal["fewer than 10", "counted", "all but fewer than 10"]
    patients: int | None = Field(description="Rounded; None unless counted.")


class SharedExposure(Shared):
    """How exposure is spread over patients, in bands."""

    unexposed_below: float = Field(description="What the AUC of 39 in 40 patients lies below if nothing leaks.")
    bands: tuple[ExposureBand, ...] = Field(max_length=5)
    median: Band
    one_in_twenty: Band = Field(description="What the AUC of the most exposed twentieth begins in.")
    worst_patient: Band | None = Field(description="Chosen on one half of the models, measured on the other.")
    worst_twenty: Number | None = Field(description="Their mean AUC, chosen and measured likewise.")
    flagged: Flagged | None


class Promise(Shared):
    """What a DP training promises; epsilon and delta rounded up, which stays true."""

    epsilon: float | None
    delta: float
    neighbouring: Name
    unit: Name
    vacuous: bool
    end_to_end: bool


class Limit(Shared):
    """The most that any attack on the mechanism can achieve, rounded up."""

    fpr: float
    tpr: float


class SharedTheory(Shared):
    """What the promise allows, and whether more was found; one patient is exchanged for another."""

    alarm: bool
    limits: tuple[Limit, ...] = Field(max_length=4)


class SharedBound(Shared):
    """A smaller epsilon than this is refuted; rounded down, which stays true, and to few steps for one patient."""

    about: Literal["the most exposed patient", "canaries"]
    at_least: float
    delta: float
    neighbouring: Literal["replace-one", "add/remove"]


class CanaryKind(Shared):
    """Planted patients of one kind; at least ten of them."""

    title: Name
    planted: int
    auc: Number
    rate: Rate | None


class SharedCanaries(Shared):
    """Planted worst-case patients."""

    models: int
    kinds: tuple[CanaryKind, ...] = Field(max_length=12)


class RiskOfShare(Shared):
    """The headline attack on models that were trained on a share of the patients."""

    share: float
    models: int
    auc: Number | None
    rate: Rate | None


class SharedFullSize(Shared):
    """The risk of a model trained on everybody: extrapolated, not measured."""

    points: tuple[RiskOfShare, ...] = Field(max_length=8)
    auc: Number | None
    tpr: Number | None


class SharedJoint(Shared):
    """Several releases on the same patients, attacked alone and together."""

    new_alone: Number | None
    earlier_alone: tuple[Number | None, ...] = Field(max_length=20)
    together: Number | None
    promise: Promise | None


class SharedCheck(Shared):
    """One check of the evidence; what it found stands in the confidential report."""

    code: Name
    title: Name
    status: Literal["passed", "issue", "tip", "not_applicable"]


class SharedCriterion(Shared):
    """One threshold of a policy; the outcome was decided on the exact number."""

    key: Name
    subject: Name | None = Field(description="None where it would name a group or patient that is not shown.")
    threshold: float | None
    value: float | None = Field(description="None where the number is a count, or about few.")
    at_least: float | None = Field(description="One-sided 95 % limit, rounded outwards.")
    at_most: float | None
    lies_in: Band | None = Field(description="Where a number about few lies.")
    outcome: Literal["pass", "fail", "open", "silent"]


class SharedVerdict(Shared):
    """What a policy says of the audit."""

    decision: Literal["release", "hold", "undecidable"]
    policy: Name
    criteria: tuple[SharedCriterion, ...] = Field(max_length=200)
