"""What a user asks of DP-SGD: a budget or a risk, from which the mechanism follows."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from genoaudit.errors import ConfigError
from genoaudit.privacy.calibration import (
    noise_for_advantage,
    noise_for_epsilon,
    noise_for_reconstruction,
    noise_for_tpr,
)
from genoaudit.privacy.mechanism import Mechanism

TARGETS = ("epsilon", "noise_multiplier", "advantage", "tpr", "reconstruction")
"""Keys of which exactly one says how much noise there is."""


@dataclass(frozen=True)
class DPSGD:
    """DP-SGD with the patient as the unit: one target, and how the budget is spent.

    Exactly one of `epsilon`, `noise_multiplier`, `advantage`, `tpr` and `reconstruction` says how much noise there is.
    Where several releases of the same patients compose, the target is for all of them together.

    Parameters
    ----------
    epsilon
        Target epsilon at `delta`, from 0.1 to 1e12.
    noise_multiplier
        Standard deviation of the noise in units of `clip`; 0 clips without protecting.
    advantage
        Largest TPR - FPR of any membership attack, in (0, 1).
    tpr, fpr
        Largest TPR of any membership attack at this FPR.
    reconstruction, candidates
        Largest chance to pick a patient's profile out of so many equally likely candidates.
    delta
        Default: a tenth of one in the number of patients.
    clip
        Largest norm of a patient's gradient, the sum over his samples.
    sampling_rate
        Chance of each patient to be drawn in a step.
    steps
        Number of steps.
    patients
        Publicly known number of patients; default: those seen in training, whose number is then taken as public.
    hyperparameters
        How the hyper-parameters were chosen: ``"public"`` (fixed beforehand or on other data), ``"searched"`` (on these
        patients, which the guarantee does not cover), or ``"undeclared"``.
    releases
        Noise multipliers of what is learnt from the patients beforehand, within the same budget; `settled` fills it in.

    Examples
    --------
    >>> private = DPSGD(epsilon=8.0, sampling_rate=0.1, steps=200).settled(patients=300)
    >>> round(private.delta, 6), round(private.noise_multiplier, 3)
    (0.000333, 0.989)
    """

    epsilon: float | None = None
    noise_multiplier: float | None = None
    advantage: float | None = None
    tpr: float | None = None
    fpr: float = 0.01
    reconstruction: float | None = None
    candidates: int | None = None
    delta: float | None = None
    clip: float = 1.0
    sampling_rate: float = 0.1
    steps: int = 200
    patients: int | None = None
    hyperparameters: Literal["public", "searched", "undeclared"] = "undeclared"
    releases: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        given = [name for name in TARGETS if getattr(self, name) is not None]
        if len(given) != 1:
            msg = f"dp needs exactly one of {', '.join(TARGETS)}; found {', '.join(given) or 'none'}."
            raise ConfigError(msg)
        if self.hyperparameters not in {"public", "searched", "undeclared"}:
            msg = f"dp.hyperparameters must be public, searched or undeclared, found {self.hyperparameters!r}."
            raise ConfigError(msg)
        for name, fine, expected in self._expectations():
            value = getattr(self, name)
            if value is not None and not fine(value):
                msg = f"dp.{name} must be {expected}, found {value!r}."
                raise ConfigError(msg)

    def _expectations(self) -> tuple[tuple[str, Callable[[Any], bool], str], ...]:
        def whole(value: Any) -> bool:
            return isinstance(value, int | np.integer) and not isinstance(value, bool)

        return (
            ("epsilon", lambda e: 0.1 <= e <= 1e12, "from 0.1 to 1e12"),
            ("noise_multiplier", lambda s: s == 0 or 1e-7 <= s <= 1e6, "0 or from 1e-7 to 1e6"),
            ("advantage", lambda a: 0 < a < 1, "in (0, 1)"),
            ("fpr", lambda a: 0 < a < 1, "in (0, 1)"),
            ("tpr", lambda t: self.fpr < t < 1, f"above dp.fpr ({self.fpr:g}) and below 1"),
            ("candidates", lambda m: whole(m) and m >= 2, "a whole number of at least 2"),
            ("reconstruction", lambda g: 0 < g < 1, "in (0, 1)"),
            ("delta", lambda d: 1e-15 <= d < 1, "from 1e-15 to below 1"),
            ("clip", lambda c: 1e-30 <= c <= 1e30, "from 1e-30 to 1e30"),
            # Below, no training of patients goes anywhere, and to find the noise for it takes minutes.
            ("sampling_rate", lambda q: (1e-4 if self.noise_multiplier is None else 1e-12) <= q <= 1, "from 1e-4 to 1"),
            ("steps", lambda n: whole(n) and 1 <= n <= 10**7, "a whole number from 1 to 10 million"),
            ("patients", lambda n: whole(n) and n >= 1, "a whole number of at least 1"),
        )

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Make one of the keys of a configuration.

        Raises
        ------
        ConfigError
            For an unknown key or an impossible value.
        """
        valid = [field.name for field in dataclasses.fields(cls) if field.name != "releases"]
        unknown = [key for key in given if key not in valid]
        if unknown:
            close = difflib.get_close_matches(unknown[0], valid, n=1, cutoff=0.0)[0]
            raise ConfigError(f"Unknown key {unknown[0]!r} for dp; did you mean {close!r}? Valid: {', '.join(valid)}.")
        for key, value in given.items():
            text = key == "hyperparameters"
            if isinstance(value, bool) or not isinstance(value, str if text else int | float):
                raise ConfigError(f"dp.{key} must be {'a text' if text else 'a number'}, found {value!r}.")
        return cls(**given)

    def aimed(
        self,
        *,
        epsilon: float | None = None,
        noise_multiplier: float | None = None,
    ) -> Self:
        """Return the same with this target in place of its own."""
        return dataclasses.replace(
            self,
            epsilon=epsilon,
            noise_multiplier=noise_multiplier,
            advantage=None,
            tpr=None,
            reconstruction=None,
        )

    def settled(self, patients: int, *, releases: tuple[float, ...] = ()) -> Self:
        """Return the same with nothing left open: the number of patients, delta and the noise multiplier.

        Parameters
        ----------
        patients
            Patients seen in training, where no public number was declared.
        releases
            Noise multipliers of what is learnt from the patients beforehand; default: those known already.
        """
        releases = releases or self.releases
        patients = self.patients if self.patients is not None else patients
        delta = self.delta if self.delta is not None else 1 / (10 * patients)
        plan: dict[str, Any] = {"sampling_rate": self.sampling_rate, "steps": self.steps, "releases": releases}
        if self.noise_multiplier is not None:
            noise = self.noise_multiplier
        elif self.epsilon is not None:
            noise = noise_for_epsilon(self.epsilon, delta, **plan)
        elif self.advantage is not None:
            noise = noise_for_advantage(self.advantage, **plan)
        elif self.tpr is not None:
            noise = noise_for_tpr(self.tpr, self.fpr, **plan)
        else:
            noise = noise_for_reconstruction(self.reconstruction or 0.0, self.candidates or patients, **plan)
        settled: dict[str, Any] = dict.fromkeys(TARGETS) | {"noise_multiplier": noise}
        return dataclasses.replace(self, **settled, delta=delta, patients=patients, releases=releases)

    def mechanism(self, patients: int, *, releases: tuple[float, ...] = ()) -> Mechanism:
        """Return what training does and is accounted for."""
        settled = self.settled(patients, releases=releases)
        if settled.noise_multiplier is None or settled.patients is None:
            raise AssertionError
        return Mechanism(
            clip=settled.clip,
            noise_multiplier=settled.noise_multiplier,
            sampling_rate=settled.sampling_rate,
            steps=settled.steps,
            patients=settled.patients,
            releases=settled.releases,
        )
