"""Every attack, in the order in which people should read them: what needs least comes first."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from genoaudit.attacks.base_attack import BASE, BASE_OFFLINE
from genoaudit.attacks.bavaria import BAVARIA_N, BAVARIA_OFFLINE, BAVARIA_T
from genoaudit.attacks.confidence import CONFIDENCE
from genoaudit.attacks.difficulty import DIFFICULTY
from genoaudit.attacks.entropy import ENTROPY, MODIFIED_ENTROPY
from genoaudit.attacks.gap import GAP
from genoaudit.attacks.grad_norm import GRAD_NORM
from genoaudit.attacks.influence import INFLUENCE
from genoaudit.attacks.label_only import LABEL_AUGMENTATION, LABEL_NOISE
from genoaudit.attacks.lira import LIRA, LIRA_FIXED, LIRA_OFFLINE, LIRA_OFFLINE_FIXED
from genoaudit.attacks.loss import LOSS
from genoaudit.attacks.margin import MARGIN
from genoaudit.attacks.per_class import PER_CLASS
from genoaudit.attacks.qmia import QMIA
from genoaudit.attacks.rmia import RMIA, RMIA_OFFLINE
from genoaudit.attacks.sablayrolles import SABLAYROLLES
from genoaudit.attacks.shokri import SHOKRI_FOREST, SHOKRI_LOGISTIC, SHOKRI_LOGISTIC_PER_CLASS, SHOKRI_XGBOOST
from genoaudit.attacks.stacked import STACKED
from genoaudit.contracts import Attack, Combination
from genoaudit.errors import ConfigError

_NO_MODELS = (LOSS, CONFIDENCE, ENTROPY, MODIFIED_ENTROPY, MARGIN, GAP, QMIA)
_SHADOW_OUTPUTS = (
    PER_CLASS,
    SHOKRI_LOGISTIC,
    SHOKRI_LOGISTIC_PER_CLASS,
    SHOKRI_FOREST,
    SHOKRI_XGBOOST,
    DIFFICULTY,
    SABLAYROLLES,
)
_LIKELIHOOD_RATIOS = (
    LIRA,
    LIRA_FIXED,
    LIRA_OFFLINE,
    LIRA_OFFLINE_FIXED,
    BAVARIA_T,
    BAVARIA_N,
    BAVARIA_OFFLINE,
    RMIA,
    RMIA_OFFLINE,
    BASE,
    BASE_OFFLINE,
)
_LABELS = (LABEL_NOISE, LABEL_AUGMENTATION)
_PARAMETERS = (GRAD_NORM, INFLUENCE)

CATALOGUE: dict[str, Attack] = {
    attack.name: attack for attack in (*_NO_MODELS, *_SHADOW_OUTPUTS, *_LIKELIHOOD_RATIOS, *_LABELS, *_PARAMETERS)
}

COMBINATIONS = {STACKED.name: STACKED}
"""Attacks on the scores of all others that run."""

EVERYTHING = "all"


def get_attacks(names: Iterable[str]) -> tuple[Attack, ...]:
    """Look attacks up by name.

    Parameters
    ----------
    names
        Names from `CATALOGUE`, each at most once; ``"all"`` alone stands for every one. Names of `COMBINATIONS` may
        stand among them and are left out.

    Returns
    -------
    The attacks, in the order asked for.

    Raises
    ------
    ConfigError
        If no name is given, a name is unknown (the message suggests the nearest) or is given twice.

    Examples
    --------
    >>> [attack.title for attack in get_attacks(["loss", "lira"])]
    ['Loss threshold', 'LiRA, online']
    """
    asked = tuple(names)
    if asked == (EVERYTHING,):
        return tuple(CATALOGUE.values())
    if EVERYTHING in asked:
        raise ConfigError(f"'{EVERYTHING}' stands for every attack: name it alone.")
    known = (*CATALOGUE, *COMBINATIONS)
    for name in asked:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Choose from: {EVERYTHING}, {', '.join(known)}."
            raise ConfigError(f"there is no attack named '{name}'. {hint}")
        if asked.count(name) > 1:
            raise ConfigError(f"the attack '{name}' is asked for {asked.count(name)} times. Name it once.")
    found = tuple(CATALOGUE[name] for name in asked if name in CATALOGUE)
    if asked and not found:
        raise ConfigError(f"'{asked[0]}' combines the scores of other attacks: name some beside it, or '{EVERYTHING}'.")
    if not found:
        raise ConfigError(f"no attack was asked for. Choose from: {EVERYTHING}, {', '.join(CATALOGUE)}.")
    return found


def attack_records() -> list[dict[str, object]]:
    """Return what people should know of every attack, in the order of the catalogue; plain values, fit for JSON."""
    listed: tuple[Attack | Combination, ...] = (*CATALOGUE.values(), *COMBINATIONS.values())
    return [
        {
            "name": attack.name,
            "title": attack.title,
            "access": attack.access if isinstance(attack, Attack) else "scores of other attacks",
            "needs": list(attack.needs) if isinstance(attack, Attack) else [],
            "min_models": attack.min_models,
            "min_queries": attack.min_queries if isinstance(attack, Attack) else 0,
            "threat_model": attack.threat_model,
            "cost": attack.cost,
            "reference": attack.reference,
            "caveat": attack.caveat,
        }
        for attack in listed
    ]


def combines(names: Iterable[str]) -> bool:
    """Say whether the stacked attack is among those asked for."""
    return bool({EVERYTHING, STACKED.name} & set(names))
