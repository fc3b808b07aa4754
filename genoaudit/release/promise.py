"""What a given model's training promises, as its maker says or as its recipe would have it."""

from __future__ import annotations

from dataclasses import replace

from genoaudit.contracts import Recipe
from genoaudit.data.target import Target
from genoaudit.models.claims import PrivacyClaim, privacy_claim
from genoaudit.privacy.accounting import guarantee

_UNKNOWN = "What else was done with the patients is not known, so the promise is about the private steps alone."
_TRAINED_BY_IT = "The given model was trained by this recipe; its answers alone do not show that."


def claim_of(target: Target, recipe: Recipe | None) -> PrivacyClaim | None:
    """Say what is promised to the members of a given model.

    Where its mechanisms are known, they count; what this package trained without any promises nothing. Otherwise the
    promise is that of the recipe, if the model was trained by it, which nothing shows: it is assumed. Random numbers
    count as ones that can be drawn again unless it is known that they cannot.

    Parameters
    ----------
    target
        The given model.
    recipe
        What it is said to be trained by, settled (`genoaudit.models.claims.settle_privacy`); None: not known.

    Returns
    -------
    None where nothing private is known.
    """
    if target.mechanisms and target.delta is not None:
        of_model = None
        if target.model is not None:
            of_model = privacy_claim(target.model, patients=target.mechanisms[0].patients)
        return PrivacyClaim(
            guarantee=guarantee(target.mechanisms, target.delta),
            mechanisms=tuple(target.mechanisms),
            gaps=(_UNKNOWN,) if of_model is None else of_model.gaps,
            assumptions=() if of_model is None else of_model.assumptions,
            seeded=target.seeded is not False,
        )
    if recipe is None or target.kind == "genoaudit":
        return None
    claim = privacy_claim(recipe, patients=int(target.members.sum()))
    if claim is None:
        return None
    assumptions = (*claim.assumptions, _TRAINED_BY_IT)
    return replace(claim, assumptions=assumptions, seeded=target.seeded is not False, assumed=True)
