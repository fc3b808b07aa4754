"""Epsilon from many runs: one patient fixed beforehand, many models trained with and without that patient.

If the training is (epsilon, delta)-DP, any threshold has ``TPR <= exp(epsilon) FPR + delta`` and, seen from the other
side, ``TNR <= exp(epsilon) FNR + delta``. Exact limits of the two rates turn this into a lower bound of epsilon.

Jagielski, Ullman, Oprea. Auditing differentially private machine learning: how private is private SGD? NeurIPS 2020.
Nasr, Song, Thakurta, Papernot, Carlini. Adversary instantiation: lower bounds for DP machine learning. IEEE S&P 2021.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.limits import count_at_thresholds, lower_limit, simultaneous_limits, upper_limit
from genoaudit.privacy.lower_bounds import LowerBound, Neighbouring, check_delta, per_look

_NOTE = (
    "For one patient, chosen from {looked_at} looked at; each trial is a model of its own. A small number means not "
    "refuted, not private."
)


def _odds(tpr_low: FloatArray, fpr_high: FloatArray, delta: float) -> FloatArray:
    """Return what exp(epsilon) must reach; both directions rest on the same two limits, so neither costs extra."""
    return np.maximum((tpr_low - delta) / fpr_high, (1 - fpr_high - delta) / (1 - tpr_low))


def _epsilon(odds: FloatArray) -> float:
    return float(np.log(np.maximum(odds, 1.0)).max())


def epsilon_from_counts(
    tp: int, n_in: int, fp: int, n_out: int, *, delta: float, significance: float = 0.05, looked_at: int = 1
) -> float:
    """Lower bound of epsilon from the counts at one threshold that was chosen on other models.

    Parameters
    ----------
    tp, n_in
        Models with the patient: at or above the threshold, and in all; at least one.
    fp, n_out
        Models without the patient: at or above the threshold, and in all; at least one.
    delta
        Delta of the guarantee; in [0, 1).
    significance
        Chance that the bound is too high; half of it goes to each rate.
    looked_at
        How many patients, canaries or attacks the one shown was chosen from (Bonferroni).

    Returns
    -------
    The larger of ``log((TPR_low - delta) / FPR_high)`` and ``log((TNR_low - delta) / FNR_high)``, never below 0.

    Raises
    ------
    ConfigError
        If a count, delta or significance is impossible.

    Examples
    --------
    >>> round(epsilon_from_counts(500, 1000, 0, 1000, delta=1e-5), 3)
    4.846
    """
    check_delta(delta)
    for name, k, n in (("IN", tp, n_in), ("OUT", fp, n_out)):
        if n < 1 or not 0 <= k <= n:
            raise ConfigError(f"the {name} side needs 0 <= hits <= trials and at least one trial, found {k} of {n}.")
    tail = per_look(significance, looked_at) / 2
    return _epsilon(_odds(lower_limit(tp, n_in, tail), upper_limit(fp, n_out, tail), delta))


def many_run_bound(
    statistic_in: FloatArray,
    statistic_out: FloatArray,
    *,
    delta: float,
    neighbouring: Neighbouring,
    choose: Literal["split", "bonferroni"] = "split",
    significance: float = 0.05,
    looked_at: int = 1,
    generator: np.random.Generator | None = None,
) -> LowerBound:
    """Lower bound of epsilon from one patient's statistic in many models.

    Each value must come from its own model and from nothing that another trial helped to make: the model's own logit
    serves; a score against reference models only where these are not trials themselves. Within a side the trials must
    be independent. Between the sides they need not be: complementary models may face each other, then equal positions
    hold a pair.

    Parameters
    ----------
    statistic_in, statistic_out
        The statistic in models with and without the patient, higher = member; [trials in], [trials out].
    delta
        Delta of the guarantee; in [0, 1).
    neighbouring
        The relation the design tests: ``"replace-one"`` for half splits, ``"add/remove"`` for coins.
    choose
        ``"split"``: the threshold is chosen on half of the positions, drawn at random, and counted on the other half.
        ``"bonferroni"``: every threshold is looked at, with limits that hold at all of them.
    significance
        Chance that the bound is too high.
    looked_at
        How many patients, canaries or attacks the one shown was chosen from (Bonferroni).
    generator
        Draws the split; needed for ``"split"`` only.

    Raises
    ------
    ConfigError
        If a side has too few trials or a value that is not finite, or an argument is impossible.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bound = many_run_bound(rng.normal(4, 1, 400), rng.normal(0, 1, 400), delta=1e-5, neighbouring="add/remove",
    ...                        generator=rng)
    >>> round(bound.epsilon, 2), bound.trials, bound.threshold
    (3.51, 400, 'chosen on 400 other models')
    """
    check_delta(delta)
    counts = count_at_thresholds(statistic_in, statistic_out)
    tail = per_look(significance, looked_at) / 2
    if choose == "bonferroni":
        epsilon = _epsilon(_odds(*simultaneous_limits(counts, tail), delta))
        trials, threshold = counts.n_in + counts.n_out, "best of all thresholds, Bonferroni"
    elif choose == "split":
        if generator is None:
            raise ConfigError("choosing the threshold on a random half of the models needs a generator.")
        chosen_in, chosen_out = _halves(counts.n_in, counts.n_out, generator)
        best = _best_threshold(statistic_in[chosen_in], statistic_out[chosen_out], delta=delta, tail=tail)
        rest_in, rest_out = statistic_in[~chosen_in], statistic_out[~chosen_out]
        epsilon = epsilon_from_counts(
            int((rest_in >= best).sum()),
            rest_in.size,
            int((rest_out >= best).sum()),
            rest_out.size,
            delta=delta,
            significance=significance,
            looked_at=looked_at,
        )
        trials = rest_in.size + rest_out.size
        threshold = f"chosen on {counts.n_in + counts.n_out - trials} other models"
    else:
        raise ConfigError(f"the threshold is chosen by 'split' or 'bonferroni', found {choose!r}.")
    return LowerBound(
        epsilon=epsilon,
        delta=delta,
        significance=significance,
        kind="many_run",
        neighbouring=neighbouring,
        trials=trials,
        threshold=threshold,
        note=_NOTE.format(looked_at=looked_at),
    )


def _halves(n_in: int, n_out: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mark the trials on which the threshold is chosen; equal positions stay together, for they may be a pair."""
    shorter = min(n_in, n_out)
    if shorter < 2:
        raise ConfigError(f"a split needs at least two trials on each side, found {n_in} IN and {n_out} OUT.")
    chosen = np.empty(max(n_in, n_out), dtype=np.bool_)
    for part in (chosen[:shorter], chosen[shorter:]):
        part[:] = generator.permutation(part.size) < part.size // 2
    return chosen[:n_in], chosen[:n_out]


def _best_threshold(statistic_in: FloatArray, statistic_out: FloatArray, *, delta: float, tail: float) -> float:
    counts = count_at_thresholds(statistic_in, statistic_out)
    tpr_low, fpr_high = lower_limit(counts.tp, counts.n_in, tail), upper_limit(counts.fp, counts.n_out, tail)
    return float(counts.value[_odds(tpr_low, fpr_high, delta).argmax()])
