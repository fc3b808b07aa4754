"""From what is asked for to a mechanism: the noise of a budget or a risk, as ``genoaudit calibrate`` finds it.

Messages name the options of the command line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from genoaudit.bounds import PRIORS, bounds
from genoaudit.errors import ConfigError
from genoaudit.privacy.calibration import (
    noise_for_advantage,
    noise_for_epsilon,
    noise_for_reconstruction,
    noise_for_tpr,
)
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.report.bounds_result import CalibrationReport

MOST_STEPS = 1_000_000
"""More steps than any training of patients takes, and what an accountant composes in seconds."""

_TARGETS = ("epsilon", "advantage", "tpr", "reconstruction", "mse")
_USUAL_DELTA = 1e-5


@dataclass(frozen=True)
class Target:
    """What the noise shall achieve: exactly one of `epsilon`, `advantage`, `tpr`, `reconstruction` and `mse`.

    Parameters
    ----------
    epsilon
        From 0.1 to 1e12.
    advantage
        Largest TPR - FPR of any membership attack, in (0, 1).
    tpr, fpr
        Largest TPR of any membership attack at this FPR.
    reconstruction, candidates
        Largest chance to pick the right one of so many equally likely candidates.
    mse, chance, genes
        Mean squared error of a profile of so many genes, in units of its mean square, that reconstruction from scratch
        out of one noisy gradient undercuts with this chance at most. No guarantee: it assumes a weak adversary.

    Raises
    ------
    ConfigError
        If there is none, or more than one, or a number is impossible.
    """

    epsilon: float | None = None
    advantage: float | None = None
    tpr: float | None = None
    reconstruction: float | None = None
    mse: float | None = None
    fpr: float = 0.01
    candidates: int | None = None
    genes: int | None = None
    chance: float = 0.05

    def __post_init__(self) -> None:
        given = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(given) != 1:
            found = ", ".join(f"--{name}" for name in given) or "none"
            raise ConfigError(f"give exactly one of {', '.join(f'--{name}' for name in _TARGETS)}; found {found}.")
        if self.epsilon is not None:
            _check_epsilon(self.epsilon)
        for name in ("advantage", "tpr", "reconstruction", "fpr", "chance"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ConfigError(f"--{name} must lie strictly between 0 and 1, found {value:g}.")
        if self.tpr is not None and self.tpr <= self.fpr:
            raise ConfigError(f"--tpr must be above --fpr, which guessing reaches, found {self.tpr:g}, {self.fpr:g}.")
        if self.candidates is not None and self.candidates < 2:
            raise ConfigError(f"--candidates must be at least 2, found {self.candidates}.")
        if self.mse is not None and not (1e-6 <= self.mse <= 1e6):
            raise ConfigError(f"--mse must be from 1e-6 to 1e6, found {self.mse:g}.")
        if self.mse is not None and (self.genes is None or self.genes < 3):
            raise ConfigError(f"--mse needs --genes of at least 3, found {self.genes or 'none'}.")

    @property
    def name(self) -> str:
        """Which of them it is."""
        return next(name for name in _TARGETS if getattr(self, name) is not None)

    @property
    def value(self) -> float:
        """Its number."""
        return float(getattr(self, self.name))


def planned(
    *,
    sample_rate: float,
    steps: int,
    epsilon: float | None = None,
    noise_multiplier: float | None = None,
    delta: float | None = None,
    patients: int | None = None,
) -> tuple[Mechanism, float]:
    """Turn the options of ``genoaudit bounds`` into a mechanism and delta.

    Parameters
    ----------
    sample_rate, steps
        Chance of each patient to be drawn in a step, in (0, 1]; number of steps, at least 1.
    epsilon, noise_multiplier
        Exactly one: the budget, for which the noise is found, or the noise.
    delta
        In (0, 1); default: a tenth of one in the number of patients.
    patients
        At least 2; None: not said.

    Raises
    ------
    ConfigError
        If an option is impossible or missing.

    Examples
    --------
    >>> mechanism, delta = planned(epsilon=8.0, sample_rate=0.1, steps=300, delta=1e-3)
    >>> round(mechanism.noise_multiplier, 2)
    1.07
    """
    _check_plan(sample_rate, steps, patients)
    delta = _delta(delta, patients)
    if (epsilon is None) == (noise_multiplier is None):
        raise ConfigError("give exactly one of --epsilon and --noise-multiplier.")
    if epsilon is not None:
        _check_epsilon(epsilon)
        noise_multiplier = noise_for_epsilon(epsilon, delta, sampling_rate=sample_rate, steps=steps)
    if noise_multiplier is None or not (noise_multiplier == 0 or 1e-7 <= noise_multiplier <= 1e6):
        raise ConfigError(f"--noise-multiplier must be 0 or from 1e-7 to 1e6, found {noise_multiplier}.")
    return Mechanism(1.0, noise_multiplier, sample_rate, steps, patients=patients or 1), delta


def calibrate(
    target: Target,
    *,
    sample_rate: float,
    steps: int,
    delta: float | None = None,
    patients: int | None = None,
    priors: Sequence[float] = PRIORS,
) -> CalibrationReport:
    """Find the smallest noise multiplier that meets a target, and say what else it guarantees.

    Parameters
    ----------
    target
        What the noise shall achieve.
    sample_rate, steps, delta, patients
        As in `planned`; with neither `delta` nor `patients`, delta is 1e-5, unless epsilon is the target.
    priors
        As in `genoaudit.bounds.bounds`.

    Raises
    ------
    ConfigError
        If an option is impossible or missing, or no noise meets the target.

    Examples
    --------
    >>> report = calibrate(Target(advantage=0.2), sample_rate=0.1, steps=200)
    >>> round(report.noise_multiplier, 2), report.wish
    (2.85, 'no membership attack has a TPR - FPR above 0.2 (add/remove)')
    """
    _check_plan(sample_rate, steps, patients)
    if target.epsilon is None and delta is None and patients is None:
        delta = _USUAL_DELTA
    delta = _delta(delta, patients)
    candidates = target.candidates if target.candidates is not None else patients
    noise, wish = _noise(target, delta, candidates, sample_rate, steps)
    mechanism = Mechanism(1.0, noise, sample_rate, steps, patients=patients or 1)
    found = {"target": target.name, "value": target.value, "wish": wish, "guaranteed": target.mse is None}
    found["fpr"] = {"tpr": target.fpr, "reconstruction": 1 / (candidates or 1)}.get(target.name)
    guaranteed = bounds(mechanism, delta, candidates=candidates, priors=priors, genes=target.genes)
    return CalibrationReport.model_validate(found | {"noise_multiplier": noise, "bounds": guaranteed})


def _noise(target: Target, delta: float, candidates: int | None, rate: float, steps: int) -> tuple[float, str]:
    """Noise multiplier that meets the target, and the target in words."""
    if target.epsilon is not None:
        wish = f"epsilon is at most {target.epsilon:g} at delta {delta:g}"
        return noise_for_epsilon(target.epsilon, delta, sampling_rate=rate, steps=steps), wish
    if target.advantage is not None:
        wish = f"no membership attack has a TPR - FPR above {target.advantage:g} (add/remove)"
        return noise_for_advantage(target.advantage, sampling_rate=rate, steps=steps), wish
    if target.tpr is not None:
        wish = f"no membership attack has a TPR above {target.tpr:g} at an FPR of {target.fpr:g} (add/remove)"
        return noise_for_tpr(target.tpr, target.fpr, sampling_rate=rate, steps=steps), wish
    if target.reconstruction is not None:
        if candidates is None:
            raise ConfigError("--reconstruction needs --candidates, or --patients, of at least 2.")
        chance = f"a chance above {target.reconstruction:g} (add/remove)"
        wish = f"nobody picks the right one of {candidates} candidates with {chance}"
        return noise_for_reconstruction(target.reconstruction, candidates, sampling_rate=rate, steps=steps), wish
    from genoaudit.reconstruction.law import noise_for_mse

    genes, mse = target.genes or 0, target.mse or 0.0
    wish = (
        f"from scratch, out of one gradient, an MSE below {mse:g} times the profile's mean square has a chance of "
        f"{target.chance:g} at most"
    )
    return noise_for_mse(mse, target.chance, norm=math.sqrt(genes), genes=genes), wish


def _check_plan(sample_rate: float, steps: int, patients: int | None) -> None:
    if not 1e-4 <= sample_rate <= 1:
        raise ConfigError(f"--sample-rate must be from 1e-4 to 1, found {sample_rate:g}.")
    if not 1 <= steps <= MOST_STEPS:
        raise ConfigError(f"--steps must be from 1 to {MOST_STEPS:,}, found {steps:,}.")
    if patients is not None and patients < 2:
        raise ConfigError(f"--patients must be at least 2, found {patients}.")


def _check_epsilon(epsilon: float) -> None:
    if not 0.1 <= epsilon <= 1e12:
        raise ConfigError(f"--epsilon must lie between 0.1 and 1e12, found {epsilon:g}.")


def _delta(delta: float | None, patients: int | None) -> float:
    if delta is None and patients is None:
        raise ConfigError("give --delta, or --patients for a delta of a tenth of one in their number.")
    delta = delta if delta is not None else 1 / (10 * (patients or 1))
    if not 0 < delta < 1:
        raise ConfigError(f"--delta must lie strictly between 0 and 1, found {delta:g}.")
    return delta
