"""What a private training does, as data: sampler, clipping, noise and accountant are all built from this one record.

Abadi et al. Deep learning with differential privacy. CCS 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from genoaudit.errors import ConfigError

UNIT: Literal["patient"] = "patient"
NEIGHBOURING: Literal["add/remove"] = "add/remove"


@dataclass(frozen=True)
class Mechanism:
    """DP-SGD on patients: Poisson sampling, clipping of each patient's gradient, Gaussian noise on their sum.

    In every step each patient is drawn by his own coin; the gradients of all samples of a drawn patient are summed and
    clipped together; the noise is added to the sum over patients, also where nobody was drawn; and the result is
    divided by `expected_patients`, which does not depend on who was drawn. The guarantee is for adding or removing one
    patient with all his samples.

    Parameters
    ----------
    clip
        Largest norm of a patient's gradient, above 0.
    noise_multiplier
        Standard deviation of the noise in units of `clip`, at least 0; 0 guarantees nothing.
    sampling_rate
        Chance of each patient to be drawn in a step, in (0, 1].
    steps
        Number of steps, at least 1.
    patients
        Publicly known number of patients, at least 1.
    releases
        Noise multipliers of what was learnt from all patients beforehand by the Gaussian mechanism, such as private
        means of genes; each above 0.

    Raises
    ------
    ConfigError
        If a value is impossible.

    Examples
    --------
    >>> mechanism = Mechanism(clip=1.0, noise_multiplier=1.1, sampling_rate=0.0125, steps=100, patients=199)
    >>> round(mechanism.expected_patients, 4)
    2.4875
    """

    clip: float
    noise_multiplier: float
    sampling_rate: float
    steps: int
    patients: int
    releases: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check("clip", self.clip, math.isfinite(self.clip) and self.clip > 0, "above 0")
        noise = self.noise_multiplier
        _check("noise_multiplier", noise, math.isfinite(noise) and noise >= 0, "at least 0")
        _check("sampling_rate", self.sampling_rate, 0 < self.sampling_rate <= 1, "in (0, 1]")
        _check("steps", self.steps, self.steps >= 1, "at least 1")
        _check("patients", self.patients, self.patients >= 1, "at least 1")
        for noise in self.releases:
            _check("releases", noise, math.isfinite(noise) and noise > 0, "above 0")

    @property
    def expected_patients(self) -> float:
        """Patients expected in a step: public, and not rounded."""
        return self.sampling_rate * self.patients

    @property
    def deviation(self) -> float:
        """Standard deviation of the noise on the mean gradient."""
        return self.noise_multiplier * self.clip / self.expected_patients


def _check(name: str, value: float, fine: bool, expected: str) -> None:  # noqa: FBT001
    if not fine:
        msg = f"{name} must be {expected}, found {value}."
        raise ConfigError(msg)
