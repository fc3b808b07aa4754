"""A plausible sweep, made from closed forms: nothing here is trained."""

import numpy as np
from sample_report import NOTHING, build_report, rate, side
from scipy.stats import norm

from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.frontier import pareto
from genoaudit.report.result import Leakage, NotRun, Utility
from genoaudit.report.sections import CanaryKindLeakage, Guarantee, WorstPatients
from genoaudit.report.sweep_result import FairComparison, SweepCell, SweepReport
from genoaudit.report.sweep_table import number_text

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
EPSILONS = (1.0, 8.0, 32.0, 1e3, 1e6, 1e9, 1e12)
ACCURACY = 0.934
DELTA = 0.00025

# What each protection costs in accuracy, and what it leaves of the separation of members on average and of the most
# exposed patients: as one would draw it by hand.
OTHERS = (
    ("l2", 0.001, "L2 penalty (weight decay), 0.001", "training", 0.001, 0.93, 0.97),
    ("l2", 0.01, "L2 penalty (weight decay), 0.01", "training", 0.004, 0.75, 0.9),
    ("l2", 0.1, "L2 penalty (weight decay), 0.1", "training", 0.031, 0.45, 0.7),
    ("dropout", 0.5, "Dropout of hidden units, 0.5", "training", -0.003, 0.85, 0.95),
    ("label_smoothing", 0.1, "Label smoothing, 0.1", "training", 0.002, 0.97, 1.02),
    ("rounding", 1, "Rounded probabilities, 1", "outputs", 0.0, 0.8, 0.93),
    ("label_only", "on", "Labels only, on", "outputs", 0.0, 0.3, 0.55),
)
CROWD = (
    *OTHERS,
    ("dropout", 0.25, "Dropout of hidden units, 0.25", "training", -0.001, 0.9, 0.97),
    ("label_smoothing", 0.3, "Label smoothing, 0.3", "training", 0.006, 0.92, 0.99),
    ("mixup", 0.4, "Mixup of samples, 0.4", "training", -0.001, 0.8, 0.88),
    ("early_stopping", 0.2, "Early stopping on held-out patients, 0.2", "training", 0.012, 0.6, 0.8),
    ("variable_genes", 500, "Most variable genes of the members, 500", "training", 0.009, 0.9, 0.92),
    ("variable_genes", 2000, "Most variable genes of the members, 2000", "training", 0.001, 0.95, 0.98),
    ("temperature", 5.0, "Softened probabilities (temperature), 5", "outputs", 0.0, 1.0, 1.0),
    ("top_k", 2, "Most probable classes only, 2", "outputs", 0.0, 0.98, 0.99),
)
"""As many as a sweep of the whole catalogue has, most of them close to no protection."""


def span(value, half_width, least=0.0, most=1.0):
    return Estimate(value, max(least, value - half_width), min(most, value + half_width))


def auc(separation, half_width=0.02):
    return span(float(norm.cdf(separation / np.sqrt(2))), half_width)


def leakage(separation):
    advantage = float(2 * norm.cdf(separation / 2) - 1)
    return Leakage(
        auc=auc(separation),
        balanced_accuracy=span((1 + advantage) / 2, 0.02),
        advantage=span(advantage, 0.02),
        tpr_at_fpr=tuple(rate(separation, fpr, 200) for fpr in (0.1, 0.01, 0.001)),
    )


def worst(separation):
    return tuple(
        WorstPatients(
            k=k,
            models_per_half=32,
            auc=auc(factor * separation, 0.05),
            d_prime=span(factor * separation, 0.3, -9, 9),
            tpr_at_fpr=rate(factor * separation, 0.1, 32),
        )
        for k, factor in ((1, 1.15), (5, 1.0), (20, 0.85))
    )


def guarantee(epsilon):
    return Guarantee(
        epsilon=epsilon,
        delta=DELTA,
        accountant="pld" if epsilon <= 1e3 else "rdp",
        noise_multiplier=float(9 / (1 + epsilon) ** 0.45),
        neighbouring="add/remove",
        unit="patient",
        vacuous=epsilon > 1e3,
        end_to_end=False,
        gaps=("How the hyper-parameters were chosen was not declared.",),
    )


def cell(recipe, mitigation, setting, title, acts_on, lost, kept, kept_worst, *, seed=0, tuned=False, canaries=True):
    shift = 0.004 * seed
    accuracy = ACCURACY - lost - shift
    separation, exposed = 1.05 * kept + shift, 2.15 * kept_worst + shift
    said = setting if isinstance(setting, str) else "" if setting is None else f"{setting:g}"
    name = "/".join([recipe, f"{mitigation}={said}" if said else mitigation, f"seed={seed}"])
    return SweepCell(
        name=name,
        recipe=recipe,
        mitigation=mitigation,
        setting=setting,
        title=title,
        acts_on=acts_on,
        tuned=tuned,
        seed=seed,
        access="labels" if mitigation == "label_only" else "probabilities",
        attack="label_noise" if mitigation == "label_only" else "lira",
        utility=Utility(members=side(min(0.998, accuracy + 0.05)), non_members=side(accuracy)),
        accuracy=span(accuracy, 0.008),
        accuracy_loss=Estimate(0.0, 0.0, 0.0) if mitigation == "none" else span(lost, 0.003 + lost / 20, -1),
        leakage=leakage(separation),
        labels_only=leakage(0.3) if mitigation == "rounding" else None,
        worst=worst(exposed),
        canaries=CanaryKindLeakage(
            kind="all",
            title="All canaries",
            canaries=100,
            auc=auc(1.1 * exposed, 0.04),
            tpr_at_fpr=rate(1.1 * exposed, 0.1, 50),
        )
        if canaries
        else None,
        guarantee=guarantee(setting) if mitigation == "dp" else None,
        on_frontier=False,
    )


