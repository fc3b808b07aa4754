"""With few models BaVarIA finds more members than LiRA, whichever way LiRA takes its variance.

Every design is simulated once and scored by both attacks; where the claim is "better", the mean difference over designs
lies three standard errors above zero (a false claim would pass about once in 700 times).
"""

import numpy as np
import pytest
from scipy import stats

from genoaudit.attacks.bavaria import BAVARIA_N, BAVARIA_T
from genoaudit.attacks.lira import LIRA, LIRA_FIXED
from genoaudit.contracts import Design, Signals

pytestmark = pytest.mark.statistical

PATIENTS = 300


def simulate(models, rng, *, variances):
    """Patients with their own level, spread and gap; a member's logit scatters a little less."""
    members = np.empty((models, PATIENTS), dtype=bool)
    members[::2] = rng.permuted(np.tile(np.arange(PATIENTS) % 2 == 0, (models // 2, 1)), axis=1)
    members[1::2] = ~members[::2]
    design = Design(members=members, partner=np.arange(models) ^ 1, seed=0)
    spread = np.sqrt(variances(rng))
    gap = 0.8 * spread * rng.exponential(size=PATIENTS)
    noise = spread * np.where(members, 0.8, 1.0) * rng.normal(size=(models, PATIENTS))
    logit = 2 * rng.normal(size=PATIENTS) + gap * members + noise
    signals = Signals(
        logit=logit[:, None, :],
        proba=np.full((models, PATIENTS, 2), 0.5, dtype=np.float32),
        y=np.zeros(PATIENTS, dtype=np.intp),
    )
    return signals, design


def auc(scores, members):
    ranks = stats.rankdata(scores, axis=1)
    inside = members.sum(axis=1)
    rank_sum = np.where(members, ranks, 0).sum(axis=1)
    return np.mean((rank_sum - inside * (inside + 1) / 2) / (inside * (PATIENTS - inside)))


def tpr(scores, members):
    """At a false-positive rate of 5 %, averaged over targets."""
    return np.mean([np.mean(s[m] > np.quantile(s[~m], 0.95)) for s, m in zip(scores, members, strict=True)])


def differences(attack, other, models, *, variances, measure, trials):
    rng = np.random.default_rng(models)
    found = []
    for _ in range(trials // models):
        signals, design = simulate(models, rng, variances=variances)
        both = [measure(one.score(signals, design, np.arange(PATIENTS)), design.members) for one in (attack, other)]
        found.append(both[0] - both[1])
    return np.mean(found), stats.sem(found)


def unequal(rng):
    return 4 / rng.chisquare(4, size=PATIENTS)


def equal(rng):
    return np.ones(PATIENTS)


def nearly_constant_tenth(rng):
    return np.where(np.arange(PATIENTS) < PATIENTS // 10, 1e-6, unequal(rng))


@pytest.mark.parametrize("models", [6, 8, 12, 16])
@pytest.mark.parametrize("other", [LIRA, LIRA_FIXED], ids=lambda attack: attack.name)
def test_more_members_found_where_patients_differ_in_variance(models, other):
    mean, error = differences(BAVARIA_T, other, models, variances=unequal, measure=tpr, trials=960)
    assert mean > 3 * error


@pytest.mark.parametrize("models", [8, 16])
@pytest.mark.parametrize("other", [LIRA, LIRA_FIXED], ids=lambda attack: attack.name)
@pytest.mark.parametrize("attack", [BAVARIA_T, BAVARIA_N], ids=lambda attack: attack.name)
@pytest.mark.parametrize("variances", [equal, unequal, nearly_constant_tenth])
def test_auc_is_never_lower_by_a_hundredth(attack, other, models, variances):
    mean, error = differences(attack, other, models, variances=variances, measure=auc, trials=400)
    assert mean - 3 * error > -0.01


def test_with_many_models_nothing_is_lost_to_lira():
    mean, error = differences(BAVARIA_T, LIRA, 96, variances=unequal, measure=auc, trials=400)
    assert mean - 3 * error > -0.005
