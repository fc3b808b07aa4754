"""Coins are fair and independent, nothing leaks through them, and canaries are worth auditing.

Seeds are fixed. Each null hypothesis is tested at level 1e-3: under another seed a test would fail by chance about once
in a thousand times per hypothesis; fairness has three, independence two.
"""

import numpy as np
import pytest
from scipy.stats import binomtest, chi2, kstest, norm

from genoaudit.attacks.lira import LIRA, LIRA_FIXED
from genoaudit.contracts import Design, Signals
from genoaudit.data.canaries import CANARIES, make_canaries
from genoaudit.data.design import make_design
from genoaudit.data.preprocessing import LogTransform
from genoaudit.data.simulate import simulate_cohort
from genoaudit.metrics.roc import roc_statistics

pytestmark = pytest.mark.statistical

LEVEL = 1e-3


def coins(models, audited, *, seed=0):
    """Return the coins of the audited patients; two classes keep four patients each who are not audited."""
    patients = audited + 8
    y = np.arange(patients) % 2
    design = make_design(y, np.arange(patients), models=models, seed=seed, kind="coins", audited=np.arange(audited))
    return design.members[:, :audited]


def test_coins_are_fair():
    drawn = coins(2000, 500)
    assert binomtest(int(drawn.sum()), drawn.size).pvalue > LEVEL
    for axis in (0, 1):
        flips = drawn.shape[axis]
        z = (drawn.sum(axis=axis) - flips / 2) / np.sqrt(flips / 4)
        assert chi2.sf((z**2).sum(), z.size) > LEVEL


@pytest.mark.parametrize("between", ["models", "patients"])
def test_coins_are_independent(between):
    drawn = coins(60, 4000) if between == "models" else coins(4000, 60).T
    signs = 2.0 * drawn - 1
    pairs = np.triu_indices(60, 1)
    z = (signs @ signs.T)[pairs] / np.sqrt(signs.shape[1])
    # For independent fair coins the products of any two are pairwise independent, each pair's sum nearly normal.
    assert kstest(z, "norm").pvalue > LEVEL
    assert abs(z).max() < norm.isf(LEVEL / 2 / z.size)


def test_seeds_and_neighbouring_models_are_independent():
    rows = np.concatenate([coins(40, 2000, seed=seed) for seed in range(3)])
    signs = 2.0 * rows - 1
    z = (signs @ signs.T)[np.triu_indices(len(rows), 1)] / np.sqrt(2000)
    assert abs(z).max() < norm.isf(LEVEL / 2 / z.size)


@pytest.mark.parametrize("attack", [LIRA, LIRA_FIXED], ids=lambda attack: attack.name)
def test_with_coins_leaving_out_the_target_alone_gives_nothing_away(attack):
    # Half-splits need the partner left out too; the coins of other models say nothing of the target's.
    rng = np.random.default_rng(5)
    design = Design(members=coins(32, 4000), partner=np.full(32, -1), seed=0, kind="coins")
    logit = rng.normal(size=4000) + rng.normal(size=(32, 4000)) * rng.uniform(0.2, 2, size=4000)
    proba = np.full((32, 4000, 2), 0.5, dtype=np.float32)
    signals = Signals(logit=logit[:, None, :], proba=proba, y=np.zeros(4000, dtype=np.intp))
    scores = attack.score(signals, design, np.arange(4000))
    once = np.ones((1, 4000), dtype=np.intp)
    auc = [roc_statistics(s, m, once).auc[0] for s, m in zip(scores, design.members, strict=True)]
    inside = design.members.sum(axis=1)
    error = np.sqrt(np.mean(4001 / (12 * inside * (4000 - inside))) / 32)  # Mann and Whitney 1947
    assert abs(np.mean(auc) - 0.5) < norm.isf(LEVEL / 2) * error


def ridge_margins(log, y, members):
    """Return the margin of the true class of ridge regression on one-hot classes; [models, samples]."""
    sd = log.std(axis=0)
    Z = (log - log.mean(axis=0)) / np.where(sd > 0, sd, np.inf)
    K = Z @ Z.T / Z.shape[1]
    truth = np.eye(int(y.max()) + 1, dtype=bool)[y]
    margins = np.empty((len(members), len(y)))
    for model, held in enumerate(members):
        weights = np.linalg.solve(K[np.ix_(held, held)] + np.eye(held.sum()), 2.0 * truth[held] - 1)
        outputs = K[:, held] @ weights
        margins[model] = outputs[truth] - np.where(truth, -np.inf, outputs).max(axis=1)
    return margins


@pytest.mark.parametrize("scale", ["counts", "log2"])
def test_canaries_are_more_exposed_than_natural_patients(scale):
    natural = simulate_cohort(patients=200, genes=800, classes=5, scale=scale, repeat_share=0, seed=3)
    cohort, canaries = make_canaries(natural, kinds=tuple(CANARIES), count=8, seed=0)
    others = np.setdiff1d(np.arange(cohort.n_patients), canaries.patients)
    chosen = np.random.default_rng(0).choice(others, 60, replace=False)
    audited = np.concatenate([canaries.patients, chosen])
    design = make_design(cohort.y, cohort.patients, models=200, seed=0, kind="coins", audited=audited)
    # One sample per patient, and ids sort alike: rows are patients.
    log = LogTransform(scale).fit_transform(cohort.X).astype(float)
    margins, inside = ridge_margins(log, cohort.y, design.members)[:, audited], design.members[:, audited]
    counts = inside.sum(axis=0)
    raised = (margins * inside).sum(axis=0) / counts - (margins * ~inside).sum(axis=0) / (len(margins) - counts)
    kinds = np.array([*canaries.kinds, *["natural"] * len(chosen)])
    usual = np.median(raised[kinds == "natural"])
    for kind in CANARIES:
        assert np.median(raised[kinds == kind]) > 1.3 * usual, kind
