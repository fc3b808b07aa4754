"""Attacks on models that hold most patients, with references as a half split has them."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from genoaudit.config import AuditSection
from genoaudit.contracts import Signals, draw_codes
from genoaudit.data.design import make_random_splits
from genoaudit.release.matched import matched_rows, matched_scores

LIRA = AuditSection(attacks=("lira_fixed",))


def world(share, rounds, patients, rng, *, leak=0.0, samples=1):
    codes = np.arange(patients)
    members = round(share * patients)
    turns = patients // (patients - members)
    design = make_random_splits(codes % 2, codes, members=members, models=rounds * turns, seed=int(rng.integers(2**31)))
    of_sample = np.repeat(codes, samples)
    logit = rng.normal(size=(design.models, of_sample.size)) * rng.uniform(0.5, 2, size=patients)[of_sample]
    logit = logit + 2 * rng.normal(size=patients)[of_sample] + leak * design.members[:, of_sample]
    proba = np.full((design.models, of_sample.size, 2), 0.5, dtype=np.float32)
    return design, Signals(logit=logit[:, None, :], proba=proba, y=of_sample % 2), of_sample


def auc(scores, members):
    n_in, n_out = members.sum(axis=1), (~members).sum(axis=1)
    ranks = stats.rankdata(scores, axis=1)
    return float(np.mean(((ranks * members).sum(axis=1) - n_in * (n_in + 1) / 2) / (n_in * n_out)))


@given(models=st.integers(12, 40), per_side=st.integers(2, 6), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_rows_hold_models_of_the_side_they_say_and_none_twice(models, per_side, seed):
    rng = np.random.default_rng(seed)
    members = rng.random((models, 9)) < 0.7
    members[: 2 * per_side, 0] = True
    members[: 2 * per_side] |= ~members.sum(axis=0, keepdims=True).astype(bool)
    enough = members.sum(axis=0) >= 2 * per_side
    rows, held = matched_rows(members[:, enough], per_side=per_side, rng=rng)
    here = np.arange(enough.sum())
    assert (members[:, enough][rows, here] == held).all()
    assert all(np.unique(column).size == 2 * per_side for column in rows.T)
    left_out = (~members[:, enough]).sum(axis=0)
    assert (~held).sum(axis=0).tolist() == np.minimum(left_out, per_side).tolist()


def test_references_come_from_other_rounds_and_nothing_of_the_own_round_is_looked_at():
    rng = np.random.default_rng(0)
    design, signals, patients = world(0.8, 8, 40, rng, samples=2)
    before = matched_scores(LIRA, signals, design, patients)["lira_fixed"]
    mates = np.flatnonzero(draw_codes(design.partner) == 0)[1:]
    logit = signals.logit.copy()
    logit[mates] = rng.normal(size=logit[mates].shape)
    after = matched_scores(LIRA, replace(signals, logit=logit), design, patients)["lira_fixed"]
    np.testing.assert_allclose(after[0], before[0], rtol=1e-9)
    assert np.abs(after[-1] - before[-1]).max() > 0.01


@pytest.mark.parametrize("attack", ["lira_fixed", "bavaria_t", "rmia", "loss", "per_class"])
def test_a_leak_is_found_and_every_sample_of_a_patient_counts(attack):
    rng = np.random.default_rng(1)
    design, signals, patients = world(0.9, 8, 100, rng, leak=1.5, samples=2)
    scores = matched_scores(AuditSection(attacks=(attack,)), signals, design, patients)[attack]
    assert scores.shape == design.members.shape
    assert auc(scores, design.members) > (0.55 if attack in {"loss", "per_class"} else 0.8)


@pytest.mark.statistical
@pytest.mark.parametrize("attack", ["lira", "lira_fixed", "bavaria_t", "rmia", "rmia_offline", "base_offline"])
def test_models_that_remember_nobody_stay_at_chance(attack):
    """60 audits; the mean AUC lies within three of its standard errors."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(60):
        design, signals, patients = world(0.875, 10, 40, rng)
        scores = matched_scores(AuditSection(attacks=(attack,)), signals, design, patients)[attack]
        found.append(auc(scores, design.members))
    assert abs(np.mean(found) - 0.5) < 3 * np.std(found, ddof=1) / np.sqrt(60)
