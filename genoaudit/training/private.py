"""DP recipes through the exact engine: the patients' products carry the noise as well as the gradients.

In the space of samples a model is trained in orthonormal coordinates of the span of its own members. What the start and
the noise add in all other directions moves no member, so it meets no gradient: it is drawn once, at the end, with the
variance that all steps have given it. Scores have the law of DP-SGD with noise on every gene. Somebody who sees more
than these scores would see that there are fewer directions than genes: such models are trained in genes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.models.draws import (
    FloatMatrix,
    RandomStreams,
    initial_parameters,
    poisson_patients,
    private_noise,
    random_streams,
)
from genoaudit.models.forms import ExactForm
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.training.gram import member_root
from genoaudit.training.lift import Lift
from genoaudit.training.programs import descent_of, draws_of, network_of, start_in_genes
from genoaudit.training.stacked.genes import GenePool, train_in_genes
from genoaudit.training.stacked.head import parameter_shapes
from genoaudit.training.stacked.private import unmoved_deviation
from genoaudit.training.stacked.program import Network, Privacy, Start

if TYPE_CHECKING:
    from genoaudit.training.exact import Prepared


@dataclass(frozen=True, eq=False)
class _Placed:
    """One model in the coordinates in which it is trained.

    Parameters
    ----------
    values
        Coordinates of every row, [rows, coordinates].
    start
        Initial weights in these coordinates.
    beyond
        What directions without a member add to the first layer's outputs in the end, [rows, first width].
    """

    values: Tensor
    start: Start
    beyond: Tensor | None = None


def train_privately(
    form: ExactForm,
    prepared: Prepared,
    members: BoolArray,
    random_states: Sequence[int | None],
    *,
    device: torch.device,
    lift: Lift | None,
) -> Iterator[tuple[int, FloatArray]]:
    """Train the models of a DP recipe one by one and yield their logits; see `genoaudit.training.exact`."""
    classifier, network = form.classifier, network_of(form.classifier, prepared.classes)
    streams = [random_streams(state) for state in random_states]
    in_genes = prepared.space == "genes"
    if in_genes:
        values = torch.as_tensor(np.array(prepared.values), device=device)
        explicit = start_in_genes(network, prepared.genes, streams)
        if lift is not None:
            explicit = lift.start(network, streams, outputs=False)
    for model in np.flatnonzero(members.any(axis=1)).tolist():
        # Audits settle the mechanism beforehand, for all models alike; else it follows from a model's own patients.
        owners = prepared.patients[members[model]]
        mechanism = classifier.dp.mechanism(patients=np.unique(owners).size)
        descent = descent_of(classifier, prepared.classes, mechanism)
        privacy = Privacy(mechanism.clip, mechanism.noise_multiplier)
        if in_genes:
            placed = _Placed(values, explicit(model))
        else:
            unmoved = unmoved_deviation(descent, privacy, math.sqrt(2 / prepared.genes))
            placed = _place(prepared, members[model], network, streams[model].init, unmoved=unmoved, device=device)
        draws = draws_of(classifier, members, streams, {model: placed.start}.__getitem__)
        drawn = _draws(owners, mechanism, streams[model], network, coordinates=placed.values.shape[1])
        trained = train_in_genes(
            GenePool(placed.values, prepared.y, prepared.patients, placed.beyond),
            members,
            network=network,
            descent=descent,
            draws=replace(draws, **drawn),
            privacy=privacy,
            models=[model],
            look=None if lift is None else lift.look,
        )
        for _, found in trained:
            yield model, found[0].cpu().numpy().astype(np.float64)


def _place(
    prepared: Prepared,
    member: BoolArray,
    network: Network,
    rng: np.random.Generator,
    *,
    unmoved: float,
    device: torch.device,
) -> _Placed:
    """Draw a model's start through a root of K that begins with its members."""
    if prepared.gram is None or prepared.root is None:
        raise AssertionError
    draw = _first_draw(rng, len(prepared.root), network.widths[0])
    later, _ = initial_parameters(network.widths, rng)
    weights, scale = tuple(weight.T for weight in later), np.float32(math.sqrt(2 / prepared.genes))
    count, rank = int(member.sum()), prepared.root.shape[1]
    own = member_root(prepared.gram, member) if count < rank else None
    if own is None:  # no more directions than members, or members that nearly depend on one another
        return _Placed(torch.as_tensor(np.array(prepared.root), device=device), Start(draw[:rank] * scale, weights))
    beyond = np.zeros_like(draw)
    beyond[~member] = own.beyond.astype(np.float32) @ draw[count : count + own.beyond.shape[1]] * np.float32(unmoved)
    inside = torch.as_tensor(own.inside.astype(np.float32), device=device)
    return _Placed(inside, Start(draw[:count] * scale, weights), torch.as_tensor(beyond, device=device))


def _first_draw(rng: np.random.Generator, rows: int, units: int) -> FloatMatrix:
    """Draw one number for each row whatever the rank of K, which rounding can change from one machine to another."""
    return rng.standard_normal((rows, units), dtype=np.float32)


def _draws(
    owners: IntArray, mechanism: Mechanism, streams: RandomStreams, network: Network, *, coordinates: int
) -> dict[str, Any]:
    """Feed a model from the streams that `MLPClassifier` reads under DP; `owners` has the patient of each member."""
    holders, owner = np.unique(owners, return_inverse=True)
    later = sum(math.prod(shape) for shape in parameter_shapes(network))

    def sample(model: int, step: int) -> IntArray:
        coins = poisson_patients(holders.size, rate=mechanism.sampling_rate, rng=streams.coins)
        return np.flatnonzero(coins[owner])

    def noise(model: int, step: int) -> tuple[FloatMatrix, NDArray[np.float32]]:
        return private_noise(coordinates, network.widths[0], later, streams.noise)

    return {"sample": sample, "noise": noise}
