import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.errors import ConfigError
from genoaudit.models.deeptype import DeepTypeClassifier
from genoaudit.privacy.dpsgd import DPSGD


@parametrize_with_checks([DeepTypeClassifier((8,), supervised_steps=20, joint_steps=10, refresh=3, learning_rate=0.1)])
def test_classifier_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


GENES, NOISE = 100, slice(20, None)


@pytest.fixture(scope="module")
def samples():
    """150 samples in 3 classes told apart by the first 20 of 100 genes."""
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    X = rng.normal(size=(150, GENES))
    X[:, :20] += rng.normal(scale=1.5, size=(3, 20))[y]
    return X.astype(np.float32), y


def _fit(samples, **parameters):
    settings = {"supervised_steps": 50, "joint_steps": 250, "refresh": 25, "learning_rate": 5e-3, "random_state": 1}
    return DeepTypeClassifier((32, 16), **{**settings, **parameters}).fit(*samples)


def _gene_norms(model):
    return np.linalg.norm(model.parameters_["0.0.weight"], axis=0)


def _hidden(X, model):
    """Last hidden activations, in float64."""
    arrays = [array.astype(float) for array in model.parameters_.values()]
    for weight, bias in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        X = 1 / (1 + np.exp(-(X @ weight.T + bias)))
    return X


def test_scores_are_the_plain_forward_pass(samples):
    model = _fit(samples)
    weight, bias = list(model.parameters_.values())[-2:]
    np.testing.assert_allclose(
        model.decision_function(samples[0]), _hidden(samples[0], model) @ weight.T + bias, atol=1e-4
    )


def test_group_lasso_drives_the_weights_of_noise_genes_down(samples):
    plain, sparse = (_gene_norms(_fit(samples, group_lasso=alpha, ramp=50, kmeans=0)) for alpha in (0.0, 0.02))
    assert np.median(sparse[NOISE]) < np.median(plain[NOISE]) / 5
    kept = np.flatnonzero(sparse > 0.1)
    assert len(kept) > 0
    assert kept.max() < 20
    assert _fit(samples, group_lasso=0.02, ramp=50).score(*samples) > 0.95


def test_kmeans_term_tightens_clusters(samples):
    def spread(model):
        hidden = _hidden(samples[0], model)
        centres = np.array([hidden[samples[1] == k].mean(axis=0) for k in range(3)])
        between = ((centres - centres.mean(axis=0)) ** 2).sum(axis=1).mean()
        return ((hidden - centres[samples[1]]) ** 2).sum(axis=1).mean() / between

    loose, tight = _fit(samples, kmeans=0), _fit(samples, kmeans=1.2)
    assert spread(tight) < spread(loose) / 2
    assert len(loose.centres_) == 0
    assert tight.centres_.shape == (3, 16)
    assert _fit(samples, clusters=5).centres_.shape == (5, 16)


def test_first_joint_loss_has_its_three_terms(samples):
    """One joint step with a tiny step size and a full batch: the loss follows from the parameters left."""
    X, y = samples
    model = _fit(samples, supervised_steps=40, joint_steps=1, batch_size=1000, ramp=2.0, group_lasso=0.1)
    before = _fit(samples, supervised_steps=40, joint_steps=0, batch_size=1000)
    hidden = _hidden(X, before)
    logits = before.decision_function(X)
    entropy = (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]).mean()
    distance = ((hidden[:, None] - model.centres_[None]) ** 2).sum(axis=2).min(axis=1).mean()
    penalty = 0.1 * (1 - np.exp(-1 / 2)) * _gene_norms(before).sum()
    np.testing.assert_allclose(model.loss_curve_[-1], entropy + penalty + 1.2 * distance, rtol=1e-4)
    np.testing.assert_allclose(model.loss_curve_[:40], before.loss_curve_)
    assert min(penalty, distance, entropy) > 0.001
    best = KMeans(3, n_init=10, random_state=0).fit(hidden).inertia_ / len(X)
    assert distance < 1.5 * best


def test_centres_change_at_refreshes_only(samples):
    def centres(steps):
        return _fit(samples, joint_steps=steps, refresh=25).centres_

    np.testing.assert_array_equal(centres(1), centres(25))
    assert not np.array_equal(centres(25), centres(26))


def test_initial_weights_have_the_published_spread():
    draw = DeepTypeClassifier()._weight((300, 400), np.random.default_rng(0))
    assert draw.std() == pytest.approx(0.02, rel=0.02)
    assert abs(draw.mean()) < 1e-3


@pytest.mark.parametrize("terms", [{}, {"group_lasso": 0}, {"kmeans": 0}])
def test_dp_is_refused_with_the_alternative_unless_both_terms_are_off(samples, terms):
    with pytest.raises(
        ConfigError, match=r"do not go with dp.*Set both to 0, or use MLPClassifier\(hidden=\(32, 16\)\)"
    ):
        _fit(samples, dp=DPSGD(epsilon=8), **terms)


def test_no_step_at_all_is_an_error(samples):
    with pytest.raises(ValueError, match="supervised_steps and joint_steps are both 0"):
        _fit(samples, supervised_steps=0, joint_steps=0)
