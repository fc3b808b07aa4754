"""DeepType: a network for cancer subtypes that selects genes and pulls samples into clusters while it learns.

Chen, Yang, Goodison, Sun. Deep-learning approach to identifying cancer subtypes using high-dimensional genomic data.
Bioinformatics 36(5):1476-1483, 2020.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.nn.functional import cross_entropy

from genoaudit.contracts import IntArray
from genoaudit.models.draws import FloatMatrix, RandomStreams
from genoaudit.models.fitting import FitError
from genoaudit.models.modules import ModuleClassifier, block_outputs, check_widths, descend, shuffled_batches
from genoaudit.privacy.dpsgd import DPSGD

_INITIAL_SD = 0.02


class DeepTypeClassifier(ModuleClassifier):
    """Sigmoid network trained on cross-entropy, sparsity of the genes, and compactness of clusters.

    With first-layer weights ``W`` [genes, units], last hidden activations ``h`` and cluster centres ``m``, the joint
    loss is ``CE + group_lasso * (1 - exp(-t / ramp)) * sum_g ||W_g|| + kmeans * mean_i ||h_i - m_c(i)||^2`` at joint
    step ``t``. Some steps on the cross-entropy alone come first. Centres and assignments are those of k-means on all
    training samples, and stay as they are between two refreshes.

    The published recipe for 2,133 samples takes 1,200 supervised and 10,000 joint steps; the defaults take far fewer,
    so that many models can be trained, and select genes less sharply. It also scales every gene by its range over the
    whole data set, test samples included, which no recipe here does. A step costs time in proportion to the genes: keep
    the 2,000 or so that vary most where many models are trained. The same ``random_state`` gives bit-identical
    parameters on one machine with one thread.

    Parameters
    ----------
    hidden
        Widths of the hidden layers, at least one. Narrow ones can stay at a start where two classes are not told apart:
        on a planted problem of three classes, 3 of 24 starts with 32 and 16 units did, none with 128 and 64.
    group_lasso
        Coefficient of the sum over genes of the norms of their first-layer weights; alpha of the paper.
    ramp
        Joint steps over which `group_lasso` approaches its value.
    kmeans
        Coefficient of the mean squared distance to the cluster centre on the last hidden layer; beta of the paper.
    clusters
        Number of clusters; None: as many as classes. Never more than training samples.
    refresh
        Joint steps between two refreshes of the centres.
    supervised_steps, joint_steps
        Steps on the cross-entropy alone, then on the joint loss. Under `dp` its steps count instead.
    learning_rate
        Step size of Adam (Kingma, Ba, ICLR 2015).
    batch_size
        Samples in a step; the last batch of each pass over the samples may be smaller.
    dp
        Train with DP-SGD on patients; None: without. Only with ``group_lasso=0`` and ``kmeans=0``: the centres
        are learnt from all patients without noise, and noise on every gene undoes the selection.
    random_state
        Source of the initial weights, batch orders and first centres; under `dp` of its draws too.

    Attributes
    ----------
    classes_
        Class labels, sorted.
    parameters_
        Arrays of the network by name.
    centres_
        Cluster centres at the last refresh [clusters, units]; no clusters where there was no refresh.
    loss_curve_
        Training loss of each step, with all its terms, taken before the step. Empty under DP.
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
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0]] * 20)
    >>> model = DeepTypeClassifier((8,), learning_rate=0.1, supervised_steps=50, joint_steps=50, random_state=0)
    >>> model.fit(X, ["normal", "tumour"] * 20).predict([[-2.0, 0.0], [2.0, 0.0]])
    array(['normal', 'tumour'], dtype='<U6')
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": [list, tuple],
        "group_lasso": [Interval(Real, 0, None, closed="left")],
        "ramp": [Interval(Real, 0, None, closed="neither")],
        "kmeans": [Interval(Real, 0, None, closed="left")],
        "clusters": [Interval(Integral, 1, None, closed="left"), None],
        "refresh": [Interval(Integral, 1, None, closed="left")],
        "supervised_steps": [Interval(Integral, 0, None, closed="left")],
        "joint_steps": [Interval(Integral, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "dp": [DPSGD, None],
        "random_state": ["random_state"],
    }

    centres_: FloatMatrix

    def __init__(  # noqa: PLR0913  scikit-learn wants every parameter of a model in its constructor
        self,
        hidden: Sequence[int] = (1024, 512),
        *,
        group_lasso: float = 0.006,
        ramp: float = 300.0,
        kmeans: float = 1.2,
        clusters: int | None = None,
        refresh: int = 50,
        supervised_steps: int = 100,
        joint_steps: int = 200,
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        dp: DPSGD | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.hidden = hidden
        self.group_lasso = group_lasso
        self.ramp = ramp
        self.kmeans = kmeans
        self.clusters = clusters
        self.refresh = refresh
        self.supervised_steps = supervised_steps
        self.joint_steps = joint_steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.dp = dp
        self.random_state = random_state

    def _network(self, genes: int, classes: int, masks: np.random.Generator | None = None) -> nn.Sequential:
        """Return a body, up to the last hidden activations, and a head."""
        layers = [(nn.Linear(*widths), nn.Sigmoid()) for widths in pairwise((genes, *self.hidden))]
        return nn.Sequential(nn.Sequential(*chain.from_iterable(layers)), nn.Linear(self.hidden[-1], classes))

    def _weight(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatMatrix:
        return rng.standard_normal(shape, dtype=np.float32) * np.float32(_INITIAL_SD)

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)

    def _train(self, network: nn.Module, X: torch.Tensor, codes: torch.Tensor, streams: RandomStreams) -> None:
        body, head = network.children()
        first = next(network.parameters())
        optimizer = self._optimizer(network)
        batches = _endless(len(X), self.batch_size, streams.order)
        self.centres_ = np.empty((0, self.hidden[-1]), dtype=np.float32)
        steps = self.supervised_steps + self.joint_steps
        for step in range(1, steps + 1):
            joint = step - self.supervised_steps
            if self.kmeans > 0 and joint > 0 and (joint - 1) % self.refresh == 0:
                nearest = self._refresh(body, X, streams.order)
            rows = torch.from_numpy(next(batches))
            activation = body(X[rows])
            loss = cross_entropy(head(activation), codes[rows])
            if joint > 0:
                weight = self.group_lasso * (1 - math.exp(-joint / self.ramp))
                loss = loss + weight * torch.linalg.vector_norm(first, dim=0).sum()
                if self.kmeans > 0:
                    away = activation - nearest[rows]
                    loss = loss + self.kmeans * away.square().sum(dim=1).mean()
            self._record(descend(loss, optimizer), f"step {step} of {steps}")

    def _train_privately(self, dp: DPSGD, network: nn.Module, X: torch.Tensor, codes: torch.Tensor, **how: Any) -> None:
        self.centres_ = np.empty((0, self.hidden[-1]), dtype=np.float32)
        super()._train_privately(dp, network, X, codes, **how)

    def _refresh(self, body: nn.Module, X: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Cluster the last hidden activations of all samples, from the centres so far; return each sample's centre."""
        activation = block_outputs(body, X)
        body.train()
        clusters = min(len(self.classes_) if self.clusters is None else self.clusters, len(X))
        start = self.centres_ if len(self.centres_) else "k-means++"
        found = KMeans(clusters, init=start, n_init=1, random_state=int(rng.integers(2**31)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct activations than clusters
            found.fit(activation)
        self.centres_ = found.cluster_centers_.astype(np.float32)
        return torch.from_numpy(self.centres_[found.labels_])

    def _validate_params(self) -> None:
        super()._validate_params()
        check_widths(self, "hidden", self.hidden)
        if not self.supervised_steps and not self.joint_steps:
            raise FitError("supervised_steps and joint_steps are both 0; training needs at least one step.")
        if self.dp is not None and (self.group_lasso or self.kmeans):
            raise FitError(
                f"group_lasso ({self.group_lasso:g}) and kmeans ({self.kmeans:g}) do not go with dp: the centres are "
                "learnt from all patients without noise, and noise is added to every gene in every step. Set both to "
                f"0, or use MLPClassifier(hidden={tuple(self.hidden)!r}) with dp."
            )


def _endless(samples: int, batch_size: int, rng: np.random.Generator) -> Iterator[IntArray]:
    while True:
        yield from shuffled_batches(samples, batch_size, rng)
