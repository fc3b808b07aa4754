"""Several releases on the same patients, attacked together: one likelihood ratio of what all of them say of a patient.

Whoever holds an old and a new model has two draws of the same patient's evidence. Reference models of every release,
trained on the same members, give each patient a normal distribution in as many dimensions as there are releases, IN and
OUT; the ratio of the two densities is the score. A handful of models per patient does not show all of that:

- Variances are those of BaVarIA, for each release and patient drawn towards the other patients.
- The distance between a patient's two means is drawn towards the other patients' distance (empirical Bayes), so that a
  release which tells nothing adds next to no noise to one which does.
- How the releases move together is one correlation matrix of each side for all patients.

All of it is estimated without the target, what was drawn with it, and (but for the means themselves) the patient.

Carlini et al. IEEE S&P 2022 and Brannvall 2026, as in `lira` and `bavaria`; attacks on updated models: Jagielski, Wu,
Oprea, Ullman, Geambasu. How to combine membership-inference attacks on multiple updated machine learning models. PoPETs
2023. doi:10.56553/popets-2023-0078
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genoaudit.attacks.bavaria import fit_prior, moments_of_others, update
from genoaudit.attacks.references import reference_moments, reference_products
from genoaudit.contracts import BoolArray, Design, FloatArray, IntArray
from genoaudit.errors import ConfigError

CLOSEST = 0.999
"""Correlations are multiplied by this, so that releases which say the same do not count as two."""


def joint_ratio(statistics: Sequence[FloatArray], design: Design) -> FloatArray:
    """Score every patient of every target by what all releases say together.

    Parameters
    ----------
    statistics
        For every release the patients' mean logit under its models, finite; each [models, patients]. Row ``m`` of each
        is a model trained on the members ``design.members[m]``.
    design
        Who is a member of which model; with at least two references on each side of every patient.

    Returns
    -------
    Log-likelihood ratio, higher = member; [targets, patients].

    Raises
    ------
    ConfigError
        If shapes disagree, or references are too few.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.repeat(rng.random((20, 40)) < 0.5, 2, axis=0) ^ (np.arange(40) % 2 == 1)[:, None]
    >>> design = Design(members, np.arange(40) ^ 1, seed=0)
    >>> old, new = (rng.normal(size=(40, 40)) + members for _ in range(2))
    >>> score = joint_ratio([old, new], design)
    >>> bool(score[members].mean() > score[~members].mean() + 1)
    True
    """
    if not statistics or any(statistic.shape != design.members.shape for statistic in statistics):
        found = ", ".join(str(statistic.shape) for statistic in statistics)
        raise ConfigError(f"statistics {found} and members {design.members.shape} must all be [models, patients].")
    # Measured from a value of the patient's own, as in LiRA.
    moved = [np.asarray(statistic - statistic[0]) for statistic in statistics]
    sides = [_sides(statistic, design) for statistic in moved]
    inside = _log_density(moved, [own for own, _ in sides], design.members, design.partner)
    outside = _log_density(moved, [own for _, own in sides], ~design.members, design.partner)
    constant = np.all([(statistic == 0).all(axis=0) for statistic in moved], axis=0)
    return np.where(constant, 0.0, inside - outside)


@dataclass(frozen=True, eq=False)
class _Side:
    """One release and one side of every patient; each [targets, patients]."""

    mean: FloatArray
    sd: FloatArray


def _sides(statistic: FloatArray, design: Design) -> tuple[_Side, _Side]:
    """Fit IN and OUT of one release."""
    moments = [reference_moments(statistic, side, design.partner) for side in (design.members, ~design.members)]
    variances = [update(fit_prior(of_side), of_side).variance for of_side in moments]
    inside, outside = (variance / of_side.count for variance, of_side in zip(variances, moments, strict=True))
    error = inside + outside
    found = moments[0].mean - moments[1].mean
    usual, between = moments_of_others(found)
    true = np.maximum(between - moments_of_others(error)[0], 0.0)
    distance = found + error / (error + true) * (usual - found)
    # Where the two means meet as their errors allow: what is said of their distance does not move it.
    centre = (moments[0].mean * outside + moments[1].mean * inside) / error
    return (
        _Side(centre + distance * inside / error, np.sqrt(variances[0])),
        _Side(centre - distance * outside / error, np.sqrt(variances[1])),
    )


def _log_density(
    statistics: Sequence[FloatArray], fitted: Sequence[_Side], side: BoolArray, partner: IntArray
) -> FloatArray:
    """Log density, less its constant, of one side's normal; [targets, patients]."""
    spread = [own.sd for own in fitted]
    away = np.stack([(value - own.mean) / own.sd for value, own in zip(statistics, fitted, strict=True)], axis=-1)
    correlation = _correlation(statistics, spread, side, partner)
    near = np.linalg.solve(correlation, away[..., np.newaxis])[..., 0]
    volume = np.linalg.slogdet(correlation).logabsdet + 2 * sum(np.log(sd) for sd in spread)
    return np.asarray(-0.5 * (volume + (away * near).sum(axis=-1)))


def _correlation(
    statistics: Sequence[FloatArray], spread: Sequence[FloatArray], side: BoolArray, partner: IntArray
) -> FloatArray:
    """Correlation of the releases over one side's references and all other patients; [targets, patients, k, k]."""
    releases = len(statistics)
    pooled = np.empty((*side.shape, releases, releases))
    for first in range(releases):
        for second in range(first, releases):
            products = reference_products(statistics[first], statistics[second], side, partner)
            scaled = products / (spread[first] * spread[second])
            of_others = scaled.sum(axis=1, keepdims=True) - scaled
            pooled[..., first, second] = pooled[..., second, first] = of_others
    size = np.sqrt(np.maximum(np.diagonal(pooled, axis1=-2, axis2=-1), 0.0))
    outer = size[..., :, np.newaxis] * size[..., np.newaxis, :]
    correlation: FloatArray = CLOSEST * np.divide(pooled, outer, out=np.zeros_like(pooled), where=outer > 0)
    correlation[..., np.arange(releases), np.arange(releases)] = 1.0
    return correlation