def private(recipe, epsilon, *, worse=0.0, **options):
    decades = np.log10(epsilon)
    lost = 0.002 + 0.004 * max(0.0, 9 - decades) ** 0.5 + (0.7 + worse) / (1 + np.exp(2.2 * (decades - 0.7)))
    kept, kept_worst = (1 / (1 + np.exp(-(decades - middle) / 2.2)) for middle in (3.0, 6.5))
    title = f"DP, epsilon {number_text(epsilon)}"
    return cell(recipe, "dp", epsilon, title, "training", float(lost), float(kept), 0.95 * float(kept_worst), **options)


def tuned(recipe, **options):
    """A budget added between two others, named by its noise as a sweep does."""
    found = private(recipe, 120.0, tuned=True, **options)
    name = found.name.replace("dp=120", "dp=noise 1")
    return found.model_copy(update={"name": name, "setting": "noise 1", "title": "DP, noise multiplier 1"})


def cells_of(recipe, *, seed=0, without=(), worse=0.0, canaries=True, others=OTHERS):
    options = {"seed": seed, "canaries": canaries}
    found = [
        cell(recipe, "none", None, "No protection", "nothing", 0.0, 1.0, 1.0, **options),
        *(private(recipe, epsilon, worse=worse, **options) for epsilon in EPSILONS),
        *(cell(recipe, *other, **options) for other in others if other[0] not in without),
        tuned(recipe, worse=worse, **options),
    ]
    accuracy, exposed = (
        [part(one).value for one in found] for part in (lambda one: one.accuracy, lambda one: one.worst[1].auc)
    )
    flags = pareto(np.array(accuracy), np.array(exposed)).tolist()
    return [one.model_copy(update={"on_frontier": flag}) for one, flag in zip(found, flags, strict=True)]


def comparison(defence, dp):
    canary = NOTHING if defence.canaries is None else defence.canaries.auc
    canary_dp = NOTHING if dp is None or dp.canaries is None else dp.canaries.auc
    worst_dp = NOTHING if dp is None else dp.worst[1].auc

    def favours(found, other):
        if found.low is None or other.low is None or (found.low <= other.high and other.low <= found.high):
            return "neither"
        return "dp" if other.high < found.low else "defence"

    return FairComparison(
        recipe=defence.recipe,
        seed=defence.seed,
        defence=defence.name,
        dp=None if dp is None else dp.name,
        accuracy_difference=None if dp is None else dp.accuracy.value - defence.accuracy.value,
        worst_auc_defence=defence.worst[1].auc,
        worst_auc_dp=worst_dp,
        canary_auc_defence=canary,
        canary_auc_dp=canary_dp,
        worst_favours=favours(defence.worst[1].auc, worst_dp),
        canaries_favour=favours(canary, canary_dp),
    )


def comparisons_of(cells):
    """Each defence beside the DP cell with most noise that loses no more than it, a hundredth forgiven."""
    found = []
    for defence in cells:
        if defence.guarantee is None and defence.mitigation != "none":
            as_useful = [
                one for one in cells if one.guarantee and one.accuracy.value >= defence.accuracy.value - 0.0101
            ]
            found.append(comparison(defence, min(as_useful, key=lambda one: one.guarantee.epsilon, default=None)))
    return found


def build_sweep(recipes=("mlp", "softmax"), *, seeds=(0,), canaries=True, others=OTHERS, **changes):
    """Sweep of recipes under the same protections; the second has no hidden layer to drop out of."""
    groups = [
        cells_of(
            recipe,
            seed=seed,
            canaries=canaries,
            others=others,
            without=("dropout", "label_smoothing") if number == 1 else (),
            worse=-0.2 * number,
        )
        for number, recipe in enumerate(recipes)
        for seed in seeds
    ]
    content = {
        "genoaudit_version": "0.1.0",
        "cohort": build_report().cohort,
        "models": 64,
        "canary_models": 64 if canaries else 0,
        "cells": tuple(one for group in groups for one in group),
        "comparisons": tuple(pair for group in groups for pair in comparisons_of(group)),
        "not_run": tuple(
            NotRun(name=f"{recipe}/dropout=0.5", reason="the recipe has no hidden layer") for recipe in recipes[1:2]
        ),
        "warnings": ("Every cell shares its members with all others, so their numbers go together.",),
    }
    return SweepReport(**{**content, **changes})


def build_hostile_sweep():
    """A recipe and a protection named by somebody who wishes the page ill."""
    sweep = build_sweep(recipes=("mlp", HOSTILE))
    last = sweep.cells[-2].model_copy(update={"title": f"Genes of {HOSTILE}", "setting": HOSTILE})
    return sweep.model_copy(
        update={
            "cells": (*sweep.cells[:-2], last, sweep.cells[-1]),
            "warnings": (HOSTILE,),
            "not_run": (NotRun(name=HOSTILE, reason=HOSTILE),),
        }
    )
