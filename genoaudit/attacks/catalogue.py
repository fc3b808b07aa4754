"""Every attack, in the order in which people should read them: the cheap baseline first."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from genoaudit.attacks.lira import LIRA, LIRA_FIXED, LIRA_OFFLINE, LIRA_OFFLINE_FIXED
from genoaudit.attacks.loss import LOSS
from genoaudit.contracts import Attack
from genoaudit.errors import ConfigError

CATALOGUE: dict[str, Attack] = {
    attack.name: attack for attack in (LOSS, LIRA, LIRA_FIXED, LIRA_OFFLINE, LIRA_OFFLINE_FIXED)
}


def get_attacks(names: Iterable[str]) -> tuple[Attack, ...]:
    """Look attacks up by name.

    Parameters
    ----------
    names
        Names from `CATALOGUE`, each at most once.

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
    if not asked:
        raise ConfigError(f"no attack was asked for. Choose from: {', '.join(CATALOGUE)}.")
    for name in asked:
        if name not in CATALOGUE:
            near = get_close_matches(name, CATALOGUE, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Choose from: {', '.join(CATALOGUE)}."
            raise ConfigError(f"there is no attack named '{name}'. {hint}")
        if asked.count(name) > 1:
            raise ConfigError(f"the attack '{name}' is asked for {asked.count(name)} times. Name it once.")
    return tuple(CATALOGUE[name] for name in asked)
