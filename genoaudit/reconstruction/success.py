"""How much of a profile was recovered, in the terms of gene expression, and how much a guess recovers.

All profiles are [patients, genes] on the scale on which errors are to be read. A reconstruction says something about a
model only as far as it beats the control: the mean of the class over other patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ConfigError

FEMALE_GENES = ("XIST", "TSIX")
"""Expressed from an inactive X, which a second X chromosome brings."""

MALE_GENES = ("RPS4Y1", "DDX3Y", "KDM5D", "EIF1AY", "UTY", "USP9Y", "ZFY", "NLGN4Y", "TXLNGY")
"""On the male-specific part of the Y chromosome, expressed in most tissues."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Agreement of recovered with true profiles, over genes; [patients] each.

    Parameters
    ----------
    pearson, spearman
        Correlations; 0 where the recovered profile is constant.
    mse
        Mean squared error, in squared units of the scale.
    within_noise
        Share of genes that are off by no more than the measurement itself would be.
    """

    pearson: FloatArray
    spearman: FloatArray
    mse: FloatArray
    within_noise: FloatArray


def agreement(recovered: ArrayLike, truth: ArrayLike, *, tolerance: ArrayLike) -> Agreement:
    """Compare each recovered profile with the true one in the same row.

    Parameters
    ----------
    recovered, truth
        [patients, genes].
    tolerance
        Measurement noise in units of the scale, one number or one per gene [genes]; at least 0.

    Raises
    ------
    ConfigError
        If shapes differ, values are not finite, or a true profile is constant.
    """
    found, true = _profiles(recovered), _profiles(truth)
    noise = np.asarray(tolerance, dtype=np.float64)
    if found.shape != true.shape or noise.shape not in {(), (true.shape[1],)}:
        raise ConfigError(
            f"recovered and true profiles must have one shape, and tolerance one number or one per gene; found "
            f"{found.shape}, {true.shape} and {noise.shape}."
        )
    if not (noise >= 0).all():
        raise ConfigError(f"tolerance must be at least 0, found {noise.min()}.")
    off = found - true
    return Agreement(
        pearson=(_standardised(found) * _standardised(true)).sum(axis=1),
        spearman=(_standardised(_ranks(found)) * _standardised(_ranks(true))).sum(axis=1),
        mse=(off**2).mean(axis=1),
        within_noise=(np.abs(off) <= noise).mean(axis=1),
    )


def correlations(profiles: ArrayLike, others: ArrayLike) -> FloatArray:
    """Return the Pearson correlation over genes of every profile with every other one, [profiles, others].

    Raises
    ------
    ConfigError
        If the numbers of genes differ or values are not finite.
    """
    left, right = _profiles(profiles), _profiles(others)
    if left.shape[1] != right.shape[1]:
        raise ConfigError(f"profiles must have the same genes, found {left.shape[1]} and {right.shape[1]}.")
    return np.asarray(_standardised(left) @ _standardised(right).T)


def best_candidates(candidates: ArrayLike, truth: ArrayLike) -> IntArray:
    """Return the candidate nearest to each true profile by squared distance: what a batch attack is given credit for.

    It knows the truth, which the adversary does not: an upper bound of what he could do by choosing.

    Raises
    ------
    ConfigError
        If there is no candidate, or the numbers of genes differ.
    """
    found, true = _profiles(candidates), _profiles(truth)
    if not len(found) or found.shape[1] != true.shape[1]:
        raise ConfigError(f"expected candidates with {true.shape[1]} genes, found {found.shape}.")
    squares = (found**2).sum(axis=1) - 2 * true @ found.T
    return np.asarray(squares.argmin(axis=1))


def nearest_patients(recovered: ArrayLike, cohort: ArrayLike, patients: ArrayLike) -> IntArray:
    """Return the patient of a cohort whose profile correlates best with each recovered one, [recovered].

    The hit rate is the share in which that is the patient attacked; by chance it is one over the number of patients.

    Parameters
    ----------
    recovered
        [recovered, genes].
    cohort
        Profiles that the adversary holds, [samples, genes].
    patients
        Patient of each sample, [samples].

    Raises
    ------
    ConfigError
        If shapes do not fit.
    """
    codes = np.asarray(patients, dtype=np.intp)
    likeness = correlations(recovered, cohort)
    if codes.shape != (likeness.shape[1],) or not codes.size:
        raise ConfigError(f"patients must hold one code for each of {likeness.shape[1]} samples, found {codes.shape}.")
    return np.asarray(codes[likeness.argmax(axis=1)])


def nearest_classes(recovered: ArrayLike, reference: ArrayLike, y: ArrayLike) -> IntArray:
    """Return the class, such as a subtype, whose mean each recovered profile is nearest to; [recovered].

    Nearest by Pearson correlation, so that the scale of a reconstruction, which attacks often leave open, does not
    decide.

    Parameters
    ----------
    recovered
        [recovered, genes].
    reference, y
        Profiles of other patients [samples, genes] and their class codes [samples].

    Raises
    ------
    ConfigError
        If shapes do not fit or there are fewer than two classes.
    """
    profiles, codes = _profiles(reference), np.asarray(y, dtype=np.intp)
    classes = np.unique(codes)
    if codes.shape != (len(profiles),) or classes.size < 2:
        raise ConfigError(f"expected one code for each of {len(profiles)} samples, of 2 classes or more.")
    means = np.stack([profiles[codes == code].mean(axis=0) for code in classes])
    return np.asarray(classes[correlations(recovered, means).argmax(axis=1)])


def sex_calls(profiles: ArrayLike, reference: ArrayLike, genes: Sequence[str]) -> NDArray[np.str_] | None:
    """Call each patient's sex, "female" or "male", from the sex genes among `genes`; None if there is none.

    Each sex gene votes by its place between the low and the high end (5 % and 95 % quantiles) of the reference, genes
    of the Y chromosome for "male", XIST and TSIX for "female". A reference of both sexes is needed, and the call is the
    tissue's: XIST is silent in some tumours of women, and the Y chromosome lost in some of men.

    Parameters
    ----------
    profiles
        [profiles, genes]; call recovered and true ones alike and compare.
    reference
        Profiles of other patients, [samples, genes].
    genes
        Gene symbols, in the order of the columns.

    Raises
    ------
    ConfigError
        If the numbers of genes differ.
    """
    found, others = _profiles(profiles), _profiles(reference)
    if not found.shape[1] == others.shape[1] == len(genes):
        raise ConfigError(f"profiles, reference and names differ: {found.shape[1]}, {others.shape[1]}, {len(genes)}.")
    sign = np.array([(gene in MALE_GENES) * 1.0 - (gene in FEMALE_GENES) for gene in map(str.upper, genes)])
    votes = np.flatnonzero(sign)
    if not votes.size:
        return None
    low, high = np.quantile(others[:, votes], [0.05, 0.95], axis=0)
    place = (found[:, votes] - (low + high) / 2) / np.where(high > low, high - low, 1.0)
    return np.where(np.clip(place, -0.5, 0.5) @ sign[votes] > 0, "male", "female")


@dataclass(frozen=True)
class SuccessRate:
    """Share of reconstructions with an error of at most `eta`, with its exact 95 % interval (Clopper and Pearson)."""

    eta: float
    rate: float
    low: float
    high: float
    reconstructions: int


def success_rate(errors: ArrayLike, eta: float) -> SuccessRate:
    """Return the empirical gamma of (eta, gamma)-reconstruction robustness; one error per patient, smaller = better.

    Raises
    ------
    ConfigError
        If there is no error or one is not a number.

    Examples
    --------
    >>> success_rate([0.1, 0.2, 0.9, 1.5], 0.5).rate
    0.5
    """
    values = np.asarray(errors, dtype=np.float64)
    if values.ndim != 1 or not values.size or np.isnan(values).any():
        raise ConfigError(f"errors must be numbers, one per patient; found shape {values.shape}.")
    hits = int((values <= eta).sum())
    interval = stats.binomtest(hits, values.size).proportion_ci(0.95, method="exact")
    return SuccessRate(float(eta), hits / values.size, float(interval.low), float(interval.high), values.size)


def guessing_share(profiles: ArrayLike, eta: float) -> float:
    """Return kappa of (eta, gamma)-reconstruction robustness for a profile drawn from these: what any guess reaches.

    The error is 1 - Pearson. Profiles within an angle of one guess lie within twice that angle of each other, so no
    guess succeeds more often than the profile that has most others so near: an upper end of kappa, and at least one in
    the number of profiles.

    Parameters
    ----------
    profiles
        One for each patient who might be the one, [patients, genes].
    eta
        Largest error of a success, in (0, 1).

    Raises
    ------
    ConfigError
        If `eta` is impossible.

    Examples
    --------
    >>> guessing_share([[1.0, 2.0, 3.0], [1.0, 2.0, 3.1], [3.0, 2.0, 1.0], [1.0, 3.0, 2.0]], eta=0.01)
    0.5
    """
    if not 0 < eta < 1:
        raise ConfigError(f"eta must lie in (0, 1), found {eta}.")
    nearest = 2 * (1 - eta) ** 2 - 1  # the cosine of twice the angle
    near = correlations(profiles, profiles) >= nearest - 1e-12
    return float((near | np.eye(len(near), dtype=bool)).mean(axis=1).max())


def class_mean_guesses(X: ArrayLike, y: ArrayLike, patients: ArrayLike) -> FloatArray:
    """Guess each sample as the mean of its class over all other patients: the control of every reconstruction.

    A class without another patient is guessed as the mean of all other patients.

    Parameters
    ----------
    X, y, patients
        Samples [samples, genes], class codes and patient codes [samples].

    Returns
    -------
    [samples, genes].

    Raises
    ------
    ConfigError
        If there is only one patient, or shapes do not fit.
    """
    samples, codes, owners = _profiles(X), np.asarray(y, dtype=np.intp), np.asarray(patients, dtype=np.intp)
    if codes.shape != (len(samples),) or owners.shape != codes.shape or np.unique(owners).size < 2:
        raise ConfigError(f"expected a class and a patient for each of {len(samples)} samples, of 2 patients or more.")
    guesses = np.empty_like(samples)
    for owner in np.unique(owners):
        others = owners != owner
        for code in np.unique(codes[~others]):
            rows = others & (codes == code)
            guesses[~others & (codes == code)] = samples[rows if rows.any() else others].mean(axis=0)
    return guesses


def _profiles(values: ArrayLike) -> FloatArray:
    profiles = np.asarray(values, dtype=np.float64)
    if profiles.ndim != 2 or profiles.shape[1] < 2:
        raise ConfigError(f"profiles must be [patients, genes] with 2 genes or more, found shape {profiles.shape}.")
    bad = ~np.isfinite(profiles).all(axis=1)
    if bad.any():
        raise ConfigError(f"{bad.sum()} of {len(profiles)} profiles are not finite (first: row {bad.argmax()}).")
    return profiles


def _standardised(profiles: FloatArray) -> FloatArray:
    """Centre each row and bring it to length one; a constant row becomes zero."""
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    rounding = 1e-14 * np.abs(profiles).max(axis=1, keepdims=True) * np.sqrt(profiles.shape[1])
    return np.asarray(np.where(length > rounding, centred, 0.0) / np.where(length > rounding, length, 1.0))


def _ranks(profiles: FloatArray) -> FloatArray:
    return np.asarray(stats.rankdata(profiles, axis=1), dtype=np.float64)
