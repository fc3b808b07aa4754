"""A multilayer perceptron for expression profiles whose training another engine can repeat draw for draw.

The p >> n form of training works on inner products of samples and agrees with this one only under conditions that are
therefore part of the recipe: Gaussian initial weights, L2 decay on weights alone, dropout on hidden activations alone,
and random draws that can be made elsewhere (`genoaudit.models.draws`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch.nn.functional import layer_norm

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.models.descent import descend
from genoaudit.models.draws import FloatMatrix, RandomStreams, held_out_patients, initial_parameters, random_streams
from genoaudit.models.entropy import private_draws
from genoaudit.models.fitting import FitError, patient_codes, soft_labels
from genoaudit.models.logits import LogitClassifier
from genoaudit.models.perceptron import descend_privately, refuse_without_meaning
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.privacy.mechanism import Mechanism

_BLOCK = 256
"""Samples scored in one matrix product. Always this many, padded: a sample's score depends on no other sample's."""


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
    FitError
        If there is not one weight for each class, a label is unknown, or a weight is not a positive number.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        unknown = [label for label in given if label not in classes]
        if unknown:
            raise FitError(f"class_weights names {len(unknown)} labels that are not there (first: {unknown[0]!r}).")
        given = [given.get(label, 1.0) for label in classes]
    if len(given) != len(classes):
        raise FitError(f"class_weights needs one weight for each of {len(classes)} classes, found {len(given)}.")
    weights = np.asarray(given, dtype=np.float64)
    if not ((weights > 0) & np.isfinite(weights)).all():
        raise FitError(f"class_weights must hold positive numbers, found {list(given)}.")
    return tuple(weights.tolist())


class MLPClassifier(LogitClassifier):
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
    l1, group_lasso
        Coefficients, on the first layer, of the sum of absolute weights, and of the sum over genes of the norm of a
        gene's weights (Yuan and Lin, JRSS B 2006). Each ``"sgd"`` step is followed by their proximal step of length
        ``learning_rate / (1 - momentum)``, which sets weights, and whole genes, to exactly 0.
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
    early_stopping
        Share of the patients, in [0, 1), who are held out, as evenly over the classes as possible, to say when to stop;
        0: train for all epochs. The parameters of the epoch with the smallest held-out loss are kept.
    patience
        Epochs without a smaller held-out loss after which training stops.
    optimizer
        ``"sgd"``, or ``"adam"`` (Kingma and Ba, ICLR 2015), for which `momentum` and `nesterov` have no meaning.
    learning_rate
        Step size of the first epoch.
    schedule
        ``"constant"``, or ``"cosine"``: half a cosine from `learning_rate` towards 0 (Loshchilov and Hutter, ICLR
        2017), one rate per epoch; under DP, per step.
    momentum, nesterov
        Momentum in [0, 1), and whether to use Nesterov's form of it.
    epochs
        Passes over the training samples; without meaning under DP, which counts ``dp.steps``.
    batch_size
        Samples in a step; the last batch of an epoch may be smaller. Without meaning under DP, which draws patients.
    dp
        Train by DP-SGD with the patient as the unit (`genoaudit.models.private`); None: without. Goes with dropout,
        L2, label smoothing, layer norm, momentum and Adam.
    warm_start
        Go on from the parameters of the last `fit` if there was one, on fresh random numbers and with a fresh
        optimiser. Private runs compose: `mechanisms_` grows, beyond what a single target of `dp` asked for.
    random_state
        Source of all random numbers (`genoaudit.models.draws`). Under DP, None also draws coins, noise and masks from
        the operating system, where nobody can draw them again (`genoaudit.models.entropy`), which a release needs.

    Attributes
    ----------
    classes_
        Class labels, sorted.
    coefs_, intercepts_
        Weight matrices [inputs, outputs] and biases [outputs] of each layer; float32 arrays.
    norms_
        Gain and shift [units] of each hidden layer's normalisation; empty without `layer_norm`.
    loss_curve_
        Mean training loss of each epoch, taken before each step and with dropout, without the L2 term. Empty under DP:
        nothing that is kept may say more about a patient than the parameters do.
    best_epoch_
        Epoch, from 1, whose parameters were kept by early stopping; else None.
    mechanisms_
        What every private run since the parameters were fresh has done, for the accountant; empty without DP.
    delta_
        Delta of the last private run; None without DP.
    releasable_
        Whether all runs were private, with noise, on random numbers that nobody can draw again.
    runs_
        Number of runs since the parameters were fresh.
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
        "l1": [Interval(Real, 0, None, closed="left")],
        "group_lasso": [Interval(Real, 0, None, closed="left")],
        "early_stopping": [Interval(Real, 0, 1, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "class_weights": [dict, list, tuple, None],
        "optimizer": [StrOptions({"sgd", "adam"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "schedule": [StrOptions({"constant", "cosine"})],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterov": ["boolean"],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "dp": [DPSGD, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
    }

    classes_: NDArray[Any]
    coefs_: list[FloatMatrix]
    intercepts_: list[NDArray[np.float32]]
    norms_: list[tuple[NDArray[np.float32], NDArray[np.float32]]]
    loss_curve_: list[float]
    best_epoch_: int | None
    mechanisms_: tuple[Mechanism, ...]
    delta_: float | None
    releasable_: bool
    runs_: int

    def __init__(  # noqa: PLR0913  scikit-learn wants every parameter of a model in its constructor
        self,
        hidden: Sequence[int] = (128,),
        *,
        dropout: float = 0.0,
        weight_decay: float = 1e-3,
        label_smoothing: float = 0.0,
        layer_norm: bool = False,
        mixup: float = 0.0,
        l1: float = 0.0,
        group_lasso: float = 0.0,
        class_weights: Mapping[Any, float] | Sequence[float] | None = None,
        early_stopping: float = 0.0,
        patience: int = 5,
        optimizer: Literal["sgd", "adam"] = "sgd",
        learning_rate: float = 0.01,
        schedule: Literal["constant", "cosine"] = "constant",
        momentum: float = 0.9,
        nesterov: bool = False,
        epochs: int = 20,
        batch_size: int = 64,
        dp: DPSGD | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.layer_norm = layer_norm
        self.mixup = mixup
        self.l1 = l1
        self.group_lasso = group_lasso
        self.class_weights = class_weights
        self.early_stopping = early_stopping
        self.patience = patience
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.nesterov = nesterov
        self.epochs = epochs
        self.batch_size = batch_size
        self.dp = dp
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, patients: Any = None, targets: Any = None) -> MLPClassifier:
        """Train on samples `X` [samples, genes] with labels `y` [samples].

        Parameters
        ----------
        X, y
            Samples and their labels.
        patients
            Code of each sample's patient, int [samples]; None: every sample is a patient of its own.
        targets
            Probabilities of the classes, in the order of `classes_`, that are learnt in place of `y`; [samples,
            classes]. Label smoothing acts on top.

        Raises
        ------
        ConfigError
            A combination of parameters without meaning; it is a `ValueError` as well.
        TrainingError
            The training loss or a weight is no longer finite.
        ValueError
            A parameter out of range (named with its range), or data that cannot be classified, such as one class only.
        """
        self._validate_params()
        resumed = self.warm_start and hasattr(self, "runs_")
        X, y = validate_data(self, X, y, dtype=np.float32, reset=not resumed)
        check_classification_targets(y)
        owners = patient_codes(patients, len(X))
        if self.dp is not None and targets is not None:
            raise FitError(
                "targets do not go with dp: soft labels learnt from patients are not covered. Leave out one."
            )
        streams, codes = self._resume(y) if resumed else self._begin(X.shape[1], y)
        labels = codes if targets is None else soft_labels(targets, len(X), len(self.classes_))
        self.loss_curve_, self.best_epoch_ = [], None
        if self.dp is not None:
            self._fit_privately(self.dp, X, codes, owners, streams)
        else:
            self.loss_curve_, self.best_epoch_ = descend(
                self,
                X,
                labels,
                rates=learning_rates(self.learning_rate, self.schedule, self.epochs),
                class_weights=weights_of_classes(self.class_weights, self.classes_.tolist()),
                streams=streams,
                held_out=self._held_out(codes, owners, streams),
            )
        self.runs_ += 1
        return self

    def _begin(self, genes: int, y: NDArray[Any]) -> tuple[RandomStreams, NDArray[np.int64]]:
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs samples of at least 2 classes, got 1 class.")
        streams = random_streams(self.random_state)
        self.coefs_, self.intercepts_ = initial_parameters((genes, *self.hidden, len(self.classes_)), streams.init)
        norms = ((np.ones(width, np.float32), np.zeros(width, np.float32)) for width in self.hidden)
        self.norms_ = list(norms) if self.layer_norm else []
        self.mechanisms_, self.delta_, self.releasable_, self.runs_ = (), None, self.dp is not None, 0
        return streams, codes.astype(np.int64)

    def _resume(self, y: NDArray[Any]) -> tuple[RandomStreams, NDArray[np.int64]]:
        if bool(self.mechanisms_) != (self.dp is not None):
            raise FitError("warm_start cannot go on with dp after a run without, or the reverse. Fit from the start.")
        widths = [len(bias) for bias in self.intercepts_[:-1]]
        if widths != list(self.hidden) or len(self.norms_) != len(widths) * self.layer_norm:
            raise FitError("warm_start cannot go on with another 'hidden' or 'layer_norm'. Fit from the start.")
        if not np.isin(y, self.classes_).all():
            raise FitError("warm_start cannot go on with classes that the first run had no samples of.")
        # A resumed run on the coins and noise of an earlier one would have no guarantee.
        state = check_random_state(self.random_state)
        for _ in range(self.runs_):
            random_streams(state)
        self.coefs_, self.intercepts_ = ([p.copy() for p in ps] for ps in (self.coefs_, self.intercepts_))
        self.norms_ = [(gain.copy(), shift.copy()) for gain, shift in self.norms_]
        return random_streams(state), np.searchsorted(self.classes_, y).astype(np.int64)

    def _held_out(self, codes: NDArray[np.int64], owners: IntArray, streams: RandomStreams) -> IntArray:
        if not self.early_stopping:
            return np.empty(0, dtype=np.intp)
        first = np.unique(owners, return_index=True)[1]
        held_out = held_out_patients(codes[first], share=self.early_stopping, rng=streams.watch)
        if not len(held_out):
            raise FitError("early_stopping needs a class with at least 2 patients, of whom one can be held out.")
        return np.flatnonzero(np.isin(owners, held_out))

    def _fit_privately(
        self, dp: DPSGD, X: FloatMatrix, codes: NDArray[np.int64], owners: IntArray, streams: RandomStreams
    ) -> None:
        settled = dp.settled(int(owners.max()) + 1)
        mechanism, draws = settled.mechanism(int(owners.max()) + 1), private_draws(self.random_state, streams)
        rates = learning_rates(self.learning_rate, self.schedule, mechanism.steps)
        descend_privately(self, X, codes, owners, rates=rates, mechanism=mechanism, draws=draws)
        self.mechanisms_, self.delta_ = (*self.mechanisms_, mechanism), settled.delta
        self.releasable_ = self.releasable_ and draws.releasable and mechanism.noise_multiplier > 0

    def _logits(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        blocks = [self._block_logits(X[start : start + _BLOCK]) for start in range(0, len(X), _BLOCK)]
        return np.concatenate(blocks).astype(np.float64)

    def _block_logits(self, X: FloatMatrix) -> FloatMatrix:
        block = np.zeros((_BLOCK, X.shape[1]), dtype=np.float32)
        block[: len(X)] = X
        activation = torch.from_numpy(block)
        last = len(self.coefs_) - 1
        for layer, (weight, bias) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
            # Turned round: the plain product rounds a row by its place in the block on some processors.
            activation = (torch.from_numpy(weight).T @ activation.T).T + torch.from_numpy(bias)
            if layer == last:
                break
            if self.layer_norm:
                gain, shift = map(torch.from_numpy, self.norms_[layer])
                activation = layer_norm(activation, gain.shape, gain, shift)
            activation = activation.relu()
        return activation.numpy()[: len(X)]

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
        if self.optimizer == "adam" and (self.l1 or self.group_lasso):
            raise FitError("l1 and group_lasso need optimizer='sgd': Adam's steps have no common length to shrink by.")
        if self.dp is not None:
            refuse_without_meaning(self)
