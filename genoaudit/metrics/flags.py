"""Which patients are exposed by more than a minimum: a test of AUC <= 0.60, not of AUC = 0.5.

With enough models every patient differs from chance by something; testing 0.5 would only count models. The test is made
over models, for each patient alone:

- Estimate: the AUC of the patient's statistic, models that held the patient against models that did not. The difference
  to the tested value is divided by its standard error on the AUC's own scale: on the logit scale the same test
  rejects a true null in up to 7.7 % instead of 5 % with 16 models, and far more often at the small levels on which a
  multiplicity correction rests.
- Standard error: the larger of what the tested value implies (Newcombe's variance at that AUC) and what the models show
  (DeLong, DeLong, Clarke-Pearson 1988, which is right for any shape of the two distributions but too small with few
  models, and zero at an AUC of 1).
- Pairs: the two models of a complementary pair share nothing of their training but depend on each other, since whoever
  is not in the one is in the other. Where they move against each other the AUC varies more than for independent models:
  the variance is multiplied by the design effect of pairs (Obuchowski, Biometrics 1997), never by less than one.
- Reference: Student's t with one degree of freedom less than models on the smaller side.

Benjamini and Hochberg's procedure (JRSS B 1995) over all patients then bounds the expected share of false flags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.errors import ConfigError
from genoaudit.metrics.intervals import hanley_mcneil_variance, pair_codes
from genoaudit.metrics.patients import check_sides
from genoaudit.metrics.stability import pair_weights

NULL_AUC = 0.60
"""An AUC that a patient must exceed to be worth a flag."""


@dataclass(frozen=True, eq=False)
class Flags:
    """The minimum-effect test of every patient.

    Parameters
    ----------
    null_auc
        The tested value: no flag says that an AUC is at most this.
    level
        Bound on the expected share of false flags among the flagged.
    auc
        Probability that a model that held the patient has the higher statistic; [patients].
    p_value
        One-sided, for an AUC of at most `null_auc`; [patients].
    adjusted
        Benjamini and Hochberg's adjusted p-value; [patients].
    flagged
        Whether `adjusted` is at most `level`; [patients].
    flagged_again
        Share of resamples of the pairs of models in which the patient is flagged among all. A description of how firm
        a flag is, not an error rate: a patient on the edge has about one half; [patients].
    """

    null_auc: float
    level: float
    auc: FloatArray
    p_value: FloatArray
    adjusted: FloatArray
    flagged: BoolArray
    flagged_again: FloatArray


def minimum_effect_flags(
    statistic: FloatArray,
    members: BoolArray,
    partner: IntArray,
    *,
    null_auc: float = NULL_AUC,
    level: float = 0.05,
    replicates: int = 200,
    generator: np.random.Generator,
) -> Flags:
    """Flag the patients whose AUC over models exceeds a minimum.

    Parameters
    ----------
    statistic
        The patient's mean logit under every model, higher = member; [models, patients], finite.
    members
        Membership; every patient in at least two models and out of at least two; [models, patients].
    partner
        Complementary model of each model, -1 if none; [models].
    null_auc
        Value to exceed, in (0, 1).
    level
        False discovery rate, in (0, 1).
    replicates, generator
        Bootstrap resamples of the complementary pairs behind `Flags.flagged_again`, and their source of randomness. A
        resample recomputes every AUC, to first order in the weights, and keeps the standard errors.

    Raises
    ------
    ConfigError
        If the arrays do not fit, a value is not finite, a side has fewer than two models, or an argument is out of
        range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> members = np.tile([[True], [False]], (32, 3))
    >>> statistic = rng.normal(size=(64, 3)) + members * [0.0, 1.0, 3.0]
    >>> partner = np.arange(64) ^ 1
    >>> minimum_effect_flags(statistic, members, partner, generator=rng).flagged
    array([False,  True,  True])
    """
    check_sides(members, statistic=statistic)
    if not 0 < null_auc < 1 or not 0 < level < 1:
        raise ConfigError(f"the tested AUC and the level lie between 0 and 1, found {null_auc} and {level}.")
    if replicates < 1:
        raise ConfigError(f"at least one resample is needed, asked for {replicates}.")
    pair = pair_codes(partner)
    auc, influence = auc_and_influence(statistic, members)
    error, freedom = _standard_error(influence, members, pair, null_auc)

    def flags(found: FloatArray) -> tuple[FloatArray, FloatArray]:
        p_value = np.asarray(stats.t.sf((found - null_auc) / error, freedom))
        return p_value, np.asarray(stats.false_discovery_control(p_value, axis=-1))

    p_value, adjusted = flags(auc)
    weights = pair_weights(pair, replicates, generator)
    _, again = flags(np.clip(auc + (weights - 1.0) @ influence, 0, 1))
    return Flags(
        null_auc=null_auc,
        level=level,
        auc=auc,
        p_value=p_value,
        adjusted=adjusted,
        flagged=adjusted <= level,
        flagged_again=np.asarray((again <= level).mean(axis=0)),
    )


def auc_and_influence(statistic: FloatArray, members: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Compute every patient's AUC over models, and what each model contributes to it.

    Parameters
    ----------
    statistic, members
        The patient's statistic, higher = member, and membership; [models, patients].

    Returns
    -------
    AUC, ties counting half; [patients]. Influence of each model: how far its share of wins against the other side lies
    above the AUC, divided by the models on its own side; sums to zero; [models, patients]. Resampling the models with
    weights w moves the AUC by ``(w - 1) @ influence``, to first order.

    Examples
    --------
    >>> auc, influence = auc_and_influence(np.array([[3.0], [2.0], [1.0], [0.0]]), np.arange(4)[:, None] % 2 == 0)
    >>> auc, influence.ravel()
    (array([0.75]), array([ 0.125, -0.125, -0.125,  0.125]))
    """
    n_in = members.sum(axis=0)
    n_out = members.shape[0] - n_in
    overall = stats.rankdata(statistic, axis=0)
    # A rank among all less the rank on the own side counts the models of the other side below (equal ones half).
    won = (overall - stats.rankdata(np.where(members, statistic, np.inf), axis=0)) / n_out
    won_out = 1 - (overall - stats.rankdata(np.where(members, np.inf, statistic), axis=0)) / n_in
    auc = won.sum(axis=0, where=members) / n_in
    return auc, np.where(members, (won - auc) / n_in, (won_out - auc) / n_out)


def _standard_error(
    influence: FloatArray, members: BoolArray, pair: IntArray, null_auc: float
) -> tuple[FloatArray, IntArray]:
    """Return the standard error of the difference to the tested value, and its degrees of freedom; each [patients]."""
    n_in = members.sum(axis=0)
    n_out = members.shape[0] - n_in
    freedom = np.minimum(n_in, n_out) - 1
    alone = (influence**2).sum(axis=0)
    by_pair = np.argsort(pair, kind="stable")
    firsts = np.flatnonzero(np.append(True, np.diff(pair[by_pair]) != 0))
    together = (np.add.reduceat(influence[by_pair], firsts, axis=0) ** 2).sum(axis=0)
    design_effect = np.divide(together, alone, out=np.ones_like(alone), where=alone > 0)
    implied = hanley_mcneil_variance(np.array(null_auc), n_in, n_out)
    shown = alone * (freedom + 1) / freedom
    return np.sqrt(np.maximum(implied, shown) * np.maximum(design_effect, 1)), freedom
