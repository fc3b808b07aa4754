"""A one-dimensional convolutional network over the genes in their given order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from genoaudit.models.draws import FloatMatrix, RandomStreams, dropout_mask
from genoaudit.models.modules import (
    ModuleClassifier,
    RandomFactors,
    check_widths,
    he_normal,
    shuffled_batches,
    train_epoch,
)
from genoaudit.privacy.dpsgd import DPSGD


class CNNClassifier(ModuleClassifier):
    """Convolutions over neighbouring genes, an average over stretches of the gene axis, and a linear layer.

    The order of the genes is the order of the columns and means something only if they are sorted, for instance by
    position in the genome. Each layer moves its kernels by `stride` genes, so the cost falls geometrically with depth
    and 20,000 genes are feasible. The same ``random_state`` gives bit-identical parameters on one machine with one
    thread. No layer mixes samples.

    Parameters
    ----------
    kernels
        Number of kernels of each convolution.
    width, stride
        Genes (or outputs of the layer before) under a kernel, and how far it moves at a time.
    norm
        ``"layer"``: normalise each convolution's outputs over kernels and positions of the sample, with a gain and a
        shift for each kernel that are learnt (GroupNorm with one group; Wu, He, ECCV 2018). ``"none"``: as they are.
    positions
        Stretches of the gene axis that are averaged before the linear layer; fewer where there are not that many.
    dropout
        Probability, in [0, 1), that an input of the linear layer is left out of a training step.
    weight_decay
        L2 coefficient: ``weight_decay * W`` is added to the gradient of every kernel and weight, never to a bias.
    learning_rate
        Step size of Adam (Kingma, Ba, ICLR 2015).
    epochs
        Passes over the training samples. Under `dp` its steps count instead.
    batch_size
        Samples in a step; the last batch of an epoch may be smaller. Under `dp` its sampling rate counts instead.
    dp
        Train with DP-SGD on patients; None: without.
    random_state
        Source of the initial weights, batch orders and dropout masks; under `dp` of its draws too.

    Attributes
    ----------
    classes_
        Class labels, sorted.
    parameters_
        Arrays of the network by name.
    loss_curve_
        Mean training loss of each epoch, taken before each step and with dropout, without the L2 term. Empty under
        DP.
    mechanisms_, delta_
        What DP-SGD did, for the accountant, and the delta it was calibrated for; empty and None without `dp`.
    releasable_
        Whether training was private, with noise, on random numbers that nobody can draw again.
    n_features_in_
        Number of genes seen in `fit`.
    feature_names_in_
        Names of the genes, when `fit` saw a DataFrame with text column names.

    Examples
    --------
    >>> X = np.repeat([[-1.0] * 8 + [0.0] * 8, [0.0] * 8 + [-1.0] * 8], 20, axis=0)
    >>> model = CNNClassifier((4,), width=4, learning_rate=0.01, random_state=0)
    >>> model.fit(X, ["normal"] * 20 + ["tumour"] * 20).predict(X[[0, 39]])
    array(['normal', 'tumour'], dtype='<U6')
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernels": [list, tuple],
        "width": [Interval(Integral, 1, None, closed="left")],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "norm": [StrOptions({"layer", "none"})],
        "positions": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "dp": [DPSGD, None],
        "random_state": ["random_state"],
    }

    def __init__(  # noqa: PLR0913  scikit-learn wants every parameter of a model in its constructor
        self,
        kernels: Sequence[int] = (8, 16),
        *,
        width: int = 16,
        stride: int = 4,
        norm: Literal["layer", "none"] = "layer",
        positions: int = 256,
        dropout: float = 0.0,
        weight_decay: float = 1e-3,
        learning_rate: float = 3e-3,
        epochs: int = 20,
        batch_size: int = 32,
        dp: DPSGD | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.kernels = kernels
        self.width = width
        self.stride = stride
        self.norm = norm
        self.positions = positions
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.dp = dp
        self.random_state = random_state

    def _network(self, genes: int, classes: int, masks: np.random.Generator | None = None) -> nn.Module:
        padding = self.width // 2  # half a kernel at either end, so that even one gene gives one output
        layers: list[nn.Module] = [nn.Unflatten(1, (1, genes))]
        inputs, length = 1, genes
        for outputs in self.kernels:
            layers.append(nn.Conv1d(inputs, outputs, self.width, stride=self.stride, padding=padding))
            length = (length + 2 * padding - self.width) // self.stride + 1
            if self.norm == "layer":
                layers.append(nn.GroupNorm(1, outputs))
            layers.append(nn.ReLU())
            inputs = outputs
        positions = min(self.positions, length)
        layers += [nn.AdaptiveAvgPool1d(positions), nn.Flatten()]
        if self.dropout > 0 and masks is not None:
            layers.append(RandomFactors(partial(_masks, dropout=self.dropout, rng=masks)))
        else:
            layers.append(nn.Identity())  # keeps the names of the parameters the same in scoring
        return nn.Sequential(*layers, nn.Linear(inputs * positions, classes))

    def _weight(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatMatrix:
        return he_normal(shape, rng)

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        weights, others = ([p for p in network.parameters() if (p.ndim > 1) is matrix] for matrix in (True, False))
        groups = [{"params": weights, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.Adam(groups, lr=self.learning_rate, fused=True)

    def _train(self, network: nn.Module, X: torch.Tensor, codes: torch.Tensor, streams: RandomStreams) -> None:
        optimizer = self._optimizer(network)
        for epoch in range(1, self.epochs + 1):
            batches = shuffled_batches(len(X), self.batch_size, streams.order)
            loss = train_epoch(network, X, codes, batches=batches, optimizer=optimizer)
            self._record(loss, f"epoch {epoch} of {self.epochs}")

    def _validate_params(self) -> None:
        super()._validate_params()
        check_widths(self, "kernels", self.kernels)


def _masks(shape: tuple[int, ...], *, dropout: float, rng: np.random.Generator) -> FloatMatrix:
    return dropout_mask(*shape, dropout=dropout, rng=rng)
