"""What all classifiers that are torch modules share: building, training and scoring them without global random state.

A fitted classifier holds its network as numpy arrays (`parameters_`); the module is built when it is needed, on torch's
meta device, which draws nothing and allocates nothing, and then filled with arrays.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn
from torch.nn.functional import cross_entropy

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import TrainingError
from genoaudit.models.draws import FloatMatrix, RandomStreams, batch_order, random_streams
from genoaudit.models.entropy import PrivateDraws, private_draws
from genoaudit.models.fitting import patient_codes
from genoaudit.models.logits import LogitClassifier
from genoaudit.models.private import train_privately
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.privacy.mechanism import Mechanism

BLOCK = 256
"""Samples scored in one pass. Always this many, padded: a sample's score depends on no other sample's."""

_ADVICE = (
    "Lower the learning rate or the gain of the scaler, and check that the declared scale is the scale of the values."
)

Arrays = dict[str, NDArray[Any]]
"""Parameters and buffers of a module by name."""


class RandomFactors(nn.Module):
    """Multiply activations by random factors of mean 1 in training; pass them on unchanged in scoring.

    Parameters
    ----------
    draw
        Gives the factors for a shape, float32.
    """

    def __init__(self, draw: Callable[[tuple[int, ...]], NDArray[np.float32]]) -> None:
        super().__init__()
        self._draw = draw

    def forward(self, activation: torch.Tensor) -> torch.Tensor:
        """Return the activations, perturbed in training."""
        if not self.training:
            return activation
        return activation * torch.from_numpy(self._draw(tuple(activation.shape))).to(activation.device)


def initial_arrays(
    network: nn.Module, weight: Callable[[tuple[int, ...], np.random.Generator], FloatMatrix], rng: np.random.Generator
) -> Arrays:
    """Draw every weight matrix with `weight`, in the module's order; biases and shifts are 0, gains are 1."""
    arrays: Arrays = {name: weight(tuple(p.shape), rng) for name, p in network.named_parameters() if p.ndim > 1}
    for name, tensor in network.state_dict().items():
        if name not in arrays:
            start = np.ones if name.endswith(("weight", "running_var")) else np.zeros
            dtype = np.float32 if tensor.is_floating_point() else np.int64
            arrays[name] = start(tuple(tensor.shape), dtype)
    return {name: arrays[name] for name in network.state_dict()}


def he_normal(shape: tuple[int, ...], rng: np.random.Generator) -> FloatMatrix:
    """Draw Gaussian weights [outputs, inputs, ...] of variance 2 / fan-in (He et al., ICCV 2015)."""
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(math.sqrt(2 / math.prod(shape[1:])))


def glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> FloatMatrix:
    """Draw uniform weights [outputs, inputs] of variance 2 / (fan-in + fan-out) (Glorot, Bengio, AISTATS 2010)."""
    bound = math.sqrt(6 / sum(shape))
    return rng.uniform(-bound, bound, size=shape).astype(np.float32)


def filled(network: nn.Module, arrays: Arrays) -> nn.Module:
    """Fill a module that was built on the meta device with copies of arrays."""
    network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()}, assign=True)
    return network


def arrays_of(network: nn.Module) -> Arrays:
    """Return parameters and buffers as arrays."""
    return {name: tensor.detach().numpy().copy() for name, tensor in network.state_dict().items()}


def shuffled_batches(samples: int, batch_size: int, rng: np.random.Generator, *, smallest: int = 1) -> list[IntArray]:
    """Return one epoch's batches of sample numbers; a last one of fewer than `smallest` joins the one before.

    Examples
    --------
    >>> [len(rows) for rows in shuffled_batches(9, 4, np.random.default_rng(0))]
    [4, 4, 1]
    >>> [len(rows) for rows in shuffled_batches(9, 4, np.random.default_rng(0), smallest=2)]
    [4, 5]
    """
    starts = list(range(batch_size, samples, batch_size))
    if starts and samples - starts[-1] < smallest:
        starts.pop()
    return np.split(batch_order(samples, rng), starts)


def descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> float:
    """Take one step down the gradient of `loss`; return the loss before it."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item()


def train_epoch(
    network: nn.Module,
    X: torch.Tensor,
    codes: torch.Tensor,
    *,
    batches: Iterable[IntArray],
    optimizer: torch.optim.Optimizer,
) -> float:
    """Descend the cross-entropy batch by batch; return its mean over the samples, taken before each step."""
    total = 0.0
    for numbers in batches:
        rows = torch.from_numpy(numbers)
        total += descend(cross_entropy(network(X[rows]), codes[rows]), optimizer) * len(rows)
    return total / len(X)


def block_outputs(network: nn.Module, X: torch.Tensor) -> FloatMatrix:
    """Return a network's outputs [samples, ...] in scoring mode, computed in blocks of fixed size."""
    network.eval()
    outputs = []
    with torch.no_grad():
        for start in range(0, len(X), BLOCK):
            rows = X[start : start + BLOCK]
            block = torch.zeros(BLOCK, X.shape[1])
            block[: len(rows)] = rows
            outputs.append(network(block)[: len(rows)])
    return torch.cat(outputs).numpy()


