"""What is given out instead of exact probabilities: coarser, softer, fewer or noisy ones.

Each function is ``release(log_proba, setting, generator)``: exact log-probabilities [..., classes] in, probabilities
[..., classes] out, float64; every row is at least 0 and sums to 1. Only `output_noise` draws from the generator; one
draw stands for the answer to one sample, so that whoever asks a model again must be given the first answer again.

Shokri, Stronati, Song, Shmatikov. Membership inference attacks against machine learning models. IEEE S&P 2017
(rounding, top classes, temperature). Dwork, McSherry, Nissim, Smith. Calibrating noise to sensitivity in private data
analysis. TCC 2006 (Laplace noise).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.models.settings import amount, count, positive

Release: TypeAlias = Callable[[FloatArray, Any, np.random.Generator], FloatArray]

DIGITS = 15
"""Decimals up to which rounding changes a double of about 1; beyond, probabilities are exact."""


def rounding(log_proba: FloatArray, setting: Any, _generator: np.random.Generator) -> FloatArray:
    """Give `setting` decimals.

    Every probability is cut, and the units that a row then lacks go to the largest remainders: values have these
    decimals and still sum to 1, and no class overtakes another. More than `DIGITS` decimals: exact.

    Examples
    --------
    >>> rounding(np.log([[0.003, 0.432, 0.565]]), 2, np.random.default_rng())
    array([[0.  , 0.43, 0.57]])
    """
    decimals = count("rounding", setting, least=0)
    proba = np.exp(log_proba)
    if decimals > DIGITS:
        return proba
    scale = 10.0**decimals
    # A value that is a whole number of units but for the error of exp and of the product is not cut by a whole unit.
    units = np.floor(proba * scale * (1 + 4 * np.finfo(np.float64).eps))
    missing = np.rint(scale - units.sum(axis=-1, keepdims=True))
    # Ranked by remainder, then by probability: of equal remainders the more probable class comes first.
    ranks = np.argsort(np.lexsort((-proba, units - proba * scale), axis=-1), axis=-1)
    return np.asarray((units + (ranks < missing)) / scale)


def top_k(log_proba: FloatArray, setting: Any, _generator: np.random.Generator) -> FloatArray:
    """Give the `setting` largest probabilities as they are; the rest of 1 is spread evenly over all other classes.

    That tells of the others nothing but what their sum gives away anyway. Of equals the first classes are kept. As many
    classes as there are, or more: exact.

    Examples
    --------
    >>> top_k(np.log([[0.1, 0.6, 0.3]]), 1, np.random.default_rng())
    array([[0.2, 0.6, 0.2]])
    """
    kept = count("top_k", setting)
    proba = np.exp(log_proba)
    others = proba.shape[-1] - kept
    if others <= 0:
        return proba
    ranks = np.argsort(np.argsort(-log_proba, axis=-1, kind="stable"), axis=-1)
    rest = np.where(ranks < kept, 0.0, proba).sum(axis=-1, keepdims=True)
    return np.where(ranks < kept, proba, rest / others)


def temperature(log_proba: FloatArray, setting: Any, _generator: np.random.Generator) -> FloatArray:
    """Divide the logits by `setting`, at least 1, which is exact; the order of the classes stays.

    Examples
    --------
    >>> temperature(np.log([[0.1, 0.9]]), 2.0, np.random.default_rng())
    array([[0.25, 0.75]])
    """
    divisor = amount("temperature", setting, low=1.0)
    if divisor == 1:
        return np.exp(log_proba)
    logits = log_proba / divisor
    proba = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(proba / proba.sum(axis=-1, keepdims=True))


def label_only(log_proba: FloatArray, setting: Any, _generator: np.random.Generator) -> FloatArray:
    """Give 1 for the most probable class, the first of equals, and 0 for all others; `setting` is ``"on"``.

    Examples
    --------
    >>> label_only(np.log([[0.1, 0.6, 0.3]]), "on", np.random.default_rng())
    array([[0., 1., 0.]])
    """
    if setting != "on":
        raise ConfigError(f"label_only has no strength: its setting is 'on', found {setting!r}.")
    return np.asarray(log_proba.argmax(axis=-1)[..., np.newaxis] == np.arange(log_proba.shape[-1]), dtype=np.float64)


def output_noise(log_proba: FloatArray, setting: Any, generator: np.random.Generator) -> FloatArray:
    """Add Laplace noise of scale 2 / `setting` to every probability and take the nearest point of the simplex.

    Two vectors of probabilities differ by at most 2 in sum, whatever the models behind them were trained on. One answer
    is therefore epsilon-DP with `setting` as epsilon, for anybody in the training, and the epsilons of answers add up.
    Infinite: exact.

    Examples
    --------
    >>> output_noise(np.log([[0.1, 0.9]]), 4.0, np.random.default_rng(0)).round(3)
    array([[0.334, 0.666]])
    """
    epsilon = positive("output_noise", setting)
    proba = np.exp(log_proba)
    if math.isinf(epsilon):
        return proba
    return _onto_simplex(proba + generator.laplace(scale=2 / epsilon, size=proba.shape))


def _onto_simplex(values: FloatArray) -> FloatArray:
    """Return the nearest points of the simplex (Duchi, Shalev-Shwartz, Singer, Chandra, ICML 2008, figure 1)."""
    falling = -np.sort(-values, axis=-1)
    excess = (np.cumsum(falling, axis=-1) - 1) / np.arange(1, values.shape[-1] + 1)
    positives = (falling > excess).sum(axis=-1, keepdims=True)
    return np.maximum(values - np.take_along_axis(excess, positives - 1, axis=-1), 0)


RELEASES: dict[str, Release] = {
    release.__name__: release for release in (rounding, top_k, temperature, label_only, output_noise)
}


def get_release(name: str, setting: Any) -> Release:
    """Return a release by name, once it has taken its setting.

    Raises
    ------
    ConfigError
        If there is none of this name, or the setting is impossible.
    """
    if name not in RELEASES:
        near = difflib.get_close_matches(name, RELEASES, n=1, cutoff=0.0)[0]
        raise ConfigError(f"there is no release named {name!r}; did you mean {near!r}? Valid: {', '.join(RELEASES)}.")
    release = RELEASES[name]
    release(np.log([0.5, 0.5]), setting, np.random.default_rng(0))
    return release
