import numpy as np
import pytest

from genoaudit.attacks.folds import cells, matched_rows, model_folds, patient_folds
from genoaudit.contracts import Design
from genoaudit.errors import ConfigError


@pytest.mark.parametrize("patients", [2, 3, 5, 63, 200])
def test_patient_folds_differ_by_at_most_one_patient(patients):
    sizes = np.bincount(patient_folds(patients, seed=1))
    assert sizes.size == min(patients, 5)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("models", [4, 7, 64])
def test_a_model_and_its_partner_share_a_fold(models, rng, make_design):
    partner = make_design(models, 6, rng).partner
    fold = model_folds(partner, seed=3, folds=3)
    paired = np.flatnonzero(partner >= 0)
    np.testing.assert_array_equal(fold[paired], fold[partner[paired]])
    units = np.bincount(fold[(partner < 0) | (partner > np.arange(models))])
    assert units.max() - units.min() <= 1


def test_the_deal_depends_on_the_seed_alone():
    np.testing.assert_array_equal(patient_folds(40, seed=7), patient_folds(40, seed=7))
    assert not np.array_equal(patient_folds(40, seed=7), patient_folds(40, seed=8))


def test_too_little_to_cross_fit_is_refused():
    with pytest.raises(ConfigError, match="at least 2 complementary pairs of models and 2 folds, has 1 and 2"):
        model_folds(np.array([1, 0]), seed=0)
    with pytest.raises(ConfigError, match="at least 2 patients and 2 folds, has 1"):
        patient_folds(1, seed=0)
    with pytest.raises(ConfigError, match="2 folds, has 9 and 1"):
        patient_folds(9, seed=0, folds=1)


@pytest.mark.parametrize("models", [4, 9])
def test_every_target_and_patient_is_scored_once_by_a_fit_that_saw_neither(models, rng, make_design):
    design = make_design(models, 23, rng)
    times = np.zeros((models, 23), dtype=int)
    numbers = []
    for cell in cells(design, seed=0):
        times[np.ix_(cell.models, cell.patients)] += 1
        numbers.append(cell.number)
        assert not set(cell.patients) & set(cell.taught_by_patients)
        assert not set(cell.models) & set(cell.taught_by_models)
        assert not set(design.partner[cell.models]) & set(cell.taught_by_models)
        assert cell.models.size + cell.taught_by_models.size == models
        assert cell.patients.size + cell.taught_by_patients.size == 23
    assert np.all(times == 1)
    assert numbers == list(range(10))


@pytest.mark.parametrize("most", [10, 120, 10**6], ids=["fewest", "some", "all"])
def test_rows_hold_every_unit_equally_often_on_both_sides(most, rng):
    members = rng.random((12, 20)) < 0.4
    members[0], members[1] = True, False
    members[:, 4], members[:, 9] = True, False  # never on both sides: nothing to learn from them
    rows = matched_rows(members, most=most, rng=rng)
    np.testing.assert_array_equal(members[rows.model, rows.unit], rows.member)
    inside = np.bincount(rows.unit[rows.member], minlength=20)
    np.testing.assert_array_equal(inside, np.bincount(rows.unit[~rows.member], minlength=20))
    held = members.sum(axis=0)
    np.testing.assert_array_equal(inside, np.minimum(np.minimum(held, 12 - held), max(1, most // 40)))
    assert len(set(zip(rows.model, rows.unit, strict=True))) == rows.model.size


def test_rows_draw_every_model_of_a_side_equally_often():
    rng = np.random.default_rng(2)
    members = np.repeat(np.array([[True], [True], [True], [False], [False]]), 3000, axis=1)
    rows = matched_rows(members, most=1, rng=rng)
    drawn = np.bincount(rows.model, minlength=5)
    expected = np.array([1000, 1000, 1000, 1500, 1500])
    assert np.all(np.abs(drawn - expected) < 4 * np.sqrt(expected))


def test_rows_need_a_unit_on_both_sides(rng):
    with pytest.raises(ConfigError, match="of the 3 models that a learned attack may train on"):
        matched_rows(np.ones((3, 5), dtype=bool), most=10, rng=rng)


def test_always_held_patients_of_a_coin_design_are_scored_all_the_same(rng):
    members = rng.random((8, 10)) < 0.5
    members[:, 0] = True
    design = Design(members=members, partner=np.full(8, -1), seed=0, kind="coins")
    scored = {(m, i) for cell in cells(design, seed=0) for m in cell.models for i in cell.patients}
    assert len(scored) == 80
