"""What the checks look at, and the shape of what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from genoaudit.checks.alikeness import sample_gram
from genoaudit.checks.metadata import CLASS, patient_levels
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals, draw_codes
from genoaudit.data.cohort import Cohort

Status = Literal["passed", "issue", "tip", "not_applicable"]
"""``issue``: numbers of the audit mislead until it is mended. ``tip``: something that a reader should know."""


@dataclass(frozen=True)
class Measured:
    """A number behind a finding, beside what chance alone reaches.

    Parameters
    ----------
    what
        What was measured, in words.
    value
        The number.
    chance
        Largest value that chance reaches, but for the error rate of the check.
    """

    what: str
    value: float
    chance: float


@dataclass(frozen=True)
class Finding:
    """What one check says: plain words and counts, never who a patient or sample is.

    Parameters
    ----------
    code
        Stable code, ``"GA001"`` and so on.
    title
        What was checked.
    status
        The outcome.
    summary
        What was found.
    advice
        What to do about it; empty where there is nothing to do.
    measured
        The numbers that decided, where others build on them.
    """

    code: str
    title: str
    status: Status
    summary: str
    advice: str = ""
    measured: tuple[Measured, ...] = ()


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that is known of an audit; a check that misses what it needs is not applicable.

    Parameters
    ----------
    cohort
        The patients.
    design
        Who is a member of which model, where the audit drew it.
    released
        For the audit of one given model: whether the model was trained on the sample; [samples].
    signals
        What the models say.
    references, reference_design
        For the audit of one given model: what the models that it is compared with say, and who was a member of which.
    attacks
        The attacks that were run, for the check that runs them again on permuted membership.
    scores
        Attack name -> scores, higher = member; each [targets, patients].
    fprs
        False-positive budgets that the report shows rates for.
    preprocessing_inside
        Whether everything that is fitted on patients sits inside the recipe, so that each model refits it on its own
        members; None where nobody said.
    seed
        Root of the seed tree of the checks that permute.
    """

    cohort: Cohort | None = None
    design: Design | None = None
    released: BoolArray | None = None
    signals: Signals | None = None
    references: Signals | None = None
    reference_design: Design | None = None
    attacks: tuple[Attack, ...] = ()
    scores: Mapping[str, FloatArray] = field(default_factory=dict)
    fprs: tuple[float, ...] = ()
    preprocessing_inside: bool | None = None
    seed: int = 0

    @property
    def fitting_design(self) -> Design | None:
        """The design, unless it is about other patients than the cohort's (which GA002 reports)."""
        if self.design is None or (self.cohort is not None and self.cohort.n_patients != self.design.patients):
            return None
        return self.design

    @property
    def memberships(self) -> BoolArray | None:
        """Independent memberships: the released model's, or one of each draw; [targets, patients]."""
        if self.released is not None and self.cohort is not None and self.released.size == self.cohort.n_samples:
            inside = np.bincount(self.cohort.patients, weights=self.released, minlength=self.cohort.n_patients) > 0
            return np.asarray(inside[np.newaxis])
        design = self.fitting_design
        if design is None:
            return None
        return np.asarray(design.members[np.unique(draw_codes(design.partner), return_index=True)[1]])

    @property
    def audited(self) -> BoolArray | None:
        """Patients whose membership was at stake: with coins, some are members of every model; [patients]."""
        members = self.memberships
        if members is None or self.design is None or self.design.kind == "half_split":
            return None if members is None else np.ones(members.shape[1], dtype=bool)
        return np.asarray(~members.all(axis=0))

    @property
    def strata(self) -> IntArray | None:
        """What a design is drawn within: the class; nothing is known of a released model's members; [patients]."""
        if self.cohort is None:
            return None
        alone = np.zeros(self.cohort.n_patients, dtype=np.intp)
        return alone if self.released is not None else patient_levels(self.cohort).get(CLASS, alone)

    @cached_property
    def gram(self) -> FloatArray | None:
        """Inner products of the samples' log-like expression less gene means; [samples, samples]."""
        return None if self.cohort is None else sample_gram(self.cohort)


class Check(Protocol):
    """A check: a pure function that never raises on missing evidence."""

    def __call__(self, evidence: Evidence) -> Finding:
        """Look at the evidence and say what was found."""
        ...
