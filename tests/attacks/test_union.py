from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from genoaudit.attacks.folds import model_folds, patient_folds
from genoaudit.attacks.union import Flags, achieved_rates, flag
from genoaudit.errors import ConfigError


def naive_flags(values, design, fpr, seed):
    of_model, of_patient = model_folds(design.partner, seed=seed), patient_folds(design.patients, seed=seed)
    flagged = np.zeros(values.shape, dtype=bool)
    for t in range(design.models):
        for i in range(design.patients):
            outside = [
                values[m, j]
                for m in range(design.models)
                for j in range(design.patients)
                if of_model[m] != of_model[t] and of_patient[j] != of_patient[i] and not design.members[m, j]
            ]
            candidates = sorted({-np.inf, *outside})
            cut = next(c for c in candidates if sum(v > c for v in outside) <= fpr * len(outside))
            flagged[t, i] = values[t, i] > cut
    return flagged


@pytest.mark.parametrize("fpr", [0.1, 0.15, 0.5])
def test_flags_equal_a_naive_search_for_the_threshold(fpr, rng, make_design):
    design = make_design(6, 13, rng)
    scores = {
        "a": rng.normal(size=(6, 13)) + design.members,
        "ties": rng.integers(4, size=(6, 13)).astype(float),
    }
    flags = flag(scores, design, fpr=fpr, seed=9)
    assert flags.names == ("a", "ties")
    for flagged, values in zip(flags.flagged, scores.values(), strict=True):
        np.testing.assert_array_equal(flagged, naive_flags(values, design, fpr, 9))


def test_rates_meet_the_closed_form_for_independent_normal_attacks():
    # Three attacks shifted by 1 at a budget of 5 %: power Phi(1 - 1.645); the union multiplies what each misses.
    rng = np.random.default_rng(12)
    members = np.empty((64, 500), dtype=bool)
    members[::2] = np.argsort(rng.random((32, 500)), axis=1) < 250
    members[1::2] = ~members[::2]
    design = _paired(members)
    scores = {name: rng.normal(size=members.shape) + members for name in "abc"}
    flags = flag(scores, design, fpr=0.05, seed=0)
    rates = achieved_rates(flags, members)
    power = stats.norm.sf(stats.norm.isf(0.05) - 1)
    np.testing.assert_allclose(rates.fpr, 0.05, atol=0.008)  # 16,000 non-members, threshold from 6,400
    np.testing.assert_allclose(rates.tpr, power, atol=0.025)
    assert rates.union_fpr == pytest.approx(1 - 0.95**3, abs=0.012)
    assert rates.union_tpr == pytest.approx(1 - (1 - power) ** 3, abs=0.025)


def _paired(members):
    from genoaudit.contracts import Design

    return Design(members=members, partner=np.arange(len(members)) ^ 1, seed=0)


def test_a_constant_score_flags_nobody(rng, make_design):
    design = make_design(6, 20, rng)
    flags = flag({"flat": np.ones((6, 20)), "two values": np.eye(6, 20)}, design, fpr=0.1, seed=0)
    assert not flags.flagged[0].any()
    rates = achieved_rates(flags, design.members)
    assert (rates.tpr[0], rates.fpr[0]) == (0, 0)


def test_one_patient_found_by_one_attack_alone_is_in_the_union(rng, make_design):
    design = make_design(20, 50, rng)
    scores = {name: rng.normal(size=(20, 50)) for name in ("a", "b")}
    scores["a"][:, 4] += 10 * design.members[:, 4]
    scores["b"][:, 8] += 10 * design.members[:, 8]
    flags = flag(scores, design, fpr=0.02, seed=0)

    def found_share(flagged):
        return (flagged & design.members).sum(axis=-2) / design.members.sum(axis=0)

    found = found_share(flags.flagged)
    assert found[0, 4] == found[1, 8] == 1
    assert found[0, 8] < 0.5
    assert found[1, 4] < 0.5
    union = found_share(flags.union)
    assert union[4] == union[8] == 1
    assert np.all(union >= found.max(axis=0))


def test_neither_target_nor_partner_nor_patient_set_their_own_threshold(rng, make_design):
    design = make_design(8, 20, rng)
    scores = {"a": rng.normal(size=(8, 20)) + design.members}
    flagged = flag(scores, design, fpr=0.2, seed=0).flagged
    members = design.members.copy()
    members[[2, 3]] = members[[3, 2]]
    exchanged = flag(scores, replace(design, members=members), fpr=0.2, seed=0).flagged
    np.testing.assert_array_equal(exchanged[:, [2, 3]], flagged[:, [2, 3]])
    assert not np.array_equal(exchanged, flagged)
    members = design.members.copy()
    members[:, 7] = ~members[:, 7]
    swapped = flag(scores, replace(design, members=members), fpr=0.2, seed=0).flagged
    np.testing.assert_array_equal(swapped[:, :, 7], flagged[:, :, 7])


def test_impossible_budgets_and_sides_are_refused(rng, make_design):
    design = make_design(4, 20, rng)
    scores = {"a": rng.normal(size=(4, 20))}
    for fpr in (0.0, 1.0):
        with pytest.raises(ConfigError, match="must lie between 0 and 1"):
            flag(scores, design, fpr=fpr, seed=0)
    with pytest.raises(ConfigError, match=r"0\.001 needs at least 1000 non-members"):
        flag(scores, design, fpr=0.001, seed=0)
    nobody = Flags(names=("a",), fpr=0.1, flagged=np.zeros((1, 4, 20), dtype=bool))
    with pytest.raises(ConfigError, match="members and non-members, found 0 and 80"):
        achieved_rates(nobody, np.zeros((4, 20), dtype=bool))
