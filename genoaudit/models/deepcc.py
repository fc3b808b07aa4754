"""DeepCC: a network for cancer subtypes from functional spectra (`genoaudit.data.spectra`), or from expression itself.

Gao, Wang, Zhang, et al. DeepCC: a novel deep learning-based framework for cancer molecular subtype classification.
Oncogenesis 8:44, 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from genoaudit.models.draws import FloatMatrix, RandomStreams
from genoaudit.models.fitting import FitError
from genoaudit.models.modules import (
    ModuleClassifier,
    RandomFactors,
    check_widths,
    glorot_uniform,
    shuffled_batches,
    train_epoch,
)
from genoaudit.privacy.dpsgd import DPSGD

_SGD_MOMENTUM = 0.9


class DeepCCClassifier(ModuleClassifier):
    """SELU network with a normalisation and Gaussian dropout after every hidden layer; Adam, then plain SGD.

    The published recipe takes 100 epochs of each optimiser and holds a fifth of the samples out to watch the loss; the
    defaults train on all samples and take fewer epochs, so that many models can be trained. Its decay of Adam's step
    size by 1e-6 a step is left out: over so few steps it changes nothing. The same ``random_state`` gives bit-identical
    parameters on one machine with one thread. Scoring never uses dropout.

    Parameters
    ----------
    hidden
        Widths of the hidden layers.
    norm
        ``"batch"``, as published: over the samples of a batch in training, by running moments in scoring (Ioffe,
        Szegedy, ICML 2015). ``"layer"``: over the sample's own units (Ba, Kiros, Hinton, 2016). ``"none"``.
    dropout
        Rate, in [0, 1), of Gaussian dropout: activations are multiplied by ``1 + sqrt(dropout / (1 - dropout)) * z``
        with standard normal ``z`` (Srivastava et al., JMLR 2014).
    adam_rate, adam_epochs
        Step size and passes over the training samples of Adam (Kingma, Ba, ICLR 2015), which comes first.
    sgd_rate, sgd_epochs
        Those of gradient descent with momentum 0.9, which comes second. Under `dp` Adam takes its steps alone.
    batch_size
        Samples in a step; the last batch of an epoch may be smaller, but with batch norm a single sample joins the
        batch before.
    dp
        Train with DP-SGD on patients; None: without. Not with ``norm="batch"``, which mixes patients.
    random_state
        Source of the initial weights, batch orders and dropout; under `dp` of its draws too.

    Attributes
    ----------
    classes_
        Class labels, sorted.
    parameters_
        Arrays of the network by name, running moments of batch norm included.
    loss_curve_
        Mean training loss of each epoch, taken before each step and with dropout. Empty under DP.
    mechanisms_, delta_
        What DP-SGD did, for the accountant, and the delta it was calibrated for; empty and None without `dp`.
    releasable_
        Whether training was private, with noise, on random numbers that nobody can draw again.
    n_features_in_
        Number of inputs seen in `fit`.
    feature_names_in_
        Names of the inputs, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0]] * 20)
    >>> model = DeepCCClassifier((16,), adam_rate=0.01, random_state=0).fit(X, ["normal", "tumour"] * 20)
    >>> model.predict([[-2.0, 0.0], [2.0, 0.0]])
    array(['normal', 'tumour'], dtype='<U6')
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": [list, tuple],
        "norm": [StrOptions({"batch", "layer", "none"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "adam_rate": [Interval(Real, 0, None, closed="neither")],
        "adam_epochs": [Interval(Integral, 0, None, closed="left")],
        "sgd_rate": [Interval(Real, 0, None, closed="neither")],
        "sgd_epochs": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "dp": [DPSGD, None],
        "random_state": ["random_state"],
    }

    def __init__(  # noqa: PLR0913  scikit-learn wants every parameter of a model in its constructor
        self,
        hidden: Sequence[int] = (1024, 256, 64, 64, 10),
        *,
        norm: Literal["batch", "layer", "none"] = "batch",
        dropout: float = 0.4,
        adam_rate: float = 1e-3,
        adam_epochs: int = 40,
        sgd_rate: float = 1e-5,
        sgd_epochs: int = 10,
        batch_size: int = 64,
        dp: DPSGD | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.norm = norm
        self.dropout = dropout
        self.adam_rate = adam_rate
        self.adam_epochs = adam_epochs
        self.sgd_rate = sgd_rate
        self.sgd_epochs = sgd_epochs
        self.batch_size = batch_size
        self.dp = dp
        self.random_state = random_state

    def _network(self, genes: int, classes: int, masks: np.random.Generator | None = None) -> nn.Module:
        norm = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "none": nn.Identity}[self.norm]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((genes, *self.hidden)):
            layers += [nn.Linear(inputs, outputs), nn.SELU(), norm(outputs)]
            if self.dropout > 0 and masks is not None:
                layers.append(RandomFactors(partial(gaussian_factors, dropout=self.dropout, rng=masks)))
            else:
                layers.append(nn.Identity())  # keeps the names of the parameters the same in scoring
        return nn.Sequential(*layers, nn.Linear(self.hidden[-1], classes))

    def _weight(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatMatrix:
        return glorot_uniform(shape, rng)

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=self.adam_rate, fused=True)

    def _train(self, network: nn.Module, X: torch.Tensor, codes: torch.Tensor, streams: RandomStreams) -> None:
        adam = self._optimizer(network)
        sgd = torch.optim.SGD(network.parameters(), lr=self.sgd_rate, momentum=_SGD_MOMENTUM, fused=True)
        smallest = 2 if self.norm == "batch" else 1
        epochs = self.adam_epochs + self.sgd_epochs
        for epoch in range(1, epochs + 1):
            batches = shuffled_batches(len(X), self.batch_size, streams.order, smallest=smallest)
            optimizer = adam if epoch <= self.adam_epochs else sgd
            loss = train_epoch(network, X, codes, batches=batches, optimizer=optimizer)
            self._record(loss, f"epoch {epoch} of {epochs}")

    def _validate_params(self) -> None:
        super()._validate_params()
        check_widths(self, "hidden", self.hidden)
        if not self.adam_epochs and not self.sgd_epochs:
            raise FitError("adam_epochs and sgd_epochs are both 0; training needs at least one epoch.")
        if self.norm == "batch" and self.batch_size < 2:
            raise FitError(f"norm='batch' needs a batch_size of at least 2, found {self.batch_size}.")
        if self.norm == "batch" and self.dp is not None:
            raise FitError(
                "norm='batch' does not go with dp: it normalises each sample by the other patients of its batch. Use "
                "norm='layer' or norm='none'."
            )


def gaussian_factors(shape: tuple[int, ...], *, dropout: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw factors of mean 1 and variance ``dropout / (1 - dropout)``, that of dropout by masks of the same rate."""
    deviation = np.float32(math.sqrt(dropout / (1 - dropout)))
    return 1 + deviation * rng.standard_normal(shape, dtype=np.float32)
