"""The robust attack (RMIA): a patient's probability ratio against those of a population of non-members.

For a patient x and a population patient z, LR(x, z) = [P(x | target) / P(x)] / [P(z | target) / P(z)]. The score of x
is the share of the population with LR >= 1, ties counting half. P(x), the probability over models in general, is the
mean over reference models: online the mean of the two sides' means, so that IN and OUT weigh the same; offline
((1 + a) mean_OUT + (1 - a)) / 2, where ``a`` says how far the missing IN side is assumed to lie towards 1.

The population are the patients whom the attacker knows not to be members of the target, such as controls of his own;
here the target's true non-members, always without x itself. The share is then a rank: within one target it orders
patients exactly as their own ratios do (only those above, or below, the whole population are tied), and a ratio knows
nothing of who is a member of the target, so that the attack is unbiased where nothing leaks. What the population adds
is one scale for all targets. The paper's gamma = 2 would only merge ranks; its authors' code uses 1, as we do.

Zarifzadeh, Liu, Shokri. Low-cost high-power membership inference attacks. ICML 2024.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from genoaudit.attacks.reference_means import log_confidence, log_reference_mean
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray, Signals, draw_codes
from genoaudit.errors import ConfigError

GRID = np.arange(11) / 10
"""Values of the offline correction ``a`` that are tried."""

_TUNING_GROUPS = 4
_TUNING_MODELS = 8


def _log_mean_of_two(first: FloatArray, second: FloatArray) -> FloatArray:
    high, low = np.maximum(first, second), np.minimum(first, second)
    return np.asarray(high + np.log((1 + np.exp(low - high)) / 2))


def _corrected(log_out: FloatArray, a: FloatArray) -> FloatArray:
    """Log of ((1 + a) mean_OUT + (1 - a)) / 2."""
    with np.errstate(divide="ignore"):  # a = 1 adds nothing: log 0
        missing = np.log1p(-a) - np.log1p(a)
    return np.asarray(np.logaddexp(log_out, missing) + np.log1p(a) - np.log(2))


def _tune(log_p: FloatArray, members: BoolArray, partner: IntArray) -> float:
    """Return the correction with the highest mean AUC when some of these models are attacked with the others."""
    attacked = slice(0, _TUNING_MODELS)
    log_out = log_reference_mean(log_p, ~members, partner)[attacked]
    inside = members[attacked]
    ratios = log_p[attacked] - _corrected(log_out, GRID[:, None, None])
    ranks = stats.rankdata(ratios, axis=-1)
    n_in = inside.sum(axis=1)
    # Mann-Whitney: the AUC is the mean rank of the members, shifted and scaled by their number.
    auc = ((ranks * inside).sum(axis=-1) / n_in - (n_in + 1) / 2) / (inside.shape[1] - n_in)
    # Rounded, so that equal AUCs are equal whatever the order of summation.
    return float(GRID[np.argmax(np.round(auc.mean(axis=1), 12))])


def tuned_corrections(log_p: FloatArray, design: Design) -> FloatArray:
    """Choose the offline correction of every target by attacking reference models.

    The models, those drawn together always together, are dealt into at most four groups. For the targets of one group,
    up to eight models of the other groups are attacked with the remaining models of those groups, over `GRID`, and the
    correction with the best mean AUC (the smallest of equals) is taken. So neither a target nor any model drawn with it
    takes part in its own tuning.

    Parameters
    ----------
    log_p
        Log probability of every patient; [models, patients].
    design
        Who is a member of which model.

    Returns
    -------
    One value of `GRID` per target; [targets].

    Raises
    ------
    ConfigError
        If the models outside a group leave some patient without a model that did not hold it.
    """
    units = draw_codes(design.partner)
    groups = units % min(_TUNING_GROUPS, int(units.max()) + 1)
    corrections = np.empty(design.models)
    for group in np.unique(groups):
        rest = np.flatnonzero(groups != group)
        others = design.of(rest)
        corrections[groups == group] = _tune(log_p[rest], others.members, others.partner)
    return corrections


def population_share(log_ratio: FloatArray, members: BoolArray) -> FloatArray:
    """Share of the target's other non-members whose ratio a patient reaches, ties counting half.

    Parameters
    ----------
    log_ratio
        Log of P(x | target) / P(x); [targets, patients].
    members
        Membership in the target, at least two non-members each; [targets, patients].

    Returns
    -------
    Shares between 0 and 1; [targets, patients].

    Raises
    ------
    ConfigError
        If a target has fewer than two non-members.

    Examples
    --------
    >>> members = np.array([[True, True, False, False, False]])
    >>> population_share(np.array([[2.5, 2.0, 1.0, 2.0, 3.0]]), members)
    array([[0.66666667, 0.5       , 0.        , 0.5       , 1.        ]])
    """
    outside = (~members).sum(axis=1)
    if outside.min() < 2:
        short = np.flatnonzero(outside < 2)
        raise ConfigError(
            "the attack compares patients with a population of non-members and needs two of them for every target; "
            f"{short.size} of {outside.size} targets have fewer (first: target {short[0]}). Leave more patients out."
        )
    share = np.empty(log_ratio.shape)
    for row, ratio, inside in zip(share, log_ratio, members, strict=True):
        population = np.sort(ratio[~inside])
        below = np.searchsorted(population, ratio, side="left")
        reached = (below + np.searchsorted(population, ratio, side="right")) / 2
        # A non-member meets itself in the population, as a tie: take it out of the share and of the population.
        row[:] = (reached - 0.5 * ~inside) / (population.size - ~inside)
    return share


def _online(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    log_p = log_confidence(signals, patients)
    inside = log_reference_mean(log_p, design.members, design.partner)
    outside = log_reference_mean(log_p, ~design.members, design.partner)
    return population_share(log_p - _log_mean_of_two(inside, outside), design.members)


def _offline(signals: Signals, design: Design, patients: IntArray) -> FloatArray:
    log_p = log_confidence(signals, patients)
    outside = log_reference_mean(log_p, ~design.members, design.partner)
    correction = tuned_corrections(log_p, design)[:, None]
    return population_share(log_p - _corrected(outside, correction), design.members)


_REFERENCE = (
    "Zarifzadeh, Liu, Shokri. Low-cost high-power membership inference attacks. ICML 2024. "
    "doi:10.48550/arXiv.2312.03262"
)
_CAVEAT = (
    "Takes the other non-members of the target as the population, so the attacker must know such patients. The score "
    "is a share: patients above all of the population are tied. Probabilities are used as released; the paper softens "
    "them (Taylor softmax with a margin)."
)

RMIA = Attack(
    name="rmia",
    title="RMIA, online",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe "
    "and some patients who are not members, and trains reference models with and without the patient on data like the "
    "members'.",
    needs=("logit",),
    min_models=4,
    cost="the reference models of the design; scoring takes seconds",
    reference=_REFERENCE,
    caveat=_CAVEAT,
    score=_online,
    ranks_non_members=True,
)

RMIA_OFFLINE = Attack(
    name="rmia_offline",
    title="RMIA, offline",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe "
    "and some patients who are not members, and trains reference models on data like the members' before it ever meets "
    "the patient.",
    needs=("logit",),
    min_models=6,
    cost="half of the reference models of the design (those without the patient); scoring takes seconds",
    reference=_REFERENCE,
    caveat="Never sees how a member is treated; a correction tuned by attacking reference models stands in for that. "
    + _CAVEAT,
    score=_offline,
    ranks_non_members=True,
)