class _SteadyLinear(nn.Module):
    """A linear layer whose result for a sample does not depend on the sample's place in the block.

    A product with few columns rounds its rows differently, by their place, in the common libraries; one with few rows
    does not.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, activation: torch.Tensor) -> torch.Tensor:
        return (self.layer.weight @ activation.T).T + self.layer.bias


def steadied(network: nn.Module) -> nn.Module:
    """Replace every linear layer in place by one that rounds all samples alike, for scoring."""
    for name, layer in network.named_children():
        setattr(network, name, _SteadyLinear(layer) if isinstance(layer, nn.Linear) else steadied(layer))
    return network


class ModuleClassifier(LogitClassifier):
    """A classifier whose network is a torch module from samples [samples, genes] to logits [samples, classes].

    A subclass gives the module (`_network`), its initial weights (`_weight`), its optimiser (`_optimizer`) and its
    training without DP (`_train`), and has the parameters ``dp`` and ``random_state``.
    """

    dp: DPSGD | None
    random_state: int | np.random.RandomState | None
    classes_: NDArray[Any]
    parameters_: Arrays
    loss_curve_: list[float]
    mechanisms_: tuple[Mechanism, ...]
    delta_: float | None
    releasable_: bool

    @abstractmethod
    def _network(self, genes: int, classes: int, masks: np.random.Generator | None = None) -> nn.Module:
        """Build the module; `masks` feeds what is random in training, None where it is built for scoring."""

    @abstractmethod
    def _weight(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatMatrix:
        """Draw an initial weight matrix."""

    @abstractmethod
    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Make the optimiser."""

    @abstractmethod
    def _train(self, network: nn.Module, X: torch.Tensor, codes: torch.Tensor, streams: RandomStreams) -> None:
        """Train the network in place without DP and `_record` the loss."""

    def fit(self, X: Any, y: Any, *, patients: Any = None) -> Self:
        """Train on samples `X` [samples, genes] with labels `y` [samples].

        Parameters
        ----------
        X, y
            Samples and their labels.
        patients
            Code of each sample's patient, int [samples]; None: every sample is a patient of its own. Only DP-SGD asks.

        Raises
        ------
        ConfigError
            A combination of parameters without meaning; it is a `ValueError` as well.
        TrainingError
            The training loss or a parameter is no longer finite.
        ValueError
            A parameter out of range (named with its range), or data that cannot be classified, such as one class only.
        """
        self._validate_params()
        X, y = validate_data(self, X, y, dtype=np.float32, order="C")
        check_classification_targets(y)
        owners = patient_codes(patients, len(X))
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs samples of at least 2 classes, got 1 class.")
        streams = random_streams(self.random_state)
        draws = None if self.dp is None else private_draws(self.random_state, streams)
        with torch.device("meta"):
            network = self._network(X.shape[1], len(self.classes_), streams.masks if draws is None else draws.masks)
        filled(network, initial_arrays(network, self._weight, streams.init)).train()
        self.loss_curve_, self.mechanisms_, self.delta_, self.releasable_ = [], (), None, False
        # Copied into torch's own memory: how arrays are aligned there changes no rounding.
        samples, labels = torch.tensor(X), torch.tensor(codes, dtype=torch.int64)
        with torch.enable_grad():
            if self.dp is None or draws is None:
                self._train(network, samples, labels, streams)
            else:
                self._train_privately(self.dp, network, samples, labels, owners=owners, draws=draws)
        self.parameters_ = arrays_of(network)
        if not all(np.isfinite(array).all() for array in self.parameters_.values()):
            raise TrainingError(f"{type(self).__name__}: the weights are not finite. {_ADVICE}")
        return self

    def _train_privately(
        self,
        dp: DPSGD,
        network: nn.Module,
        X: torch.Tensor,
        codes: torch.Tensor,
        *,
        owners: IntArray,
        draws: PrivateDraws,
    ) -> None:
        def loss(network: nn.Module, numbers: IntArray) -> torch.Tensor:
            rows = torch.from_numpy(numbers)
            return cross_entropy(network(X[rows]), codes[rows], reduction="none")

        found = int(owners.max()) + 1
        mechanism = dp.mechanism(found)
        optimizer = self._optimizer(network)
        train_privately(network, owners, loss=loss, optimizer=optimizer, mechanism=mechanism, draws=draws)
        self.mechanisms_, self.delta_ = (mechanism,), dp.settled(found).delta
        self.releasable_ = draws.releasable and mechanism.noise_multiplier > 0

    def _logits(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        with torch.device("meta"):
            network = self._network(X.shape[1], len(self.classes_))
        return block_outputs(steadied(filled(network, self.parameters_)), torch.tensor(X)).astype(np.float64)

    def _record(self, loss: float, when: str) -> None:
        self.loss_curve_.append(loss)
        if not math.isfinite(loss):
            raise TrainingError(f"{type(self).__name__}: the training loss is {loss} in {when}. {_ADVICE}")


def check_widths(owner: Any, name: str, widths: Sequence[Any]) -> None:
    """Raise `InvalidParameterError` unless `widths` holds at least one integer, and all of at least 1."""
    whole = all(isinstance(w, int | np.integer) and not isinstance(w, bool) and w > 0 for w in widths)
    if not whole or not len(widths):
        raise InvalidParameterError(
            f"The {name!r} parameter of {type(owner).__name__} must hold integers of at least 1, one for each layer, "
            f"1 or more of them. Got {widths!r} instead."
        )
