"""A plausible comparison, made from closed forms: nothing here is trained."""

import numpy as np
from sample_report import build_report
from sample_sweep import HOSTILE, span
from scipy.stats import norm

from genoaudit.metrics.estimates import Estimate
from genoaudit.reconstruct import named_shares, threats
from genoaudit.report.reconstruct_result import (
    HalfLost,
    Identification,
    Inversion,
    ReconstructCell,
    ReconstructReport,
    Recovery,
    Threshold,
)
from genoaudit.report.result import NotRun

BUDGETS = (1.0, 8.0, 32.0, 1e3, 1e6, 1e9, 1e12, None)
GENES = 3000
CONTROL = 0.9


def noise_of(budget):
    return 0.0 if budget is None else float(4 / budget**0.45)


def recovery(attack, network, pearson, *, expected=None, vanished=None, learnt=0.0):
    share = float(norm.cdf((pearson - 0.99) / 0.005))
    return Recovery(
        attack=attack,
        network=network,
        patients=40,
        pearson=pearson,
        spearman=0.98 * pearson,
        mse=0.03 * (1 - pearson**2),
        within_noise=0.1 + 0.9 * share,
        nearest_patient=0.0 if attack == "class_mean" else float(pearson > 0.3),
        class_right=0.8,
        sex_right=None,
        success=Estimate(share, max(0.0, share - 0.1), min(1.0, share + 0.1)),
        expected_pearson=expected,
        expected_success=None if expected is None else share,
        vanished=vanished,
        learnt=None if vanished is None else learnt,
    )


def identification(budget, decades, *, vacuous):
    share = 0.01 + 0.99 * float(1 / (1 + np.exp(-(decades - 2) / 0.6)))
    named = round(40 * share)
    return Identification(
        candidates=100,
        patients=40,
        named=named,
        rate=span(named / 40, 0.08),
        guessing=0.01,
        bound=1.0 if vacuous else min(1.0, 1.4 * share),
    )


def cell(recipe, budget, seed=0, *, measured=True, shift=0.0):
    sigma = noise_of(budget)
    pearson = float(1 / np.sqrt(1 + (GENES - 1) * (3 * sigma) ** 2)) - 0.001 * seed
    decades = 14.0 if budget is None else np.log10(budget)
    kept = float(1 / (1 + np.exp(-(decades - 4.5 - shift) / 2)))
    none = Estimate(None, None, None)
    recoveries = [
        recovery("class_mean", "none", CONTROL),
        recovery("analytic", "fresh", pearson, expected=pearson, vanished=0.0),
        recovery("analytic", "trained", 0.9 * pearson, expected=0.9 * pearson, vanished=0.0),
        recovery("rank_one", "fresh", 0.99 * pearson),
        recovery("rank_one", "trained", 0.85 * pearson),
        recovery("whole_patient", "fresh", 0.95 * pearson),
        recovery("imprint", "chosen", 0.8 * pearson),
        recovery("trap_weights", "chosen", 0.7 * pearson),
    ]
    if recipe != "softmax":
        recoveries.append(recovery("matching", "fresh", 0.02, vanished=0.0))
    if budget is None and recipe == "softmax":
        recoveries.append(recovery("informed", "trained", 0.9999))
    vacuous = budget is None or budget > 1e3
    return ReconstructCell(
        name=f"{recipe}/{'none' if budget is None else f'dp={budget:g}'}/seed={seed}",
        recipe=recipe,
        title="No protection" if budget is None else f"DP, epsilon {budget:g}",
        budget=budget,
        seed=seed,
        noise_multiplier=None if budget is None else sigma,
        vacuous=vacuous,
        recoveries=tuple(recoveries),
        threshold=Threshold(kappa=0.05, bound=1.0 if budget is None else float(norm.cdf(1 / sigma + norm.ppf(0.05)))),
        half_lost=HalfLost(noise_multiplier=0.0105, epsilon=2.1e4),
        identification=identification(budget, decades, vacuous=vacuous),
        inversion=Inversion(classes=11, auc=0.5 + 0.05 * kept, pearson=0.9),
        accuracy=span(0.93 - 0.3 * float(np.exp(-decades)), 0.01) if measured else none,
        auc=span(0.5 + 0.3 * kept, 0.02) if measured else none,
        worst_auc=span(0.5 + 0.45 * kept, 0.05) if measured else none,
    )


def build_reconstruct(recipes=("mlp", "softmax"), *, seeds=(0,), models=16, budgets=BUDGETS, shift=0.0, **changes):
    cells = tuple(
        cell(recipe, budget, seed, measured=models > 0, shift=shift)
        for seed in seeds
        for recipe in recipes
        for budget in budgets
    )
    content = {
        "genoaudit_version": "0.1.0",
        "cohort": build_report().cohort,
        "models": models,
        "patients": 40,
        "eta": 0.01,
        "cells": cells,
        "threats": threats(),
        "not_run": (),
        "warnings": ("Two patients have the same profile.",),
    }
    content = {**content, **changes}
    return ReconstructReport(**{"named": named_shares(content["cells"]), **content})


def with_named(report, budget, named):
    """Return the report with so many patients named at a budget, in every cell."""
    cells = tuple(
        one
        if one.budget != budget
        else one.model_copy(
            update={
                "identification": one.identification.model_copy(update={"named": named, "rate": span(named / 40, 0.08)})
            }
        )
        for one in report.cells
    )
    return report.model_copy(update={"cells": cells, "named": named_shares(cells)})


def with_vanished(report, *, vanished, learnt=0.0):
    """Return the report with no gradient in trained networks for a share of the patients."""

    def told(one):
        if one.network != "trained":
            return one
        return one.model_copy(update={"vanished": vanished, "learnt": learnt, "pearson": (1 - vanished) * one.pearson})

    cells = tuple(one.model_copy(update={"recoveries": tuple(map(told, one.recoveries))}) for one in report.cells)
    return report.model_copy(update={"cells": cells})


def build_hostile_reconstruct():
    """A recipe named by somebody who wishes the page ill."""
    return build_reconstruct(
        recipes=("mlp", HOSTILE), warnings=(HOSTILE,), not_run=(NotRun(name=HOSTILE, reason=HOSTILE),)
    )
