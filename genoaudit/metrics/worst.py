"""The most exposed patients, without flattery: chosen on one half of the models, measured on the other.

The largest of many noisy estimates is too large: among 500 patients whom no model remembers, the most exposed has an
AUC of about 0.61 over 256 models. Here the half of the models that names the patients never measures them. Both halves
do both in turn and the two results are averaged, so that every model counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray, scarcest
from genoaudit.errors import ConfigError
from genoaudit.metrics import roc
from genoaudit.metrics.estimates import Estimate, RateAtFpr
from genoaudit.metrics.intervals import clopper_pearson, newcombe_auc, pair_codes
from genoaudit.metrics.patients import LEAST, check_sides
from genoaudit.metrics.stability import d_prime_of, most_exposed, pair_weights, split_pairs, weighted_d_prime
from genoaudit.metrics.two_way import ONE_SIDED, TWO_SIDED

MIN_PAIRS = 8
"""Independent pairs of models each half must have: an interval of fewer says nothing."""

HALVES_CORRELATION = 0.41
"""Largest correlation of the errors of the two halves, counted in every interval.

Each half's noise also steers its choice. If both choose the same patients by noise, both measure them too high. When
the share p of equally exposed patients is chosen, the correlation is (density of the normal at its p quantile)^2 / p,
at most 0.41 (at p = 0.27); it vanishes where the choice is clear.
"""

_TAILS = (TWO_SIDED, ONE_SIDED)


@dataclass(frozen=True, eq=False)
class Worst:
    """The exposure of the `k` patients that look most exposed, each measured on models that did not choose them.

    Parameters
    ----------
    k
        Patients chosen by each half.
    chosen
        The patients (column numbers) that each half chose, most exposed first.
    models
        Models in the smaller half.
    auc, d_prime, tpr_at_fpr
        Mean over the chosen and over the two halves. The interval covers the models of the measuring halves, not the
        choice: it is about the patients chosen, and no claim that nobody is more exposed.
    """

    k: int
    chosen: tuple[IntArray, IntArray]
    models: int
    auc: Estimate
    d_prime: Estimate
    tpr_at_fpr: RateAtFpr


def worst_patients(
    statistic: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    k: int = 1,
    fpr: float = 0.05,
    replicates: int = 1000,
    generator: np.random.Generator,
) -> Worst | None:
    """Choose the most exposed patients by d' on one half of the models and measure them on the other, and in turn.

    Parameters
    ----------
    statistic
        The patient's mean logit under every model, higher = member; [models, patients], finite.
    members
        Membership; every patient in at least two models and out of at least two; [models, patients].
    partner
        Complementary model of each model, -1 if none; pairs stay together; [models].
    k
        Patients to choose.
    fpr
        False-positive budget over new models that did not hold the patient; below ``1 / n_out`` of a half no
        threshold can show it and no rate is given.
    replicates, generator
        Resamples of the pairs of each measuring half, and the source of randomness, which also splits the pairs and
        orders equal patients.

    Returns
    -------
    The numbers, or None if a half would have fewer than `MIN_PAIRS` pairs, or fewer than two models with, or without,
    some patient.

    Raises
    ------
    ConfigError
        If the arrays do not fit, a value is not finite, a side has fewer than two models, or `k` is not between 1 and
        the number of patients.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.tile([[True], [False]], (64, 50))
    >>> statistic = rng.normal(size=(128, 50)) + members * (np.arange(50) == 7) * 3.0
    >>> worst = worst_patients(statistic, members, np.arange(128) ^ 1, generator=rng)
    >>> [found.tolist() for found in worst.chosen], worst.auc.low > 0.9
    ([[7], [7]], True)
    """
    check_sides(members, statistic=statistic)
    if not 1 <= k <= members.shape[1] or replicates < 2:
        raise ConfigError(
            f"the most exposed are 1 to {members.shape[1]} patients in at least two resamples, asked for {k} patients "
            f"and {replicates} resamples."
        )
    pair = pair_codes(partner)
    pairs = (int(pair.max()) + 1) // 2
    if pairs < MIN_PAIRS:
        return None
    halves = split_pairs(pair, generator)
    if min(scarcest(members[half]) for half in halves) < LEAST:
        return None
    chosen, found = [], []
    for choosing, measuring in (halves, halves[::-1]):
        effect = d_prime_of(statistic[choosing], members[choosing])
        names = most_exposed(effect, k, generator)
        own = np.unique(pair[measuring], return_inverse=True)[1]
        once = np.ones((1, own.size), dtype=np.intp)
        weights = np.concatenate([once, pair_weights(own, replicates, generator)])
        held = members[np.ix_(measuring, names)]
        check_sides(held)
        found.append(_measure(statistic[np.ix_(measuring, names)], held, weights, fpr))
        chosen.append(names)
    smaller = _Models(
        inside=min(int(members[half].sum(axis=0).min()) for half in halves),
        outside=min(int((~members[half]).sum(axis=0).min()) for half in halves),
    )
    value, error = _value_and_error((found[0] + found[1]) / 2, pairs)
    reach = [stats.t.isf(tail, pairs - 1) * error for tail in _TAILS]
    return Worst(
        k=k,
        chosen=(chosen[0], chosen[1]),
        models=min(half.size for half in halves),
        auc=_auc_estimate(value[0], [margin[0] for margin in reach], smaller),
        d_prime=Estimate(float(value[1]), float(value[1] - reach[0][1]), float(value[1] + reach[0][1])),
        tpr_at_fpr=_rate(value[2:], [margin[2] for margin in reach], smaller, fpr),
    )


@dataclass(frozen=True)
class _Models:
    """Fewest models that held a patient, and that did not, in a half."""

    inside: int
    outside: int


def _measure(statistic: FloatArray, members: BoolArray, weights: IntArray, fpr: float) -> FloatArray:
    """Mean AUC, d', TPR and achieved FPR over the patients in every replicate; [replicates, 4]."""
    total = np.zeros((weights.shape[0], 4))
    for values, held in zip(statistic.T, members.T, strict=True):
        # Above the (a + 1)-th largest of n values lies a new one with probability (a + 1) / (n + 1), not a / n. The
        # budget is met for new models: between two thresholds where no single one meets it.
        n_out = int((~held).sum())
        fewer, share = divmod(max(fpr * (n_out + 1) - 1, 0.0), 1)
        budgets = fewer / n_out, min((fewer + 1) / n_out, 1.0)
        # The units of this ROC curve are models: those that held the patient against those that did not.
        curve = roc.roc_statistics(values, held, weights, fprs=budgets)
        mix = np.array([1 - share, share])
        total += np.column_stack([curve.auc, np.zeros_like(curve.auc), curve.tpr @ mix, curve.achieved_fpr @ mix])
    total[:, 1] = weighted_d_prime(statistic, members, weights).sum(axis=1)
    return np.asarray(total / statistic.shape[1])


