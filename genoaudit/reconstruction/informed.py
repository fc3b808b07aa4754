"""The last patient of a logistic regression, from its parameters and everybody else's data.

At the optimum of ``C * sum_i loss_i + |W|^2 / 2`` the gradient is zero. Whoever knows all samples but one can add up
all terms but one; what is missing is the last sample's: ``error * x`` for the weights and ``error`` for the intercept,
with ``error = probability - one_hot(class)``. The error gives the class by its sign and the profile by division.

Balle, Cherubin, Hayes. Reconstructing training data with informed adversaries. IEEE S&P 2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, softmax

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.record import ReconstructionAttack


@dataclass(frozen=True, eq=False)
class LastSample:
    """What the released parameters say of the only sample that is not known.

    Parameters
    ----------
    profile
        As the model got it, [genes].
    label
        Class code.
    misfit
        Largest difference, over the classes, between the error that was missing and the one that the model makes on
        `profile`: 0 for the exact optimum with one unknown sample.
    """

    profile: FloatArray
    label: int
    misfit: float


def recover_last_sample(
    coefficients: ArrayLike,
    intercepts: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    *,
    C: float,
    tolerance: float | None = 1e-3,
) -> LastSample:
    """Recover profile and class of the one training sample that is not known.

    Exact for scikit-learn's `LogisticRegression` with an L2 penalty, an unpenalised intercept and no class weights, as
    exact as its solver is: the relative error is the solver's gradient over the sample's own, so choose ``tol``
    accordingly. An unknown patient must have one sample: the equations hold nothing but the sum over his samples, and
    several are refused, unless all but one are among the known.

    Parameters
    ----------
    coefficients, intercepts
        Released parameters: [classes, genes] and [classes], or a single row for two classes.
    X, y
        All training samples but one as the model got them [samples, genes], and their class codes [samples].
    C
        Inverse strength of the penalty, as in scikit-learn.
    tolerance
        Largest `misfit`; None: any, for released parameters that carry noise.

    Raises
    ------
    ConfigError
        If shapes or classes do not fit, or no single sample explains what is missing.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = np.random.default_rng(0).normal(size=(30, 5))
    >>> y = np.arange(30) % 3
    >>> model = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(X, y)
    >>> found = recover_last_sample(model.coef_, model.intercept_, X[1:], y[1:], C=1.0)
    >>> bool(np.allclose(found.profile, X[0])), found.label
    (True, 0)
    """
    W, b = np.asarray(coefficients, dtype=np.float64), np.asarray(intercepts, dtype=np.float64)
    known, codes = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.intp)
    _check(W, b, known, codes, C)
    errors = _errors(known @ W.T + b, codes)
    missing_weights = -(W / C + errors.T @ known)
    missing = -errors.sum(axis=0)
    size = float(missing @ missing)
    if size == 0:
        raise ConfigError("no sample is missing: the known samples explain the parameters by themselves.")
    profile = missing @ missing_weights / size
    # The error of a sample is a probability, less 1 for its own class, which is the only one below 0.
    label = int(missing[0] < 0) if missing.size == 1 else int(missing.argmin())
    own = _errors((W @ profile + b)[np.newaxis], np.array([label]))[0]
    misfit = float(np.abs(own - missing).max())
    if tolerance is not None and not misfit <= tolerance:
        raise ConfigError(
            f"no single sample explains the parameters: its error would be off by {misfit:.2g}, more than "
            f"{tolerance:g}. Either several samples are unknown, as of a patient with more than one, or the parameters "
            "are not at the optimum for this C, or they carry noise (then tolerance=None)."
        )
    return LastSample(np.asarray(profile), label, misfit)


def noised_parameters(
    coefficients: ArrayLike, intercepts: ArrayLike, *, deviation: float, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return released parameters with output noise (Chaudhuri, Monteleoni, Sarwate. JMLR 12:1069-1109, 2011).

    Parameters
    ----------
    coefficients, intercepts
        Parameters at the optimum.
    deviation
        Standard deviation of the Gaussian noise on each of them, at least 0.
    generator
        Source of the noise.

    Raises
    ------
    ConfigError
        If `deviation` is impossible.
    """
    if not (math.isfinite(deviation) and deviation >= 0):
        raise ConfigError(f"deviation must be finite and at least 0, found {deviation}.")
    W, b = np.asarray(coefficients, dtype=np.float64), np.asarray(intercepts, dtype=np.float64)
    return (
        W + deviation * generator.standard_normal(W.shape),
        b + deviation * generator.standard_normal(b.shape),
    )


def _errors(logits: FloatArray, codes: IntArray) -> FloatArray:
    """Gradient of each sample's loss by its logits, [samples, classes], or [samples, 1] for two classes in one row."""
    if logits.shape[1] == 1:
        return np.asarray(expit(logits) - codes[:, np.newaxis])
    errors = softmax(logits, axis=1)
    errors[np.arange(len(codes)), codes] -= 1
    return np.asarray(errors)


def _check(W: FloatArray, b: FloatArray, X: FloatArray, y: IntArray, C: float) -> None:
    if W.ndim != 2 or b.shape != (len(W),) or X.ndim != 2 or X.shape[1] != W.shape[1] or y.shape != (len(X),):
        raise ConfigError(
            "expected coefficients [classes, genes], intercepts [classes], X [samples, genes] and y [samples], found "
            f"{W.shape}, {b.shape}, {X.shape} and {y.shape}."
        )
    classes = max(len(W), 2)
    if y.size and not 0 <= y.min() <= y.max() < classes:
        raise ConfigError(f"y must hold class codes from 0 to {classes - 1}, found {y.min()} to {y.max()}.")
    if not (math.isfinite(C) and C > 0):
        raise ConfigError(f"C must be finite and above 0, found {C}.")


INFORMED = ReconstructionAttack(
    name="informed",
    title="Informed adversary",
    sees="parameters",
    threat_model="Sees the parameters of a logistic or softmax regression and knows the penalty and the data of all "
    "patients but one, as the theory of differential privacy assumes.",
    cost="one pass over the known samples",
    reference="Balle, Cherubin, Hayes. Reconstructing training data with informed adversaries. IEEE Symposium on "
    "Security and Privacy 2022. doi:10.1109/SP46214.2022.9833677",
    caveat="Needs the optimum of a convex recipe with an intercept: what an early stop or a rounding leaves of the "
    "gradient is divided by the patient's own error, which is small where he is fitted well. A patient with several "
    "unknown samples is refused. A scaler that was fitted on the patient is taken as known.",
)
