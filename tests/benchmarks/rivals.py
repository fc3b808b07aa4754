"""What the engine is measured against: a careful plain PyTorch loop, and Opacus in its two ways."""

from __future__ import annotations

import statistics
import warnings
from typing import Literal

import numpy as np
import torch
from results import Seconds, timed
from torch.nn.functional import cross_entropy, linear

from genoaudit.models.mlp import MLPClassifier

RECIPE = MLPClassifier()
HIDDEN = RECIPE.hidden[0]


def warm_up() -> None:
    """Train once on next to nothing: the first optimiser of a process imports for a second or more."""
    train_plainly(torch.randn(8, 4), torch.arange(8) % 2, torch.arange(8), classes=2, seed=0)


def train_plainly(X: torch.Tensor, y: torch.Tensor, rows: torch.Tensor, *, classes: int, seed: int) -> torch.Tensor:
    """Train a model and return its logits on every row.

    Careful: values already scaled and in memory, one gather per batch, fused optimiser, no data loader, no check, no
    bookkeeping.
    """
    rng = torch.Generator().manual_seed(seed)
    genes = X.shape[1]
    weights = [
        torch.empty(HIDDEN, genes).normal_(0, (2 / genes) ** 0.5, generator=rng).requires_grad_(),
        torch.empty(classes, HIDDEN).normal_(0, (2 / HIDDEN) ** 0.5, generator=rng).requires_grad_(),
    ]
    biases = [torch.zeros(HIDDEN, requires_grad=True), torch.zeros(classes, requires_grad=True)]
    optimiser = torch.optim.SGD(
        [{"params": weights, "weight_decay": RECIPE.weight_decay}, {"params": biases}],
        lr=RECIPE.learning_rate,
        momentum=RECIPE.momentum,
        fused=True,
    )
    for _ in range(RECIPE.epochs):
        for batch in torch.randperm(len(rows), generator=rng).split(RECIPE.batch_size):
            chosen = rows[batch]
            hidden = linear(X[chosen], weights[0], biases[0]).relu()
            loss = cross_entropy(linear(hidden, weights[1], biases[1]), y[chosen])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        return linear(linear(X, weights[0], biases[0]).relu(), weights[1], biases[1])


def opacus_step_seconds(
    X: torch.Tensor, y: torch.Tensor, rows: torch.Tensor, way: Literal["ghost", "hooks"], *, steps: int, **dp: float
) -> Seconds:
    """Median time of a DP-SGD step on a Poisson batch, after one that is not counted."""
    from opacus import GradSampleModule
    from opacus.grad_sample import GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizer
    from opacus.optimizers.optimizer_fast_gradient_clipping import DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    classes = int(y.max()) + 1
    net = torch.nn.Sequential(torch.nn.Linear(X.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, classes))
    sgd = torch.optim.SGD(net.parameters(), lr=dp["rate"], momentum=RECIPE.momentum, weight_decay=RECIPE.weight_decay)
    size = int(dp["batch"])
    common = {"noise_multiplier": dp["noise"], "max_grad_norm": dp["clip"], "expected_batch_size": size}
    if way == "ghost":
        model = GradSampleModuleFastGradientClipping(net, max_grad_norm=dp["clip"], use_ghost_clipping=True)
        optimiser = DPOptimizerFastGradientClipping(sgd, **common)
        loss_of = DPLossFastGradientClipping(model, optimiser, torch.nn.CrossEntropyLoss(), loss_reduction="mean")
    else:
        model, optimiser = GradSampleModule(net), DPOptimizer(sgd, **common)
        loss_of = torch.nn.CrossEntropyLoss()

    def step(batch: torch.Tensor) -> None:
        optimiser.zero_grad()
        loss_of(model(X[batch]), y[batch]).backward()
        optimiser.step()

    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about hooks; nothing that a reader of timings can act on
        batches = [rows[rng.random(len(rows)) < size / len(rows)] for _ in range(steps + 1)]
        times = [timed(step, batch)[0] for batch in batches]
    return Seconds(*map(statistics.median, zip(*times[1:], strict=True)))
