"""The exact engines: many of a recipe's models at a time, in the coordinates of the pool's samples or of its genes.

In the space of samples the genes enter once, through the products of samples; from there on a model costs the same for
2,000 genes and for 60,000. The initial weights of the first layer are drawn through a root of K, so they have the law
of weights drawn gene by gene without being the same numbers. In the space of genes they are the same numbers.
Everything else is the training of `MLPClassifier`, draw for draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import blas

from genoaudit.contracts import BoolArray, FloatArray, IntArray, Scale
from genoaudit.data.backed import BackedMatrix, Expression
from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.data.selection import VariableGenes, gene_variances, most_variable
from genoaudit.errors import TrainingError
from genoaudit.models.draws import RandomStreams, initial_parameters, random_streams
from genoaudit.models.forms import ExactForm
from genoaudit.training.convex import solve_logistic
from genoaudit.training.gram import (
    factor,
    fit_members,
    gene_blocks,
    gram,
    member_gram,
    member_grams,
    quick_factor,
    sample_gram,
)
from genoaudit.training.lift import Lift
from genoaudit.training.outputs import ModelOutputs, outputs_from
from genoaudit.training.private import train_privately
from genoaudit.training.programs import descent_of, draws_of, network_of, start_in_genes
from genoaudit.training.stacked.chunk import Pool
from genoaudit.training.stacked.genes import GenePool, train_in_genes
from genoaudit.training.stacked.program import Network, Start
from genoaudit.training.stacked.training import train_stacked

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

Space = Literal["samples", "genes"]

Root: TypeAlias = torch.Tensor | NDArray[np.float32]
"""A root of K: a tensor, or a lower triangular array."""


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
        Number of genes that a model sees.
    space
        Coordinates of the first layer: ``"samples"`` or ``"genes"``.
    values
        Log-like expression [samples, genes], scaled already where one scaling serves every model; None where products
        of samples stand for it. A backed matrix stays in its file.
    gram, root
        K [samples, samples] and L with ``L @ L.T == K``, where one serves every model; else None.
    patients
        Patient code of each sample; [samples].
    """

    y: IntArray
    classes: int
    genes: int
    space: Space
    values: Expression | None
    gram: FloatArray | None
    root: NDArray[np.float32] | None
    patients: IntArray


def prepare(form: ExactForm, cohort: Cohort, space: Space = "samples") -> Prepared:
    """Do once what does not depend on who is a member.

    Products of samples and their root are kept for the next recipe with the same cohort, scaling and gain: in this
    process, for the last two.
    """
    genes = cohort.n_genes if form.genes is None else min(form.genes, cohort.n_genes)
    of_all = Prepared(cohort.y, len(cohort.classes), genes, space, None, None, None, cohort.patients)
    if space == "samples" and form.scaling != "members":
        content = _Content(cohort.digest(), cohort)
        K, root = _products(content, form.scale, form.scaling, form.gain, wants_root=form.kind == "network")
        return replace(of_all, gram=K, root=root)
    values = _logged(cohort, form.scale, space)
    if form.scaling != "members":
        values = ExpressionScaler(form.scaling, gain=form.gain).fit_transform(values)
    return replace(of_all, values=values)


@dataclass(frozen=True)
class _Content:
    """A cohort that equals every other with the same content."""

    digest: str
    cohort: Cohort = field(compare=False)


@lru_cache(maxsize=2)
def _products(
    content: _Content, scale: Scale, scaling: Literal["sample", "none"], gain: float | None, *, wants_root: bool
) -> tuple[FloatArray, NDArray[np.float32] | None]:
    """K of all samples and a root of it."""
    blocks = gene_blocks(_logged(content.cohort, scale, "samples"))
    if scaling == "sample":
        K = sample_gram(blocks, gain=math.sqrt(content.cohort.n_genes) if gain is None else gain)
    else:
        K = gram(blocks)
    return K, factor(K).astype(np.float32) if wants_root else None


def _logged(cohort: Cohort, scale: Scale, space: Space) -> Expression:
    if isinstance(cohort.X, BackedMatrix) and space == "samples":
        return cohort.X.logged(scale)
    logged: NDArray[np.float32] = LogTransform(scale).fit_transform(np.asarray(cohort.X))
    return logged


def train_exactly(
    form: ExactForm,
    prepared: Prepared,
    members: BoolArray,
    random_states: Sequence[int | None],
    *,
    device: str = "cpu",
    lift: Lift | None = None,
) -> Iterator[tuple[int, ModelOutputs]]:
    """Train some models and yield each with its outputs on every sample.

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
    lift
        Where to put the models as fitted recipes, if they are wanted. Initial weights are then drawn gene by gene.

    Raises
    ------
    TrainingError
        If a model diverges.
    """
    train = _train_network if form.kind == "network" else _solve
    make = train_privately if form.private else train
    for model, logits in make(form, prepared, members, random_states, device=torch.device(device), lift=lift):
        if not np.isfinite(logits).all():
            msg = (
                "the logits are not finite. Lower learning_rate or the gain of the scaler, and check that the declared "
                "scale is the scale of the values."
            )
            raise TrainingError(msg)
        yield model, outputs_from(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True), prepared.y)


