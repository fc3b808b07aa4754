"""L2-penalised logistic regression for many models at once, in dual coordinates: deterministic, nothing drawn.

The optimum is ``W = A^T X_m`` with one row of A per member, so the problem has members x classes unknowns instead of
genes x classes. Newton's method with conjugate gradients: every vector of gene space is carried as its dual
coordinates, inner products are ``u^T K v``, and one product with K serves an iteration. The objective is strongly
convex with modulus 1 in W, so the norm of the gradient bounds the distance to the optimum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genoaudit.contracts import BoolArray, IntArray
from genoaudit.errors import TrainingError
from genoaudit.training.stacked.chunk import Members, Pool, chunks_of_one_width, pad_members

_NEWTON_STEPS = 60
_HALVINGS = 30


def solve_logistic(
    pool: Pool,
    members: BoolArray,
    *,
    C: float,
    classes: int,
    tolerance: float = 1e-9,
    models: Sequence[int] | None = None,
    chunk: int = 12,
    look: Callable[[int, Tensor, Tensor], None] | None = None,
) -> Iterator[tuple[IntArray, Tensor]]:
    """Fit models and yield their logits on every row of the pool, a chunk at a time.

    The objective is that of scikit-learn's ``LogisticRegression(C=C)``: ``|W|^2 / 2 + C * sum(loss)``, multinomial
    (for two classes: binary), with an unpenalised intercept.

    Parameters
    ----------
    pool
        The rows; K in float64.
    members
        ``members[model, row]``.
    C
        Inverse strength of the penalty.
    classes
        Number of classes; every model needs members of at least two.
    tolerance
        Norm of the gradient at which a model is finished.
    models
        Which models; None: all.
    chunk
        Models solved at once; their numbers do not depend on it.
    look
        Called with every model, its dual coordinates [member rows, classes] and its intercepts [classes].

    Yields
    ------
    The models of a chunk and their logits, float64 [models, rows, classes]; of two classes, each the other's negative.

    Raises
    ------
    TrainingError
        If a model does not converge.
    """
    wanted = np.arange(len(members)) if models is None else np.asarray(models)
    widths = -(-members.sum(1) // 16) * 16  # a model's own, so that its rounding does not depend on its company
    # Two softmax columns share one difference w: |w/2|^2 + |w/2|^2 is half of |w|^2, hence the half of C.
    strength = C / 2 if classes == 2 else C
    for width, chosen in chunks_of_one_width(wanted, widths, chunk):
        problem = _Problem.of(pool, pad_members(members, tuple(chosen.tolist()), width), classes, strength)
        dual, intercept = _newton(problem, tolerance)
        for model, count, a, b in zip(chosen.tolist(), problem.counts, dual, intercept, strict=True):
            if look is not None:
                look(model, a[:count], b[0])
        columns = [gram.index_select(0, rows).mT for gram, rows in zip(problem.grams, problem.rows, strict=True)]
        yield chosen, torch.stack([own @ a for own, a in zip(columns, dual, strict=True)]) + intercept


@dataclass(frozen=True, eq=False)
class _Problem:
    """S logistic regressions; padded rows have weight 0."""

    grams: tuple[Tensor, ...]
    rows: Tensor
    counts: tuple[int, ...]
    within: Tensor
    labels: Tensor
    weight: Tensor

    @classmethod
    def of(cls, pool: Pool, part: Members, classes: int, strength: float) -> _Problem:
        grams = tuple(pool.gram if isinstance(pool.gram, Tensor) else pool.gram(model) for model in part.models)
        rows = part.rows.to(grams[0].device)
        within = torch.stack([gram[own][:, own] for gram, own in zip(grams, rows, strict=True)])
        y = torch.as_tensor(pool.y, device=rows.device)[rows]
        labels = torch.nn.functional.one_hot(y, classes).to(within)
        counts = torch.as_tensor(part.counts, device=rows.device).unsqueeze(1)
        real = torch.arange(part.width, device=rows.device) < counts
        return cls(grams, rows, part.counts, within, labels, (real * strength).to(within).unsqueeze(-1))

    def objective(self, z: Tensor, penalty: Tensor) -> Tensor:
        """Value at logits z [S, members, classes] and squared norms of W; [S]."""
        loss = z.logsumexp(-1) - (z * self.labels).sum(-1)
        return penalty / 2 + (loss * self.weight.squeeze(-1)).sum(-1)

    def curvature(self, chances: Tensor, move: Tensor) -> Tensor:
        """Change of the weighted residual when the logits move."""
        along = chances * move
        return self.weight * (along - chances * along.sum(-1, keepdim=True))


def _inner(u: Tensor, v: Tensor) -> Tensor:
    return (u * v).sum((1, 2))


def _newton(problem: _Problem, tolerance: float) -> tuple[Tensor, Tensor]:
    """Dual coordinates [S, members, classes] and intercepts [S, 1, classes] of the optima."""
    dual = torch.zeros_like(problem.labels)
    intercept = dual[:, :1].clone()
    for _ in range(_NEWTON_STEPS):
        fitted = problem.within.bmm(dual)
        z, penalty = fitted + intercept, _inner(dual, fitted)
        value = problem.objective(z, penalty)
        chances = torch.softmax(z, -1)
        residual = problem.weight * (chances - problem.labels)
        gradient, slope = dual + residual, residual.sum(1, keepdim=True)
        image = problem.within.bmm(gradient)
        norm = (_inner(gradient, image).clamp_(min=0) + _inner(slope, slope)).sqrt()
        active = norm > tolerance
        if not bool(active.any()):
            return dual, intercept
        step, step_image, shift = _conjugate_gradients(problem, chances, (gradient, image, slope), active, tolerance)
        move = step_image + shift
        descent = _inner(step, image) + _inner(shift, slope)
        size = active.to(z)
        for _ in range(_HALVINGS):
            tried = penalty + 2 * size * _inner(step, fitted) + size**2 * _inner(step, step_image)
            new = problem.objective(z + size[:, None, None] * move, tried)
            # Near the optimum the objective cannot tell points apart any more; the full step is right there.
            worse = active & (new > value + 1e-4 * size * descent + 1e-12 * value.abs())
            if not bool(worse.any()):
                break
            size = torch.where(worse, size / 2, size)
        scale = size[:, None, None]
        dual, intercept = dual + scale * step, intercept + scale * shift
    msg = (
        f"logistic regression: {int(active.sum())} of {len(dual)} models did not converge. Lower C or scale the genes."
    )
    raise TrainingError(msg)


def _conjugate_gradients(
    problem: _Problem, chances: Tensor, start: tuple[Tensor, Tensor, Tensor], active: Tensor, tolerance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Solve ``Hessian x = -gradient``; return x as dual coordinates, K times them, and its intercepts.

    A model that is done (or was not `active`) stands still, so that its numbers do not depend on its company.
    """
    left, left_image, left_slope = (-part for part in start)
    x, x_image, shift = torch.zeros_like(left), torch.zeros_like(left), torch.zeros_like(left_slope)
    along, along_image, along_slope = left, left_image, left_slope
    squared = _inner(left, left_image) + _inner(left_slope, left_slope)
    # Ever more exact near the optimum, for quadratic convergence, but no more exact than is asked for.
    enough = (squared * squared.clamp(max=1e-2)).clamp(min=(tolerance / 4) ** 2)
    for _ in range(left.shape[1] * left.shape[2]):
        going = active & (squared > enough)
        if not bool(going.any()):
            break
        bent = problem.curvature(chances, along_image + along_slope)
        product, product_slope = along + bent, bent.sum(1, keepdim=True)
        product_image = problem.within.bmm(product)
        length = squared / (_inner(along, product_image) + _inner(along_slope, product_slope))
        length = torch.where(going, length, 0.0)[:, None, None]
        x, x_image, shift = x + length * along, x_image + length * along_image, shift + length * along_slope
        left, left_image = left - length * product, left_image - length * product_image
        left_slope = left_slope - length * product_slope
        now = torch.where(going, _inner(left, left_image) + _inner(left_slope, left_slope), squared)
        ratio = (now / squared)[:, None, None]
        along, along_image = left + ratio * along, left_image + ratio * along_image
        along_slope, squared = left_slope + ratio * along_slope, now
    return x, x_image, shift
