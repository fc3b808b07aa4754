"""What a fitted recipe is asked beyond its outputs on the samples: further queries, and its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, IntArray
from genoaudit.data.queries import make_queries
from genoaudit.training.outputs import Asked, ModelOutputs, outputs_of
from genoaudit.training.white_box import TellsGradients, comes_near_an_optimum, gradient_signals, has_gradients

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe
    from genoaudit.data.cohort import Cohort


@dataclass(frozen=True, eq=False)
class Questions:
    """What every model is asked; plain arrays, shipped to workers once.

    Parameters
    ----------
    X, y, patients
        Expression, class and patient of every sample.
    queries
        Expression of the further queries, [queries, samples, genes].
    classes
        Number of classes.
    white_box
        Whether gradients are wanted.
    """

    X: NDArray[np.float32]
    y: IntArray
    patients: IntArray
    queries: NDArray[np.float32]
    classes: int
    white_box: bool

    @classmethod
    def of(cls, cohort: Cohort, asked: Asked, seed: int) -> Questions:
        """Draw the further queries, once for all models."""
        X = np.asarray(cohort.X)
        queries = np.empty((0, *X.shape), dtype=np.float32)
        if asked.queries:
            queries = make_queries(cohort, count=asked.queries, seed=seed, noise=asked.noise, thinning=asked.thinning)
        return cls(X, cohort.y, cohort.patients, queries, len(cohort.classes), asked.white_box)


def ask(questions: Questions, recipe: Recipe, outputs: ModelOutputs, members: BoolArray) -> ModelOutputs:
    """Add a fitted recipe's answers to its outputs on the samples; `members` are the samples it was fitted on."""
    answers = [outputs, *_answers(recipe, questions)]
    outputs = replace(
        outputs,
        logit=np.concatenate([answer.logit for answer in answers]),
        label=np.concatenate([answer.label for answer in answers]),
    )
    if not (questions.white_box and _knows_all(recipe, questions.classes)):
        return outputs
    if not has_gradients(recipe):
        norms = recipe.gradient_norms(questions.X, questions.y) if isinstance(recipe, TellsGradients) else None
        return replace(outputs, grad_norm=norms)
    grad_norm, influence = gradient_signals(recipe, questions.X, questions.y, members, questions.patients)
    # A network that stopped early leaves over a gradient of its own, in which a patient's is lost.
    return replace(outputs, grad_norm=grad_norm, influence=influence if comes_near_an_optimum(recipe) else None)


def _answers(recipe: Recipe, questions: Questions) -> Iterable[ModelOutputs]:
    return (outputs_of(recipe, X, questions.y, classes=questions.classes) for X in questions.queries)


def _knows_all(recipe: Any, classes: int) -> bool:
    return bool(np.array_equal(np.asarray(recipe.classes_), np.arange(classes)))
