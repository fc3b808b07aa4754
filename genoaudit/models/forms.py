"""What a recipe is: whether its training has an exact form that does not depend on the number of genes.

A recipe is either of a known form or it is not; nothing is guessed from how it behaves. A recipe without the form is
trained as it is, one model at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from genoaudit.contracts import Recipe, Scale

_ENOUGH_ITERATIONS = 100


@dataclass(frozen=True)
class ExactForm:
    """A recipe whose first layer sees genes only through products of samples.

    Parameters
    ----------
    scale
        Declared scale, which the log step maps.
    scaling, gain
        As `ExpressionScaler` has them.
    genes
        How many genes, chosen by variance among the members, a model sees; None: all.
    kind
        ``"network"``: trained by stochastic gradient descent. ``"convex"``: L2-penalised logistic regression.
    classifier
        The last step, for its parameters.
    """

    scale: Scale
    scaling: Literal["members", "sample", "none"]
    gain: float | None
    genes: int | None
    kind: Literal["network", "convex"]
    classifier: Any

    @property
    def private(self) -> bool:
        """Whether it is trained with DP."""
        return self.kind == "network" and self.classifier.dp is not None


@dataclass(frozen=True)
class Inexact:
    """Why a recipe has no exact form."""

    reason: str


def form_of(recipe: Recipe) -> ExactForm | Inexact:
    """Say whether a recipe can be trained exactly in the coordinates of its samples, and if not, why.

    Examples
    --------
    >>> from genoaudit.models.recipes import build_recipe
    >>> form_of(build_recipe("mlp", {}, scale="log2")).kind
    'network'
    >>> form_of(build_recipe("mlp", {"optimizer": "adam"}, scale="log2")).reason
    'Adam scales every coordinate by itself'
    """
    from sklearn.pipeline import Pipeline

    from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
    from genoaudit.data.selection import VariableGenes
    from genoaudit.models.mlp import MLPClassifier

    steps = [step for _, step in recipe.steps] if isinstance(recipe, Pipeline) else []
    selector = steps.pop(1) if len(steps) == 4 and type(steps[1]) is VariableGenes else None
    if [type(step) for step in steps[:-1]] != [LogTransform, ExpressionScaler]:
        return Inexact("its preprocessing is not the built-in log step and scaler")
    log, scaler, classifier = steps
    if selector is not None and scaler.scaling != "members":
        return Inexact(f"genes are chosen by the members and scaled by {scaler.scaling!r}")
    kind: Literal["network", "convex"]
    if type(classifier) is MLPClassifier:
        reason = _why_no_network(classifier, scaler.scaling)
        if reason is not None:
            return Inexact(reason)
        kind = "network"
    else:
        reason = _why_not_convex(classifier)
        if reason is not None:
            return Inexact(reason)
        kind = "convex"
    return ExactForm(
        scale=log.scale,
        scaling=scaler.scaling,
        gain=scaler.gain,
        genes=None if selector is None else int(selector.genes),
        kind=kind,
        classifier=classifier,
    )


def _why_no_network(classifier: Any, scaling: str) -> str | None:
    private = classifier.dp is not None
    reasons = {
        "Adam scales every coordinate by itself": classifier.optimizer != "sgd",
        "L1 sees single genes": classifier.l1 > 0,
        "group lasso sees single genes": classifier.group_lasso > 0,
        "early stopping stops by itself, on patients held out": classifier.early_stopping > 0,
        "warm_start goes on from what was learnt before": classifier.warm_start,
        "DP with preprocessing fitted on the members is trained in gene space": private and scaling == "members",
        "DP goes neither with mixup nor with class weights": private
        and (classifier.mixup > 0 or classifier.class_weights is not None),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _why_not_convex(classifier: Any) -> str | None:
    from sklearn.linear_model import LogisticRegression

    if type(classifier) is not LogisticRegression:
        return f"{type(classifier).__name__} sees single genes"
    shipped = LogisticRegression().get_params()
    given = classifier.get_params()
    # These decide how close the solver comes to the optimum; the exact form is the optimum.
    free = {"C", "tol", "random_state", "n_jobs", "verbose", "max_iter", "solver", "intercept_scaling"}
    changed = sorted(name for name in given if name not in free and given[name] != shipped[name])
    if changed:
        return f"LogisticRegression with its own {', '.join(changed)} is another objective"
    if given["solver"] == "liblinear":
        return "liblinear penalises the intercept"
    if given["max_iter"] < _ENOUGH_ITERATIONS:
        return f"LogisticRegression stopped after {given['max_iter']} iterations is not at its optimum"
    return None
