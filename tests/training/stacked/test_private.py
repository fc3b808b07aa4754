from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_loop import build, groups
from worlds import first_weights, later_weights, make_draws, make_world

from genoaudit.errors import ConfigError
from genoaudit.randomness import generator
from genoaudit.training.gram import factor
from genoaudit.training.stacked.genes import GenePool, train_in_genes
from genoaudit.training.stacked.head import parameter_shapes
from genoaudit.training.stacked.private import unmoved_deviation
from genoaudit.training.stacked.program import Descent, Network, Privacy, Start

MLP = Network(classes=4, hidden=(24,))
DESCENT = Descent(steps=40, batch_size=6, learning_rate=0.05, momentum=0.9, weight_decay=1e-2)
PRIVACY = Privacy(clip=1.5, noise_multiplier=0.3)


def patients_of(world, samples_each):
    """Patients with 1 to `samples_each` samples; members are whole patients."""
    patients = np.repeat(np.arange(len(world.y)), np.resize(np.arange(samples_each) + 1, len(world.y)))[: len(world.y)]
    members = np.zeros_like(world.members)
    for own, other in zip(members, world.members, strict=True):
        own[np.isin(patients, patients[other][: other.sum() // samples_each])] = True
    return patients, replace(world, members=members)


def coordinates_of(world):
    """A root L of K and the orthonormal rows Q with X = L Q."""
    L = factor(world.gram)
    Q = np.linalg.lstsq(L, world.X, rcond=None)[0]
    assert np.allclose(Q @ Q.T, np.eye(len(Q)), atol=1e-9)
    return L, Q


def pool_of(world, patients, values):
    return GenePool(torch.as_tensor(values), world.y, patients)


def make_private_draws(world, network, patients, Q, *, rate=0.25):
    later = sum(int(np.prod(shape)) for shape in parameter_shapes(network))

    def sample(model, step):
        own = patients[world.members[model]]
        names = np.unique(own)
        share = 0.0 if step in {3, 4} else rate  # two batches without patients
        drawn = names[generator(5, "sample", model, step).random(names.size) < share]
        return np.flatnonzero(np.isin(own, drawn))

    def noise(model, step):
        rng = generator(5, "noise", model, step)
        return rng.normal(size=(len(Q), network.widths[0])), rng.normal(size=later)

    def start(model):
        return Start(Q @ first_weights(network, world.X.shape[1], model).T, later_weights(network, model))

    return replace(make_draws(world, network), start=start, sample=sample, noise=noise)


def parameters_in_order(model):
    weights = [linear.weight for linear in model.linear]
    norms = [norm.weight for norm in model.norm] + [norm.bias for norm in model.norm]
    return [*weights, *(linear.bias for linear in model.linear), *norms]


def train_plain_privately(world, patients, model_index, network, descent, privacy, draws, Q):
    """Per-patient gradients by autograd, one patient at a time, in gene space; noise carried to the genes by Q."""
    X, y = torch.as_tensor(world.X), torch.as_tensor(world.y)
    W0 = first_weights(network, X.shape[1], model_index)
    model = build(network, W0, later_weights(network, model_index), torch.float64)
    optimiser = torch.optim.SGD(
        groups(model, descent.weight_decay), lr=1.0, momentum=descent.momentum, nesterov=descent.nesterov
    )
    parameters = parameters_in_order(model)
    rows = np.flatnonzero(world.members[model_index])
    clipped = 0
    for step in range(descent.steps):
        for group in optimiser.param_groups:
            group["lr"] = descent.rate(step)
        drawn = draws.sample(model_index, step)
        masks = [torch.as_tensor(draws.keep(model_index, step, 0, len(drawn)))] if network.dropout else None
        total = [torch.zeros_like(p) for p in parameters]
        for patient in np.unique(patients[rows[drawn]]):
            own = np.flatnonzero(patients[rows[drawn]] == patient)
            kept = None if masks is None else [masks[0][own].double()]
            out = model(X[rows[drawn[own]]], kept)
            loss = torch.nn.functional.cross_entropy(
                out, y[rows[drawn[own]]], reduction="sum", label_smoothing=descent.label_smoothing
            )
            gradient = torch.autograd.grad(loss, parameters)
            norm = torch.sqrt(sum((g**2).sum() for g in gradient))
            clipped += bool(norm > privacy.clip)
            for running, g in zip(total, gradient, strict=True):
                running.add_(g, alpha=min(1.0, privacy.clip / float(norm)))
        first, later = (torch.as_tensor(part) for part in draws.noise(model_index, step))
        sizes = [p.numel() for p in parameters[1:]]
        fresh = [
            first.T @ torch.as_tensor(Q),
            *(n.view(p.shape) for n, p in zip(later.split(sizes), parameters[1:], strict=True)),
        ]
        for p, t, n in zip(parameters, total, fresh, strict=True):
            p.grad = (t + privacy.noise_multiplier * privacy.clip * n) / descent.batch_size
        optimiser.step()
    with torch.no_grad():
        logits = model.eval()(X).numpy()
    return logits, clipped, float((logits[rows].argmax(1) == world.y[rows]).mean())


CASES = {
    "one sample per patient": (MLP, DESCENT, 1),
    "several samples per patient": (MLP, DESCENT, 3),
    "nesterov, schedule and smoothing": (
        MLP,
        replace(DESCENT, nesterov=True, learning_rate=tuple(np.linspace(0.04, 0.01, 40)), label_smoothing=0.1),
        2,
    ),
    "no momentum": (MLP, replace(DESCENT, momentum=0.0, learning_rate=0.3), 2),
    "layer norm": (replace(MLP, layer_norm=True), DESCENT, 3),
    "dropout": (replace(MLP, dropout=0.2), DESCENT, 2),
    "three hidden layers": (replace(MLP, hidden=(24, 20, 16)), DESCENT, 2),
    "softmax regression": (replace(MLP, hidden=()), DESCENT, 3),
}


@pytest.mark.parametrize("genes", [300, 30], ids=["p > n", "n > p"])
@pytest.mark.parametrize("case", CASES)
def test_equals_dp_sgd_in_gene_space_with_the_same_noise(case, genes):
    network, descent, samples_each = CASES[case]
    patients, world = patients_of(make_world(genes=genes, models=3), samples_each)
    L, Q = coordinates_of(world)
    draws = make_private_draws(world, network, patients, Q)
    pool = pool_of(world, patients, L)
    stacked = train_in_genes(pool, world.members, network=network, descent=descent, draws=draws, privacy=PRIVACY)
    for models, logits in stacked:
        for model, own in zip(models, logits.numpy(), strict=True):
            plain, clipped, accuracy = train_plain_privately(
                world, patients, model, network, descent, PRIVACY, draws, Q
            )
            assert clipped > 10
            assert accuracy > 0.4
            assert np.abs(plain).max() > 1
            assert np.abs(own - plain).max() < 1e-8


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_one_step_without_noise_equals_opacus():
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    world = make_world(models=1, uneven=False)
    patients = np.arange(len(world.y))
    L, Q = coordinates_of(world)
    draws = make_private_draws(world, MLP, patients, Q)
    descent = replace(DESCENT, steps=1, weight_decay=0.0, learning_rate=2.0)
    privacy = Privacy(clip=1.5, noise_multiplier=0.0)
    pool = pool_of(world, patients, L)
    [(_, logits)] = train_in_genes(pool, world.members, network=MLP, descent=descent, draws=draws, privacy=privacy)
    X, y = torch.as_tensor(world.X), torch.as_tensor(world.y)
    plain = build(MLP, first_weights(MLP, X.shape[1], 0), later_weights(MLP, 0), torch.float64)
    before = plain(X).detach()
    model = GradSampleModule(plain)
    optimiser = DPOptimizer(
        torch.optim.SGD(model.parameters(), lr=descent.rate(0)),
        noise_multiplier=0.0,
        max_grad_norm=privacy.clip,
        expected_batch_size=descent.batch_size,
    )
    drawn = np.flatnonzero(world.members[0])[draws.sample(0, 0)]
    torch.nn.functional.cross_entropy(model(X[drawn]), y[drawn]).backward()
    optimiser.step()
    after = plain(X).detach()
    assert float((after - before).abs().max()) > 0.1
    assert float((logits[0] - after).abs().max()) < 1e-5  # Opacus adds 1e-6 to norms


def test_noise_has_the_law_it_has_on_genes():
    """A pool that is never sampled collects noise alone: pre-activations ~ N(0, variance * K)."""
    world = make_world(rows=12, genes=40, classes=2, models=2000, uneven=False)
    patients, network = np.arange(12), Network(classes=2, hidden=())
    L, Q = coordinates_of(world)
    draws = make_private_draws(world, network, patients, Q, rate=0.0)
    draws = replace(draws, start=lambda _: Start(np.zeros((12, 2))))
    descent = Descent(steps=2, batch_size=3, learning_rate=0.5, momentum=0.5)
    trained = train_in_genes(
        pool_of(world, patients, L), world.members, network=network, descent=descent, draws=draws, privacy=PRIVACY
    )
    out = np.concatenate([logits.numpy()[:, :, 0] for _, logits in trained])
    one = (0.5 * PRIVACY.clip * PRIVACY.noise_multiplier / 3) ** 2
    expected = one * (1 + 1.5**2) * (world.gram + 1)  # the first noise moves W by 1 + momentum times the rate
    found = out.T @ out / len(out)
    error = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / len(out))
    assert np.abs((found - expected) / error).max() < 4.5


def test_what_no_gradient_moves_has_the_variance_of_a_random_walk():
    descent = Descent(steps=2, batch_size=3, learning_rate=0.5, momentum=0.5)
    one = 0.5 * PRIVACY.clip * PRIVACY.noise_multiplier / 3
    assert unmoved_deviation(descent, PRIVACY, 0.0) == pytest.approx(one * np.sqrt(1 + 1.5**2))
    assert unmoved_deviation(descent, replace(PRIVACY, noise_multiplier=0.0), 0.7) == pytest.approx(0.7)
    decayed = Descent(steps=3, batch_size=3, learning_rate=(0.5, 0.2, 0.1), weight_decay=0.3)
    quiet = replace(PRIVACY, noise_multiplier=0.0)
    assert unmoved_deviation(decayed, quiet, 0.7) == pytest.approx(0.7 * 0.85 * 0.94 * 0.97)


@pytest.mark.parametrize("nesterov", [False, True])
def test_what_no_gradient_moves_has_the_deviation_that_torch_s_optimiser_gives_it(nesterov):
    descent = Descent(steps=30, batch_size=2.5, learning_rate=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.05)
    weight = torch.nn.Parameter(0.3 * torch.randn(100_000, generator=torch.Generator().manual_seed(0)))
    optimiser = torch.optim.SGD([weight], lr=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.05)
    numbers = torch.Generator().manual_seed(1)
    for _ in range(30):
        weight.grad = torch.randn(100_000, generator=numbers) * PRIVACY.clip * PRIVACY.noise_multiplier / 2.5
        optimiser.step()
    # The deviation of 100,000 normal numbers has a standard error of 0.22 per cent.
    assert float(weight.detach().std()) == pytest.approx(unmoved_deviation(descent, PRIVACY, 0.3), rel=0.01)


def test_a_model_is_the_same_to_the_bit_whatever_its_company():
    patients, world = patients_of(make_world(models=3), 2)
    L, Q = coordinates_of(world)
    draws = make_private_draws(world, MLP, patients, Q)

    def logits(models):
        program = {"network": MLP, "descent": DESCENT, "draws": draws, "privacy": PRIVACY, "models": models}
        pool = pool_of(world, patients, L.astype(np.float32))
        return {
            own: out
            for chosen, outs in train_in_genes(pool, world.members, **program)
            for own, out in zip(chosen.tolist(), outs, strict=True)
        }

    together = logits([0, 1, 2])
    for model in range(3):
        assert torch.equal(logits([model])[model], together[model])


def test_refuses_what_has_no_meaning_for_a_patient():
    patients, world = patients_of(make_world(models=1), 1)
    L, Q = coordinates_of(world)
    draws = make_private_draws(world, MLP, patients, Q)
    program = {"network": MLP, "descent": DESCENT, "draws": draws, "privacy": PRIVACY}
    for pool in (GenePool(torch.as_tensor(L), world.y), GenePool(lambda _: torch.as_tensor(L), world.y, patients)):
        with pytest.raises(ConfigError, match="patient of every row"):
            list(train_in_genes(pool, world.members, **program))
    program["draws"] = replace(draws, mix=lambda *_: (1.0, []))
    with pytest.raises(ConfigError, match="mixup"):
        list(train_in_genes(pool_of(world, patients, L), world.members, **program))
