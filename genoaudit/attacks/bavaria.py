"""The likelihood-ratio attack with variances that learn from one another (BaVarIA), for few reference models.

LiRA estimates a variance per patient, which is noise when a handful of models is all there is; one variance for all
patients ignores that models agree on some patients and not on others. Here a patient's variance is drawn towards the
one typical of the other patients, and so is the mean, as far as the spread between the patients says it should.

The model, for IN and OUT apart: a patient's statistic is normal over models with variance ``v``; ``v`` has a scaled
inverse chi-squared prior with `df` degrees of freedom around `variance` (an inverse gamma with ``a0 = df / 2`` and
``b0 = df variance / 2``); the patient's mean is normal around `mean` with variance `spread` (``k0 = v / spread`` in the
terms of the normal-inverse-gamma). The prior is fitted by empirical Bayes to all patients but the one scored and to all
models but the target and its partner.

Brannvall. Exponential-family membership inference: from LiRA and RMIA to BaVarIA. arXiv 2603.11799 (2026).
Smyth. Linear models and empirical Bayes methods for assessing differential expression in microarray experiments.
Statistical Applications in Genetics and Molecular Biology 3(1), 2004. doi:10.2202/1544-6115.1027
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from scipy import special, stats

from genoaudit.attacks.lira import VARIANCE_FLOOR, mean_over_queries
from genoaudit.attacks.references import Moments, reference_moments
from genoaudit.contracts import Attack, BoolArray, Design, FloatArray, IntArray

PRIOR_DF = np.geomspace(0.5, 2e5, 256)
"""Prior degrees of freedom that are tried, from next to no prior to one variance for all patients."""

UPPER = 0.8
"""Quantile of the patients' variances that is compared with their median."""

LEAST_PATIENTS = 10
"""Other patients without which there is no prior: fewer do not tell how much patients differ."""


@dataclass(frozen=True, eq=False)
class Prior:
    """What the other patients say of one side (IN or OUT) of a patient.

    Parameters
    ----------
    df
        How many degrees of freedom the prior variance is worth; 0 where too few other patients show a variance;
        [targets, patients].
    variance
        Variance typical of a patient; [targets, patients].
    mean
        Mean statistic of the patients; [targets, patients].
    spread
        Variance between the true means of the patients, infinite where there are too few to tell; [targets, patients].
    """

    df: FloatArray
    variance: FloatArray
    mean: FloatArray
    spread: FloatArray


@dataclass(frozen=True, eq=False)
class Posterior:
    """One side of a patient, its own references and the prior together.

    Parameters
    ----------
    df
        Degrees of freedom of the variance; [targets, patients].
    mean
        Mean of the statistic; [targets, patients].
    variance
        Variance of the statistic over models; [targets, patients].
    uncertainty
        Variance of that mean, as a share of `variance` (``1 / kn``); [targets, patients].
    """

    df: FloatArray
    mean: FloatArray
    variance: FloatArray
    uncertainty: FloatArray


