"""Several releases of models that remember nobody: attacked together they may not say so.

Small cohorts, many times over; each claim fails by chance in 0.3 % of seeds, and the seeds are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from genoaudit.attacks.joint import joint_ratio
from genoaudit.contracts import Design
from genoaudit.data.design import make_design, make_random_splits

pytestmark = pytest.mark.statistical

PATIENTS, AUDITS = 40, 300


def null_releases(models, rng, releases=2):
    """Easy and hard patients, patients on whom models disagree, releases that resemble each other."""
    level = 2 * rng.normal(size=PATIENTS)
    spread = rng.uniform(0.2, 2, size=PATIENTS)
    shared = rng.normal(size=(models, PATIENTS))
    return [level + spread * (0.6 * shared + 0.8 * rng.normal(size=shared.shape)) for _ in range(releases)]


def auc(scores, members):
    n_in, n_out = members.sum(axis=-1), (~members).sum(axis=-1)
    ranks = stats.rankdata(scores, axis=-1)
    return ((ranks * members).sum(axis=-1) - n_in * (n_in + 1) / 2) / (n_in * n_out)


def splits(share, models, rng):
    y, patients, seed = np.arange(PATIENTS) % 2, np.arange(PATIENTS), int(rng.integers(2**31))
    if share == 0.5:
        return make_design(y, patients, models=models, seed=seed)
    return make_random_splits(y, patients, members=round(share * PATIENTS), models=models, seed=seed)


@pytest.mark.parametrize(("share", "models"), [(0.5, 8), (0.5, 9), (0.8, 20)])
@pytest.mark.parametrize("releases", [1, 2])
def test_every_target_of_a_design_stays_at_chance(share, models, releases):
    rng = np.random.default_rng(1)
    found = []
    for _ in range(AUDITS):
        design = splits(share, models, rng)
        found.append(auc(joint_ratio(null_releases(models, rng, releases), design), design.members).mean())
    error = np.std(found, ddof=1) / np.sqrt(AUDITS)
    assert error < 0.006
    assert abs(np.mean(found) - 0.5) < 3 * error


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_given_models_behind_their_references_stay_at_chance(share):
    rng = np.random.default_rng(2)
    found = []
    for _ in range(AUDITS):
        design = splits(share, 20, rng)
        held = rng.permutation(PATIENTS) < round(share * PATIENTS)
        with_target = Design(np.vstack([design.members, held]), np.append(design.partner, -1), seed=0)
        found.append(auc(joint_ratio(null_releases(21, rng), with_target)[-1], held))
    error = np.std(found, ddof=1) / np.sqrt(AUDITS)
    assert abs(np.mean(found) - 0.5) < 3 * error
