"""Profiles found by search: whatever gives the same gradient at the layers that were seen.

Zhu, Liu, Han. Deep leakage from gradients. NeurIPS 2019. Geiping, Bauermeister, Dröge, Moeller. Inverting gradients.
NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError
from genoaudit.reconstruction.network import Gradient, Network
from genoaudit.reconstruction.record import ReconstructionAttack

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Search:
    """How to search.

    Parameters
    ----------
    distance
        ``"cosine"`` (Geiping et al.), which no clip and no divisor disturbs, or ``"squared"`` (Zhu et al.), relative to
        the squared norm of what was seen.
    starts, iterations
        Number of starts, and of L-BFGS steps of each; at least 1.
    prior
        Weight, at least 0, of the mean squared value of the profiles, which are taken to be standardised.

    Raises
    ------
    ConfigError
        If a number is impossible.
    """

    distance: Literal["cosine", "squared"] = "cosine"
    starts: int = 3
    iterations: int = 300
    prior: float = 0.0

    def __post_init__(self) -> None:
        if self.starts < 1 or self.iterations < 1 or not self.prior >= 0:
            raise ConfigError(
                "starts and iterations must be at least 1 and prior at least 0, found "
                f"{self.starts}, {self.iterations} and {self.prior}."
            )
        if self.distance not in {"cosine", "squared"}:
            raise ConfigError(f"distance must be 'cosine' or 'squared', found {self.distance!r}.")


@dataclass(frozen=True, eq=False)
class Match:
    """The profiles [samples, genes] found, and how far their gradient is from the one that was seen."""

    profiles: FloatArray
    distance: float


def match_gradient(
    gradient: Gradient,
    network: Network,
    y: ArrayLike,
    *,
    generator: np.random.Generator,
    layers: Sequence[int] | None = None,
    search: Search = Search(),
) -> Match:
    """Search by L-BFGS for samples whose gradient matches, from several random starts.

    Parameters
    ----------
    gradient
        What was released of one patient or batch.
    network
        The network it was taken at.
    y
        Class code of each sample, [samples], taken to be known: it is read off the sign of the last biases' gradient
        for a single sample (Zhao et al. 2020).
    generator
        Source of the starts, standard normal profiles.
    layers
        Numbers of the layers, from 0, whose gradient was seen; None: all.
    search
        How to search.

    Returns
    -------
    The start that ends nearest; its distance excludes the prior.

    Raises
    ------
    ConfigError
        If there is no such layer, no sample, or nothing was seen.
    """
    import torch

    codes = np.asarray(y, dtype=np.int64)
    seen = list(range(len(network.weights)) if layers is None else layers)
    if not seen or not set(seen) <= set(range(len(network.weights))):
        raise ConfigError(f"layers must be numbers from 0 to {len(network.weights) - 1}, found {seen}.")
    if codes.ndim != 1 or not codes.size or not 0 <= codes.min() <= codes.max() < network.classes:
        raise ConfigError(f"y must hold class codes from 0 to {network.classes - 1}, one for each sample.")
    target = torch.cat([torch.from_numpy(part.ravel()) for part in _parts(gradient, seen)])
    if not target.any():
        raise ConfigError("the gradient is zero at the layers seen: there is nothing to match.")
    parameters = [
        torch.tensor(part, requires_grad=layer in seen)
        for layer in range(len(network.weights))
        for part in (network.weights[layer], network.biases[layer])
    ]
    found = []
    for _ in range(search.starts):
        X = torch.tensor(generator.standard_normal((codes.size, network.genes)), requires_grad=True)
        found.append(_search(X, torch.from_numpy(codes), parameters, target, search))
    return min(found, key=lambda match: match.distance)


def _parts(gradient: Gradient, seen: Sequence[int]) -> list[FloatArray]:
    return [part for layer in seen for part in (gradient.weights[layer], gradient.biases[layer])]


def _search(X: Tensor, codes: Tensor, parameters: list[Tensor], target: Tensor, search: Search) -> Match:
    import torch

    optimizer = torch.optim.LBFGS(
        [X], max_iter=search.iterations, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _distance(X, codes, parameters, target, search.distance) + search.prior * (X**2).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    remains = float(_distance(X, codes, parameters, target, search.distance).detach())
    return Match(X.detach().numpy().copy(), remains if np.isfinite(remains) else np.inf)


def _distance(X: Tensor, codes: Tensor, parameters: list[Tensor], target: Tensor, distance: str) -> Tensor:
    import torch
    from torch.nn.functional import cosine_similarity, cross_entropy

    activation = X
    for layer in range(0, len(parameters), 2):
        activation = activation @ parameters[layer] + parameters[layer + 1]
        if layer + 2 < len(parameters):
            activation = activation.relu()
    loss = cross_entropy(activation, codes, reduction="sum")
    wanted = [parameter for parameter in parameters if parameter.requires_grad]
    gradient = torch.cat([part.flatten() for part in torch.autograd.grad(loss, wanted, create_graph=True)])
    if distance == "cosine":
        return 1 - cosine_similarity(gradient, target, dim=0, eps=1e-30)
    return ((gradient - target) ** 2).sum() / (target**2).sum()


MATCHING = ReconstructionAttack(
    name="matching",
    title="Gradient matching",
    sees="gradients",
    threat_model="Sees the gradient of a patient at some layers, not necessarily the first, knows the network at that "
    "step and the patient's classes.",
    cost="hundreds of passes forwards and backwards per start; seconds for a small network, and no promise",
    reference="Zhu, Liu, Han. Deep leakage from gradients. NeurIPS 2019. arXiv:1906.08935. Geiping, Bauermeister, "
    "Dröge, Moeller. Inverting gradients: how easy is it to break privacy in federated learning? NeurIPS 2020. "
    "arXiv:2003.14053",
    caveat="A search: that it fails shows nothing. Where the layers seen have fewer active units below them than "
    "genes, many profiles fit equally well and only a prior could tell them apart. "
    "Samples of a batch come in any order.",
)
