"""Finding and changing the steps of a recipe; every function returns a copy and leaves its argument as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, cast

from genoaudit.contracts import Recipe
from genoaudit.errors import ConfigError


def copied(recipe: Recipe) -> Any:
    """Return an unfitted copy of the recipe."""
    from sklearn.base import clone

    return clone(recipe)


def classifier_of(recipe: Recipe) -> Any:
    """Return the last step of a Pipeline, or the classifier that the recipe is."""
    return recipe.steps[-1][1] if hasattr(recipe, "steps") else recipe


def with_parameters(recipe: Recipe, parameters: Mapping[str, Any]) -> Recipe:
    """Return a copy whose classifier has these parameters."""
    copy = copied(recipe)
    classifier_of(copy).set_params(**parameters)
    return cast(Recipe, copy)


def number_of(recipe: Recipe, parameter: str, *, unset: float = 0.0) -> float | None:
    """Return a parameter of the classifier that is a number (`unset` where it is None), or None if there is none."""
    parameters = classifier_of(recipe).get_params(deep=False)
    if parameter not in parameters:
        return None
    value = unset if parameters[parameter] is None else parameters[parameter]
    return None if isinstance(value, bool) or not isinstance(value, Real) else float(value)


def lacks(parameter: str) -> Callable[[Recipe], str | None]:
    """Make a `why_not`: the classifier has no number of this name, or cannot have it beside its other parameters."""

    def why_not(recipe: Recipe) -> str | None:
        if number_of(recipe, parameter) is None:
            return f"{type(classifier_of(recipe)).__name__} has no parameter {parameter!r} that is a number"
        return _does_not_go_with(recipe, parameter)

    return why_not


def _does_not_go_with(recipe: Recipe, parameter: str) -> str | None:
    probed = copied(classifier_of(recipe)).set_params(**{parameter: 0.5})  # a value that each protection takes
    try:
        if hasattr(probed, "_parameter_constraints"):  # XGBoost declares none
            probed._validate_params()
    except ValueError as error:
        return str(error).rstrip(".")
    return None


def at_least(recipe: Recipe, parameter: str, value: float, *, unset: float = 0.0) -> Recipe:
    """Return a copy whose classifier has at least this value: a protection never takes back what a recipe has."""
    own = number_of(recipe, parameter, unset=unset)
    return with_parameters(recipe, {} if own is not None and value <= own else {parameter: value})


def refuse(name: str, reason: str | None) -> None:
    """Raise where a protection cannot be put on a recipe.

    Raises
    ------
    ConfigError
        With the name of the protection and the reason, if there is one.
    """
    if reason is not None:
        raise ConfigError(f"{name} cannot be applied: {reason}.")
