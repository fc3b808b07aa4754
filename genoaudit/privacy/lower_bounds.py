"""What every audited lower bound of epsilon states beside its number, and the arguments all of them check.

Only two experiments give a bound. *Many runs*: one patient, fixed beforehand, and many independently trained models.
*One run*: one model, and many canary patients who each entered by their own fair coin. Patients of one model are not
independent trials otherwise, so no other pooling is called a bound. A bound of zero says that the audit could not
refute perfect privacy; it does not say that the model is private.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from genoaudit.errors import ConfigError

Neighbouring = Literal["replace-one", "add/remove"]
"""Which pairs of cohorts a guarantee compares: one patient replaced by another, or one patient added or removed."""


@dataclass(frozen=True)
class LowerBound:
    """A number that epsilon exceeds, with confidence 1 - significance.

    Parameters
    ----------
    epsilon
        The bound; never below 0.
    delta
        The delta it belongs to.
    significance
        How often a mechanism may be accused wrongly, all looks together.
    kind
        ``"many_run"``: one patient, many models. ``"one_run"``: many canaries, one model, for every mechanism.
        ``"one_run_fdp"``: the same, if the mechanism is Gaussian DP.
    neighbouring
        The relation that the design tested. A bound is compared only with a guarantee of the same relation.
    trials
        Models counted (many-run), or canaries (one-run).
    threshold
        How the threshold, or the number of guesses, was chosen.
    note
        What the number rests on and what it does not say, in one or two sentences.
    """

    epsilon: float
    delta: float
    significance: float
    kind: Literal["many_run", "one_run", "one_run_fdp"]
    neighbouring: Neighbouring
    trials: int
    threshold: str
    note: str


def check_delta(delta: float, *, positive: bool = False) -> None:
    """Refuse a delta outside [0, 1); with `positive`, zero too.

    Raises
    ------
    ConfigError
        If `delta` is impossible.
    """
    if not 0 <= delta < 1 or (positive and delta == 0):
        interval = "(0, 1)" if positive else "[0, 1)"
        raise ConfigError(f"delta must lie in {interval}, found {delta}. Choose it below one over the patients.")


def per_look(significance: float, looked_at: int) -> float:
    """Return the significance left for one of `looked_at` looks (Bonferroni).

    Raises
    ------
    ConfigError
        If the significance lies outside (0, 1) or there was no look.

    Examples
    --------
    >>> per_look(0.05, 10)
    0.005
    """
    if not (math.isfinite(significance) and 0 < significance < 1):
        raise ConfigError(f"a significance lies between 0 and 1, found {significance}.")
    if looked_at < 1:
        raise ConfigError(
            f"`looked_at` counts what the shown one was chosen from and is at least 1, found {looked_at}."
        )
    return significance / looked_at