def _train_network(
    form: ExactForm,
    prepared: Prepared,
    members: BoolArray,
    random_states: Sequence[int | None],
    *,
    device: torch.device,
    lift: Lift | None,
) -> Iterator[tuple[int, FloatArray]]:
    network = network_of(form.classifier, prepared.classes)
    streams = [random_streams(state) for state in random_states]
    program: dict[str, Any] = {"network": network, "chunk": len(members)}
    program["descent"] = descent_of(form.classifier, prepared.classes)
    program["models"] = np.flatnonzero(members.any(axis=1)).tolist()
    in_genes = prepared.space == "genes"
    if lift is not None:
        program["look"] = lift.look
        start = lift.start(network, streams, outputs=not in_genes)
    if in_genes:
        start = start if lift is not None else start_in_genes(network, prepared.genes, streams)
        program["draws"] = draws_of(form.classifier, members, streams, start)
        trained = train_in_genes(GenePool(_values(form, prepared, members, device), prepared.y), members, **program)
    else:
        K, root_of = _grams(form, prepared, members, device, roots=lift is None)
        start = start if lift is not None else _start_through_root(network, prepared.genes, streams, root_of)
        program["draws"] = draws_of(form.classifier, members, streams, start)
        trained = train_stacked(Pool(K, prepared.y), members, **program)
    for models, found in trained:
        yield from zip(models.tolist(), found.cpu().numpy().astype(np.float64), strict=True)


def _start_through_root(
    network: Network, genes: int, streams: Sequence[RandomStreams], root_of: Callable[[int], Root]
) -> Callable[[int], Start]:
    """Draw the first layer's outputs on the pool: normal with covariance K, as weights drawn gene by gene give them."""
    scale = math.sqrt(2 / genes)

    def start(model: int) -> Start:
        rng, root = streams[model].init, root_of(model)
        # One draw per sample whatever the rank of K, which rounding can change from one machine to another.
        draw = rng.standard_normal((len(root), network.widths[0]), dtype=np.float32)
        if isinstance(root, torch.Tensor):
            outputs = root @ torch.as_tensor(draw[: root.shape[1]], device=root.device) * scale
        else:  # lower triangular: half the work; written from the right, since BLAS counts columns first
            outputs = torch.from_numpy(blas.strmm(scale, root.T, draw.T, side=1).T)
        later, _ = initial_parameters(network.widths, rng)
        return Start(outputs, tuple(weight.T for weight in later))

    return start


def _values(
    form: ExactForm, prepared: Prepared, members: BoolArray, device: torch.device
) -> torch.Tensor | Callable[[int], torch.Tensor]:
    """Return scaled expression, shared or by model; float32."""
    values = np.array(prepared.values)  # torch warns about the read-only arrays that parallel workers share
    if form.scaling != "members":
        return torch.as_tensor(values, device=device)

    def own(model: int) -> torch.Tensor:
        member = members[model]
        kept = values if form.genes is None else VariableGenes(form.genes).fit(values[member]).transform(values)
        scaler = ExpressionScaler("members", gain=form.gain).fit(kept[member])
        return torch.as_tensor(scaler.transform(kept), device=device)

    return own


def _grams(
    form: ExactForm, prepared: Prepared, members: BoolArray, device: torch.device, *, roots: bool
) -> tuple[torch.Tensor | Callable[[int], torch.Tensor], Callable[[int], Root]]:
    """Return K, shared or by model, and a root of it by model if asked for; float32, as `MLPClassifier` computes."""
    if prepared.gram is not None and prepared.root is not None:
        shared = torch.as_tensor(prepared.gram.astype(np.float32), device=device)
        square = len(prepared.root) == prepared.root.shape[1]
        triangular = device.type == "cpu" and square and not np.triu(prepared.root, 1).any()
        root: Root = prepared.root if triangular else torch.as_tensor(np.array(prepared.root), device=device)
        return shared, lambda model: root
    products = _member_products(form, prepared, members)
    found: dict[int, Root] = {}

    def own(model: int) -> torch.Tensor:
        K = products(model)
        if roots:
            found[model] = torch.as_tensor(quick_factor(K).astype(np.float32), device=device)
        return torch.as_tensor(K.astype(np.float32), device=device)

    return own, found.__getitem__


def _member_products(form: ExactForm, prepared: Prepared, members: BoolArray) -> Callable[[int], FloatArray]:
    blocks = gene_blocks(prepared.values)
    scalings = fit_members(blocks, members)
    if form.genes is not None:
        held = np.flatnonzero(members.any(axis=1))
        variances = np.hstack([[gene_variances(block[members[model]]) for model in held] for block in blocks()])
        for model, own in zip(held, variances, strict=True):
            scalings[model] = scalings[model].select(most_variable(own, form.genes))
    gain = math.sqrt(prepared.genes) if form.gain is None else form.gain
    dtype = np.float32 if form.kind == "network" else np.float64
    if not isinstance(prepared.values, BackedMatrix):
        return lambda model: member_gram(blocks, scalings[model], gain=gain, dtype=dtype)
    wanted = np.flatnonzero(members.any(axis=1)).tolist()
    # One pass through the file for all of them.
    found = member_grams(blocks, [scalings[model] for model in wanted], gain=gain, dtype=dtype)
    return dict(zip(wanted, found, strict=True)).pop


def _solve(
    form: ExactForm,
    prepared: Prepared,
    members: BoolArray,
    random_states: Sequence[int | None],
    *,
    device: torch.device,
    lift: Lift | None,
) -> Iterator[tuple[int, FloatArray]]:
    if prepared.gram is not None:
        pool = Pool(torch.as_tensor(np.array(prepared.gram), device=device), prepared.y)
    else:
        products = _member_products(form, prepared, members)
        pool = Pool(lambda model: torch.as_tensor(products(model), device=device), prepared.y)
    C, chosen = float(form.classifier.C), np.flatnonzero(members.any(axis=1)).tolist()
    problem: dict[str, Any] = {"C": C, "classes": prepared.classes, "models": chosen, "chunk": len(members)}
    if lift is not None:
        problem["look"] = lift.look_at_convex
    for models, found in solve_logistic(pool, members, **problem):
        yield from zip(models.tolist(), found.cpu().numpy(), strict=True)
