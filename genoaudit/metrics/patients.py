"""Who is exposed: one row of numbers per patient, over all models of a recipe audit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.intervals import clopper_pearson, newcombe_auc
from genoaudit.metrics.roc import is_resolvable, is_shown

_FPR = 0.05
_Z = float(stats.norm.isf(0.025))
_BLOCK = 2**20  # values ranked at once

LEAST = 2
"""Models on each side of a patient below which nothing is said of him."""

_VARIANCE_FLOOR = 1e-12  # keeps the effect of a constant statistic finite


def patient_table(statistic: FloatArray, scores: FloatArray, members: BoolArray) -> pd.DataFrame:
    """Measure how differently models treat each patient when they held the patient and when they did not.

    `d_prime` and `auc` compare the *raw statistic* (the patient's mean logit) between models, not an attack's score.
    An attack that leaves the target out of its references gives the models of one patient scores that depend on each
    other: without a member's own value the references for "in" lie further from it, without a non-member's those for
    "out" do, which pushes every member's score down and every non-member's up. Chance differences between the two sides
    make up for it in the mean of ``score``, but not in the order of the scores: across the targets of one patient, the
    AUC of online LiRA averages about 0.45 although nothing leaks, and more models do not help. (Across the patients of
    one target, where the headline compares them, the same scores are unbiased.)

    Parameters
    ----------
    statistic
        The patient's mean logit under every model; [models, patients].
    scores
        An attack's scores with every model as the target once, higher = member; [models, patients].
    members
        Membership; every patient a member of at least two models and a non-member of at least two; [models, patients].

    Returns
    -------
    One row per patient, in the order of the columns of `members`:

    - ``d_prime``, ``d_prime_low``, ``d_prime_high``: (mean_in - mean_out) / sqrt((var_in + var_out) / 2) of the
      statistic, in standard deviations, with its large-sample 95 % interval (Hedges and Olkin 1985);
    - ``auc``, ``auc_low``, ``auc_high``: probability that a model that held the patient has the higher statistic, and
      its 95 % interval (Newcombe 2006) over models;
    - ``tpr_at_fpr_0.05`` with ``_low``, ``_high`` and ``_resolvable``: share of the models that held the patient whose
      statistic exceeds a threshold that at most 5 % of the others exceed; the interval counts the threshold as
      estimated (Linnet 1987). Not a number below 20 models without the patient, not resolvable below 200;
    - ``tpr_at_fpr_0.01_model_based``, ``tpr_at_fpr_0.001_model_based``: an *estimate* from normal densities fitted to
      the two sides, not an observed rate: so few models cannot show such rates of one patient;
    - ``score``, ``score_in``, ``score_out``: mean attack score over models that held the patient minus the mean over
      those that did not, and the two means;
    - ``n_in``, ``n_out``: models that held the patient, and that did not;
    - ``rank``: 1 = most exposed, by ``d_prime``, equal values in the order of the rows.

    Raises
    ------
    ConfigError
        If shapes disagree, a value is not finite, or a patient has fewer than two models on a side.

    Examples
    --------
    >>> members = np.array([[True], [False], [True], [False]])
    >>> statistic = np.array([[3.0], [1.0], [5.0], [2.0]])
    >>> patient_table(statistic, statistic, members)[["auc", "score", "rank"]].values.tolist()
    [[1.0, 2.5, 1.0]]
    """
    n_in = check_sides(members, statistic=statistic, scores=scores)
    n_out = members.shape[0] - n_in
    mean_in, variance_in = _moments(statistic, members, n_in)
    mean_out, variance_out = _moments(statistic, ~members, n_out)
    d_prime = (mean_in - mean_out) / np.sqrt(np.maximum((variance_in + variance_out) / 2, _VARIANCE_FLOOR))
    d_margin = _Z * np.sqrt(1 / n_in + 1 / n_out + d_prime**2 / (2 * members.shape[0]))
    auc = _auc_over_models(statistic, members, n_in)
    auc_low, auc_high = newcombe_auc(auc, n_in, n_out)
    sides = _Normals(mean_in - mean_out, variance_in, variance_out)
    tpr, tpr_low, tpr_high = _tpr_over_models(statistic, members, n_in, sides)
    score_in = scores.sum(axis=0, where=members) / n_in
    score_out = scores.sum(axis=0, where=~members) / n_out
    rank = np.empty(n_in.size, dtype=np.intp)
    rank[np.argsort(-d_prime, kind="stable")] = np.arange(1, n_in.size + 1)
    return pd.DataFrame(
        {
            "d_prime": d_prime,
            "d_prime_low": d_prime - d_margin,
            "d_prime_high": d_prime + d_margin,
            "auc": auc,
            "auc_low": auc_low,
            "auc_high": auc_high,
            "tpr_at_fpr_0.05": tpr,
            "tpr_at_fpr_0.05_low": tpr_low,
            "tpr_at_fpr_0.05_high": tpr_high,
            "tpr_at_fpr_0.05_resolvable": [is_resolvable(_FPR, int(n)) for n in n_out],
            "tpr_at_fpr_0.01_model_based": sides.tpr(0.01),
            "tpr_at_fpr_0.001_model_based": sides.tpr(0.001),
            "score": score_in - score_out,
            "score_in": score_in,
            "score_out": score_out,
            "n_in": n_in,
            "n_out": n_out,
            "rank": rank,
        }
    )


def check_sides(members: BoolArray, **values: FloatArray) -> IntArray:
    """Refuse what no number of one patient should be computed from.

    Parameters
    ----------
    members
        Membership; [models, patients].
    values
        Arrays by their name, finite and of the same shape.

    Returns
    -------
    Models that held each patient; [patients].

    Raises
    ------
    ConfigError
        If shapes disagree, a value is not finite, or a patient has fewer than `LEAST` models on a side.
    """
    if any(array.shape != members.shape for array in values.values()):
        found = ", ".join(f"{name} {array.shape}" for name, array in values.items())
        raise ConfigError(f"{found} and members {members.shape} must all be [models, patients].")
    for name, array in values.items():
        bad = np.argwhere(~np.isfinite(array))
        if bad.size:
            raise ConfigError(
                f"{len(bad)} of {array.size} values of the {name} are not finite (first: model {bad[0, 0]}, patient "
                f"number {bad[0, 1]}). A model diverged; mend that first."
            )
    n_in: IntArray = members.sum(axis=0)
    short = np.flatnonzero(np.minimum(n_in, members.shape[0] - n_in) < LEAST)
    if short.size:
        raise ConfigError(
            f"{short.size} of {n_in.size} patients are not in at least {LEAST} models and out of at least {LEAST} "
            f"(first: patient number {short[0]}). Train at least {2 * LEAST} models in complementary pairs."
        )
    return n_in


def _moments(statistic: FloatArray, side: BoolArray, count: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return mean (from the first model's value) and unbiased variance of one side; each [patients]."""
    # Measured from a value of the patient's own, so that a constant statistic has an effect of exactly zero.
    values = np.where(side, statistic - statistic[0], 0.0)
    mean = values.sum(axis=0) / count
    values -= mean
    return mean, np.einsum("mp,mp,mp->p", values, values, side) / (count - 1)


def _auc_over_models(statistic: FloatArray, members: BoolArray, n_in: IntArray) -> FloatArray:
    """AUC of in against out for every patient from rank sums (Mann-Whitney); ties count half."""
    models, patients = members.shape
    rank_sum = np.empty(patients)
    step = max(1, _BLOCK // models)
    for start in range(0, patients, step):
        columns = slice(start, start + step)
        ranks = stats.rankdata(statistic[:, columns], axis=0)
        rank_sum[columns] = ranks.sum(axis=0, where=members[:, columns])
    return np.asarray((rank_sum - n_in * (n_in + 1) / 2) / (n_in * (models - n_in)))


@dataclass(frozen=True, eq=False)
class _Normals:
    """Normal densities fitted to a patient's two sides, by the distance of their means; each [patients]."""

    distance: FloatArray
    variance_in: FloatArray
    variance_out: FloatArray

    def _from_in(self, fpr: float) -> FloatArray:
        """How far the threshold of a budget lies above the mean of the models that held the patient, in their sd."""
        sd_in, sd_out = (np.sqrt(np.maximum(v, _VARIANCE_FLOOR)) for v in (self.variance_in, self.variance_out))
        return np.asarray((stats.norm.isf(fpr) * sd_out - self.distance) / sd_in)

    def tpr(self, fpr: float) -> FloatArray:
        """Share of the first side above the threshold that `fpr` of the second exceed."""
        return np.asarray(stats.norm.sf(self._from_in(fpr)))

    def slope(self, fpr: float) -> FloatArray:
        """By how much the rate rises with the budget: the ratio of the two densities at the threshold."""
        ratio = np.sqrt(np.maximum(self.variance_out, _VARIANCE_FLOOR) / np.maximum(self.variance_in, _VARIANCE_FLOOR))
        return np.asarray(ratio * stats.norm.pdf(self._from_in(fpr)) / stats.norm.pdf(stats.norm.isf(fpr)))


def _tpr_over_models(
    statistic: FloatArray, members: BoolArray, n_in: IntArray, sides: _Normals
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rate at 5 % false positives of every patient over models, with its interval; NaN where it cannot be shown."""
    n_out = members.shape[0] - n_in
    allowed = np.floor(_FPR * n_out + 1e-9).astype(np.intp)
    descending = -np.sort(-np.where(members, -np.inf, statistic), axis=0)
    threshold = np.take_along_axis(descending, allowed[None], axis=0)
    hits = ((statistic > threshold) & members).sum(axis=0)
    rate = hits / n_in
    inner = (hits + 0.5) / (n_in + 1)  # on the logit scale, since rates near 0 and 1 are lopsided
    variance = inner * (1 - inner) / n_in + sides.slope(_FPR) ** 2 * _FPR * (1 - _FPR) / n_out
    # The threshold rests on few values, so Student's t with as many degrees of freedom as lie beyond it.
    margin = stats.t.isf(0.025, np.maximum(_FPR * n_out, 1)) * np.sqrt(variance) / (inner * (1 - inner))
    exact_low, exact_high = clopper_pearson(hits, n_in)  # never narrower than for a threshold known beforehand
    limits = (
        np.minimum(special.expit(special.logit(inner) - margin), exact_low),
        np.maximum(special.expit(special.logit(inner) + margin), exact_high),
    )
    shown = np.array([is_shown(_FPR, int(n)) for n in n_out])
    return np.where(shown, rate, np.nan), np.where(shown, limits[0], np.nan), np.where(shown, limits[1], np.nan)
