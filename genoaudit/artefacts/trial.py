"""Whether a recipe can be stored at all, found out before hours are spent on training it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from genoaudit.artefacts.booster import booster_parameters
from genoaudit.artefacts.parts import Told, told_by, untrusted_types, write_parts
from genoaudit.artefacts.recipe_file import booster_of, inputs_of_parts, other_parts, pack
from genoaudit.contracts import IntArray, Recipe
from genoaudit.errors import ArtefactError
from genoaudit.models.fitting import fit_recipe

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort

PER_CLASS = 12
"""Member samples of each class that a trial takes."""


@dataclass(frozen=True)
class Trial:
    """What was found out.

    Parameters
    ----------
    counts
        What in the file would say how many samples there were, by class and attribute.
    trusted
        Types that whoever reads the file must name as trusted.
    """

    counts: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


def try_out(recipe: Recipe, cohort: Cohort, members: IntArray) -> Trial:
    """Find out whether a recipe can be stored, by storing copies of it that were fitted on a few samples.

    Our own estimators need no trial. For those of other libraries two copies are fitted, on one sample more and one
    less: what grows along holds something of every member. Where so few samples do not suffice for a recipe, its types
    are looked at unfitted, and the rest shows after training.

    Parameters
    ----------
    recipe
        Unfitted; it stays so.
    cohort
        The pool.
    members
        Rows of the members' samples.

    Raises
    ------
    ArtefactError
        If no safe file can hold the recipe, or one would hold the profiles of members.
    """
    booster = booster_of(recipe)
    if booster is not None:
        booster_parameters(booster)
    parts = other_parts(recipe)
    if not parts:
        return Trial()
    rows = _few(cohort.y[members])
    fitted = [_fitted(recipe, cohort, members[some]) for some in (rows, rows[:-1])]
    if any(one is None for one in fitted):
        return Trial(trusted=untrusted_types(write_parts(parts)))
    told = [_told(one, cohort, members[some]) for one, some in zip(fitted, (rows, rows[:-1]), strict=True)]
    grows = told[0].sized & told[1].sized
    if held := sorted(told[0].profiles | told[1].profiles | grows):
        msg = (
            f"{', '.join(held)}: this kind of model keeps something of every patient as it is, such as the profile. To "
            "hand it out is to hand that out; choose another kind."
        )
        raise ArtefactError(msg)
    trusted = untrusted_types(write_parts(pack(fitted[0]).parts))
    return Trial(counts=tuple(sorted(told[0].counts & told[1].counts)), trusted=trusted)


def _few(y: IntArray) -> IntArray:
    """Choose a few samples of each class, so that the last one can be spared."""
    chosen = [np.flatnonzero(y == code)[:PER_CLASS] for code in np.unique(y)]
    return np.concatenate(sorted(chosen, key=len))


def _fitted(recipe: Recipe, cohort: Cohort, rows: IntArray) -> Any:
    """Fit a copy, or return None if these samples do not suffice for it."""
    try:
        return fit_recipe(clone(recipe), cohort.X[rows], cohort.y[rows], patients=cohort.patients[rows])
    except Exception:  # noqa: BLE001  anybody's code, on fewer samples than it was made for; the training itself will tell
        return None


def _told(fitted: Any, cohort: Cohort, rows: IntArray) -> Told:
    return told_by(write_parts(pack(fitted).parts), inputs_of_parts(fitted, cohort.X[rows]))
