"""The alarm: a training gave away more than its mechanism can.

Only what is a bound whatever the mechanism may ring it, and only against the claim of the same neighbouring relation at
the same delta. A point of a ROC whose band crosses the theoretical curve proves nothing: it was chosen from many.

An audit refutes a claim by exceeding it and never confirms one. What an alarm accuses is the chain from the recipe to
the accountant: too little noise, clipping of the wrong thing, a wrong sampling rate, a wrong count of releases.

Jagielski, Ullman, Oprea. Auditing differentially private machine learning: how private is private SGD? NeurIPS 2020.
Tramer, Terzis, Steinke, Song, Jagielski, Carlini. Debugging differential privacy: a case study for privacy auditing.
2022. arXiv:2202.12219.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from genoaudit.errors import ConfigError
from genoaudit.privacy.accounting import VACUOUS, account
from genoaudit.privacy.curve import replacement_losses
from genoaudit.privacy.lower_bounds import LowerBound, Neighbouring
from genoaudit.privacy.mechanism import Mechanism

VALID_KINDS = ("many_run", "one_run")
"""Kinds of bounds that hold for any mechanism. Subsampled DP-SGD is not Gaussian DP: fits of mu are left out."""


@dataclass(frozen=True)
class Comparison:
    """A valid lower bound beside what is claimed under its relation at its delta.

    Parameters
    ----------
    bound
        What the audit refutes: every smaller epsilon.
    claimed
        Epsilon that the mechanism has at ``bound.delta`` for ``bound.neighbouring``; infinite where it has none.
    """

    bound: LowerBound
    claimed: float

    @property
    def exceeded(self) -> bool:
        """Whether the claim is refuted."""
        return self.bound.epsilon > self.claimed


@dataclass(frozen=True)
class Alarm:
    """All comparisons of an audit.

    Parameters
    ----------
    comparisons
        One for each valid bound; none if there is no valid bound, or no claim.
    level
        How often a correct training rings the alarm at most: the significances of the bounds added up (Bonferroni).
    """

    comparisons: tuple[Comparison, ...]
    level: float

    @property
    def rings(self) -> bool:
        """Whether any claim is refuted."""
        return any(found.exceeded for found in self.comparisons)


def claimed_epsilon(mechanisms: Sequence[Mechanism], delta: float, *, neighbouring: Neighbouring) -> float:
    """Epsilon at delta of all mechanisms together, under either relation, to compare a lower bound with.

    Add/remove is the claim of `genoaudit.privacy.accounting.guarantee`; replace-one, up to twice as much and more, is
    that of `genoaudit.privacy.curve.replacement_losses`.

    Parameters
    ----------
    mechanisms
        All that was trained on and released of the same patients.
    delta
        In (0, 1).
    neighbouring
        What the bound compares.

    Returns
    -------
    At least 0; infinite where the epsilon of add/remove is above 1,000, which no audit reaches.

    Raises
    ------
    ConfigError
        If there is no mechanism or an argument is impossible.

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=1.0, sampling_rate=0.1, steps=200, patients=300)
    >>> [round(claimed_epsilon([mechanism], 1e-3, neighbouring=kind), 2) for kind in ("add/remove", "replace-one")]
    [7.1, 12.21]
    """
    if neighbouring not in ("add/remove", "replace-one"):
        raise ConfigError(f"a neighbouring relation is 'add/remove' or 'replace-one', found {neighbouring!r}.")
    added = account(mechanisms, delta).epsilon
    if added > VACUOUS:
        return math.inf
    return added if neighbouring == "add/remove" else float(replacement_losses(mechanisms).get_epsilon_for_delta(delta))


def alarm(bounds: Iterable[LowerBound], claimed: Callable[[LowerBound], float]) -> Alarm:
    """Compare every valid bound with the claim that it speaks against.

    To ring in at most a share `a` of correct trainings, compute the bounds at a significance of `a` divided by the
    number of kinds and relations that are compared. Bounds of one kind and relation share their significance, as those
    of several patients do that were computed with `looked_at`.

    Parameters
    ----------
    bounds
        Bounds of any kind; those that do not hold for any mechanism are passed over.
    claimed
        Epsilon claimed under a bound's relation at its delta, for the models that the bound is about; infinite where
        nothing is claimed.

    Examples
    --------
    >>> bound = LowerBound(3.2, 1e-3, 0.05, "one_run", "add/remove", trials=1000, threshold="100 guesses", note="")
    >>> found = alarm([bound], lambda bound: 2.5)
    >>> found.rings, found.level
    (True, 0.05)
    """
    valid = [bound for bound in bounds if bound.kind in VALID_KINDS]
    shared: dict[tuple[str, str], float] = {}
    for bound in valid:
        family = (bound.kind, bound.neighbouring)
        shared[family] = max(shared.get(family, 0.0), bound.significance)
    return Alarm(tuple(Comparison(bound, claimed(bound)) for bound in valid), min(sum(shared.values()), 1.0))
