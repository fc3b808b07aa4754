"""The slow way: one model at a time in gene space, with autograd and torch's own optimiser."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from genoaudit.training.stacked.program import Descent, Draws, Network


class Mlp(nn.Module):
    def __init__(self, network: Network, genes: int, dtype: torch.dtype):
        super().__init__()
        self.linear = nn.ModuleList()
        self.norm = nn.ModuleList()
        below = genes
        for units in network.widths:
            self.linear.append(nn.Linear(below, units, dtype=dtype))
            below = units
        if network.layer_norm:
            self.norm.extend(nn.LayerNorm(units, dtype=dtype) for units in network.hidden)
        self.drop = network.dropout

    def forward(self, x, masks=None):
        for layer, linear in enumerate(self.linear[:-1]):
            x = linear(x)
            if len(self.norm):
                x = self.norm[layer](x)
            x = torch.relu(x)
            if masks is not None and self.drop > 0:
                x = x * masks[layer] / (1 - self.drop)
        return self.linear[-1](x)


def build(network: Network, W0, later, dtype) -> Mlp:
    model = Mlp(network, W0.shape[1], dtype)
    with torch.no_grad():
        for linear, weight in zip(model.linear, [W0, *later], strict=True):
            linear.weight.copy_(torch.as_tensor(weight))
            linear.bias.zero_()
    return model


def groups(model: Mlp, weight_decay: float):
    weights = [linear.weight for linear in model.linear]
    rest = [p for p in model.parameters() if all(p is not w for w in weights)]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def train_plain(X, y, rows, model_index, W0, later, network: Network, descent: Descent, draws: Draws, dtype):
    """Train one model on rows `rows` of X; return its logits on all of X and the training accuracy."""
    X = torch.as_tensor(X).to(dtype)
    y = torch.as_tensor(y)
    model = build(network, W0, later, dtype)
    optimiser = torch.optim.SGD(
        groups(model, descent.weight_decay), lr=1.0, momentum=descent.momentum, nesterov=descent.nesterov
    )
    weight = None if descent.class_weights is None else torch.tensor(descent.class_weights, dtype=dtype)
    loss_of = nn.CrossEntropyLoss(weight=weight, label_smoothing=descent.label_smoothing)
    rows = torch.as_tensor(rows)
    step = 0
    for epoch in range(descent.steps):
        for group in optimiser.param_groups:
            group["lr"] = descent.rate(epoch)
        order = torch.as_tensor(draws.order(model_index, epoch))
        for batch in order.split(descent.batch_size):
            x, labels = X[rows[batch]], y[rows[batch]]
            masks = None
            if network.dropout:
                masks = [
                    torch.as_tensor(draws.keep(model_index, step, layer, len(batch))).to(dtype)
                    for layer in range(len(network.hidden))
                ]
            if draws.mix is None:
                loss = loss_of(model(x, masks), labels)
            else:
                share, partner = draws.mix(model_index, step, len(batch))
                out = model(share * x + (1 - share) * x[torch.as_tensor(partner)], masks)
                loss = share * loss_of(out, labels) + (1 - share) * loss_of(out, labels[torch.as_tensor(partner)])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
    with torch.no_grad():
        hidden = X
        for linear in model.linear[:-1]:
            hidden = torch.relu(linear(hidden))
        logits = model.eval()(X)
    accuracy = float((logits[rows].argmax(1) == y[rows]).double().mean())
    alive = float((hidden > 0).double().mean()) if network.hidden else 1.0
    return np.asarray(logits), accuracy, alive
