"""What a given model's training promises, where its maker says what was done to protect its members."""

from __future__ import annotations

import math

from genoaudit.data.target import Target
from genoaudit.models.claims import privacy_claim
from genoaudit.privacy.accounting import guarantee
from genoaudit.report.sections import Guarantee

_UNKNOWN = "What else was done with the patients is not known, so the promise is about the private steps alone."


def promise_of(target: Target) -> Guarantee | None:
    """Return epsilon of the mechanisms that a model was trained by, with what it does not cover.

    Random numbers count as ones that can be drawn again unless it is known that they cannot.

    Returns
    -------
    None where nothing is known of any mechanism.
    """
    if not target.mechanisms or target.delta is None:
        return None
    found = guarantee(target.mechanisms, target.delta)
    claim = None if target.model is None else privacy_claim(target.model, patients=target.mechanisms[0].patients)
    gaps = (_UNKNOWN,) if claim is None else claim.gaps
    return Guarantee(
        epsilon=found.epsilon if math.isfinite(found.epsilon) else None,
        delta=found.delta,
        accountant=found.accountant,
        noise_multiplier=min(mechanism.noise_multiplier for mechanism in target.mechanisms),
        neighbouring=found.neighbouring,
        unit=found.unit,
        vacuous=found.vacuous,
        end_to_end=not gaps,
        gaps=gaps,
        assumptions=() if claim is None else claim.assumptions,
        seeded=target.seeded is not False,
    )
