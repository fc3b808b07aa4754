"""The exact engine: a recipe's models trained in the coordinates of the pool's samples.

The genes enter once, through the products of samples. From there on a model costs the same for 2,000 genes and for
60,000. The initial weights of the first layer are drawn through a root of K, so they have the law of weights drawn gene
by gene without being the same numbers; everything after them is the training of `MLPClassifier`, draw for draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.data.preprocessing import LogTransform
from genoaudit.errors import TrainingError
from genoaudit.models.forms import ExactForm
from genoaudit.models.mlp import RandomStreams, batch_order, dropout_mask, initial_parameters, random_streams
from genoaudit.training.convex import solve_logistic
from genoaudit.training.gram import (
    factor,
    fit_members,
    gene_blocks,
    gram,
    member_gram,
    quick_factor,
    sample_gram,
)
from genoaudit.training.outputs import ModelOutputs, scaled_logit
from genoaudit.training.stacked.chunk import Pool
from genoaudit.training.stacked.program import Descent, Draws, Network, Start
from genoaudit.training.stacked.training import train_stacked

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class Prepared:
    """What every model of an audit shares; plain arrays, so that it can be shipped to workers once.

    Parameters
    ----------
    y
        Class code of each sample; [samples].
    classes
        Number of classes.
    genes
        Number of genes.
    values
        Log-like expression [samples, genes], where the scaling is fitted on members; else None.
    gram, root
        K [samples, samples] and L with ``L @ L.T == K``, where one serves every model; else None.
    """

    y: IntArray
    classes: int
    genes: int
    values: NDArray[np.float32] | None
    gram: FloatArray | None
    root: NDArray[np.float32] | None


def prepare(form: ExactForm, cohort: Cohort) -> Prepared:
    """Do once what does not depend on who is a member."""
    values = LogTransform(form.scale).fit_transform(cohort.X)
    shared = Prepared(cohort.y, len(cohort.classes), cohort.n_genes, None, None, None)
    if form.scaling == "members":
        return Prepared(shared.y, shared.classes, shared.genes, values, None, None)
    blocks = gene_blocks(values)
    if form.scaling == "sample":
        K = sample_gram(blocks, gain=math.sqrt(cohort.n_genes) if form.gain is None else form.gain)
    else:
        K = gram(blocks)
    root = factor(K).astype(np.float32) if form.kind == "network" else None
    return Prepared(shared.y, shared.classes, shared.genes, None, K, root)


def train_exactly(
    form: ExactForm,
    prepared: Prepared,
    members: BoolArray,
    random_states: Sequence[int | None],
    *,
    device: str = "cpu",
) -> list[ModelOutputs | None]:
    """Train some models and score every sample with each.

    Parameters
    ----------
    form, prepared
        The recipe, and what its models share.
    members
        Member samples of each model; bool [models, samples]. A row without members is an empty place and trains
        nothing. A model's numbers are the same to the last bit whoever fills the other places.
    random_states
        The classifier's ``random_state`` of each model; a convex recipe needs none.
    device
        Where to compute: ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    TrainingError
        If a model diverges.
    """
    make = _train_network if form.kind == "network" else _solve
    outputs: list[ModelOutputs | None] = [None] * len(members)
    for model, logits in make(form, prepared, members, random_states, torch.device(device)):
        if not np.isfinite(logits).all():
            msg = (
                "the logits are not finite. Lower learning_rate or the gain of the scaler, and check that the declared "
                "scale is the scale of the values."
            )
            raise TrainingError(msg)
        outputs[model] = _outputs(logits, prepared.y)
    return outputs


def _outputs(logits: FloatArray, y: IntArray) -> ModelOutputs:
    log_proba = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return ModelOutputs(scaled_logit(log_proba, y)[np.newaxis], np.exp(log_proba).astype(np.float32), ())


def _train_network(
    form: ExactForm,
    prepared: Prepared,
    members: BoolArray,
    random_states: Sequence[int | None],
    device: torch.device,
) -> Iterator[tuple[int, FloatArray]]:
    classifier = form.classifier
    network = Network(
        classes=prepared.classes, hidden=tuple(int(w) for w in classifier.hidden), dropout=classifier.dropout
    )
    descent = Descent(
        steps=classifier.epochs,
        batch_size=classifier.batch_size,
        learning_rate=float(classifier.learning_rate),
        momentum=float(classifier.momentum),
        nesterov=bool(classifier.nesterov),
        weight_decay=float(classifier.weight_decay),
        label_smoothing=float(classifier.label_smoothing),
    )
    K, root_of = _grams(form, prepared, members, device)
    streams = [random_streams(state) for state in random_states]
    draws = _draws(network, prepared.genes, members, streams, root_of)
    chosen = np.flatnonzero(members.any(axis=1)).tolist()
    pool = Pool(K, prepared.y)
    for models, found in train_stacked(pool, members, network=network, descent=descent, draws=draws, models=chosen):
        yield from zip(models.tolist(), found.cpu().numpy().astype(np.float64), strict=True)


def _draws(
    network: Network,
    genes: int,
    members: BoolArray,
    streams: Sequence[RandomStreams],
    root_of: Callable[[int], torch.Tensor],
) -> Draws:
    """Feed the engine from the very streams that `MLPClassifier` reads, in the same order."""
    counts = members.sum(axis=1)

    def start(model: int) -> Start:
        rng, root = streams[model].init, root_of(model)
        # One draw per sample whatever the rank of K, which rounding can change from one machine to another.
        draw = rng.standard_normal((members.shape[1], network.widths[0]), dtype=np.float32)
        z0 = root @ torch.as_tensor(draw[: root.shape[1]], device=root.device) * math.sqrt(2 / genes)
        later, _ = initial_parameters(network.widths, rng)
        return Start(z0, tuple(weight.T for weight in later))

    def order(model: int, epoch: int) -> IntArray:
        return batch_order(int(counts[model]), streams[model].order)

    def keep(model: int, step: int, layer: int, rows: int) -> BoolArray:
        mask = dropout_mask(rows, network.hidden[layer], dropout=network.dropout, rng=streams[model].masks)
        return np.asarray(mask > 0)

    return Draws(start=start, order=order, keep=keep)


def _grams(
    form: ExactForm, prepared: Prepared, members: BoolArray, device: torch.device
) -> tuple[torch.Tensor | Callable[[int], torch.Tensor], Callable[[int], torch.Tensor]]:
    """Return K, shared or by model, and a root of it by model; float32, as `MLPClassifier` computes."""
    if prepared.gram is not None and prepared.root is not None:
        shared = torch.as_tensor(prepared.gram.astype(np.float32), device=device)
        root = torch.as_tensor(np.array(prepared.root), device=device)
        return shared, lambda model: root
    products = _member_products(form, prepared, members)
    roots: dict[int, torch.Tensor] = {}

    def own(model: int) -> torch.Tensor:
        K = products(model)
        roots[model] = torch.as_tensor(quick_factor(K).astype(np.float32), device=device)
        return torch.as_tensor(K.astype(np.float32), device=device)

    return own, roots.__getitem__


def _member_products(form: ExactForm, prepared: Prepared, members: BoolArray) -> Callable[[int], FloatArray]:
    blocks = gene_blocks(prepared.values)
    scalings = fit_members(blocks, members)
    gain = math.sqrt(prepared.genes) if form.gain is None else form.gain
    dtype = np.float32 if form.kind == "network" else np.float64
    return lambda model: member_gram(blocks, scalings[model], gain=gain, dtype=dtype)


def _solve(
    form: ExactForm,
    prepared: Prepared,
    members: BoolArray,
    random_states: Sequence[int | None],
    device: torch.device,
) -> Iterator[tuple[int, FloatArray]]:
    if prepared.gram is not None:
        pool = Pool(torch.as_tensor(np.array(prepared.gram), device=device), prepared.y)
    else:
        products = _member_products(form, prepared, members)
        pool = Pool(lambda model: torch.as_tensor(products(model), device=device), prepared.y)
    C, chosen = float(form.classifier.C), np.flatnonzero(members.any(axis=1)).tolist()
    for models, found in solve_logistic(pool, members, C=C, classes=prepared.classes, models=chosen):
        yield from zip(models.tolist(), found.cpu().numpy(), strict=True)
