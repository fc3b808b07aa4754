"""Every reconstruction attack, in the order in which people should read them: the released model alone comes last."""

from __future__ import annotations

from dataclasses import asdict

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


def reconstruction_records() -> list[dict[str, str]]:
    """Return what people should know of every attack, in the order of the catalogue; plain values, fit for JSON."""
    return [asdict(attack) for attack in CATALOGUE.values()]
