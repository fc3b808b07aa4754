"""Every reconstruction attack, in the order in which people should read them: the released model alone comes last."""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.analytic import ANALYTIC
from genoaudit.reconstruction.imprint import IMPRINT
from genoaudit.reconstruction.informed import INFORMED
from genoaudit.reconstruction.inversion import INVERSION
from genoaudit.reconstruction.matching import MATCHING
from genoaudit.reconstruction.prior_aware import PRIOR_AWARE
from genoaudit.reconstruction.record import ReconstructionAttack
from genoaudit.reconstruction.trap_weights import TRAP_WEIGHTS

CATALOGUE: dict[str, ReconstructionAttack] = {
    attack.name: attack for attack in (ANALYTIC, IMPRINT, TRAP_WEIGHTS, MATCHING, PRIOR_AWARE, INFORMED, INVERSION)
}


def get_reconstruction(name: str) -> ReconstructionAttack:
    """Look a reconstruction attack up by name.

    Raises
    ------
    ConfigError
        If the name is unknown; the message suggests the nearest.

    Examples
    --------
    >>> get_reconstruction("imprint").title
    'Imprint block'
    """
    if name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Choose from: {', '.join(CATALOGUE)}."
        raise ConfigError(f"there is no reconstruction attack named '{name}'. {hint}")
    return CATALOGUE[name]


def reconstruction_records() -> list[dict[str, str]]:
    """Return what people should know of every attack, in the order of the catalogue; plain values, fit for JSON."""
    return [asdict(attack) for attack in CATALOGUE.values()]
