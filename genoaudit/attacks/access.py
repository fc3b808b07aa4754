"""What an adversary sees of a model's answers: everything, probabilities with few decimals, or labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from genoaudit.contracts import Access, FloatArray, Signals


def restrict(signals: Signals, access: Access, *, decimals: int | None = None) -> Signals:
    """Return the signals as this adversary has them.

    Parameters
    ----------
    signals
        What the models say.
    access
        What the adversary sees. Below ``"parameters"`` the white-box signals are gone. Logits say what exact
        probabilities say.
    decimals
        Decimals to which probabilities are released; None: all. Scaled logits follow from the rounded probability of
        the true class, in which 0 and 1 stand for a quarter of the last decimal from the end.

    Examples
    --------
    >>> signals = Signals(np.array([[[9.0]]]), np.array([[[0.99988, 0.00012]]], dtype=np.float32), np.array([0]))
    >>> restrict(signals, "probabilities", decimals=2).logit.round(2).item()
    5.99
    """
    if access != "parameters":
        signals = replace(signals, grad_norm=None, influence=None)
    if decimals is None:
        return signals
    rounded = np.round(special.expit(signals.logit), decimals)
    proba = np.round(signals.proba, decimals).astype(np.float32)
    return replace(signals, logit=_logit(rounded, decimals), proba=proba)


def _logit(probability: FloatArray, decimals: int) -> FloatArray:
    end = 0.25 * 10.0**-decimals
    return np.asarray(special.logit(np.clip(probability, end, 1 - end)), dtype=np.float64)