def _value_and_error(rows: FloatArray, pairs: int) -> tuple[FloatArray, FloatArray]:
    """Point estimate (the first row) and its standard error; each [columns]."""
    # A bootstrap of Q pairs shows (Q - 1) / Q of their variance; a coin design may draw no model of one side.
    variance = np.nanvar(rows[1:], axis=0, ddof=1) * pairs / (pairs - 1) * (1 + HALVES_CORRELATION)
    return rows[0], np.sqrt(variance)


def _auc_estimate(value: float, margins: Sequence[float], models: _Models) -> Estimate:
    ends: list[float] = []
    for tail, margin in zip(_TAILS, margins, strict=True):
        if 0 < value < 1:
            ends += _logit_limits(value, margin)
        else:
            ends += map(float, newcombe_auc(value, models.inside, models.outside, 1 - 2 * tail))
    return Estimate(float(value), *ends)


def _rate(value: FloatArray, margins: Sequence[float], models: _Models, fpr: float) -> RateAtFpr:
    resolvable = roc.is_resolvable(fpr, models.outside)
    if not roc.is_shown(fpr, models.outside):
        return RateAtFpr(fpr, None, None, None, None, resolvable=False, n_out=models.outside)
    tpr, achieved = float(value[0]), float(value[1])
    inner = (tpr * models.inside + 0.5) / (models.inside + 1)  # rates near 0 and 1 are lopsided

    def limits(tail: float, margin: float) -> tuple[float, float]:
        if 0 < tpr < 1:
            low, high = _logit_limits(inner, margin)
        else:
            low, high = map(float, clopper_pearson(models.inside if tpr == 1 else 0, models.inside, 1 - 2 * tail))
        return min(low, tpr), max(high, tpr)

    (low, high), (at_least, at_most) = map(limits, _TAILS, margins)
    return RateAtFpr(
        fpr, achieved, tpr, low, high, resolvable, n_out=models.outside, at_least=at_least, at_most=at_most
    )


def _logit_limits(value: float, margin: float) -> tuple[float, float]:
    spread = margin / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-spread, spread]))
    return float(low), float(high)
