"""Attacks on the update of a batch by whoever sends the network out: parameters made so that single patients show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genoaudit.cells.prey import Judge, Prey
from genoaudit.contracts import FloatArray
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.reconstruction.analytic import unit_profiles
from genoaudit.reconstruction.gradients import released_gradient
from genoaudit.reconstruction.imprint import imprint_network, imprinted_profiles
from genoaudit.reconstruction.network import Gradient, Network
from genoaudit.reconstruction.success import best_candidates
from genoaudit.reconstruction.trap_weights import trap_network
from genoaudit.report.reconstruct_result import Recovery

_BINS_PER_PATIENT = 4  # of an imprint: three patients of four are then alone in theirs
_UNITS_PER_PATIENT = 2  # of trap weights, as Ziller et al. (2024) have it


def from_imprints(judge: Judge, mechanism: Mechanism) -> Recovery:
    """Sort a batch into bins along the direction in which public profiles differ most."""
    prey, size = judge.prey, batch_size(judge.prey, mechanism)
    public = _public(prey)
    centred = public - public.mean(axis=0)
    direction = np.linalg.eigh(centred @ centred.T)[1][:, -1] @ centred
    direction /= np.linalg.norm(direction)
    network = imprint_network(
        direction,
        bins=_BINS_PER_PATIENT * size,
        classes=int(prey.y.max()) + 1,
        mean=float((public @ direction).mean()),
        deviation=float((public @ direction).std()),
        generator=prey.stream("imprint"),
    )
    return judge.recovery("imprint", "chosen", _recovered(prey, network, mechanism, size, imprinted_profiles))


def from_traps(judge: Judge, mechanism: Mechanism) -> Recovery:
    """Send units that one patient of a batch excites, as public profiles tell."""
    prey, size = judge.prey, batch_size(judge.prey, mechanism)
    public = _public(prey)

    def traps(bias: float) -> Network:
        units, classes = _UNITS_PER_PATIENT * size, int(prey.y.max()) + 1
        return trap_network(public.shape[1], units=units, classes=classes, generator=prey.stream("traps"), bias=bias)

    heard = public @ traps(0.0).weights[0]
    network = traps(-float(np.quantile(heard, 1 - 1 / size)))
    return judge.recovery("trap_weights", "chosen", _recovered(prey, network, mechanism, size, unit_profiles))


def batch_size(prey: Prey, mechanism: Mechanism) -> int:
    """Return the number of patients in a batch: as many as are expected, at least 2."""
    return min(max(2, round(mechanism.expected_patients)), int(prey.members.sum()))


def _public(prey: Prey) -> FloatArray:
    return prey.X[~prey.members[prey.patients]]


def _recovered(
    prey: Prey, network: Network, mechanism: Mechanism, size: int, read: Callable[[Gradient], FloatArray]
) -> FloatArray:
    """Put each target into one batch with others, and return what comes nearest to it among the profiles read."""
    others = np.setdiff1d(np.flatnonzero(prey.members), prey.targets)
    found = []
    for first in range(0, prey.targets.size, size):
        rng = prey.stream("batch", first)
        here = prey.rows[first : first + size]
        batch = np.append(here, prey.row_of[rng.permutation(others)[: size - here.size]])
        update = released_gradient(
            network,
            prey.X[batch],
            prey.y[batch],
            patients=np.arange(batch.size),
            clip=mechanism.clip,
            noise_multiplier=mechanism.noise_multiplier,
            generator=rng,
        )
        profiles = read(update)
        if len(profiles):
            found.append(profiles[best_candidates(profiles, prey.X[here])])
        else:  # no unit was excited
            found.append(np.zeros((here.size, prey.X.shape[1])))
    return np.concatenate(found)
