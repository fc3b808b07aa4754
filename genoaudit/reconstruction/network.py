"""A ReLU network with softmax output as plain arrays, and what its loss says of every sample at every layer.

All in float64. Gradients of whole patients are never formed one by one: a layer's gradient is the outer product of
what goes into the layer and the error at its output, so norms and inner products follow from Gram matrices (Goodfellow.
Efficient per-example gradient computations. 2015. arXiv:1510.01799).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.models.draws import initial_parameters


class FittedNetwork(Protocol):
    """What is read of a fitted `genoaudit.models.mlp.MLPClassifier`."""

    coefs_: list[NDArray[np.float32]]
    intercepts_: list[NDArray[np.float32]]
    norms_: list[tuple[NDArray[np.float32], NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class Network:
    """Parameters of a ReLU network with softmax output; without hidden layers it is softmax regression.

    Parameters
    ----------
    weights
        Weight matrix of each layer, [inputs, outputs].
    biases
        Biases of each layer, [outputs].

    Raises
    ------
    ConfigError
        If the shapes do not fit each other.

    Examples
    --------
    >>> Network.fresh((100, 16, 3), np.random.default_rng(0)).genes
    100
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]

    def __post_init__(self) -> None:
        shapes = [weight.shape for weight in self.weights]
        fits = all(before[1] == after[0] for before, after in pairwise(shapes))
        if not shapes or not fits or [bias.shape for bias in self.biases] != [(shape[1],) for shape in shapes]:
            found = f"weights {shapes} and biases {[bias.shape for bias in self.biases]}"
            raise ConfigError(
                f"a network needs weights [inputs, outputs] and biases [outputs] that fit, found {found}."
            )

    @classmethod
    def fitted(cls, model: FittedNetwork) -> Network:
        """Return the network of a fitted `genoaudit.models.mlp.MLPClassifier`.

        Raises
        ------
        ConfigError
            If it normalises its layers, which is not modelled here.
        """
        if model.norms_:
            raise ConfigError("reconstruction knows networks without layer norm only. Fit with layer_norm=False.")
        return cls(_doubles(model.coefs_), _doubles(model.intercepts_))

    @classmethod
    def fresh(cls, widths: Sequence[int], generator: np.random.Generator) -> Network:
        """Return a network as it is before training; `widths` are genes, units of each hidden layer, classes."""
        weights, biases = initial_parameters(widths, generator)
        return cls(_doubles(weights), _doubles(biases))

    @property
    def genes(self) -> int:
        """Number of inputs."""
        return int(self.weights[0].shape[0])

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return int(self.biases[-1].size)

    def logits(self, X: ArrayLike) -> FloatArray:
        """Return logits [samples, classes] of samples [samples, genes]."""
        inputs = _inputs(self, X)
        return np.asarray(inputs[-1] @ self.weights[-1] + self.biases[-1])


@dataclass(frozen=True, eq=False)
class Gradient:
    """A gradient of a network's loss, or a noisy sum of them, in the shape of the network's parameters."""

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]

    @property
    def norm(self) -> float:
        """Euclidean norm over all parameters."""
        return float(np.sqrt(sum(float((part**2).sum()) for part in (*self.weights, *self.biases))))

    def minus(self, other: Gradient) -> Gradient:
        """Return what is left after taking another gradient away."""
        return Gradient(
            tuple(a - b for a, b in zip(self.weights, other.weights, strict=True)),
            tuple(a - b for a, b in zip(self.biases, other.biases, strict=True)),
        )


@dataclass(frozen=True, eq=False)
class Backpropagation:
    """The two factors of every sample's gradient at every layer.

    Parameters
    ----------
    inputs
        What goes into each layer, [samples, inputs].
    errors
        Gradient of each sample's own loss by the layer's output before its ReLU, [samples, outputs].
    """

    inputs: tuple[FloatArray, ...]
    errors: tuple[FloatArray, ...]

    def gradient(self, share: FloatArray) -> Gradient:
        """Return the sum of the samples' gradients, each times its share [samples]."""
        scaled = [share[:, np.newaxis] * error for error in self.errors]
        weights = tuple(a.T @ e for a, e in zip(self.inputs, scaled, strict=True))
        return Gradient(weights, tuple(error.sum(axis=0) for error in scaled))

    def along(self, direction: Gradient) -> FloatArray:
        """Return the inner product of each sample's gradient with one given gradient, [samples]."""
        layers = zip(self.inputs, self.errors, direction.weights, direction.biases, strict=True)
        return np.asarray(sum(((a @ w + b) * e).sum(axis=1) for a, e, w, b in layers))

    def patient_norms(self, patients: IntArray) -> FloatArray:
        """Return the norm of each patient's summed gradient, [patients]; codes run from 0 without gaps."""
        gram = sum((a @ a.T + 1) * (e @ e.T) for a, e in zip(self.inputs, self.errors, strict=True))
        same = np.equal.outer(patients, patients)
        squares = np.bincount(patients, weights=(gram * same).sum(axis=1))
        return np.sqrt(np.maximum(squares, 0.0))  # rounding may leave a tiny negative number


def backpropagate(network: Network, X: ArrayLike, y: ArrayLike) -> Backpropagation:
    """Return the factors of every sample's gradient of its cross-entropy.

    Parameters
    ----------
    network
        The network.
    X
        Samples as the network gets them, [samples, genes].
    y
        Class codes, [samples].

    Raises
    ------
    ConfigError
        If samples or classes do not fit the network.
    """
    codes = np.asarray(y, dtype=np.intp)
    inputs = _inputs(network, X)
    if codes.shape != (len(inputs[0]),) or (codes.size and not 0 <= codes.min() <= codes.max() < network.classes):
        raise ConfigError(
            f"y must hold one class code from 0 to {network.classes - 1} for each of {len(inputs[0])} samples, found "
            f"shape {codes.shape} with values from {codes.min(initial=0)} to {codes.max(initial=0)}."
        )
    error = softmax(inputs[-1] @ network.weights[-1] + network.biases[-1], axis=1)
    error[np.arange(len(codes)), codes] -= 1
    errors = [error]
    for layer in range(len(inputs) - 1, 0, -1):
        errors.append((errors[-1] @ network.weights[layer].T) * (inputs[layer] > 0))
    return Backpropagation(tuple(inputs), tuple(errors[::-1]))


def _inputs(network: Network, X: ArrayLike) -> list[FloatArray]:
    """Return what goes into each layer."""
    samples = np.asarray(X, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != network.genes:
        raise ConfigError(f"X must be [samples, {network.genes} genes], found shape {samples.shape}.")
    inputs = [samples]
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        inputs.append(np.maximum(inputs[-1] @ weight + bias, 0.0))
    return inputs


def _doubles(arrays: Sequence[NDArray[np.float32]]) -> tuple[FloatArray, ...]:
    return tuple(np.asarray(array, dtype=np.float64) for array in arrays)
