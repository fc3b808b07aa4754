import inspect
import itertools

import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.models.releases import RELEASES, get_release, label_only, output_noise, rounding, temperature, top_k

STRENGTHS = [
    ("rounding", 2),
    ("top_k", 1),
    ("top_k", 2),
    ("temperature", 5.0),
    ("label_only", "on"),
    ("output_noise", 4),
]
OFF = [("rounding", 16), ("top_k", 5), ("top_k", 9), ("temperature", 1), ("temperature", 1.0), ("output_noise", np.inf)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def log_proba(rng):
    """Models x samples x classes, from nearly certain to nearly even."""
    logits = rng.normal(size=(4, 50, 5)) * rng.choice([0.1, 1.0, 8.0], size=(4, 50, 1))
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize(("name", "setting"), STRENGTHS)
def test_what_is_given_out_are_probabilities_of_the_same_shape(name, setting, log_proba, rng):
    given = RELEASES[name](log_proba, setting, rng)
    assert given.shape == log_proba.shape
    assert given.dtype == np.float64
    assert given.min() >= 0
    np.testing.assert_allclose(given.sum(axis=-1), 1, rtol=1e-12)
    assert np.abs(given - np.exp(log_proba)).max() > 0.004


@pytest.mark.parametrize(("name", "setting"), OFF)
def test_off_gives_the_same_bits(name, setting, log_proba, rng):
    np.testing.assert_array_equal(RELEASES[name](log_proba, setting, rng), np.exp(log_proba))


@pytest.mark.parametrize(("name", "setting"), [found for found in STRENGTHS if found[0] != "output_noise"])
def test_models_and_samples_are_answered_one_by_one_and_nothing_is_drawn(name, setting, log_proba, rng):
    before = rng.bit_generator.state
    given = RELEASES[name](log_proba, setting, rng)
    assert rng.bit_generator.state == before
    for model, sample in itertools.product(range(4), range(50)):
        np.testing.assert_array_equal(RELEASES[name](log_proba[model, sample], setting, rng), given[model, sample])


@pytest.mark.parametrize(("name", "setting"), [found for found in STRENGTHS if found[0] != "output_noise"])
def test_the_most_probable_class_stays_in_front(name, setting, log_proba, rng):
    given = RELEASES[name](log_proba, setting, rng)
    front = np.take_along_axis(given, log_proba.argmax(axis=-1)[..., np.newaxis], axis=-1)
    assert (front[..., 0] == given.max(axis=-1)).all()


@pytest.mark.parametrize("decimals", [0, 1, 2, 3, 6, 12, 15])
def test_rounded_rows_have_the_decimals_and_no_class_overtakes_another(decimals, log_proba, rng):
    given, proba = rounding(log_proba, decimals, rng), np.exp(log_proba)
    np.testing.assert_allclose(given * 10.0**decimals, np.rint(given * 10.0**decimals), rtol=1e-15)
    assert np.abs(given - proba).max() <= 1.01 * 10.0**-decimals
    higher = proba[..., :, np.newaxis] > proba[..., np.newaxis, :]
    assert (given[..., :, np.newaxis] >= given[..., np.newaxis, :])[higher].all()


def test_rounding_is_the_nearest_point_of_the_grid_that_sums_to_one(rng):
    proba = rng.dirichlet(np.ones(3), size=30)
    units = np.arange(11) / 10
    grid = np.array([point for point in itertools.product(units, repeat=3) if abs(sum(point) - 1) < 1e-9])
    nearest = grid[np.square(proba[:, np.newaxis] - grid).sum(axis=-1).argmin(axis=1)]
    np.testing.assert_allclose(rounding(np.log(proba), 1, rng), nearest, atol=1e-12)


def test_rounding_leaves_rounded_probabilities_as_they_are(rng):
    hundredths = np.arange(1, 100) / 100
    proba = np.stack([hundredths, 1 - hundredths], axis=1)
    np.testing.assert_allclose(rounding(np.log(proba), 2, rng), proba, atol=1e-15)


def test_top_classes_are_exact_and_the_others_tell_nothing(log_proba, rng):
    given, proba = top_k(log_proba, 2, rng), np.exp(log_proba)
    order = np.argsort(-proba, axis=-1)
    ranked, exact = (np.take_along_axis(array, order, axis=-1) for array in (given, proba))
    np.testing.assert_array_equal(ranked[..., :2], exact[..., :2])
    assert (np.ptp(ranked[..., 2:], axis=-1) == 0).all()
    assert (ranked[..., 2] <= ranked[..., 1]).all()


def test_of_equally_probable_classes_the_first_are_named(rng):
    even = np.log(np.full((1, 4), 0.25))
    assert label_only(even, "on", rng).tolist() == [[1, 0, 0, 0]]
    assert top_k(np.log([[0.4, 0.1, 0.4, 0.1]]), 1, rng)[0].round(12).tolist() == [0.4, 0.2, 0.2, 0.2]


def test_a_temperature_divides_logits_and_lowers_confidence(log_proba, rng):
    given = temperature(log_proba, 5, rng)
    assert (given.max(axis=-1) < np.exp(log_proba).max(axis=-1)).all()
    odds = np.log(given[..., :1]) - np.log(given)
    np.testing.assert_allclose(odds, (log_proba[..., :1] - log_proba) / 5, atol=1e-10)


def test_extreme_log_probabilities_stay_probabilities(rng):
    log_proba = np.array([[0.0, -np.inf, -800.0], [-1e-300, -700.0, -2000.0]])
    for name, setting in STRENGTHS:
        given = RELEASES[name](log_proba, setting, rng)
        assert np.isfinite(given).all(), name
        np.testing.assert_allclose(given.sum(axis=-1), 1, rtol=1e-12)


def test_noise_is_laplace_of_scale_two_over_epsilon_before_the_simplex(rng):
    """In the middle of the simplex of two classes the projection takes half the difference of two Laplace draws."""
    given = output_noise(np.log(np.full((200_000, 2), 0.5)), 400.0, rng)
    difference = given[:, 0] - given[:, 1]
    # The difference of two Laplace variables of scale b has variance 4 b^2.
    assert abs(np.var(difference) / (4 * (2 / 400) ** 2) - 1) < 0.03


def test_noisy_answers_are_the_nearest_point_of_the_simplex(rng):
    log_proba = np.log(rng.dirichlet(np.ones(4), size=200))
    given = output_noise(log_proba, 2.0, np.random.default_rng(7))
    noisy = np.exp(log_proba) + np.random.default_rng(7).laplace(scale=1.0, size=log_proba.shape)
    # Optimality of a projection: no corner lies ahead of it.
    corners = np.eye(4)[:, np.newaxis] - given
    assert ((noisy - given) * corners).sum(axis=-1).max() < 1e-12


@pytest.mark.statistical
def test_one_noisy_answer_tells_apart_two_certain_models_no_better_than_epsilon_allows():
    """Of 40,000 answers of each model; by chance the bound is passed with probability below 1e-4."""
    rng, epsilon, answers = np.random.default_rng(3), 1.0, 40_000
    sure = np.log(np.array([[1 - 1e-12, 1e-12]]))
    yes, no = (output_noise(np.repeat(row, answers, axis=0), epsilon, rng)[:, 0] for row in (sure, sure[:, ::-1]))
    edges = np.linspace(0, 1, 21)
    tpr, fpr = ((given[:, np.newaxis] >= edges).mean(axis=0) for given in (yes, no))
    slack = 4 * np.sqrt(0.25 / answers) * (1 + np.exp(epsilon))
    assert (tpr <= np.exp(epsilon) * fpr + slack).all()
    assert (tpr - fpr).max() > 0.2  # the noise is not larger than the epsilon asks for either


@pytest.mark.parametrize(
    ("name", "setting", "expected"),
    [
        ("rounding", 1.5, "rounding needs a whole number of at least 0, found 1.5"),
        ("rounding", -1, "rounding needs a whole number of at least 0, found -1"),
        ("rounding", True, "rounding needs a whole number"),
        ("top_k", 0, "top_k needs a whole number of at least 1, found 0"),
        ("temperature", 0.5, "temperature needs a number of at least 1, found 0.5"),
        ("temperature", float("nan"), "temperature needs a number"),
        ("label_only", 1, "label_only has no strength: its setting is 'on', found 1"),
        ("output_noise", 0, "output_noise needs a number above 0, found 0"),
        ("output_noise", "8", "output_noise needs a number above 0, found '8'"),
    ],
)
def test_impossible_settings_are_named(name, setting, expected):
    with pytest.raises(ConfigError, match=expected):
        get_release(name, setting)


def test_an_unknown_release_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="no release named 'round'; did you mean 'rounding'"):
        get_release("round", 2)


def test_all_releases_are_called_alike():
    assert {len(inspect.signature(release).parameters) for release in RELEASES.values()} == {3}
