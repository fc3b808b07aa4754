import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from genoaudit.contracts import draw_codes
from genoaudit.data.design import make_design, make_random_splits, turns_of
from genoaudit.errors import ConfigError, DataError


def cohort(sizes, *, repeats=0, seed=0):
    """Return labels and patient codes: `sizes[c]` patients of class c, the first `repeats` with a second sample."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    patients = np.random.default_rng(seed).permutation(y.size)
    return np.concatenate([y, y[:repeats]]), np.concatenate([patients, patients[:repeats]])


def members_of_class(design, y, patients, code):
    return design.members[:, np.unique(patients[y == code])].sum(axis=1)


@given(
    sizes=st.lists(st.integers(4, 31), min_size=2, max_size=6),
    models=st.integers(2, 13),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_every_class_and_the_whole_are_split_as_evenly_as_their_sizes_allow(sizes, models, seed):
    y, patients = cohort(sizes)
    design = make_design(y, patients, models=models, seed=seed)
    for code, size in enumerate(sizes):
        assert set(members_of_class(design, y, patients, code)) <= {size // 2, (size + 1) // 2}
    total = sum(sizes)
    assert set(design.members.sum(axis=1)) <= {total // 2, (total + 1) // 2}


def test_partners_are_complements_and_each_patient_is_in_exactly_half_of_the_models():
    y, patients = cohort([11, 7, 9])
    design = make_design(y, patients, models=10, seed=1)
    for model in range(10):
        assert (design.members[model] == ~design.members[design.partner[model]]).all()
        assert design.partner[design.partner[model]] == model
    assert (design.members.sum(axis=0) == 5).all()


def test_an_odd_number_of_models_leaves_the_last_without_partner():
    y, patients = cohort([8, 8])
    design = make_design(y, patients, models=5, seed=0)
    assert list(design.partner) == [1, 0, 3, 2, -1]
    assert ((design.members.sum(axis=0) == 2) | (design.members.sum(axis=0) == 3)).all()


@pytest.mark.parametrize("few", [2, 5, 8])
def test_asking_for_more_models_keeps_the_old_rows(few):
    y, patients = cohort([12, 9])
    small, large = (make_design(y, patients, models=m, seed=7).members for m in (few, 33))
    assert (small == large[:few]).all()


def test_seeds_and_pairs_differ():
    y, patients = cohort([20, 20])
    one, other = (make_design(y, patients, models=16, seed=s).members for s in (0, 1))
    assert (one != other).any()
    assert len({row.tobytes() for row in one}) == 16


def test_every_patient_is_in_and_out_at_least_once_with_two_models():
    y, patients = cohort([5, 4])
    members = make_design(y, patients, models=2, seed=0).members
    assert (members.sum(axis=0) == 1).all()


def test_a_patient_s_samples_stay_together_because_membership_is_per_patient():
    y, patients = cohort([10, 10], repeats=7)
    design = make_design(y, patients, models=4, seed=0)
    assert design.patients == 20


def test_patients_with_several_labels_are_stratified_by_their_set_of_labels():
    # 24 patients have classes 0 and 1, 16 have only class 2: each set must be halved, not each class on its own.
    y = np.concatenate([np.zeros(24, int), np.ones(24, int), np.full(16, 2)])
    patients = np.concatenate([np.arange(24), np.arange(24), 24 + np.arange(16)])
    design = make_design(y, patients, models=8, seed=3)
    assert (design.members[:, :24].sum(axis=1) == 12).all()
    assert (design.members[:, 24:].sum(axis=1) == 8).all()


def test_rare_sets_of_labels_are_merged_and_classes_keep_two_patients_a_side():
    # Class 2 is only ever seen beside class 0 or 1, in sets of one to three patients.
    y = np.concatenate([np.zeros(12, int), np.ones(12, int), np.full(4, 2)])
    patients = np.concatenate([np.arange(12), 12 + np.arange(12), [0, 1, 12, 13]])
    design = make_design(y, patients, models=40, seed=0)
    carrying = design.members[:, [0, 1, 12, 13]].sum(axis=1)
    assert (carrying == 2).all()


def test_membership_is_fair_and_nearly_independent_between_patients_of_a_class():
    y, patients = cohort([20, 20])
    members = make_design(y, patients, models=4000, seed=0).members.astype(float)[::2]
    correlation = np.corrcoef(members[:, patients[:20]].T)
    off_diagonal = correlation[~np.eye(20, dtype=bool)]
    # Drawing 10 of 20 without replacement correlates two patients by -1/19.
    assert off_diagonal.mean() == pytest.approx(-1 / 19, abs=0.002)
    assert abs(members.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(2000)


def test_too_small_a_class_is_refused_with_its_size():
    y, patients = cohort([10, 3])
    with pytest.raises(DataError, match="class 1 has 3 patients"):
        make_design(y, patients, models=4, seed=0)


def test_one_model_is_refused():
    y, patients = cohort([10, 10])
    with pytest.raises(ConfigError, match="at least 2"):
        make_design(y, patients, models=1, seed=0)


def coins(y, patients, audited, *, models=6, seed=0):
    return make_design(y, patients, models=models, seed=seed, kind="coins", audited=np.asarray(audited))


def test_with_coins_only_audited_patients_are_ever_out_and_no_model_has_a_partner():
    y, patients = cohort([10, 10], repeats=5)
    design = coins(y, patients, [2, 3, 17], models=60)
    assert design.kind == "coins"
    assert (design.partner == -1).all()
    assert set(np.flatnonzero(~design.members.all(axis=0))) == {2, 3, 17}
    assert design.members.shape == (60, 20)


@pytest.mark.parametrize("few", [1, 5])
def test_with_coins_asking_for_more_models_keeps_the_old_rows(few):
    y, patients = cohort([12, 9])
    small, large = (coins(y, patients, range(7), models=m, seed=7).members for m in (few, 33))
    assert (small == large[:few]).all()


def test_the_coins_of_a_patient_do_not_depend_on_who_else_is_audited():
    y, patients = cohort([12, 9])
    alone, together = (coins(y, patients, audited, models=40).members for audited in ([4], [9, 4, 1]))
    assert (alone[:, 4] == together[:, 4]).all()
    assert len({together[:, code].tobytes() for code in (1, 4, 9)}) == 3


def test_coins_differ_by_seed():
    y, patients = cohort([20, 20])
    assert (coins(y, patients, range(10), seed=0).members != coins(y, patients, range(10), seed=1).members).any()


def test_with_coins_every_class_keeps_two_members_even_if_all_audited_are_out():
    y = np.repeat([0, 1], 10)
    assert coins(y, np.arange(20), [*range(8), *range(10, 18)]).models == 6
    with pytest.raises(DataError, match="class 1 has 1 patients who are not audited; at least 2"):
        coins(y, np.arange(20), range(11, 20))


@pytest.mark.parametrize(
    ("audited", "said"),
    [
        (None, "at least one; none were given"),
        ([], "at least one; none were given"),
        ([0, 20], r"from 0 to 19, found int64 .* from 0 to 20"),
        ([-1], "from -1 to -1"),
        ([0.5], "found float64"),
        ([True, False], "found bool"),
        ([3, 3, 4], "3 codes, 2 distinct"),
    ],
)
def test_audited_patients_that_do_not_fit_are_refused(audited, said):
    y, patients = cohort([10, 10])
    audited = None if audited is None else np.asarray(audited)
    with pytest.raises(ConfigError, match=said):
        make_design(y, patients, models=2, seed=0, kind="coins", audited=audited)


def test_a_half_split_takes_no_audited_patients_and_kinds_are_known():
    y, patients = cohort([10, 10])
    with pytest.raises(ConfigError, match="audits every patient"):
        make_design(y, patients, models=2, seed=0, audited=np.array([1]))
    with pytest.raises(ConfigError, match=r"'half' is not known. Declare one of half_split, coins"):
        make_design(y, patients, models=2, seed=0, kind="half")
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        coins(y, patients, [1], models=0)


@given(
    sizes=st.lists(st.integers(8, 31), min_size=2, max_size=5),
    share=st.floats(0.35, 0.65),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=40)
def test_random_splits_have_the_number_of_members_asked_for_and_each_class_its_share(sizes, share, seed):
    y, patients = cohort(sizes)
    wanted = round(share * sum(sizes))
    design = make_random_splits(y, patients, members=wanted, models=5, seed=seed)
    assert (design.members.sum(axis=1) == wanted).all()
    assert (draw_codes(design.partner) == np.arange(5) // turns_of(sum(sizes), wanted)).all()
    for code, size in enumerate(sizes):
        exact = size * wanted / sum(sizes)
        assert np.abs(members_of_class(design, y, patients, code) - exact).max() <= 1 + 1e-9


def test_random_splits_draw_every_patient_the_last_one_included_with_the_same_chance():
    y, patients = cohort([20, 13])
    members = make_random_splits(y, patients, members=23, models=3000, seed=0).members
    chance = 23 / 33
    assert abs(members.mean(axis=0) - chance).max() < 5 * np.sqrt(chance * (1 - chance) / 3000)


@pytest.mark.parametrize("few", [1, 5])
def test_random_splits_keep_their_rows_as_models_are_added_and_differ_by_seed(few):
    y, patients = cohort([12, 9])
    small, large = (make_random_splits(y, patients, members=14, models=m, seed=7).members for m in (few, 33))
    assert (small == large[:few]).all()
    assert (large != make_random_splits(y, patients, members=14, models=33, seed=8).members).any()


def test_random_splits_need_two_patients_of_every_class_on_each_side():
    y, patients = cohort([20, 20])
    with pytest.raises(DataError, match="39 members"):
        make_random_splits(y, patients, members=39, models=2, seed=0)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.8, 0.9])
def test_random_splits_leave_everybody_out_nearly_equally_often(share):
    y, patients = np.arange(100) % 4, np.arange(100)
    members = round(100 * share)
    design = make_random_splits(y, patients, members=members, models=64, seed=0)
    left_out = (~design.members).sum(axis=0)
    assert left_out.sum() == 64 * (100 - members)
    assert left_out.min() >= max(2, 0.5 * 64 * (1 - share))
    assert left_out.max() <= 1.6 * 64 * (1 - share) + 1
    draw = draw_codes(design.partner)
    for number in range(64 // turns_of(100, members)):
        assert (~design.members[draw == number]).sum(axis=0).max() == 1  # nobody twice in a round
