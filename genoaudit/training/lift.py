"""From coordinates back to a recipe: the fitted Pipeline that the exact engines have trained without ever writing it.

Asked for where somebody wants more of a model than its scores: its parameters, or its answers to rows that were not in
the pool. The initial weights are then drawn gene by gene, as the recipe itself draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genoaudit.contracts import BoolArray
from genoaudit.models.draws import FloatMatrix, RandomStreams, initial_parameters
from genoaudit.training.stacked.chunk import Chunk
from genoaudit.training.stacked.program import Network, Start


class Lift:
    """Fitted recipes of some models, as they are trained.

    Parameters
    ----------
    recipes
        Unfitted Pipelines, one per model; None in an empty place.
    X
        Expression of every sample, as the recipes take it; [samples, genes].
    members
        Member samples of each model; [models, samples].
    classes
        Number of classes.

    Attributes
    ----------
    fitted
        The Pipelines of the models trained so far, by model.
    """

    def __init__(self, recipes: Sequence[Any | None], X: NDArray[np.float32], members: BoolArray, classes: int) -> None:
        self._recipes, self._X, self._members, self._classes = recipes, X, members, classes
        self._starts: dict[int, FloatMatrix] = {}
        self._steps: dict[int, Any] = {}
        self.fitted: dict[int, Any] = {}

    def start(self, network: Network, streams: Sequence[RandomStreams], *, outputs: bool) -> Callable[[int], Start]:
        """Return how models start, drawn as `MLPClassifier` does; first layers by their `outputs` or by weights."""

        def start(model: int) -> Start:
            values = self._preprocessing(model).transform(self._X)
            (first, *later), _ = initial_parameters((values.shape[1], *network.widths), streams[model].init)
            self._starts[model] = first
            return Start(values @ first if outputs else first, tuple(weight.T for weight in later))

        return start

    def look(self, chunk: Chunk) -> None:
        """Read the parameters of a chunk of trained networks."""
        head = chunk.head
        for index, model in enumerate(chunk.part.models):
            steps = self._preprocessing(model)
            own = torch.as_tensor(steps.transform(self._X[self._members[model]]), device=chunk.like.device)
            start = torch.as_tensor(self._starts.pop(model), device=chunk.like.device)
            first = chunk.first_weights(index, start, own)
            weights = [_array(first), *(_array(weight[index].mT) for weight in head.weights)]
            norms = zip(head.gains, head.shifts, strict=True)
            self._finish(
                model,
                coefs_=weights,
                intercepts_=[_array(bias[index]) for bias in head.biases],
                norms_=[(_array(gain[index]), _array(shift[index])) for gain, shift in norms],
                loss_curve_=[],
            )

    def look_at_convex(self, model: int, dual: Tensor, intercept: Tensor) -> None:
        """Read a logistic regression from its dual coordinates."""
        values = self._preprocessing(model).transform(self._X[self._members[model]])
        coef, bias = dual.numpy(force=True).T @ values, intercept.numpy(force=True)
        if self._classes == 2:  # scikit-learn keeps the difference of the two columns
            coef, bias = coef[1:] - coef[:1], bias[1:] - bias[:1]
        self._finish(model, coef_=coef, intercept_=bias)

    def _preprocessing(self, model: int) -> Any:
        from sklearn.base import clone

        if model not in self._steps:
            recipe: Any = self._recipes[model]
            self._steps[model] = clone(recipe[:-1]).fit(self._X[self._members[model]])
        return self._steps[model]

    def _finish(self, model: int, **learnt: Any) -> None:
        from sklearn.base import clone
        from sklearn.pipeline import Pipeline

        recipe: Any = self._recipes[model]
        steps = self._steps.pop(model)
        name, classifier = recipe.steps[-1][0], clone(recipe.steps[-1][1])
        learnt["classes_"] = np.arange(self._classes)
        learnt["n_features_in_"] = int(learnt["coefs_"][0].shape[0] if "coefs_" in learnt else learnt["coef_"].shape[1])
        for attribute, value in learnt.items():
            setattr(classifier, attribute, value)
        self.fitted[model] = Pipeline([*steps.steps, (name, classifier)])


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.numpy(force=True), dtype=np.float32)