def moments_of_others(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and unbiased variance over the other patients, for every patient."""
    left = max(values.shape[1] - 1, 1)
    overall = values.mean(axis=1, keepdims=True)
    deviation = values - overall
    squares = (deviation**2).sum(axis=1, keepdims=True) - deviation**2 * (1 + 1 / left)
    return overall - deviation / left, np.maximum(squares, 0.0) / max(left - 1, 1)


def quantile_of_others(values: FloatArray, usable: BoolArray, *, share: float) -> FloatArray:
    """Take the quantile of the other usable patients, for every patient.

    Parameters
    ----------
    values
        One value per target and patient; [targets, patients].
    usable
        The patients that count; [targets, patients].
    share
        Quantile, in [0, 1]; linear between order statistics, as in `numpy.quantile`.

    Returns
    -------
    [targets, patients]; infinite where no other patient is usable.

    Examples
    --------
    >>> values = np.array([[1.0, 2.0, 5.0, 9.0]])
    >>> quantile_of_others(values, np.array([[True, True, True, False]]), share=0.5)
    array([[3.5, 3. , 1.5, 2. ]])
    """
    ordered = np.sort(np.where(usable, values, np.inf), axis=1)
    ordered = np.concatenate([ordered, np.full_like(ordered[:, :1], np.inf)], axis=1)
    left = usable.sum(axis=1, keepdims=True) - usable
    position = np.maximum(left - 1, 0) * share
    low = np.floor(position).astype(np.intp)

    def among_others(rank: IntArray) -> FloatArray:
        # Without a patient at or below a rank everybody above moves down by one.
        at = np.take_along_axis(ordered, rank, axis=1)
        return np.where(usable & (values <= at), np.take_along_axis(ordered, rank + 1, axis=1), at)

    below = among_others(low)
    above = among_others(np.minimum(low + 1, np.maximum(left - 1, 0)))
    known = left > 0
    step = np.where(known, above, 0.0) - np.where(known, below, 0.0)
    return np.where(known, below + (position - low) * step, np.inf)


def fit_prior(moments: Moments) -> Prior:
    """Fit the prior of every patient to the other patients.

    If the true variances are scaled inverse chi-squared, sample variances follow a scaled F distribution (Smyth 2004).
    Its degrees of freedom are read from how far the upper fifth of the patients begins above their median, its scale
    from the median. Patients on whom all models nearly agree, of whom there may be many, then weigh no more than any
    other patient below the median; Smyth's moments of the logarithm would follow them. Patients on whom models agree
    exactly are passed over. Where patients differ in their number of references, the F distribution of the mean number
    stands for all.

    Parameters
    ----------
    moments
        One side of every patient, for every target.
    """
    variance = moments.variance
    usable = variance > VARIANCE_FLOOR
    enough = usable.sum(axis=1, keepdims=True) - usable >= LEAST_PATIENTS
    median = np.where(enough, quantile_of_others(variance, usable, share=0.5), 1.0)
    upper = np.where(enough, quantile_of_others(variance, usable, share=UPPER), 1.0)
    ratio = np.log(upper / median)
    log_df, log_scale = np.empty_like(ratio), np.empty_like(ratio)
    for target, degrees in enumerate((moments.count - 1).mean(axis=1)):
        log_median, log_ratio = _scaled_f(float(degrees))
        log_df[target] = np.interp(ratio[target], log_ratio[::-1], np.log(PRIOR_DF)[::-1])
        log_scale[target] = np.interp(log_df[target], np.log(PRIOR_DF), log_median)
    mean, between = moments_of_others(moments.mean)
    # The references' own scatter moves a patient's mean too, and is no difference between patients.
    scatter, _ = moments_of_others(variance / moments.count)
    told = mean.shape[1] > LEAST_PATIENTS
    return Prior(
        df=np.where(enough, np.exp(log_df), 0.0),
        variance=np.where(enough, median / np.exp(log_scale), 0.0),
        mean=mean,
        spread=np.maximum(between - scatter, 0.0) if told else np.full_like(mean, np.inf),
    )


@lru_cache(maxsize=4096)
def _scaled_f(degrees: float) -> tuple[FloatArray, FloatArray]:
    """Log median of F with these degrees of freedom and every `PRIOR_DF`, and log of `UPPER` quantile over median."""
    median = np.log(special.fdtri(degrees, PRIOR_DF, 0.5))
    return median, np.log(special.fdtri(degrees, PRIOR_DF, UPPER)) - median


def update(prior: Prior, moments: Moments) -> Posterior:
    """Bring prior and references of every patient together.

    The distance of a patient's mean from the others' does not add to the variance, as it would in the conjugate model,
    where a patient unlike all others would be taken for one on whom models disagree, and be hidden.

    Parameters
    ----------
    prior, moments
        Of the same side.
    """
    df = prior.df + moments.count - 1
    variance = np.maximum((prior.df * prior.variance + moments.squares) / df, VARIANCE_FLOOR)
    drawn = variance / (variance + moments.count * prior.spread)
    return Posterior(
        df=df,
        mean=moments.mean + drawn * (prior.mean - moments.mean),
        variance=variance,
        uncertainty=(1 - drawn) / moments.count,
    )


def log_student(statistic: FloatArray, side: Posterior) -> FloatArray:
    """Log density of the next model's statistic: Student's t, which knows how little a few models tell."""
    scale = np.sqrt(side.variance * (1 + side.uncertainty))
    return np.asarray(stats.t.logpdf(statistic, side.df, side.mean, scale))


def log_normal(statistic: FloatArray, side: Posterior) -> FloatArray:
    """Log density, less its constant, of the normal with the posterior's mean and variance."""
    return np.asarray(-0.5 * (np.log(side.variance) + (statistic - side.mean) ** 2 / side.variance))


def _side(statistic: FloatArray, side: BoolArray, partner: IntArray) -> Posterior:
    moments = reference_moments(statistic, side, partner)
    return update(fit_prior(moments), moments)


def _ratio(
    statistic: FloatArray, design: Design, *, log_density: Callable[[FloatArray, Posterior], FloatArray]
) -> FloatArray:
    inside = log_density(statistic, _side(statistic, design.members, design.partner))
    outside = log_density(statistic, _side(statistic, ~design.members, design.partner))
    return _tied_where_constant(inside - outside, statistic)


def _t_value(statistic: FloatArray, design: Design) -> FloatArray:
    outside = _side(statistic, ~design.members, design.partner)
    scale = np.sqrt(outside.variance * (1 + outside.uncertainty))
    return _tied_where_constant((statistic - outside.mean) / scale, statistic)


def _tied_where_constant(score: FloatArray, statistic: FloatArray) -> FloatArray:
    """Give patients on whom no two models differ the score 0: the prior alone must not tell them apart."""
    return np.where((statistic == statistic[0]).all(axis=0), 0.0, score)


_REFERENCE = (
    "Brannvall. Exponential-family membership inference: from LiRA and RMIA to BaVarIA. 2026. "
    "doi:10.48550/arXiv.2603.11799. Prior as in Smyth. Linear models and empirical Bayes methods for assessing "
    "differential expression in microarray experiments. Statistical Applications in Genetics and Molecular Biology "
    "2004. doi:10.2202/1544-6115.1027"
)
_ONLINE_THREAT = (
    "Sees the released model's probability of the true class for the patient's samples, knows the recipe, and trains "
    "reference models with and without the patient on data like the members'."
)
_PRIOR = (
    "The prior is fitted by quantiles, not necessarily as in the paper, and with few patients it is itself uncertain."
)

BAVARIA_T = Attack(
    name="bavaria_t",
    title="BaVarIA, online, Student's t",
    threat_model=_ONLINE_THREAT,
    needs=("logit",),
    min_models=6,
    cost="the reference models of the design; scoring takes seconds",
    reference=_REFERENCE,
    caveat="Meant for 6 to 32 models; with hundreds it comes to the same as LiRA. A patient on whom models agree far "
    "more closely than on all others is drawn to the others and less well attacked than by LiRA. " + _PRIOR,
    score=partial(mean_over_queries, score_query=partial(_ratio, log_density=log_student)),
)

BAVARIA_N = Attack(
    name="bavaria_n",
    title="BaVarIA, online, normal",
    threat_model=_ONLINE_THREAT,
    needs=("logit",),
    min_models=6,
    cost="the reference models of the design; scoring takes seconds",
    reference=_REFERENCE,
    caveat="Takes means and variances for known once they are shrunken, so it is a little surer of itself than the "
    "Student's t variant with few models. " + _PRIOR,
    score=partial(mean_over_queries, score_query=partial(_ratio, log_density=log_normal)),
)

BAVARIA_OFFLINE = Attack(
    name="bavaria_offline",
    title="BaVarIA, offline",
    threat_model="Sees the released model's probability of the true class for the patient's samples, knows the recipe, "
    "and trains reference models on data like the members' before it ever meets the patient.",
    needs=("logit",),
    min_models=6,
    cost="half of the reference models of the design (those without the patient); scoring takes seconds",
    reference=_REFERENCE,
    caveat="Never sees how a member is treated, so it is weaker than the online attack. The score is the t value "
    "against the models without the patient; degrees of freedom hardly differ between patients, so its tail "
    "probability would rank them nearly the same. " + _PRIOR,
    score=partial(mean_over_queries, score_query=_t_value),
)
