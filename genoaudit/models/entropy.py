"""Where the random numbers of a private training come from: a seed for an audit, the operating system for a release.

Differential privacy holds against somebody who does not know the coins and the noise. A seed gives them away to
everybody who learns or guesses it, and 32-bit seeds are quickly tried. A model that leaves the house is therefore
trained on numbers that nobody can draw again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from genoaudit.contracts import BoolArray
from genoaudit.models.draws import RandomStreams, poisson_patients, private_noise
from genoaudit.randomness import entropy_uniform

_BLOCK = 2**18
"""Numbers drawn at once, which bounds the memory that they take on the way."""


class PrivateDraws(Protocol):
    """The coins, the noise and the dropout masks of one training."""

    releasable: ClassVar[bool]
    """Whether nobody can draw the same numbers again."""

    @property
    def masks(self) -> np.random.Generator:
        """Where dropout masks come from. Somebody who knew them would see others' masks shift with one's coin."""
        ...

    def coins(self, patients: int, rate: float) -> BoolArray:
        """Toss each patient's coin for one step; bool [patients]."""
        ...

    def normal(self, inputs: int, units: int, later: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Draw standard normal numbers [inputs, units] and [later] for one step."""
        ...


@dataclass(frozen=True, eq=False)
class SeededDraws:
    """Coins and noise that the same seed gives again: for shadow models, which are never released."""

    releasable: ClassVar[bool] = False
    streams: RandomStreams

    @property
    def masks(self) -> np.random.Generator:
        """The stream of that name."""
        return self.streams.masks

    def coins(self, patients: int, rate: float) -> BoolArray:
        """Toss each patient's coin for one step; bool [patients]."""
        return poisson_patients(patients, rate=rate, rng=self.streams.coins)

    def normal(self, inputs: int, units: int, later: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Draw standard normal numbers [inputs, units] and [later], float32."""
        return private_noise(inputs, units, later, self.streams.noise)


@dataclass(frozen=True, eq=False)
class EntropyDraws:
    """Coins and noise from the cryptographic generator of the operating system; nothing is kept of them.

    Normal numbers are quantiles of uniform ones on the centres of 2^52 cells of (0, 1), in float64, so they end at 8.2
    standard deviations, which the exact law passes with probability 2e-16. Floating-point numbers are not real numbers:
    noise added to a value leaves gaps and uneven weights in the last bits, which can give the value away to somebody
    who sees the sum in full (Mironov, CCS 2012). Training adds in float64 and rounds the sum to float32, in which about
    2^29 neighbours fall together, and shows parameters after all steps rather than sums. That makes the attack harder;
    it proves nothing. Opacus' secure mode sums several draws instead (Holohan, Braghin, ESORICS 2021). Timing is not
    guarded.

    Examples
    --------
    >>> first, later = EntropyDraws().normal(3, 2, 5)
    >>> first.shape, later.shape, first.dtype
    ((3, 2), (5,), dtype('float64'))
    """

    releasable: ClassVar[bool] = True
    masks: np.random.Generator = field(default_factory=np.random.default_rng, repr=False)

    def coins(self, patients: int, rate: float) -> BoolArray:
        """Toss each patient's coin for one step; bool [patients]."""
        return entropy_uniform(patients) < rate

    def normal(self, inputs: int, units: int, later: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Draw standard normal numbers [inputs, units] and [later], float64."""
        size = inputs * units
        drawn = np.empty(size + later)
        for start in range(0, len(drawn), _BLOCK):
            block = drawn[start : start + _BLOCK]
            ndtri(entropy_uniform(len(block)), out=block)
        return drawn[:size].reshape(inputs, units), drawn[size:]


def private_draws(random_state: int | np.random.RandomState | None, streams: RandomStreams) -> PrivateDraws:
    """Return the draws of a private training: `streams` of a seed, or without a seed the operating system's.

    Examples
    --------
    >>> from genoaudit.models.draws import random_streams
    >>> [private_draws(state, random_streams(state)).releasable for state in (0, None)]
    [False, True]
    """
    return EntropyDraws() if random_state is None else SeededDraws(streams)
