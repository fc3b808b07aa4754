"""From scores to numbers with intervals: attacks, patients, groups, bounds, and the audit of an invented membership."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from genoaudit.attacks.union import achieved_rates, flag
from genoaudit.config import AuditSection
from genoaudit.contracts import Attack, Combination, Design, FloatArray, IntArray, Progress, Signals, scarcest
from genoaudit.data.design import make_design
from genoaudit.metrics.convergence import convergence, doubling_sizes
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.flags import minimum_effect_flags
from genoaudit.metrics.groups import compare_groups, group_gaps
from genoaudit.metrics.intervals import pair_codes
from genoaudit.metrics.leakage import DEFAULT_FPRS, mean_over_targets, summarise
from genoaudit.metrics.patients import LEAST, patient_table
from genoaudit.metrics.posterior import posterior_membership
from genoaudit.metrics.stability import d_prime_of, halves_agreement, rank_intervals, split_pairs
from genoaudit.metrics.thresholds import AtShadowThreshold, at_shadow_thresholds
from genoaudit.metrics.unseen import unseen_utility
from genoaudit.metrics.utility import utility
from genoaudit.metrics.worst import worst_patients
from genoaudit.metrics.worst_group import worst_group
from genoaudit.privacy.alarm import VALID_KINDS, alarm, claimed_epsilon
from genoaudit.privacy.curve import trade_off_curve
from genoaudit.privacy.gdp import gdp_fit
from genoaudit.privacy.lower_bounds import LowerBound, Neighbouring
from genoaudit.privacy.many_run import many_run_bound
from genoaudit.randomness import generator, random_state
from genoaudit.report import sections, summary
from genoaudit.report.release_sections import WorstGroup
from genoaudit.report.result import AttackResult, Utility
from genoaudit.scoring import Scored, score_attacks

if TYPE_CHECKING:
    import pandas as pd

    from genoaudit.data.cohort import Cohort
    from genoaudit.privacy.mechanism import Mechanism

UNION_FPR = 0.05
"""False-positive budget of each attack in the union of all."""

_FEWEST_FOR_FLAGS = 8  # models that held a patient, and models that did not
_FEWEST_FOR_BOUND = 32
_WORST = (1, 5, 20)
_CURVE_FPRS = np.geomspace(1e-4, 1.0, 81)
_RELATIONS: tuple[Neighbouring, ...] = ("replace-one", "add/remove")


def judge_attacks(scored: Scored, design: Design, tell: Progress) -> tuple[AttackResult, ...]:
    """Compute the headline numbers of every attack."""
    results: list[AttackResult] = []
    for attack in scored.attacks:
        scores = scored.scores[attack.name]
        numbers = summarise(scores, design.members, design.partner)
        thresholds: tuple[AtShadowThreshold, ...] = ()
        if learns_thresholds(attack):
            thresholds = at_shadow_thresholds(
                scores, design.members, design.partner, generator=generator(design.seed, "bootstrap", "thresholds")
            )
        results.append(summary.attack_result(attack, numbers, thresholds))
        tell("Computing intervals", len(results), len(scored.attacks))
    return tuple(results)


def learns_thresholds(attack: Attack | Combination) -> bool:
    """Whether a threshold from other models may do better or worse on a target than it was meant to."""
    return isinstance(attack, Combination) or not attack.ranks_non_members


def judge_utility(cohort: Cohort, signals: Signals, design: Design) -> Utility:
    """Measure what the models are good for, on their members and on the others."""
    return summary.utility(
        utility(signals.proba, cohort.y, design.members[:, cohort.patients]),
        unseen_utility(signals.proba, cohort.y, cohort.patients, design.members, design.partner),
    )


def judge_patients(
    cohort: Cohort,
    scored: Scored,
    design: Design,
    settings: AuditSection,
    *,
    groups: Mapping[str, NDArray[np.str_]] = MappingProxyType({}),
    replay: bool = False,
) -> tuple[pd.DataFrame, sections.Exposure]:
    """Measure every patient over all models: the table of patients, and what the report says of it.

    The table names every patient's group by each variable of `groups`; with `replay` pseudonyms come from the seed.
    """
    statistic, members, partner = scored.statistic, design.members, design.partner
    streams = {name: generator(design.seed, "bootstrap", name) for name in ("flags", "ranks", "halves", "posterior")}
    table = patient_table(statistic, scored.scores[scored.headline], members)
    flags = halves = posterior = None
    if scarcest(members) >= _FEWEST_FOR_FLAGS:
        flags = minimum_effect_flags(
            statistic, members, partner, null_auc=settings.least_auc, generator=streams["flags"]
        )
        halves = halves_agreement(statistic, members, partner, generator=streams["halves"])
        posterior = posterior_membership(
            scored.scores[scored.headline], members, partner, generator=streams["posterior"]
        )
    ranks = rank_intervals(statistic, members, partner, generator=streams["ranks"])
    table["rank_low"], table["rank_high"] = ranks.low, ranks.high
    table["flagged"] = flags.flagged if flags is not None else False
    table["p_adjusted"] = flags.adjusted if flags is not None else np.nan
    table["flagged_again"] = flags.flagged_again if flags is not None else 0.0
    table["posterior_in"] = np.nan
    if posterior is not None:
        table["posterior_in"] = posterior.probability.mean(axis=0, where=members)
    found = (
        worst_patients(statistic, members, partner, k=k, generator=generator(design.seed, "bootstrap", "worst", k))
        for k in _WORST
        if k <= cohort.n_patients // 2
    )
    worst = tuple(measured for measured in found if measured is not None)
    patients = summary.patients(cohort, table, groups, seed=design.seed if replay else None)
    return patients, summary.exposure(patients, summary.Findings(flags, halves, worst, posterior))


def judge_groups(
    patients_by: Mapping[str, NDArray[np.str_]], scored: Scored, design: Design, settings: AuditSection
) -> tuple[tuple[sections.GroupLeakage, ...], tuple[sections.GroupGap, ...]]:
    """Compare every group of patients with the others and, if asked for, every two groups of a variable."""
    scores = scored.scores[scored.headline]
    groups = {variable: labels.tolist() for variable, labels in patients_by.items()}
    stream = generator(design.seed, "bootstrap", "groups")
    rows = compare_groups(scores, design.members, design.partner, groups, minimum=settings.min_group, generator=stream)
    if not settings.group_pairs:
        return tuple(map(summary.group, rows)), ()
    stream = generator(design.seed, "bootstrap", "group pairs")
    gaps = group_gaps(
        scores, design.members, design.partner, groups, pairs=True, minimum=settings.min_group, generator=stream
    )
    pairs = tuple(
        sections.GroupGap(
            variable=gap.variable, group=gap.group, other=gap.other, difference=gap.difference, p_holm=gap.p_holm
        )
        for gap in gaps
        if gap.other is not None
    )
    return tuple(map(summary.group, rows)), pairs


def judge_worst_group(
    patients_by: Mapping[str, NDArray[np.str_]],
    scored: Scored,
    signals: Signals,
    design: Design,
    *,
    patients: IntArray,
    settings: AuditSection,
) -> WorstGroup | None:
    """Find the most exposed group by the headline attack: chosen on one half of the models, measured on the other.

    Parameters
    ----------
    patients_by
        Each patient's group, by variable.
    scored, signals, design
        Models that were all trained for the audit, none of them given: their scores, what they say, who is in which.
    patients
        Patient of each sample; [samples].
    settings
        The adversary, and the smallest group shown.
    """
    headline = settings.model_copy(update={"attacks": (scored.headline,)})

    def score_alone(models: IntArray) -> FloatArray:
        return score_attacks(headline, signals.of(models), design.of(models), patients).scores[scored.headline]

    found = worst_group(
        scored.scores[scored.headline],
        design.members,
        design.partner,
        {variable: labels.tolist() for variable, labels in patients_by.items()},
        score_alone=score_alone,
        minimum=settings.min_group,
        generator=generator(design.seed, "bootstrap", "worst group"),
    )
    return None if found is None else summary.worst_group(found)


def bound_of_the_most_exposed(
    statistic: FloatArray, design: Design, settings: AuditSection, *, significance: float = 0.05
) -> tuple[sections.EpsilonBound, ...]:
    """Bound epsilon from below by the most exposed patient, chosen on half of the models and tried on the others."""
    if design.models < _FEWEST_FOR_BOUND:
        return ()
    draw = pair_codes(design.partner)
    choosing, trying = split_pairs(draw, generator(design.seed, "bound"))
    if min(scarcest(design.members[half]) for half in (choosing, trying)) < LEAST:
        return ()
    patient = int(d_prime_of(statistic[choosing], design.members[choosing]).argmax())
    held, values = design.members[trying, patient], statistic[trying, patient]
    # Models of one draw depend on each other: one of each side is a trial.
    inside, outside = (values[side][np.unique(draw[trying][side], return_index=True)[1]] for side in (held, ~held))
    delta = settings.delta_for(design.patients)
    found = many_run_bound(
        inside,
        outside,
        delta=delta,
        neighbouring="replace-one",
        choose="bonferroni",
        significance=significance,
    )
    fit = gdp_fit(inside, outside, delta=delta)
    whom = "the patient who was most exposed in the other half of the models"
    gaussian = sections.EpsilonBound(
        epsilon=fit.epsilon,
        delta=fit.delta,
        significance=fit.significance,
        kind="gdp_fit",
        neighbouring="replace-one",
        on=whom,
        trials=fit.trials,
        threshold="all thresholds at once, Bonferroni",
        note=f"{fit.wording[0].upper()}{fit.wording[1:]}: mu at least {fit.mu:.3g}.",
    )
    return summary.bound(found, whom), gaussian


def judge_theory(
    mechanisms: Mapping[Neighbouring, Sequence[Mechanism]], bounds: Sequence[sections.EpsilonBound], *, vacuous: bool
) -> sections.Theory:
    """Set what a DP training allows at most beside what was found, and ring if more was found.

    Parameters
    ----------
    mechanisms
        By relation, all that was trained on the same patients: of half-split models, whose patients are exchanged for
        others, and, if canaries were planted, of the models with canaries, who are added or not.
    bounds
        Lower bounds of any kind; those that hold for Gaussian DP alone are passed over, as DP-SGD on drawn patients is
        not exactly that.
    vacuous
        Whether the guarantee says nothing, so that there is no curve to draw.
    """
    valid = [bound for bound in bounds if bound.kind in VALID_KINDS]

    def claimed(bound: LowerBound) -> float:
        return claimed_epsilon(mechanisms[bound.neighbouring], bound.delta, neighbouring=bound.neighbouring)

    found = alarm([LowerBound(**bound.model_dump(exclude={"on"})) for bound in valid], claimed)
    return sections.Theory(
        curves=() if vacuous else tuple(_curve(mechanisms["replace-one"], relation) for relation in _RELATIONS),
        comparisons=tuple(
            sections.ClaimComparison(
                **bound.model_dump(include={"kind", "neighbouring", "on", "epsilon", "delta", "significance"}),
                claimed=compared.claimed if math.isfinite(compared.claimed) else None,
                exceeded=compared.exceeded,
            )
            for bound, compared in zip(valid, found.comparisons, strict=True)
        ),
        alarm=found.rings,
        level=found.level,
    )


def theory_of_one_model(mechanisms: Sequence[Mechanism], *, vacuous: bool) -> sections.Theory:
    """Set what the mechanisms of one given model allow beside what attacks achieve on it; nothing can ring.

    A lower bound that holds for any mechanism takes many models, or patients who were in by coins of their own. One
    given model with members whom somebody chose has neither.

    Parameters
    ----------
    mechanisms
        All that the model was trained by, as its recipe or its manifest tells.
    vacuous
        Whether their guarantee says nothing.
    """
    return judge_theory({"replace-one": mechanisms}, (), vacuous=vacuous)


def _curve(mechanisms: Sequence[Mechanism], neighbouring: Neighbouring) -> sections.TradeOff:
    fnr = trade_off_curve(mechanisms, _CURVE_FPRS, neighbouring=neighbouring)
    return sections.TradeOff(neighbouring=neighbouring, fpr=tuple(_CURVE_FPRS), tpr=tuple(1 - fnr))


def judge_union(scored: Scored, design: Design) -> sections.UnionOfAttacks | None:
    """Say what all attacks find together."""
    single = {attack.name: scored.scores[attack.name] for attack in scored.attacks if attack.name != "stacked"}
    if len(single) < 2 or design.models < 4:
        return None
    flags = flag(single, design, fpr=UNION_FPR, seed=design.seed)
    rates = achieved_rates(flags, design.members)
    by_how_many = flags.flagged.sum(axis=0)
    found = ((by_how_many > 0) & design.members).sum()
    alone = (flags.flagged & (by_how_many == 1) & design.members).sum(axis=(1, 2)) / max(int(found), 1)
    return sections.UnionOfAttacks(
        fpr=UNION_FPR,
        attacks=len(flags.names),
        tpr=rates.union_tpr,
        achieved_fpr=rates.union_fpr,
        only_here={name: float(share) for name, share in zip(flags.names, alone, strict=True)},
    )


def judge_convergence(
    settings: AuditSection, signals: Signals, design: Design, patients: IntArray, *, headline: str
) -> tuple[sections.Convergence, ...]:
    """Show how the number of the headline attack and its interval move with the number of models."""
    alone = settings.model_copy(update={"attacks": (headline,)})

    def score(part: Design) -> FloatArray:
        return score_attacks(alone, signals.of(slice(part.models)), part, patients).scores[headline]

    sizes = [size for size in doubling_sizes(design.models, first=min(32, design.models)) if size >= 8]
    rows = convergence(score, design, sizes, fprs=(0.1,))
    return tuple(sections.Convergence(models=row.models, auc=row.auc, tpr_at_fpr=row.tpr_at_fpr[0]) for row in rows)


def audit_nothing(settings: AuditSection, cohort: Cohort, signals: Signals, design: Design) -> sections.SelfTest:
    """Audit a membership drawn afterwards, which no model can know, exactly as the real one is audited.

    Every interval of an AUC must hold 0.5, nobody may be flagged beyond the share that is allowed, and nothing may be
    claimed of epsilon. The limits are widened on the logit scale so that they hold for all attacks at once
    (Bonferroni); a correct audit fails in about one cohort of twenty.
    """
    seed = random_state(design.seed, "self-test")
    null = make_design(cohort.y, cohort.patients, models=design.models, seed=seed)
    scored = score_attacks(settings, signals, null, cohort.patients)
    stretch = float(stats.norm.isf(0.025 / len(scored.scores)) / stats.norm.isf(0.025))
    attacks = []
    for name, scores in scored.scores.items():
        found = mean_over_targets(scores, null.members, null.partner, fprs=DEFAULT_FPRS[:1])
        auc = _widened(found.auc, stretch)
        passed = auc.low is not None and auc.high is not None and auc.low <= 0.5 <= auc.high
        attacks.append(sections.NullAttack(name=name, auc=auc, passed=passed))
    exposure = judge_patients(cohort, scored, null, settings)[1]
    flagged = 0 if exposure.flagging is None else exposure.flagging.flagged
    bounds = bound_of_the_most_exposed(scored.statistic, null, settings)
    epsilon = max((found.epsilon for found in bounds), default=0.0)
    return sections.SelfTest(
        attacks=tuple(attacks),
        flagged=flagged,
        patients=cohort.n_patients,
        epsilon=epsilon,
        passed=all(attack.passed for attack in attacks) and flagged == 0 and epsilon == 0,
    )


def _widened(estimate: Estimate, stretch: float) -> Estimate:
    if estimate.value is None or not 0 < estimate.value < 1:
        return estimate
    value, low, high = special.logit([estimate.value, estimate.low, estimate.high])
    low, high = special.expit([value + stretch * (low - value), value + stretch * (high - value)])
    return Estimate(estimate.value, float(low), float(high))
