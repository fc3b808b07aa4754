"""Dropout: no hidden unit can count on being there, so none can keep a single patient."""

from __future__ import annotations

from typing import Any

from genoaudit.contracts import Mitigation, Recipe
from genoaudit.mitigations.steps import at_least, classifier_of, lacks, refuse
from genoaudit.models.settings import amount


def _apply(recipe: Recipe, setting: Any, _genes: tuple[str, ...]) -> Recipe:
    refuse("dropout", _why_not(recipe))
    return at_least(recipe, "dropout", amount("dropout", setting, below=1.0))


def _why_not(recipe: Recipe) -> str | None:
    hidden = classifier_of(recipe).get_params(deep=False).get("hidden")
    if isinstance(hidden, list | tuple) and not hidden:
        return "the network has no hidden layer, whose units it would drop"
    return lacks("dropout")(recipe)


DROPOUT = Mitigation(
    name="dropout",
    title="Dropout of hidden units",
    protects="Membership attacks that live on overfitting: random halves of the network must all get by, which a "
    "memorised patient does not help.",
    costs="Training needs more passes to fit equally well; wide networks lose little accuracy, narrow ones more.",
    failures="Attacks with reference models know of the dropout and train with it: exposed patients mostly stay "
    "exposed. Nothing is guaranteed.",
    reference="Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov. Dropout: a simple way to prevent neural "
    "networks from overfitting. Journal of Machine Learning Research 15:1929-1958, 2014. doi:10.5555/2627435.2670313",
    setting="Chance, below 1, that a hidden unit is left out of a training step; 0, or less than a recipe has, leaves "
    "it as it is.",
    defaults=(0.25, 0.5),
    apply=_apply,
    why_not=_why_not,
)
