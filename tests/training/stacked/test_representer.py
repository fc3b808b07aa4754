from __future__ import annotations

import numpy as np
import pytest
import torch

from genoaudit.training.stacked.representer import Representer, Sgd


@pytest.mark.parametrize(
    ("momentum", "nesterov"),  # torch refuses Nesterov's form without momentum
    [(0.0, False), *((momentum, nesterov) for momentum in (0.1, 0.9, 0.99) for nesterov in (False, True))],
)
@pytest.mark.parametrize("weight_decay", [0.0, 1e-3, 0.3, 3.0])
@pytest.mark.parametrize("rates", [(0.1,), (0.2, 0.001), (0.3, 0.0, 0.05)])
def test_lazy_scalars_equal_a_dense_update(nesterov, momentum, weight_decay, rates):
    rng = np.random.default_rng(0)
    first = Representer(torch.zeros(2, 10, 3, dtype=torch.float64), torch.zeros(2, 10, 3, dtype=torch.float64))
    W = torch.nn.Parameter(torch.zeros(20, 3, dtype=torch.float64))
    c = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimiser = torch.optim.SGD([W, c], lr=1.0, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)
    largest = 0.0
    for step in range(400):
        rate = rates[step // 5 % len(rates)]
        rows = torch.as_tensor(np.concatenate([rng.permutation(10)[:4], 10 + rng.permutation(10)[:4]]))
        delta = torch.as_tensor(rng.normal(size=(8, 3)))
        W.grad, c.grad = torch.zeros_like(W), torch.zeros_like(c)
        W.grad[rows] = delta
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        first.step(delta.clone(), rows.unsqueeze(1).expand_as(delta), Sgd(rate, momentum, weight_decay, nesterov))
        largest = max(largest, float(W.detach().abs().max()))
        found = (first.scale * first.array).view(20, 3)
        assert float((found - W.detach()).abs().max()) < 1e-10 * (1 + largest)
        assert first.start == pytest.approx(c.item(), rel=1e-9, abs=1e-12)
    assert largest > 0.1
