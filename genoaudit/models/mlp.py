"""A multilayer perceptron for expression profiles whose training another engine can repeat draw for draw.

The p >> n form of training works on inner products of samples and agrees with this one only under conditions that are
therefore part of the recipe: Gaussian initial weights, L2 decay on weights alone, dropout on hidden activations alone,
and random draws that can be made elsewhere. The draws are the module-level functions below:

=======  ============================================================================================================
stream   draws, in order
=======  ============================================================================================================
init     `initial_parameters`: the weight matrix of each layer, first layer first
order    `batch_order`: one permutation of the training samples at the start of each epoch
masks    `dropout_mask`: for each batch, one mask for each hidden layer, first layer first; none with ``dropout=0``
=======  ============================================================================================================

`random_streams` makes the three independent streams from ``random_state``. A batch is a run of ``batch_size``
consecutive entries of the permutation; the last one of an epoch may be shorter and is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch.nn.functional import cross_entropy

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import TrainingError

FloatMatrix = NDArray[np.float32]

_BLOCK = 256
"""Samples scored in one matrix product. Always this many, padded: a sample's score depends on no other sample's."""


@dataclass(frozen=True, eq=False)
class RandomStreams:
    """The three independent streams of one training: none moves when another is read."""

    init: np.random.Generator
    order: np.random.Generator
    masks: np.random.Generator


def random_streams(random_state: int | np.random.RandomState | None) -> RandomStreams:
    """Make the streams of one training: twelve 32-bit words are drawn from `random_state`, four for each stream.

    Examples
    --------
    >>> random_streams(7).order.permutation(5).tolist() == random_streams(7).order.permutation(5).tolist()
    True
    """
    words = check_random_state(random_state).randint(0, 2**32, size=(3, 4), dtype=np.uint32)
    init, order, masks = (np.random.default_rng(four) for four in words)
    return RandomStreams(init=init, order=order, masks=masks)


def initial_parameters(
    widths: Sequence[int], rng: np.random.Generator
) -> tuple[list[FloatMatrix], list[NDArray[np.float32]]]:
    """Draw Gaussian weights of variance 2 / fan-in (He et al., ICCV 2015) and zero biases.

    Parameters
    ----------
    widths
        Number of genes, width of each hidden layer, number of classes.
    rng
        The ``init`` stream.

    Returns
    -------
    Weight matrices [inputs, outputs] and biases [outputs] of each layer, float32.

    Examples
    --------
    >>> weights, biases = initial_parameters((50, 8, 3), random_streams(0).init)
    >>> [w.shape for w in weights], [b.tolist() for b in biases][-1]
    ([(50, 8), (8, 3)], [0.0, 0.0, 0.0])
    """
    weights, biases = [], []
    for inputs, outputs in pairwise(widths):
        draw = rng.standard_normal((inputs, outputs), dtype=np.float32)
        weights.append(draw * np.float32(math.sqrt(2 / inputs)))
        biases.append(np.zeros(outputs, dtype=np.float32))
    return weights, biases


def batch_order(samples: int, rng: np.random.Generator) -> IntArray:
    """Draw the order in which one epoch visits its training samples; int [samples]."""
    return rng.permutation(samples)


def dropout_mask(samples: int, width: int, *, dropout: float, rng: np.random.Generator) -> FloatMatrix:
    """Draw the factors of one hidden layer for one batch: 0 with probability `dropout`, else 1 / (1 - dropout).

    Returns
    -------
    float32 [samples, width]; expectation 1, so that scoring needs no correction (Srivastava et al., JMLR 2014).
    """
    keep = rng.random((samples, width), dtype=np.float32) >= dropout
    return keep * np.float32(1 / (1 - dropout))


class MLPClassifier(ClassifierMixin, BaseEstimator):
    """ReLU network with softmax output, trained on the mean cross-entropy of shuffled batches.

    The defaults are the reference recipe for standardised expression multiplied by ``10 / sqrt(genes)``
    (`genoaudit.data.preprocessing.ExpressionScaler`). Weights and activations are float32. The same ``random_state``
    gives bit-identical parameters on one machine with one thread. Scoring never uses dropout.

    Parameters
    ----------
    hidden
        Widths of the hidden layers; empty is softmax regression.
    dropout
        Probability, in [0, 1), that a hidden activation is left out of a training step. Inputs are never dropped.
    weight_decay
        L2 coefficient: ``weight_decay * W`` is added to the gradient of every weight matrix, never to a bias.
    label_smoothing
        Share, in [0, 1), of each target spread evenly over all classes (Szegedy et al., CVPR 2016).
    optimizer
        ``"sgd"``, or ``"adam"`` (Kingma and Ba, ICLR 2015), for which `momentum` and `nesterov` have no meaning.
    learning_rate
        Step size, constant over training.
    momentum, nesterov
        Momentum in [0, 1), and whether to use Nesterov's form of it.
    epochs
        Passes over the training samples.
    batch_size
        Samples in a step; the last batch of an epoch may be smaller.
    random_state
        Source of the initial weights, batch orders and dropout masks; see `random_streams`.

    Attributes
    ----------
    classes_
        Class labels, sorted.
    coefs_, intercepts_
        Weight matrices [inputs, outputs] and biases [outputs] of each layer; float32 arrays.
    loss_curve_
        Mean training loss of each epoch, taken before each step and with dropout, without the L2 term.
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0]] * 20)
    >>> MLPClassifier((8,), random_state=0).fit(X, ["normal", "tumour"] * 20).predict([[-2.0, 0.0], [2.0, 0.0]])
    array(['normal', 'tumour'], dtype='<U6')
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": [list, tuple],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "optimizer": [StrOptions({"sgd", "adam"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterov": ["boolean"],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    classes_: NDArray[Any]
    coefs_: list[FloatMatrix]
    intercepts_: list[NDArray[np.float32]]
    loss_curve_: list[float]

    def __init__(  # noqa: PLR0913  scikit-learn wants every parameter of a model in its constructor
        self,
        hidden: Sequence[int] = (128,),
        *,
        dropout: float = 0.0,
        weight_decay: float = 1e-3,
        label_smoothing: float = 0.0,
        optimizer: Literal["sgd", "adam"] = "sgd",
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        nesterov: bool = False,
        epochs: int = 20,
        batch_size: int = 64,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> MLPClassifier:
        """Train on samples `X` [samples, genes] with labels `y` [samples].

        Raises
        ------
        TrainingError
            The training loss or a weight is no longer finite.
        ValueError
            A parameter out of range (named with its range), or data that cannot be classified, such as one class only.
        """
        self._validate_params()
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs samples of at least 2 classes, got 1 class.")
        streams = random_streams(self.random_state)
        widths = (X.shape[1], *self.hidden, len(self.classes_))
        self.coefs_, self.intercepts_ = initial_parameters(widths, streams.init)
        self._train(X, codes.astype(np.int64), streams)
        return self

    def decision_function(self, X: Any) -> FloatArray:
        """Return logits, float64 [samples, classes]; for two classes the second minus the first, [samples]."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_log_proba(self, X: Any) -> FloatArray:
        """Return log-probabilities [samples, classes]; finite even where the probability underflows to 0."""
        log_proba: FloatArray = log_softmax(self._logits(X), axis=1)
        return log_proba

    def predict_proba(self, X: Any) -> FloatArray:
        """Return probabilities, float64 [samples, classes], in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each sample [samples]."""
        codes = self._logits(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[codes]
        return labels

    def _logits(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        blocks = [self._block_logits(X[start : start + _BLOCK]) for start in range(0, len(X), _BLOCK)]
        return np.concatenate(blocks).astype(np.float64)

    def _block_logits(self, X: FloatMatrix) -> FloatMatrix:
        activation = np.zeros((_BLOCK, X.shape[1]), dtype=np.float32)
        activation[: len(X)] = X
        for weight, bias in zip(self.coefs_[:-1], self.intercepts_[:-1], strict=True):
            activation = np.maximum(activation @ weight + bias, 0)
        logits: FloatMatrix = activation @ self.coefs_[-1] + self.intercepts_[-1]
        return logits[: len(X)]

    def _train(self, X: FloatMatrix, codes: NDArray[np.int64], streams: RandomStreams) -> None:
        """Update `coefs_` and `intercepts_`, whose memory the tensors share."""
        weights = [torch.from_numpy(weight).requires_grad_() for weight in self.coefs_]
        biases = [torch.from_numpy(bias).requires_grad_() for bias in self.intercepts_]
        optimizer = self._make_optimizer(weights, biases)
        self.loss_curve_ = []
        with torch.enable_grad():
            for _ in range(self.epochs):
                total = 0.0
                order = batch_order(len(X), streams.order)
                for start in range(0, len(X), self.batch_size):
                    rows = order[start : start + self.batch_size]
                    # Gathered by numpy: torch warns about the read-only arrays that parallel workers share.
                    logits = self._forward(torch.from_numpy(X[rows]), weights, biases, streams.masks)
                    loss = cross_entropy(
                        logits, torch.from_numpy(codes[rows]), label_smoothing=float(self.label_smoothing)
                    )
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    total += loss.item() * len(rows)
                self.loss_curve_.append(total / len(X))
                self._reject_divergence()

    def _forward(
        self, X: torch.Tensor, weights: list[torch.Tensor], biases: list[torch.Tensor], masks: np.random.Generator
    ) -> torch.Tensor:
        activation = X
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            activation = torch.addmm(bias, activation, weight).relu()
            if self.dropout > 0:
                mask = dropout_mask(*activation.shape, dropout=self.dropout, rng=masks)
                activation = activation * torch.from_numpy(mask)
        return torch.addmm(biases[-1], activation, weights[-1])

    def _make_optimizer(self, weights: list[torch.Tensor], biases: list[torch.Tensor]) -> torch.optim.Optimizer:
        groups = [{"params": weights, "weight_decay": self.weight_decay}, {"params": biases, "weight_decay": 0.0}]
        # Fused: one pass over the parameters instead of one for each term; a tenth of the time of a large first layer.
        if self.optimizer == "adam":
            return torch.optim.Adam(groups, lr=self.learning_rate, fused=True)
        return torch.optim.SGD(
            groups, lr=self.learning_rate, momentum=self.momentum, nesterov=self.nesterov, fused=True
        )

    def _reject_divergence(self) -> None:
        loss = self.loss_curve_[-1]
        if math.isfinite(loss) and all(np.isfinite(weight).all() for weight in self.coefs_):
            return
        found = f"the training loss is {loss}" if not math.isfinite(loss) else "the weights are not finite"
        raise TrainingError(
            f"{type(self).__name__}: {found} in epoch {len(self.loss_curve_)} of {self.epochs}. Lower learning_rate "
            f"(now {self.learning_rate:g}) or the gain of the scaler, and check that the declared scale is the scale "
            "of the values."
        )

    def _validate_params(self) -> None:
        super()._validate_params()
        widths: list[Any] = list(self.hidden)
        if not all(
            isinstance(width, int | np.integer) and not isinstance(width, bool) and width > 0 for width in widths
        ):
            raise InvalidParameterError(
                f"The 'hidden' parameter of {type(self).__name__} must hold integers of at least 1, one for each "
                f"hidden layer. Got {self.hidden!r} instead."
            )
        if self.nesterov and not self.momentum and self.optimizer == "sgd":
            raise InvalidParameterError(
                f"The 'nesterov' parameter of {type(self).__name__} needs 'momentum' greater than 0. Got momentum=0."
            )
