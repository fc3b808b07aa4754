import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from genoaudit.errors import ConfigError
from genoaudit.reconstruction.informed import noised_parameters, recover_last_sample


def cohort(rng, classes, genes=40, samples=60):
    y = np.arange(samples) % classes
    return rng.normal(size=(classes, genes))[y] + 1.5 * rng.normal(size=(samples, genes)), y


def fitted(X, y, C=0.5):
    return LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X, y)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("last", [0, 17, 59])
def test_the_last_patient_is_recovered_exactly(rng, classes, last):
    X, y = cohort(rng, classes)
    model = fitted(X, y)
    rest = np.arange(len(X)) != last
    found = recover_last_sample(model.coef_, model.intercept_, X[rest], y[rest], C=0.5)
    np.testing.assert_allclose(found.profile, X[last], rtol=1e-5, atol=1e-5)
    assert np.corrcoef(found.profile, X[last])[0, 1] > 0.999999
    assert found.label == y[last]
    assert found.misfit < 1e-6


@pytest.mark.parametrize("classes", [2, 4])
def test_two_unknown_samples_of_a_patient_are_refused_and_one_of_them_is_not(rng, classes):
    X, y = cohort(rng, classes)
    X[1], y[1] = X[0] + 0.5 * rng.normal(size=40), y[0]  # a second biopsy
    model = fitted(X, y)
    with pytest.raises(ConfigError, match="several samples are unknown"):
        recover_last_sample(model.coef_, model.intercept_, X[2:], y[2:], C=0.5)
    found = recover_last_sample(model.coef_, model.intercept_, X[1:], y[1:], C=0.5)
    np.testing.assert_allclose(found.profile, X[0], rtol=1e-4, atol=1e-4)


def test_nothing_missing_and_a_wrong_penalty_are_noticed(rng):
    X, y = cohort(rng, 4)
    model = fitted(X, y)
    with pytest.raises(ConfigError, match="at the optimum for this C"):
        recover_last_sample(model.coef_, model.intercept_, X[1:], y[1:], C=5.0)
    with pytest.raises(ConfigError, match="no single sample"):
        recover_last_sample(model.coef_, model.intercept_, X, y, C=0.5)


def test_output_noise_ends_it(rng):
    X, y = cohort(rng, 4)
    model = fitted(X, y)
    found = {}
    for deviation in (0.0, 1e-4, 1.0):
        W, b = noised_parameters(model.coef_, model.intercept_, deviation=deviation, generator=rng)
        released = recover_last_sample(W, b, X[1:], y[1:], C=0.5, tolerance=None)
        found[deviation] = np.corrcoef(released.profile, X[0])[0, 1]
    assert found[0.0] > 0.999999
    assert found[1e-4] > 0.9
    assert abs(found[1.0]) < 0.7


def test_what_does_not_fit_is_refused(rng):
    X, y = cohort(rng, 2)
    with pytest.raises(ConfigError, match="found"):
        recover_last_sample(np.ones((1, 3)), np.ones(1), X, y, C=1.0)
    with pytest.raises(ConfigError, match="class codes"):
        recover_last_sample(np.ones((1, 40)), np.ones(1), X, y + 1, C=1.0)
    with pytest.raises(ConfigError, match="C must"):
        recover_last_sample(np.ones((1, 40)), np.ones(1), X, y, C=0.0)
    with pytest.raises(ConfigError, match="deviation"):
        noised_parameters(np.ones((1, 40)), np.ones(1), deviation=-1.0, generator=rng)
