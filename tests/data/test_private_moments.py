import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.data.private_moments import PrivateScaler, largest_norm, patient_sum, truncated_profiles

NONE = 1e-12  # a noise multiplier whose noise is below the rounding of float32


@parametrize_with_checks(
    [
        PrivateScaler(),  # skips the checks that need one answer
        PrivateScaler(random_state=0),
        PrivateScaler(0.5, genes=1, gain=None, random_state=0),
        PrivateScaler(patients_public=40, random_state=0),
    ]
)
def test_the_scaler_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def _profiles(genes, rng):
    """Profiles that go to the edge: heavy tails, few or many genes at the bound, one gene alone, all genes equal."""
    few = np.zeros(genes)
    few[:2] = [1.0, -1.0]
    at_bound = np.zeros(genes)
    at_bound[: 2 * (genes // 18)] = np.resize([1.0, -1.0], 2 * (genes // 18))
    return np.array(
        [
            rng.standard_cauchy(genes),
            rng.normal(size=genes),
            np.exp(rng.normal(0, 3, size=genes)),
            few,
            at_bound,
            np.eye(genes)[0] * 1e6,
            np.full(genes, 7.0),
            np.resize([1.0, -1.0], genes),
        ]
    ).astype(np.float32)


@pytest.mark.parametrize("genes", [2, 36, 500])
@pytest.mark.parametrize("bound", [1.0, 3.0, 100.0])
@pytest.mark.parametrize("copies", [1, 10])
def test_adding_or_removing_a_patient_moves_the_sum_by_the_bound_at_most(genes, bound, copies):
    rng = np.random.default_rng(0)
    others = rng.normal(size=(30, genes)).astype(np.float32)
    codes = rng.integers(0, 12, size=30)
    before = patient_sum(truncated_profiles(others, bound), codes)
    moved = []
    for profile in _profiles(genes, rng):
        X = np.vstack([others, np.tile(profile, (copies, 1))])
        after = patient_sum(truncated_profiles(X, bound), np.append(codes, np.full(copies, 99)))
        moved.append(np.linalg.norm(after - before))
        without = patient_sum(truncated_profiles(X[:30], bound), codes)
        np.testing.assert_array_equal(without, before)
    assert max(moved) <= largest_norm(genes) * (1 + 1e-9)
    # The bound is reached: a smaller one would be broken.
    assert bound < 3 or genes < 36 or max(moved) > 0.999 * largest_norm(genes)


def test_ten_different_samples_of_a_patient_count_as_their_mean():
    rng = np.random.default_rng(1)
    z = truncated_profiles(rng.normal(size=(10, 80)).astype(np.float32), 3.0)
    vectors = np.hstack([z, (z.astype(float) ** 2 - 1) / np.sqrt(2)])
    expected = vectors.mean(axis=0)
    assert np.linalg.norm(expected) < np.sqrt(160)  # not shortened
    np.testing.assert_allclose(patient_sum(z, np.zeros(10, dtype=int)).ravel(), expected, atol=1e-6)


def test_a_patient_whose_samples_cancel_contributes_nothing():
    z = truncated_profiles(np.array([[0, 1], [1, 0]], dtype=np.float32), 3.0)
    np.testing.assert_array_equal(patient_sum(z, np.zeros(2, dtype=int)), np.zeros((2, 2)))


def test_the_sum_equals_a_slow_loop_over_patients_and_genes():
    rng = np.random.default_rng(2)
    X = (rng.standard_t(2, size=(23, 17)) * 3).astype(np.float32)
    codes = rng.choice([5, 2, 40], size=23)
    expected = np.zeros((2, 17))
    for patient in set(codes.tolist()):
        own = []
        for row in X[codes == patient].astype(float):
            z = [max(-2.0, min(2.0, (value - row.mean()) / row.std())) for value in row]
            own.append([*z, *[(value * value - 1) / 2**0.5 for value in z]])
        vector = [sum(column) / len(own) for column in zip(*own, strict=True)]
        length = sum(value**2 for value in vector) ** 0.5
        expected += np.reshape([value * min(1, (2 * 17) ** 0.5 / length) for value in vector], (2, 17))
    np.testing.assert_allclose(patient_sum(truncated_profiles(X, 2.0), codes), expected, atol=1e-5)


@pytest.mark.parametrize("seed", [None, 3])
def test_the_noise_on_the_sum_is_normal_with_the_stated_deviation(seed):
    genes, multiplier, patients = 3000, 0.7, 200
    X = np.random.default_rng(4).normal(size=(patients, genes)).astype(np.float32)
    noiseless = patient_sum(truncated_profiles(X, 3.0), np.arange(patients))
    fitted = PrivateScaler(multiplier, random_state=seed, bound=3.0).fit(X)
    deviation = multiplier * np.sqrt(2 * genes) / patients
    squares = (fitted.variance_ - deviation**2 + fitted.mean_**2 - 1) / np.sqrt(2)
    noise_on_means = (fitted.mean_ - noiseless[0] / patients) / deviation
    noise_on_squares = (squares - noiseless[1] / patients) / deviation
    # Noise from the operating system is fresh in every run: a correct scaler fails once in about a hundred million.
    for noise in (noise_on_means, noise_on_squares):
        assert stats.kstest(noise, "norm").pvalue > 1e-9
        assert abs(noise.std() - 1) < 6 / np.sqrt(2 * genes)
    assert abs(np.corrcoef(noise_on_means, noise_on_squares)[0, 1]) < 6 / np.sqrt(genes)


def test_without_a_seed_no_noise_repeats_and_with_one_all_of_it_does():
    X = np.random.default_rng(5).normal(size=(20, 9))
    drawn = [PrivateScaler(1.0).fit(X).variance_ for _ in range(2)]
    assert not np.isin(*drawn).any()
    seeded = [PrivateScaler(1.0, random_state=8).fit(X).variance_ for _ in range(2)]
    np.testing.assert_array_equal(*seeded)


def _cohort(genes=300, patients=300, *, seed=6):
    """Log-like profiles: gene means of spread 1, of which most of a sample's own spread comes, and gene spreads."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.1, 0.6, size=genes)
    codes = np.repeat(np.arange(patients), rng.integers(1, 4, size=patients))
    profiles = rng.uniform(-1.5, 1.5, size=genes) + spread * rng.normal(size=(codes.size, genes))
    return (8 + 2 * profiles).astype(np.float32), codes


def test_without_noise_and_truncation_it_is_the_ordinary_standardisation_of_patient_local_values():
    X, _ = _cohort()
    z = ExpressionScaler("sample", gain=None).fit_transform(X)
    fitted = PrivateScaler(NONE, gain=None, bound=5.0, random_state=0).fit(X)
    np.testing.assert_allclose(fitted.mean_, z.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(fitted.variance_, z.var(axis=0), atol=1e-5)
    np.testing.assert_allclose(fitted.transform(X), StandardScaler().fit_transform(z), atol=2e-3)


def test_patients_weigh_the_same_however_many_samples_they_have():
    X, codes = _cohort()
    z = ExpressionScaler("sample", gain=None).fit_transform(X).astype(float)
    fitted = PrivateScaler(NONE, bound=5.0, random_state=0).fit(X, patients=codes)
    weights = 1 / np.bincount(codes)[codes]
    mean = np.average(z, axis=0, weights=weights)
    np.testing.assert_allclose(fitted.mean_, mean, atol=1e-5)
    np.testing.assert_allclose(fitted.variance_, np.average((z - mean) ** 2, axis=0, weights=weights), atol=1e-5)
    shuffled = np.random.default_rng(0).permutation(len(X))
    again = PrivateScaler(NONE, bound=5.0, random_state=0).fit(X[shuffled], patients=codes[shuffled])
    np.testing.assert_allclose(again.mean_, fitted.mean_, atol=1e-9)


def test_on_average_over_noise_mean_and_variance_are_right():
    X, codes = _cohort(genes=40)
    exact = PrivateScaler(NONE, random_state=0).fit(X, patients=codes)
    fits = [PrivateScaler(8.0, random_state=seed).fit(X, patients=codes) for seed in range(400)]
    deviation = 8.0 * np.sqrt(80) / 300
    for name, spread in (("mean_", deviation), ("variance_", deviation * np.sqrt(2 + 4 * 1.5**2 + 2 * deviation**2))):
        found = np.mean([getattr(fit, name) for fit in fits], axis=0)
        assert np.abs(found - getattr(exact, name)).max() < 4 * spread / np.sqrt(400)


def test_a_public_number_of_patients_divides_the_sum_and_the_noise():
    X, codes = _cohort()
    seen = PrivateScaler(NONE, random_state=0).fit(X, patients=codes)
    declared = PrivateScaler(NONE, patients_public=600, random_state=0).fit(X, patients=codes)
    np.testing.assert_allclose(declared.mean_, seen.mean_ / 2, atol=1e-9)
    second = (seen.variance_ + seen.mean_**2 - 1) / 2 + 1
    np.testing.assert_allclose(declared.variance_, second - declared.mean_**2, atol=1e-9)


def _planted(seed):
    """Ten of 200 genes vary much more than the others; 500 patients."""
    rng = np.random.default_rng(seed)
    planted = rng.choice(200, size=10, replace=False)
    spread = np.full(200, 0.1)
    spread[planted] = 1.5
    X = rng.uniform(-1, 1, size=200) + spread * rng.normal(size=(500, 200))
    return X, np.sort(planted)


def test_planted_variable_genes_are_found_at_moderate_noise_and_lost_at_huge_noise():
    X, planted = _planted(7)
    moderate = PrivateScaler(2.0, genes=10, random_state=1).fit(X)
    huge = PrivateScaler(1e6, genes=10, random_state=1).fit(X)
    assert np.flatnonzero(moderate.support_).tolist() == planted.tolist()
    # Ten of 200 at random meet ten planted ones in half a gene on average.
    assert np.isin(np.flatnonzero(huge.support_), planted).sum() <= 3
    assert huge.support_.sum() == 10


def test_genes_kept_have_their_order_names_and_row_length():
    X, planted = _planted(7)
    frame = pd.DataFrame(X, columns=[f"gene{i}" for i in range(200)])
    fitted = PrivateScaler(2.0, genes=10, gain=4.0, random_state=1)
    out = fitted.fit_transform(frame)
    assert out.shape == (500, 10)
    assert fitted.get_feature_names_out().tolist() == [f"gene{i}" for i in planted]
    assert abs(np.sqrt((out.astype(float) ** 2).sum(axis=1).mean()) - 4.0) < 0.8
    whole = PrivateScaler(2.0, gain=4.0 * np.sqrt(20), random_state=1).fit(frame).transform(frame)
    np.testing.assert_allclose(out, whole[:, planted], rtol=1e-5)


def test_more_noise_never_makes_values_explode():
    X, codes = _cohort()
    for multiplier in (NONE, 1.0, 1e3, 1e6):
        out = PrivateScaler(multiplier, gain=None, random_state=0).fit(X, patients=codes).transform(X)
        assert np.isfinite(out).all()
        assert np.abs(out).max() < 30


def test_a_pipeline_hands_the_patients_to_the_scaler():
    X, codes = _cohort()
    pipeline = Pipeline([("log", LogTransform()), ("moments", PrivateScaler(NONE, random_state=0))])
    out = pipeline.fit_transform(X, moments__patients=codes)
    alone = PrivateScaler(NONE, random_state=0).fit(X, patients=codes)
    np.testing.assert_array_equal(out, alone.transform(X))
    assert alone.release_ == NONE
    assert not np.allclose(out, PrivateScaler(NONE, random_state=0).fit_transform(X))


def test_a_wrong_number_of_patient_codes_is_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        PrivateScaler().fit(np.eye(4), patients=[0, 1, 2])


@pytest.mark.parametrize(
    "parameters", [{"noise_multiplier": 0}, {"genes": 0}, {"bound": 0}, {"gain": 0}, {"patients_public": 0}], ids=str
)
def test_impossible_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match="parameter of PrivateScaler"):
        PrivateScaler(**parameters).fit(np.eye(4))
