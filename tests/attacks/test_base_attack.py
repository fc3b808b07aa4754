import numpy as np
import pytest
from scipy import special, stats

from genoaudit.attacks.base_attack import BASE, BASE_OFFLINE, OFFLINE_SCALE
from genoaudit.attacks.rmia import RMIA
from genoaudit.contracts import Design


def naive(p, design, *, online):
    """Products of probabilities, no logarithm before the end."""
    models, patients = p.shape
    scores = np.empty((models, patients))
    for target in range(models):
        for i in range(patients):
            refs = [m for m in range(models) if m not in (target, design.partner[target])]
            refs = refs if online else [m for m in refs if not design.members[m, i]]
            mean = sum(p[m, i] for m in refs) / len(refs)
            scores[target, i] = np.log(p[target, i] / mean if online else p[target, i] / mean**OFFLINE_SCALE)
    return scores


@pytest.mark.parametrize("models", [4, 7, 12])
@pytest.mark.parametrize(("attack", "online"), [(BASE, True), (BASE_OFFLINE, False)], ids=["online", "offline"])
def test_equals_a_naive_loop(attack, online, models, rng, make_design, make_signals):
    design = make_design(models, 8, rng)
    patients = np.concatenate([np.arange(8), [0, 0, 4]])
    logit = rng.normal(size=(models, patients.size)) * 2
    p = np.stack([stats.gmean(special.expit(logit[:, patients == i]), axis=1) for i in range(8)], axis=1)
    scores = attack.score(make_signals(logit), design, patients)
    np.testing.assert_allclose(scores, naive(p, design, online=online), rtol=1e-9, atol=1e-12)


def test_closed_form_case(make_signals):
    # References of target 0 say 0.2 (IN) and 0.4 (OUT); its partner says 0.9 and must not count.
    members = np.array([[1], [0], [1], [0]], dtype=bool)
    design = Design(members=members, partner=np.array([1, 0, 3, 2]), seed=0)
    signals = make_signals(special.logit(np.array([[0.6], [0.9], [0.2], [0.4]])))
    assert BASE.score(signals, design, np.array([0]))[0, 0] == pytest.approx(np.log(0.6 / 0.3))
    assert BASE_OFFLINE.score(signals, design, np.array([0]))[0, 0] == pytest.approx(np.log(0.6 / 0.4**OFFLINE_SCALE))


def test_online_orders_the_patients_of_a_target_as_online_rmia_does(rng, make_design, make_signals):
    design = make_design(10, 40, rng)
    signals = make_signals(rng.normal(size=(10, 40)))
    base, rmia = (attack.score(signals, design, np.arange(40)) for attack in (BASE, RMIA))
    for target in range(10):
        assert np.all(np.diff(rmia[target][np.argsort(base[target])]) >= 0)


@pytest.mark.parametrize("attack", [BASE, BASE_OFFLINE], ids=lambda a: a.name)
def test_neither_partner_nor_own_membership_is_used(attack, rng, make_design, make_signals):
    design = make_design(8, 12, rng)
    logit = rng.normal(size=(8, 12))
    before = attack.score(make_signals(logit), design, np.arange(12))
    logit[5] += 9
    members = design.members.copy()
    members[[4, 5]] = members[[5, 4]]
    swapped = Design(members=members, partner=design.partner, seed=0)
    after = attack.score(make_signals(logit), swapped, np.arange(12))
    np.testing.assert_allclose(after[4], before[4], rtol=1e-12)
    assert not np.allclose(after[2], before[2])


@pytest.mark.parametrize("attack", [BASE, BASE_OFFLINE], ids=lambda a: a.name)
@pytest.mark.parametrize("level", [0.0, 0.1, 50.0, -1e6 / 3])
def test_constant_output_gives_finite_exact_ties(attack, level, rng, make_design, make_signals):
    design = make_design(51, 15, rng)
    scores = attack.score(make_signals(np.full((51, 30), level)), design, np.repeat(np.arange(15), 2))
    assert np.isfinite(scores).all()
    assert np.unique(scores).size == 1
