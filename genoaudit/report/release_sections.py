"""Parts of a report that a decision on release needs: the given model, what was not tested, and the verdict."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.report.sections import Guarantee, Part


class GivenModel(Part):
    """The model that is to be released, and how its members are known."""

    kind: Literal["scores", "genoaudit", "sklearn", "xgboost", "torch"]
    source: str = Field(description="Name of the file or folder, without the folders above it.")
    sha256: str = Field(
        description="SHA-256 of the file; of a folder, that of a JSON object with each file's SHA-256 by its name."
    )
    members: int
    non_members: int
    members_by: str = Field(description="How the members are known, in words.")
    non_members_from: str | None = Field(
        description="Where the non-members came from, as declared; None: not declared."
    )
    manifest: Literal["agrees", "none"] = Field(description="Whether a manifest of the model confirms the members.")
    seeded: bool | None = Field(
        description="Trained with DP on random numbers that can be drawn again: not releasable; None: not known."
    )


class NotTested(Part):
    """Something that this audit says nothing about."""

    what: str
    why: str


class RiskAtShare(Part):
    """An attack on models that were trained on a share of the patients."""

    share: float
    members: int
    models: int
    auc: Estimate = Field(description="Mean over target models.")
    tpr_at_fpr: RateAtFpr = Field(
        description="All target models pooled, so that the threshold rests on everybody who was ever left out."
    )


class Trend(Part):
    """What an attack achieved on models of two shares of the patients, and what that comes to at all of them."""

    attack: str
    points: tuple[RiskAtShare, ...] = Field(description="Measured, smallest share first.")
    auc: Estimate = Field(description="Extrapolated to all patients, not measured.")
    tpr: Estimate = Field(description="The same for the TPR at the false-positive rate of the points.")


class FullSizeRisk(Trend):
    """The risk of a model trained on everybody, whom nobody was left out to compare with: an extrapolation.

    It is the headline attack's; the others stand beside it.
    """

    trend: str = Field(description="Along what the trend was drawn.")
    others: tuple[Trend, ...] = Field(default=(), description="Every other attack that ran at both shares.")
    guarantee: Guarantee | None = Field(
        default=None, description="Of the given model's training on all patients; None: it promises nothing."
    )


class JointReleases(Part):
    """Several releases on the same patients, attacked alone and together."""

    attack: str
    earlier: tuple[str, ...] = Field(description="Sources of the earlier releases.")
    judged: int = Field(description="Patients whose membership is the same in all releases.")
    left_out: int = Field(description="Patients who are members of some releases only.")
    new_alone: Estimate = Field(description="AUC of the attack on the new release.")
    earlier_alone: tuple[Estimate, ...]
    together: Estimate
    together_tpr: RateAtFpr
    guarantee: Guarantee | None = Field(description="Composed over all releases; None: not all were trained with DP.")


class WorstGroup(Part):
    """The most exposed group of patients, chosen on one half of the models and measured on the other."""

    variable: str
    value: str = Field(description="The group, or the two, one for each half that chose.")
    models_per_half: int
    auc: Estimate


class Criterion(Part):
    """One threshold of a policy against one number."""

    key: str = Field(description="Key of the policy, such as 'attacks.auc'.")
    subject: str = Field(description="What it is about: an attack, a group, the model.")
    threshold: float | None
    value: float | None
    at_least: float | None = Field(description="One-sided 95 % limit; None for numbers without an error.")
    at_most: float | None
    outcome: Literal["pass", "fail", "open", "silent"] = Field(
        description="open: cannot be decided on this evidence. silent: evidence that can only fail, and did not."
    )
    p_value: float | None = Field(description="Against 'within the threshold', adjusted over all criteria by Holm.")
    reason: str = Field(description="The outcome in words, with the number and its limit.")


class Verdict(Part):
    """What a policy says of an audit."""

    decision: Literal["release", "hold", "undecidable"]
    policy: str = Field(description="Name of the policy.")
    policy_sha256: str
    criteria: tuple[Criterion, ...]
    reasons: tuple[str, ...] = Field(description="What decided, most important first.")

    def _repr_html_(self) -> str:
        from genoaudit.report.cards import verdict_card

        return verdict_card(self)
