"""Standardise genes by means and variances that are released privately, with the patient as the unit.

Dwork and Roth. The algorithmic foundations of differential privacy. Foundations and Trends in Theoretical Computer
Science 2014 (Gaussian mechanism).
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.data.logs import FloatMatrix
from genoaudit.data.preprocessing import ExpressionScaler
from genoaudit.data.selection import most_variable
from genoaudit.randomness import entropy_uniform

_SQUARES = math.sqrt(0.5)
"""Weight of z^2 - 1 beside z: for a normal profile both then have the same norm, the square root of the genes."""

_SMALLEST_VARIANCE = 1e-3


class PrivateScaler(TransformerMixin, BaseEstimator):
    """Standardise log-like expression per gene by private moments, and keep the genes of largest private variance.

    Each sample is standardised over its own genes and truncated to ``[-bound, bound]``, which fits nothing. Of these
    values z a patient contributes one vector, the mean over his samples of ``(z, (z^2 - 1) / sqrt(2))``, shortened to
    norm ``sqrt(2 genes)`` where it is longer: a normal profile has that norm. The sum over patients plus Gaussian noise
    of standard deviation ``noise_multiplier * sqrt(2 genes)`` in each coordinate is the only thing learnt. Adding or
    removing a patient, with however many samples, moves the sum by ``sqrt(2 genes)`` at most, so this is one release by
    the Gaussian mechanism with noise multiplier `noise_multiplier`. All else follows from that sum, choosing genes
    included, and costs nothing more.

    The noise on a gene's mean has standard deviation ``noise_multiplier * sqrt(2 genes) / patients``, that on its
    variance at least ``sqrt(2)`` times as much, both in units of a sample's spread over its genes. With 20,000 genes,
    300 patients and a noise multiplier of 5 the former is 3.3, and next to nothing is learnt: choose a few hundred
    genes by a public list beforehand, or standardise each sample by itself.

    Parameters
    ----------
    noise_multiplier
        Standard deviation of the noise in units of what one patient can change, above 0.
    genes
        How many genes of largest private variance to keep; None keeps all.
    gain
        Root mean square length of a standardised row, as in `ExpressionScaler`; None leaves standardised values as they
        are.
    bound
        Where a sample's standardised values are truncated, above 0; in training and in use alike.
    patients_public
        Publicly known number of patients that sums are divided by; None takes the number seen in `fit` as public.
    random_state
        None draws the noise from the operating system's entropy. Anything else makes it reproducible, and whoever knows
        the seed can take the noise off again: not for a model that is given away.

    Attributes
    ----------
    mean_, variance_
        Private mean and variance of each gene, float64 [genes]. Of the variance, what the noise on the mean adds on
        average is taken off; it may be negative.
    sd_
        Divisor of each gene, float64 [genes]: the root of the variance, or of the noise on it (at least 0.001) where
        that is more.
    support_
        Which genes are kept, bool [genes].
    release_
        Noise multiplier of the release, for `genoaudit.privacy.mechanism.Mechanism.releases`.
    n_features_in_, feature_names_in_
        Number of genes seen in `fit`, and their names when it saw a DataFrame with text column names.

    Notes
    -----
    Noise is added in double precision, as in the common libraries for DP-SGD; the guarantee is that of real numbers
    (Mironov, CCS 2012, on what low-order bits can tell).

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(400, 6)) * [1, 1, 3, 1, 1, 3]
    >>> scaler = PrivateScaler(2.0, genes=2, random_state=0).fit(X, patients=np.arange(400) // 2)
    >>> scaler.support_
    array([False, False,  True, False, False,  True])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "noise_multiplier": [Interval(Real, 0, None, closed="neither")],
        "genes": [Interval(Integral, 1, None, closed="left"), None],
        "gain": [Interval(Real, 0, None, closed="neither"), None],
        "bound": [Interval(Real, 0, None, closed="neither")],
        "patients_public": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    mean_: FloatArray
    variance_: FloatArray
    sd_: FloatArray
    support_: BoolArray
    release_: float

    def __init__(
        self,
        noise_multiplier: float = 5.0,
        *,
        genes: int | None = None,
        gain: float | None = 10.0,
        bound: float = 3.0,
        patients_public: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.noise_multiplier = noise_multiplier
        self.genes = genes
        self.gain = gain
        self.bound = bound
        self.patients_public = patients_public
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, patients: ArrayLike | None = None) -> PrivateScaler:
        """Release the moments of the member patients.

        Parameters
        ----------
        X
            Log-like expression [samples, genes].
        y
            Not used.
        patients
            Code of each sample's patient, int [samples]; None makes every sample a patient of its own.

        Raises
        ------
        ValueError
            An impossible parameter, expression that is not finite, or another number of codes than of samples.
        """
        self._validate_params()
        X = validate_data(self, X, dtype=np.float32)
        codes = np.arange(len(X)) if patients is None else column_or_1d(patients)
        check_consistent_length(X, codes)
        total = patient_sum(truncated_profiles(X, self.bound), codes)
        total += self.noise_multiplier * largest_norm(X.shape[1]) * _standard_normal(total.shape, self.random_state)
        self._keep(total, self.patients_public or np.unique(codes).size)
        return self

    def _keep(self, total: FloatArray, patients: int) -> None:
        """Derive everything from the private sum."""
        genes = total.shape[1]
        noise = self.noise_multiplier * largest_norm(genes) / patients
        mean, second = total[0] / patients, total[1] / patients / _SQUARES + 1
        self.variance_ = second - mean**2 + noise**2
        # No mean of truncated values lies beyond: what does is noise.
        self.mean_ = np.clip(mean, -self.bound, self.bound)
        self.sd_ = np.sqrt(np.maximum(self.variance_, max(_SMALLEST_VARIANCE, noise / _SQUARES)))
        self.support_ = most_variable(self.variance_, self.genes or genes)
        self.release_ = float(self.noise_multiplier)

    def transform(self, X: Any) -> FloatMatrix:
        """Return standardised values of the genes kept, float32 [samples, kept]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        scaled = truncated_profiles(X, self.bound)[:, self.support_]
        factor = 1.0 if self.gain is None else self.gain / math.sqrt(scaled.shape[1])
        np.subtract(scaled, self.mean_[self.support_], out=scaled, casting="same_kind")
        np.multiply(scaled, factor / self.sd_[self.support_], out=scaled, casting="same_kind")
        return scaled

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the genes kept."""
        check_is_fitted(self)
        names: NDArray[np.object_] = _check_feature_names_in(self, input_features)[self.support_]
        return names

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.random_state is None
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def truncated_profiles(X: FloatMatrix, bound: float) -> FloatMatrix:
    """Standardise each sample over its own genes and truncate to ``[-bound, bound]``; float32 [samples, genes]."""
    z: FloatMatrix = ExpressionScaler("sample", gain=None).fit_transform(X)
    return np.clip(z, -bound, bound, out=z)


def largest_norm(genes: int) -> float:
    """Return what one patient can change of the sum, the square root of twice the genes.

    Examples
    --------
    >>> largest_norm(200)
    20.0
    """
    return math.sqrt(2 * genes)


def patient_sum(z: FloatMatrix, patients: IntArray) -> FloatArray:
    """Sum the patients' contributions, each of norm `largest_norm` at most, before any noise.

    Parameters
    ----------
    z
        Truncated profiles [samples, genes].
    patients
        Code of each sample's patient; [samples].

    Returns
    -------
    Sums of z, and of (z^2 - 1) / sqrt(2); float64 [2, genes].
    """
    total, limit = np.zeros((2, z.shape[1])), largest_norm(z.shape[1])
    order = np.argsort(patients, kind="stable")
    starts = np.unique(patients[order], return_index=True)[1]
    for rows in np.split(order, starts[1:]):
        own = z[rows].astype(np.float64)
        contribution = np.array([own.mean(axis=0), _SQUARES * (np.square(own).mean(axis=0) - 1)])
        total += contribution * (limit / max(limit, float(np.linalg.norm(contribution))))
    return total


def _standard_normal(shape: tuple[int, ...], random_state: int | np.random.RandomState | None) -> FloatArray:
    """Draw normal numbers: reproducibly from a seed, or else from the operating system's entropy.

    NumPy's generators are not made to withstand somebody who sees what they drew, as a release of noisy sums shows.
    """
    if random_state is not None:
        drawn: FloatArray = check_random_state(random_state).standard_normal(shape)
        return drawn
    return np.asarray(ndtri(entropy_uniform(math.prod(shape)))).reshape(shape)
