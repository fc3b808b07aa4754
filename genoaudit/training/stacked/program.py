"""What a stacked model is, and the random numbers it takes.

Three records describe a recipe: the `Network`, how it is trained (`Descent`) and, for DP-SGD, the `Privacy` mechanism.
Everything random comes in through `Draws`, so that any other loop can be given the very same draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import IntArray
from genoaudit.errors import ConfigError


@dataclass(frozen=True)
class Network:
    """A multi-layer perceptron with ReLU units; without hidden layers, softmax regression.

    Parameters
    ----------
    classes
        Number of classes.
    hidden
        Width of each hidden layer, from the genes upwards.
    layer_norm
        Normalise the pre-activations of every hidden layer over its units, with a gain and a shift, before the ReLU.
    dropout
        Probability that a hidden unit is dropped, after the ReLU of every hidden layer.
    """

    classes: int
    hidden: tuple[int, ...] = (128,)
    layer_norm: bool = False
    dropout: float = 0.0

    @property
    def widths(self) -> tuple[int, ...]:
        """Outputs of every linear layer, the last being the classes."""
        return (*self.hidden, self.classes)


@dataclass(frozen=True)
class Descent:
    """Stochastic gradient descent as `torch.optim.SGD` does it, with L2 on weights only (never on biases).

    Parameters
    ----------
    steps
        Number of epochs; under DP, of Poisson-sampled steps.
    batch_size
        Samples per batch; the last batch of an epoch may be short. Under DP, the expected number of patients, by which
        the clipped sum is divided: it is public and need not be a whole number.
    learning_rate
        One rate, or one for each of `steps`.
    momentum, nesterov, weight_decay
        As in `torch.optim.SGD`.
    label_smoothing
        Share of the target given evenly to all classes.
    class_weights
        A weight per class; the loss of a batch is divided by the weights of its labels, as
        `torch.nn.functional.cross_entropy` does.
    """

    steps: int
    batch_size: float
    learning_rate: float | tuple[float, ...]
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, float | int) and len(self.learning_rate) != self.steps:
            msg = f"learning_rate: expected one rate or {self.steps}, found {len(self.learning_rate)}."
            raise ConfigError(msg)
        if self.nesterov and self.momentum <= 0:
            msg = f"nesterov needs momentum above 0, found {self.momentum}."
            raise ConfigError(msg)

    def rate(self, step: int) -> float:
        """Learning rate of an epoch (under DP: of a step)."""
        return float(self.learning_rate if isinstance(self.learning_rate, float | int) else self.learning_rate[step])


@dataclass(frozen=True)
class Privacy:
    """Clipping and noise of DP-SGD; the unit is the patient.

    Parameters
    ----------
    clip
        Largest norm C of a patient's gradient (the sum over his samples).
    noise_multiplier
        Standard deviation of the noise in units of C.
    """

    clip: float
    noise_multiplier: float


@dataclass(frozen=True, eq=False)
class Start:
    """Initial parameters of one model; biases start at zero.

    Parameters
    ----------
    first
        The first layer: its outputs on every row of the pool, ``X @ W0``, [rows, first width]; in gene space and under
        DP its weights W0, [genes or coordinates, first width]. Array or tensor.
    weights
        Weights of the later layers, each [outputs, inputs].
    """

    first: Any
    weights: tuple[Any, ...] = ()


def _absent(*_: int) -> Any:
    msg = "this recipe needs a draw that was not given."
    raise ConfigError(msg)


@dataclass(frozen=True, eq=False)
class Draws:
    """Every random number of a training, by model. Positions count a model's member rows from 0.

    Parameters
    ----------
    start
        ``start(model)``: initial parameters.
    order
        ``order(model, epoch)``: permutation of the member positions; batches are taken from it in turn.
    keep
        ``keep(model, step, layer, rows)``: which hidden units are kept, bool [rows, units]; steps count batches.
    mix
        ``mix(model, step, rows)``: mixup's share and partner; row ``i`` becomes ``share * i + (1 - share) *
        partner[i]``. None: no mixup.
    sample
        ``sample(model, step)``: positions of all samples of the patients drawn for a DP step (Poisson).
    noise
        ``noise(model, step)``: standard normal numbers for a DP step, of the first layer [coordinates, first width] and
        of all later parameters in one row, in the order of `head.parameter_shapes`. They are overwritten.
    """

    start: Callable[[int], Start]
    order: Callable[[int, int], IntArray] = field(default=_absent)
    keep: Callable[[int, int, int, int], NDArray[np.bool_]] = field(default=_absent)
    mix: Callable[[int, int, int], tuple[float, IntArray]] | None = None
    sample: Callable[[int, int], IntArray] = field(default=_absent)
    noise: Callable[[int, int], tuple[Any, Any]] = field(default=_absent)
