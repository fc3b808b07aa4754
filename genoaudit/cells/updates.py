"""Attacks on the update that one patient's samples give, as a curious server or a log sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genoaudit.cells.prey import Judge, Prey, Unreadable
from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction import law
from genoaudit.reconstruction.analytic import agreeing_profiles, invert_first_layer
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.matching import Search, match_gradient
from genoaudit.reconstruction.network import Gradient, Network
from genoaudit.reconstruction.success import correlations
from genoaudit.report.reconstruct_result import Recovery

_MATCHED = 4  # patients whose gradients are matched, each a search of a second
_FAINTEST = 1e-60  # of the clip; under any noise nothing is heard of less
_SEARCH = Search(starts=1, iterations=200)

Way = Literal["bias", "rank_one"]


@dataclass(frozen=True, eq=False)
class Update:
    """What one patient's samples give, and what they would give without noise."""

    released: Gradient
    clean: Gradient

    def inverted(self, way: Way) -> FloatArray:
        """Return the profile, or nothing (zero throughout) where no unit says anything."""
        try:
            return invert_first_layer(self.released, by=way)
        except ConfigError:
            return np.zeros(len(self.released.weights[0]))


def update_of(network: Network, prey: Prey, rows: IntArray, mechanism: Mechanism, *path: str | int) -> Update:
    """Return the update of one patient's samples; `path` names the stream of its noise."""
    X, y, clip, rng = prey.X[rows], prey.y[rows], mechanism.clip, prey.stream("update", *path)
    noise = mechanism.noise_multiplier
    return Update(
        released=released_gradient(network, X, y, clip=clip, noise_multiplier=noise, generator=rng),
        clean=released_gradient(network, X, y, clip=clip, generator=rng),
    )


def from_updates(
    judge: Judge,
    network: Network,
    name: Literal["fresh", "trained"],
    mechanism: Mechanism,
    *,
    ways: Sequence[Way] = ("bias", "rank_one"),
) -> list[Recovery]:
    """Invert the first layer from the update of each target's one sample."""
    prey = judge.prey
    updates = [
        update_of(network, prey, np.array([row]), mechanism, name, number) for number, row in enumerate(prey.rows)
    ]
    expected = [
        _expected(update.clean, prey.X[row], mechanism, judge.eta)
        for update, row in zip(updates, prey.rows, strict=True)
    ]
    pearson, success = np.mean(expected, axis=0)
    told = {"bias": (float(pearson), float(success))}
    unreadable = _unreadable(updates)
    return [
        judge.recovery(
            "analytic" if way == "bias" else way,
            name,
            np.stack([update.inverted(way) for update in updates]),
            expected=told.get(way),
            unreadable=unreadable,
        )
        for way in ways
    ]


def _unreadable(updates: Sequence[Update]) -> Unreadable:
    """Count the updates that hold nothing of the profile even without noise."""
    silent = [not update.clean.biases[0].any() for update in updates]
    learnt = [not update.clean.biases[-1].any() for update in updates]
    return Unreadable(float(np.mean(silent)), float(np.mean(learnt)))


def _expected(clean: Gradient, profile: FloatArray, mechanism: Mechanism, eta: float) -> tuple[float, float]:
    """Return mean correlation and chance of success, by the law of the best reconstruction from scratch."""
    if mechanism.noise_multiplier == 0:
        return (1.0, 1.0) if clean.biases[0].any() else (0.0, 0.0)
    heard = float(np.linalg.norm(clean.biases[0]))
    if heard < _FAINTEST * mechanism.clip:
        return 0.0, 0.0
    # The noise in units of what is left of the errors after clipping, so that it holds where clipping does not bind.
    noise, norm = mechanism.noise_multiplier, mechanism.clip / heard
    pearson = law.expected_correlation(noise, profile=profile, norm=norm)
    return pearson, 1 - float(law.correlation_cdf(1 - eta, noise_multiplier=noise, profile=profile, norm=norm))


def noise_for_half(prey: Prey, network: Network, mechanism: Mechanism) -> float | None:
    """Return the noise multiplier at which, by the law, half of the correlation is left; mean over the targets."""
    updates = [update_of(network, prey, np.array([row]), mechanism, "half") for row in prey.rows]
    heard = [float(np.linalg.norm(update.clean.biases[0])) for update in updates]
    found = [
        law.noise_for_correlation(0.5, profile=prey.X[row], norm=mechanism.clip / size)
        for row, size in zip(prey.rows, heard, strict=True)
        if size >= _FAINTEST * mechanism.clip
    ]
    return float(np.mean(found)) if found else None


def from_whole_patients(judge: Judge, network: Network, mechanism: Mechanism) -> Recovery:
    """Invert updates that hold all samples of a patient: of several, the one that is recovered best counts.

    Profiles that several units name alike are samples that these heard alone; without any, all come out mixed.
    """
    prey = judge.prey
    found, rows, updates = [], [], []
    for number, target in enumerate(prey.targets):
        own = np.flatnonzero(prey.patients == target)
        update = update_of(network, prey, own, mechanism, "whole", number)
        alone = agreeing_profiles(update.released)
        profiles = alone if len(alone) else update.inverted("bias")[np.newaxis]
        which, whose = np.unravel_index(correlations(profiles, prey.X[own]).argmax(), (len(profiles), own.size))
        found.append(profiles[which])
        rows.append(own[whose])
        updates.append(update)
    return judge.recovery(
        "whole_patient", "fresh", np.stack(found), rows=np.array(rows), unreadable=_unreadable(updates)
    )


def from_later_layers(judge: Judge, network: Network, mechanism: Mechanism) -> Recovery:
    """Match the gradient of one sample where the first layer's is withheld, for a few of the targets."""
    prey = judge.prey
    rows, found, updates = prey.rows[:_MATCHED], [], []
    later = range(1, len(network.weights))
    for number, row in enumerate(rows):
        update = update_of(network, prey, np.array([row]), mechanism, "matched", number)
        stream = prey.stream("matching", number)
        try:
            match = match_gradient(
                update.released, network, prey.y[[row]], layers=later, generator=stream, search=_SEARCH
            )
            found.append(match.profiles[0])
        except ConfigError:  # nothing to match
            found.append(np.zeros(prey.X.shape[1]))
        updates.append(update)
    return judge.recovery("matching", "fresh", np.stack(found), rows=rows, unreadable=_unreadable(updates))
