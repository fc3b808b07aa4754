import numpy as np
import pytest
from scipy import stats

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.success import (
    agreement,
    best_candidates,
    class_mean_guesses,
    correlations,
    guessing_share,
    nearest_classes,
    nearest_patients,
    sex_calls,
    success_rate,
)


def test_agreement_is_that_of_a_loop_over_patients(rng):
    truth, found = rng.normal(size=(6, 40)).round(1), rng.normal(size=(6, 40)).round(1)  # rounded: ties
    tolerance = rng.uniform(0, 2, size=40)
    result = agreement(found, truth, tolerance=tolerance)
    for i, (a, b) in enumerate(zip(found, truth, strict=True)):
        assert result.pearson[i] == pytest.approx(stats.pearsonr(a, b).statistic)
        assert result.spearman[i] == pytest.approx(stats.spearmanr(a, b).statistic)
        assert result.mse[i] == pytest.approx(sum((u - v) ** 2 for u, v in zip(a, b, strict=True)) / 40)
        assert result.within_noise[i] == sum(abs(u - v) <= t for u, v, t in zip(a, b, tolerance, strict=True)) / 40


def test_a_constant_guess_correlates_with_nothing(rng):
    result = agreement(np.full((2, 9), 0.1), rng.normal(size=(2, 9)), tolerance=1.0)
    np.testing.assert_array_equal(result.pearson, 0)
    np.testing.assert_array_equal(result.spearman, 0)


def test_correlations_and_nearest_are_those_of_loops(rng):
    left, right = rng.normal(size=(4, 30)), rng.normal(size=(7, 30))
    slow = [[np.corrcoef(a, b)[0, 1] for b in right] for a in left]
    np.testing.assert_allclose(correlations(left, right), slow)
    patients = np.array([4, 4, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(nearest_patients(left, right, patients), patients[np.argmax(slow, axis=1)])
    distances = [[np.sum((a - b) ** 2) for b in right] for a in left]
    np.testing.assert_array_equal(best_candidates(right, left), np.argmin(distances, axis=1))


def test_a_noisy_copy_finds_its_patient_and_class_and_noise_finds_neither(profiles, rng):
    X, y = profiles
    patients = np.arange(24)
    copies = 3 * X + rng.normal(size=X.shape)  # the scale of a reconstruction may be off
    assert (nearest_patients(copies, X, patients) == patients).mean() == 1
    held_out = np.array([i >= 12 for i in range(24)])
    assert (nearest_classes(copies[held_out], X[~held_out], y[~held_out]) == y[held_out]).mean() > 0.8
    noise = rng.normal(size=(600, 150))
    assert (nearest_patients(noise, X, np.arange(24)) == 3).mean() == pytest.approx(1 / 24, abs=0.04)


def test_classes_keep_their_codes(profiles):
    X, y = profiles
    found = nearest_classes(X, X, 10 * y + 5)
    assert set(found) <= {5, 15, 25}
    assert (found == 10 * y + 5).mean() > 0.9
    np.testing.assert_array_equal(nearest_classes(0.01 * X, X, 10 * y + 5), found)


def test_sex_is_called_from_sex_genes_alone(rng):
    male = np.arange(40) < 18
    genes = ["TP53", "xist", "RPS4Y1", "DDX3Y", "MYC"]
    X = rng.normal(8, 1, size=(40, 5))
    X[:, 1] = np.where(male, 1, 10) + rng.normal(size=40)
    X[:, 2:4] = np.where(male, 9, 0)[:, np.newaxis] + rng.normal(size=(40, 2))
    calls = sex_calls(X, X, genes)
    np.testing.assert_array_equal(calls, np.where(male, "male", "female"))
    np.testing.assert_array_equal(sex_calls(X[:, :2], X[:, :2], genes[:2]), np.where(male, "male", "female"))
    assert sex_calls(X[:, [0, 4]], X[:, [0, 4]], ["TP53", "MYC"]) is None


def test_the_success_rate_has_its_exact_interval():
    found = success_rate([0.1, 0.5, 0.50001, 2.0], 0.5)
    assert (found.rate, found.reconstructions) == (0.5, 4)
    # Clopper and Pearson for 2 of 4.
    assert (found.low, found.high) == pytest.approx((0.0676, 0.9324), abs=1e-4)
    assert success_rate([1.0], 0.5).low == 0


def test_the_control_never_looks_at_the_patient_himself(profiles):
    X, y = profiles
    patients = np.repeat(np.arange(12), 2)
    y = y.copy()
    y[0] = 7  # the only one of his class
    guesses = class_mean_guesses(X, y, patients)
    for i in range(24):
        rows = [j for j in range(24) if patients[j] != patients[i] and y[j] == y[i]]
        rows = rows or [j for j in range(24) if patients[j] != patients[i]]
        np.testing.assert_allclose(guesses[i], X[rows].mean(axis=0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: agreement(np.ones((2, 3)), np.ones((2, 4)), tolerance=1), "one shape"),
        (lambda: agreement(np.eye(3), np.eye(3), tolerance=-1), "at least 0"),
        (lambda: agreement([[0.0, np.nan]], [[0.0, 1.0]], tolerance=1), r"1 of 1 profiles .* row 0"),
        (lambda: correlations(np.eye(3), np.eye(4)), "same genes"),
        (lambda: correlations(np.ones(3), np.eye(3)), "patients, genes"),
        (lambda: best_candidates(np.ones((0, 3)), np.eye(3)), "candidates"),
        (lambda: nearest_patients(np.eye(3), np.eye(3), [0, 1]), "one code"),
        (lambda: nearest_classes(np.eye(3), np.eye(3), [0, 0, 0]), "2 classes"),
        (lambda: sex_calls(np.eye(3), np.eye(3), ["XIST"]), "differ"),
        (lambda: success_rate([], 1.0), "one per patient"),
        (lambda: class_mean_guesses(np.eye(3), [0, 0, 1], [0, 0, 0]), "2 patients"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ConfigError, match=words):
        call()


def test_no_guess_whatever_succeeds_more_often_than_the_share_says(rng):
    """Guesses between the profiles, which a search over the profiles themselves would miss."""
    centres = rng.normal(size=(3, 40))
    profiles = centres[rng.integers(0, 3, 60)] + 0.12 * rng.normal(size=(60, 40))
    for eta in (0.004, 0.01, 0.03):
        best = 0.0
        for guess in (*profiles, *centres, *(profiles[rng.integers(0, 60, (200, 2))].mean(axis=1))):
            best = max(best, (correlations(guess[np.newaxis], profiles)[0] >= 1 - eta).mean())
        assert best <= guessing_share(profiles, eta)
    assert guessing_share(profiles, 0.03) > 0.2
    assert guessing_share(rng.normal(size=(50, 400)), 0.01) == 1 / 50


def test_two_profiles_that_one_guess_serves_are_counted_together():
    """At right angles but a little less than twice the angle of success: the mean is within reach of both."""
    profiles = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
    eta = 1 - np.cos(np.pi / 4) + 1e-9
    assert guessing_share(profiles, eta) == 1
    assert guessing_share(profiles, eta - 1e-3) == 0.5


@pytest.mark.parametrize("eta", [0.0, 1.0, np.nan])
def test_an_impossible_threshold_is_refused(eta):
    with pytest.raises(ConfigError, match="eta must lie"):
        guessing_share(np.eye(3), eta)
