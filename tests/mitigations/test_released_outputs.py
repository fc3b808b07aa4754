"""Every protection of outputs hides from an attack what it claims to hide, and no more."""

import numpy as np
import pytest

from genoaudit.attacks.lira import LIRA
from genoaudit.contracts import Design, Signals
from genoaudit.mitigations.catalogue import CATALOGUE
from genoaudit.models.descriptions import describe_recipe
from genoaudit.models.outputs import DefendedOutputs

MODELS, PATIENTS = 32, 200


@pytest.fixture(scope="module")
def audit():
    """Members' probabilities differ from others' in the third decimal alone: 0.9950 or 0.9955, and a little noise."""
    rng = np.random.default_rng(0)
    half = rng.permuted(np.tile(np.arange(PATIENTS) % 2 == 0, (MODELS // 2, 1)), axis=1)
    members = np.stack([half, ~half], axis=1).reshape(MODELS, PATIENTS)
    design = Design(members, np.arange(MODELS) ^ 1, seed=0)
    sure = 0.995 + 0.0005 * members + rng.normal(scale=1e-4, size=members.shape)
    return design, np.log(np.stack([sure, 0.8 * (1 - sure), 0.2 * (1 - sure)], axis=-1))


def auc_of_lira(design, given):
    """Share of pairs of a member and a non-member of a model that LiRA ranks rightly; ties count half."""
    likely = np.clip(given[..., 0], 1e-4, 1 - 1e-4)
    logit = np.log(likely) - np.log1p(-likely)
    signals = Signals(logit[:, np.newaxis], given.astype(np.float32), np.zeros(PATIENTS, int))
    scores = LIRA.score(signals, design, np.arange(PATIENTS))
    pairs = [np.sign(row[inside][:, None] - row[~inside]) for row, inside in zip(scores, design.members, strict=True)]
    return 0.5 + 0.5 * np.mean([pair.mean() for pair in pairs])


@pytest.mark.parametrize(
    ("name", "setting", "low", "high"),
    [
        ("rounding", 4, 0.9, 1.0),
        ("rounding", 1, 0.5, 0.5),
        ("label_only", "on", 0.5, 0.5),
        ("top_k", 1, 0.95, 1.0),
        ("temperature", 5.0, 0.95, 1.0),
        ("output_noise", 8.0, 0.45, 0.56),
    ],
)
def test_attacks_see_what_is_given_out(name, setting, low, high, audit):
    design, log_proba = audit
    assert auc_of_lira(design, np.exp(log_proba)) > 0.95
    given = CATALOGUE[name].release(log_proba, setting, np.random.default_rng(1))
    assert low <= auc_of_lira(design, given) <= high


def test_labels_stay_labels(audit):
    _, log_proba = audit
    given = CATALOGUE["label_only"].release(log_proba, "on", np.random.default_rng(0))
    assert set(np.unique(given)) == {0.0, 1.0}
    assert (given.argmax(axis=-1) == log_proba.argmax(axis=-1)).all()


@pytest.mark.parametrize(("name", "setting"), [("rounding", 1), ("top_k", 1), ("temperature", 5), ("output_noise", 8)])
@pytest.mark.parametrize("kind", ["mlp", "logistic", "xgboost"])
def test_a_protected_recipe_gives_out_what_the_release_gives(name, setting, kind, recipes, genes, clouds):
    (X, y), _ = clouds
    protected = CATALOGUE[name].apply(recipes[kind], setting, genes)
    assert isinstance(protected, DefendedOutputs)
    assert describe_recipe(protected)["parameters"]["release"] == name
    model = protected.fit(X, y, patients=np.arange(60))
    given, exact = model.predict_proba(X), model.estimator_.predict_proba(X)
    assert np.abs(given - exact).max() > 0.01
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-6)
