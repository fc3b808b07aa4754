"""Every mitigation, in the order in which people should read them: training first, outputs last."""

from __future__ import annotations

from difflib import get_close_matches

from genoaudit.contracts import Mitigation
from genoaudit.errors import ConfigError
from genoaudit.mitigations.distillation import DISTILLATION
from genoaudit.mitigations.dp import DP
from genoaudit.mitigations.dropout import DROPOUT
from genoaudit.mitigations.early_stopping import EARLY_STOPPING
from genoaudit.mitigations.gene_selection import GENE_LIST, VARIABLE_GENES
from genoaudit.mitigations.penalties import GROUP_LASSO, L1, L2
from genoaudit.mitigations.released_outputs import LABEL_ONLY, OUTPUT_NOISE, ROUNDING, TEMPERATURE, TOP_K
from genoaudit.mitigations.soft_labels import LABEL_SMOOTHING, MIXUP

_GUARANTEED = (DP,)
_TRAINING = (L2, L1, GROUP_LASSO, DROPOUT, EARLY_STOPPING, LABEL_SMOOTHING, MIXUP)
_GENES = (VARIABLE_GENES, GENE_LIST)
_OTHER_LABELS = (DISTILLATION,)
_OUTPUTS = (ROUNDING, TOP_K, TEMPERATURE, LABEL_ONLY, OUTPUT_NOISE)

CATALOGUE: dict[str, Mitigation] = {
    mitigation.name: mitigation for mitigation in (*_GUARANTEED, *_TRAINING, *_GENES, *_OTHER_LABELS, *_OUTPUTS)
}


def get_mitigation(name: str) -> Mitigation:
    """Look a mitigation up by name.

    Raises
    ------
    ConfigError
        If the name is unknown; the message suggests the nearest.

    Examples
    --------
    >>> get_mitigation("dp").title
    'DP-SGD per patient'
    """
    if name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Choose from: {', '.join(CATALOGUE)}."
        raise ConfigError(f"there is no mitigation named '{name}'. {hint}")
    return CATALOGUE[name]


def mitigation_records() -> list[dict[str, object]]:
    """Return what people should know of every mitigation, in the order of the catalogue; plain values, fit for JSON."""
    return [
        {
            "name": mitigation.name,
            "title": mitigation.title,
            "acts_on": "training" if mitigation.release is None else "outputs",
            "protects": mitigation.protects,
            "costs": mitigation.costs,
            "failures": mitigation.failures,
            "setting": mitigation.setting,
            "defaults": list(mitigation.defaults),
            "reference": mitigation.reference,
        }
        for mitigation in CATALOGUE.values()
    ]
