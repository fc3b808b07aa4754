"""Penalties on weights: the less a model can bend towards a single patient, the less it tells of him.

A penalty is set to at least the given coefficient; what a recipe has of it already is never taken back.
"""

from __future__ import annotations

from typing import Any, Literal

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.mitigations.steps import at_least, classifier_of, lacks, number_of, refuse, with_parameters
from genoaudit.models.settings import amount

_NETWORK = {"l2": "weight_decay", "l1": "l1"}
_TREES = {"l2": "reg_lambda", "l1": "reg_alpha"}
_UNSET = {"reg_lambda": 1.0, "reg_alpha": 0.0}
"""What XGBoost uses where its parameter is None."""


def _apply_l2(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    return _penalised(recipe, "l2", amount("l2", setting))


def _apply_l1(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    return _penalised(recipe, "l1", amount("l1", setting))


def _apply_group_lasso(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    refuse("group_lasso", GROUP_LASSO.why_not(recipe))
    return at_least(recipe, "group_lasso", amount("group_lasso", setting))


def _penalised(recipe: Recipe, norm: Literal["l1", "l2"], value: float) -> Recipe:
    refuse(norm, _why_not(recipe, norm))
    if _is_logistic(recipe):
        return _logistic_penalised(recipe, norm, value)
    parameter = _parameter(recipe, norm)
    return at_least(recipe, parameter, value, unset=_UNSET.get(parameter, 0.0))


def _logistic_penalised(recipe: Recipe, norm: Literal["l1", "l2"], value: float) -> Recipe:
    """Give scikit-learn's two penalties, (1 - l1_ratio) / C and l1_ratio / C, the new value of one of them."""
    own = classifier_of(recipe).get_params(deep=False)
    ratio = {"l1": 1.0, "l2": 0.0}.get(own["penalty"], own["l1_ratio"] or 0.0)
    total = 0.0 if own["penalty"] is None else 1 / own["C"]
    penalties = {"l1": ratio * total, "l2": (1 - ratio) * total}
    if value <= penalties[norm]:
        return with_parameters(recipe, {})
    penalties[norm] = value
    total = sum(penalties.values())
    changed = {"C": 1 / total, "l1_ratio": penalties["l1"] / total}
    if penalties["l1"] > 0:
        changed["solver"] = "saga"  # the one solver of both penalties and of many classes
    if own["penalty"] != "deprecated":  # scikit-learn before 1.8, or written by the user
        changed["penalty"] = "elasticnet" if penalties["l1"] > 0 else "l2"
    return with_parameters(recipe, changed)


def _is_logistic(recipe: Recipe) -> bool:
    from sklearn.linear_model import LogisticRegression

    return isinstance(classifier_of(recipe), LogisticRegression)


def _parameter(recipe: Recipe, norm: Literal["l1", "l2"]) -> str:
    return next((name for name in (_NETWORK[norm], _TREES[norm]) if number_of(recipe, name) is not None), "")


def _why_not(recipe: Recipe, norm: Literal["l1", "l2"]) -> str | None:
    if _is_logistic(recipe):
        return None
    if parameter := _parameter(recipe, norm):
        return lacks(parameter)(recipe)
    return (
        f"{type(classifier_of(recipe)).__name__} has no {norm.upper()} penalty that is known here: a logistic "
        f"regression, or a parameter {_NETWORK[norm]!r} or {_TREES[norm]!r}"
    )


def _l2_why_not(recipe: Recipe) -> str | None:
    return _why_not(recipe, "l2")


def _l1_why_not(recipe: Recipe) -> str | None:
    return _why_not(recipe, "l1")


_UNITS = (
    "0, or less than a recipe has, leaves it as it is. Networks: coefficient beside the mean loss of a sample. "
    "Logistic regression: beside the sum of the losses, so the same number is weaker by the number of samples."
)
_NO_PROMISE = (
    "It lowers the average gap between members and non-members. A patient whom the others do not explain, such as one "
    "of a rare class or with a wrong label, can stay exposed, and nothing is guaranteed."
)

L2 = Mitigation(
    name="l2",
    title="L2 penalty (weight decay)",
    protects="Membership attacks that live on overfitting: small weights cannot single out one profile among thousands "
    "of genes.",
    costs="Too strong, and accuracy falls and probabilities move towards the class shares. No extra time.",
    failures=_NO_PROMISE,
    reference="Shokri, Stronati, Song, Shmatikov. Membership inference attacks against machine learning models. IEEE "
    "Symposium on Security and Privacy 2017. doi:10.1109/SP.2017.41",
    setting=f"{_UNITS} The squared norm counts half. XGBoost: reg_lambda.",
    defaults=(0.03, 0.1, 0.3),
    apply=_apply_l2,
    why_not=_l2_why_not,
)

L1 = Mitigation(
    name="l1",
    title="L1 penalty (lasso)",
    protects="Membership attacks that live on overfitting: weights that do not earn their keep become exactly 0, so "
    "that fewer genes can carry the memory of a patient.",
    costs="Genes that tell the same are dropped at random, and accuracy falls where many small effects add up. "
    "Logistic regression needs a slower solver. Training works on all genes, not on inner products of samples.",
    failures=f"{_NO_PROMISE} Which genes are left depends on the members and is itself something they leak.",
    reference="Tibshirani. Regression shrinkage and selection via the lasso. Journal of the Royal Statistical Society "
    "B 58:267-288, 1996. doi:10.1111/j.2517-6161.1996.tb02080.x",
    setting=f"{_UNITS} XGBoost: reg_alpha, on the weights of leaves.",
    defaults=(0.001, 0.003),
    apply=_apply_l1,
    why_not=_l1_why_not,
)

GROUP_LASSO = Mitigation(
    name="group_lasso",
    title="Group lasso over genes",
    protects="Membership attacks that live on overfitting: all first-layer weights of a gene become 0 together, so "
    "that whole genes leave the model.",
    costs="Accuracy falls where many genes each tell a little. Training works on all genes, not on inner products of "
    "samples, which is slower where genes are many.",
    failures=f"{_NO_PROMISE} Which genes are left depends on the members and is itself something they leak.",
    reference="Yuan, Lin. Model selection and estimation in regression with grouped variables. Journal of the Royal "
    "Statistical Society B 68:49-67, 2006. doi:10.1111/j.1467-9868.2005.00532.x",
    setting="Coefficient of the sum over genes of the norm of a gene's first-layer weights, beside the mean loss of a "
    "sample; 0, or less than a recipe has, leaves it as it is.",
    defaults=(0.003, 0.01),
    apply=_apply_group_lasso,
    why_not=lacks("group_lasso"),
)
