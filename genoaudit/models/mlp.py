"""A multilayer perceptron for expression profiles whose training another engine can repeat draw for draw.

The p >> n form of training works on inner products of samples and agrees with this one only under conditions that are
therefore part of the recipe: Gaussian initial weights, L2 decay on weights alone, dropout on hidden activations alone,
and random draws that can be made elsewhere (`genoaudit.models.draws`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch.nn.functional import cross_entropy, layer_norm

from genoaudit.contracts import FloatArray
from genoaudit.errors import ConfigError, TrainingError
from genoaudit.models.draws import (
    FloatMatrix,
    RandomStreams,
    batch_order,
    dropout_mask,
    initial_parameters,
    mixup_draw,
    random_streams,
)

_BLOCK = 256
"""Samples scored in one matrix product. Always this many, padded: a sample's score depends on no other sample's."""


class WeightsError(ConfigError, ValueError):
    """Class weights that do not fit the classes; a `ValueError` too, as scikit-learn expects of a classifier."""


def learning_rates(first: float, schedule: Literal["constant", "cosine"], epochs: int) -> tuple[float, ...]:
    """Return the step size of each epoch.

    Examples
    --------
    >>> [round(rate, 3) for rate in learning_rates(0.1, "cosine", 4)]
    [0.1, 0.085, 0.05, 0.015]
    """
    if schedule == "constant":
        return (float(first),) * epochs
    return tuple(first * (1 + math.cos(math.pi * epoch / epochs)) / 2 for epoch in range(epochs))


def weights_of_classes(
    given: Mapping[Any, float] | Sequence[float] | None, classes: Sequence[Any]
) -> tuple[float, ...] | None:
    """Return the weight of each class, in the order of `classes`.

    Raises
    ------
    WeightsError
        If there is not one weight for each class, a label is unknown, or a weight is not a positive number.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        unknown = [label for label in given if label not in classes]
        if unknown:
            raise WeightsError(f"class_weights names {len(unknown)} labels that are not there (first: {unknown[0]!r}).")
        given = [given.get(label, 1.0) for label in classes]
    if len(given) != len(classes):
        raise WeightsError(f"class_weights needs one weight for each of {len(classes)} classes, found {len(given)}.")
    weights = np.asarray(given, dtype=np.float64)
    if not ((weights > 0) & np.isfinite(weights)).all():
        raise WeightsError(f"class_weights must hold positive numbers, found {list(given)}.")
    return tuple(weights.tolist())


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
    layer_norm
        Normalise the pre-activations of every hidden layer over its units, with a gain and a shift that are learnt (Ba,
        Kiros, Hinton, 2016). Inputs are never normalised.
    mixup
        Parameter of the Beta distribution from which each batch's mixing is drawn (Zhang et al., ICLR 2018); 0: none.
    class_weights
        What a sample's loss weighs, by class: a mapping from label to weight (1 for a class it leaves out), or one
        weight per class in sorted order; None: 1 for all. Fixed beforehand, not taken from the members' labels.
    optimizer
        ``"sgd"``, or ``"adam"`` (Kingma and Ba, ICLR 2015), for which `momentum` and `nesterov` have no meaning.
    learning_rate
        Step size of the first epoch.
    schedule
        ``"constant"``, or ``"cosine"``: half a cosine from `learning_rate` towards 0 (Loshchilov and Hutter, ICLR
        2017), one rate per epoch.
    momentum, nesterov
        Momentum in [0, 1), and whether to use Nesterov's form of it.
    epochs
        Passes over the training samples.
    batch_size
        Samples in a step; the last batch of an epoch may be smaller.
    random_state
        Source of the initial weights, batch orders, dropout masks and mixings; see `genoaudit.models.draws`.

    Attributes
    ----------
    classes_
        Class labels, sorted.
    coefs_, intercepts_
        Weight matrices [inputs, outputs] and biases [outputs] of each layer; float32 arrays.
    norms_
        Gain and shift [units] of each hidden layer's normalisation; empty without `layer_norm`.
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
        "layer_norm": ["boolean"],
        "mixup": [Interval(Real, 0, None, closed="left")],
        "class_weights": [dict, list, tuple, None],
        "optimizer": [StrOptions({"sgd", "adam"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "schedule": [StrOptions({"constant", "cosine"})],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterov": ["boolean"],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    classes_: NDArray[Any]
    coefs_: list[FloatMatrix]
    intercepts_: list[NDArray[np.float32]]
    norms_: list[tuple[NDArray[np.float32], NDArray[np.float32]]]
    loss_curve_: list[float]

    def __init__(  # noqa: PLR0913  scikit-learn wants every parameter of a model in its constructor
        self,
        hidden: Sequence[int] = (128,),
        *,
        dropout: float = 0.0,
        weight_decay: float = 1e-3,
        label_smoothing: float = 0.0,
        layer_norm: bool = False,
        mixup: float = 0.0,
        class_weights: Mapping[Any, float] | Sequence[float] | None = None,
        optimizer: Literal["sgd", "adam"] = "sgd",
        learning_rate: float = 0.01,
        schedule: Literal["constant", "cosine"] = "constant",
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
        self.layer_norm = layer_norm
        self.mixup = mixup
        self.class_weights = class_weights
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
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
        units = self.hidden if self.layer_norm else ()
        self.norms_ = [(np.ones(width, np.float32), np.zeros(width, np.float32)) for width in units]
        weights = weights_of_classes(self.class_weights, self.classes_.tolist())
        self._train(X, codes.astype(np.int64), weights, streams)
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
        for layer, (weight, bias) in enumerate(zip(self.coefs_[:-1], self.intercepts_[:-1], strict=True)):
            activation = activation @ weight + bias
            if self.layer_norm:
                gain, shift = map(torch.from_numpy, self.norms_[layer])
                activation = layer_norm(torch.from_numpy(activation), gain.shape, gain, shift).numpy()
            activation = np.maximum(activation, 0)
        logits: FloatMatrix = activation @ self.coefs_[-1] + self.intercepts_[-1]
        return logits[: len(X)]

    def _train(
        self, X: FloatMatrix, codes: NDArray[np.int64], label_weights: tuple[float, ...] | None, streams: RandomStreams
    ) -> None:
        """Update `coefs_`, `intercepts_` and `norms_`, whose memory the tensors share."""
        weights, biases = ([torch.from_numpy(p).requires_grad_() for p in ps] for ps in (self.coefs_, self.intercepts_))
        norms = [
            (torch.from_numpy(gain).requires_grad_(), torch.from_numpy(shift).requires_grad_())
            for gain, shift in self.norms_
        ]
        optimizer = self._make_optimizer(weights, [*biases, *(p for pair in norms for p in pair)])
        criterion = partial(
            cross_entropy,
            weight=None if label_weights is None else torch.tensor(label_weights),
            label_smoothing=float(self.label_smoothing),
        )
        forward = partial(self._forward, weights=weights, biases=biases, norms=norms, masks=streams.masks)
        self.loss_curve_ = []
        with torch.enable_grad():
            for rate in learning_rates(self.learning_rate, self.schedule, self.epochs):
                for group in optimizer.param_groups:
                    group["lr"] = rate
                total = 0.0
                order = batch_order(len(X), streams.order)
                for start in range(0, len(X), self.batch_size):
                    rows = order[start : start + self.batch_size]
                    # Gathered by numpy: torch warns about the read-only arrays that parallel workers share.
                    batch, labels = torch.from_numpy(X[rows]), torch.from_numpy(codes[rows])
                    if self.mixup > 0:
                        share, partner = mixup_draw(len(rows), alpha=self.mixup, rng=streams.mixes)
                        logits = forward(share * batch + (1 - share) * batch[partner])
                        loss = share * criterion(logits, labels) + (1 - share) * criterion(logits, labels[partner])
                    else:
                        loss = criterion(forward(batch), labels)
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    total += loss.item() * len(rows)
                self.loss_curve_.append(total / len(X))
                self._reject_divergence()

    def _forward(
        self,
        X: torch.Tensor,
        *,
        weights: list[torch.Tensor],
        biases: list[torch.Tensor],
        norms: list[tuple[torch.Tensor, torch.Tensor]],
        masks: np.random.Generator,
    ) -> torch.Tensor:
        activation = X
        for layer, (weight, bias) in enumerate(zip(weights[:-1], biases[:-1], strict=True)):
            activation = torch.addmm(bias, activation, weight)
            if self.layer_norm:
                gain, shift = norms[layer]
                activation = layer_norm(activation, gain.shape, gain, shift)
            activation = activation.relu()
            if self.dropout > 0:
                mask = dropout_mask(*activation.shape, dropout=self.dropout, rng=masks)
                activation = activation * torch.from_numpy(mask)
        return torch.addmm(biases[-1], activation, weights[-1])

    def _make_optimizer(self, weights: list[torch.Tensor], others: list[torch.Tensor]) -> torch.optim.Optimizer:
        groups = [{"params": weights, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
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
