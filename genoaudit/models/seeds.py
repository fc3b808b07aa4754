"""Where the one model that leaves the house takes its random numbers from: a seed, or what nobody can draw again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from genoaudit.contracts import Recipe
from genoaudit.models.recipes import set_random_state


def for_release(recipe: Recipe, seed: int | None) -> Recipe:
    """Return an unfitted copy that draws all its random numbers from a seed, or from the operating system.

    With a seed, every ``random_state`` comes from the seed path ``("release",)``; without one, all are None, also those
    that the recipe brought along. The noise of `genoaudit.models.outputs.DefendedOutputs` never comes from a seed: it
    is no part of training, and whoever guessed the seed could take it off the answers.

    Examples
    --------
    >>> from genoaudit.models.recipes import build_recipe
    >>> seeded = for_release(build_recipe("mlp", {}, scale="log2"), 7)
    >>> seeded_parameters(seeded), seeded_parameters(for_release(seeded, None))
    (('classifier__random_state',), ())
    """
    from sklearn.base import clone

    copy: Any = clone(recipe) if seed is None else set_random_state(recipe, seed, "release")
    free = _states(copy) if seed is None else _states_of_answers(copy)
    copy.set_params(**dict.fromkeys(free))
    return cast(Recipe, copy)


def seeded_parameters(recipe: Any) -> tuple[str, ...]:
    """Name every ``random_state`` of a training that can be drawn again, in whatever step it stands.

    A guarantee holds against those who cannot draw the noise again, so that one seeded step undoes it, whatever
    ``releasable_`` says of the classifier alone.
    """
    parameters = recipe.get_params()
    answers = set(_states_of_answers(recipe))
    return tuple(name for name in _states(recipe) if parameters[name] is not None and name not in answers)


def _states(recipe: Any) -> Iterator[str]:
    return (name for name in recipe.get_params() if name.rpartition("__")[2] == "random_state")


def _states_of_answers(recipe: Any) -> Iterator[str]:
    from genoaudit.models.outputs import DefendedOutputs

    if isinstance(recipe, DefendedOutputs):
        yield "random_state"
    for name, value in recipe.get_params().items():
        if isinstance(value, DefendedOutputs):
            yield f"{name}__random_state"
