"""Quantile regression (QMIA): how high a non-member's score may be, given what the adversary knows of the patient.

The attack has one model and no shadows. On patients known to be non-members it learns the distribution of the scaled
logit given coordinates of a sample's expression and its class; whoever lies high in it is called a member. The
distribution is a normal whose mean and log-variance are linear in the coordinates, one of the two forms in the authors'
code (the other is one pinball regression per quantile). The normal has two advantages on cohorts: one fit gives every
quantile, and it borrows strength across quantiles where a tail quantile of a few dozen non-members is hardly defined.
The (1 - a)-quantile is ``mean + z_a * sd``, so a logit exceeds it exactly when ``(logit - mean) / sd > z_a``: that
ratio is the score, for all a at once.

Bertran, Tang, Kearns, Morgenstern, Roth, Wu. Scalable membership inference attacks via quantile regression.
NeurIPS 2023. Fitted by Fisher scoring with a multiplicative variance: Harvey, Econometrica 1976.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genoaudit.attacks.combine import patient_mean
from genoaudit.attacks.folds import patient_folds
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals
from genoaudit.errors import ConfigError

LEAST_NON_MEMBERS = 2
"""A variance needs two values."""

_MOST_STEPS = 100
_SETTLED = 1e-4  # largest change of a log-variance, anywhere, at which the fit has converged
_LONGEST_STEP = 1.0  # of a log-variance: Fisher scoring far from the optimum would overshoot


_WIDEST = 8.0
"""Largest absolute log-variance, in units in which the values have variance 1: few values, or values that a mean fits
exactly, would send it to minus infinity."""


@dataclass(frozen=True, eq=False)
class NormalRegression:
    """Mean and log-variance linear in the covariates; both [targets, covariates]."""

    mean: FloatArray
    log_variance: FloatArray


def fit_normal_regression(
    values: FloatArray, covariates: FloatArray, known: BoolArray, *, penalty: FloatArray
) -> NormalRegression:
    """Maximise the penalised likelihood of a normal with linear mean and linear log-variance, for all targets at once.

    Parameters
    ----------
    values
        What is regressed; [targets, samples].
    covariates
        Shared by all targets, the first column 1; [samples, covariates].
    known
        Which samples each target is fitted on; [targets, samples].
    penalty
        Ridge penalty of each coefficient: half of ``penalty * coefficient ** 2`` is added to minus the
        log-likelihood, for mean and log-variance alike; [covariates].

    Returns
    -------
    The coefficients.

    Examples
    --------
    >>> values, ones = np.array([[1.0, 3.0, 100.0]]), np.ones((3, 1))
    >>> fit = fit_normal_regression(values, ones, np.array([[True, True, False]]), penalty=np.zeros(1))
    >>> fit.mean, np.exp(fit.log_variance)
    (array([[2.]]), array([[1.]]))
    """
    size = covariates.shape[1]
    upper = np.triu_indices(size)
    products = covariates[:, upper[0]] * covariates[:, upper[1]]

    def gram(weights: FloatArray) -> FloatArray:
        matrix = np.empty((len(weights), size, size))
        matrix[:, upper[0], upper[1]] = matrix[:, upper[1], upper[0]] = weights @ products
        return matrix + np.diag(penalty)

    weights = known.astype(np.float64)
    # The expected information of the log-variance does not depend on it: one inverse serves every step.
    information = np.linalg.inv(gram(0.5 * weights))
    log_variance = np.zeros((len(values), size))
    precision = weights
    for _ in range(_MOST_STEPS):
        mean = np.linalg.solve(gram(precision), ((precision * values) @ covariates)[..., None])[..., 0]
        surprise = precision * (values - mean @ covariates.T) ** 2 - weights
        slope = 0.5 * surprise @ covariates - penalty * log_variance
        step = np.einsum("tij,tj->ti", information, slope)
        length = np.abs(step @ covariates.T).max(axis=1, keepdims=True)
        log_variance += step / np.maximum(length / _LONGEST_STEP, 1.0)
        precision = weights * np.exp(-_bounded(log_variance @ covariates.T))
        if length.max() < _SETTLED:
            break
    return NormalRegression(mean=np.asarray(mean, dtype=np.float64), log_variance=log_variance)


def _bounded(log_variance: FloatArray) -> FloatArray:
    return np.clip(log_variance, -_WIDEST, _WIDEST)


def _standardise(columns: FloatArray) -> FloatArray:
    """Centre and scale each column over all samples, blind to membership; columns that do not vary go."""
    varies = np.ptp(columns, axis=0) > 0
    columns = columns[:, varies]
    return np.asarray((columns - columns.mean(axis=0)) / columns.std(axis=0))


def _covariates(signals: Signals) -> FloatArray:
    if signals.features is None:
        raise ConfigError("quantile regression needs coordinates of the samples' expression: signals have no features.")
    one_hot = (signals.y[:, None] == np.unique(signals.y)).astype(np.float64)
    columns = _standardise(np.concatenate([signals.features, one_hot], axis=1))
    return np.concatenate([np.ones((len(columns), 1)), columns], axis=1)


def _known_non_members(design: Design, patients: IntArray, taught: BoolArray) -> BoolArray:
    """Mark the samples of non-members among the patients that may teach; [targets, samples]."""
    known = ~design.members & taught
    count = known.sum(axis=1)
    if count.min() < LEAST_NON_MEMBERS:
        short = np.flatnonzero(count < LEAST_NON_MEMBERS)
        raise ConfigError(
            f"quantile regression needs {LEAST_NON_MEMBERS} patients known to be non-members of the target besides "
            f"those it scores; {short.size} of {design.models} models have fewer (first: model number {short[0]}, "
            f"with {count[short[0]]}). Hold more patients out."
        )
    return known[:, patients]


def _score(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    covariates = _covariates(signals)
    # A priori the coordinates together explain as much as they leave open: each coefficient has variance 1 / number.
    penalty = np.full(covariates.shape[1], float(covariates.shape[1] - 1))
    penalty[0] = 0.0
    # Measured from one value of the target's: a constant output becomes exactly zero and all its scores exact ties.
    logit = signals.logit[:, 0, :] - signals.logit[:, 0, :1]
    scores = np.empty(logit.shape)
    fold = patient_folds(design.patients, seed=design.seed)
    for number in range(int(fold.max()) + 1):
        known = _known_non_members(design, patients, fold != number)
        # In units of what the known non-members show, so that the penalty means the same for every target.
        values = logit - logit.mean(axis=1, where=known, keepdims=True)
        unit = np.sqrt((values**2).mean(axis=1, where=known, keepdims=True))
        values /= np.where(unit > 0, unit, 1.0)
        fit = fit_normal_regression(values, covariates, known, penalty=penalty)
        asked = np.flatnonzero(fold[patients] == number)
        here = covariates[asked].T
        scores[:, asked] = (values[:, asked] - fit.mean @ here) * np.exp(-0.5 * _bounded(fit.log_variance @ here))
    return patient_mean(scores, patients)


QMIA = Attack(
    name="qmia",
    title="Quantile regression (QMIA)",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows their "
    "expression and has samples of other patients known to be non-members; trains no shadow model.",
    needs=("logit", "features"),
    min_models=1,
    cost="no shadow models; 8 to 20 seconds to fit and score 1,024 targets on 2,000 samples",
    reference="Bertran, Tang, Kearns, Morgenstern, Roth, Wu. Scalable membership inference attacks via quantile "
    "regression. NeurIPS 2023. doi:10.48550/arXiv.2307.03694",
    caveat="A normal whose mean and log-variance are linear in a few coordinates: with fewer than about a hundred "
    "non-members the difficulty of a patient is predicted badly and the attack is close to the loss threshold. With a "
    "skewed statistic, folds that share non-members shift the mean AUC of a model that leaks nothing by about 0.1 / "
    "patients.",
    score=_score,
)
