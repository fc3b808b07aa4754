import json

import numpy as np
import pytest
import xgboost
from xgboost import XGBClassifier

from genoaudit.artefacts.booster import booster_bytes, booster_parameters, restore_booster
from genoaudit.artefacts.ubjson import read_ubjson
from genoaudit.errors import ArtefactError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(73, 8)).astype(np.float32), RNG.integers(3, size=73)
MODEL = XGBClassifier(n_estimators=4, max_depth=3, random_state=8_675_309, subsample=0.8).fit(X, Y)


def test_trees_come_back_with_the_same_answers_and_parameters():
    again = restore_booster(booster_bytes(MODEL), booster_parameters(MODEL))
    np.testing.assert_array_equal(again.predict_proba(X), MODEL.predict_proba(X))
    np.testing.assert_array_equal(again.classes_, MODEL.classes_)
    expected = {**MODEL.get_params(), "random_state": None}
    np.testing.assert_equal(again.get_params(), expected)


def test_two_classes_come_back_too():
    model = XGBClassifier(n_estimators=2).fit(X, Y > 0)
    again = restore_booster(booster_bytes(model), booster_parameters(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_what_trees_counted_and_the_seed_are_not_stored():
    """In the first round every hessian is 2 p (1 - p), so that a root's sum of them is the number of its patients."""
    flat = XGBClassifier(n_estimators=1, base_score=0.5, max_depth=2, random_state=8_675_309).fit(X, Y)
    root = json.loads(bytes(flat.get_booster().save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"][0]
    assert root["sum_hessian"][0] / (2 * 1 / 3 * 2 / 3) == pytest.approx(73, rel=1e-5)
    stored = read_ubjson(booster_bytes(flat))
    for tree in stored["learner"]["gradient_booster"]["model"]["trees"]:
        assert not any(tree["sum_hessian"] + tree["loss_changes"] + tree["base_weights"])
    assert "8675309" not in json.dumps(stored)
    assert "random_state" not in booster_parameters(flat)


def test_the_trained_model_itself_is_left_as_it_was():
    before = bytes(MODEL.get_booster().save_raw("json"))
    booster_bytes(MODEL)
    assert bytes(MODEL.get_booster().save_raw("json")) == before


def test_a_loss_of_ones_own_cannot_be_stored():
    def loss(truth, margin):
        return margin - truth, np.ones_like(margin)

    with pytest.raises(ArtefactError, match=r"XGBClassifier\.objective is a function"):
        booster_parameters(XGBClassifier(objective=loss))


def test_an_unknown_parameter_and_a_foreign_model_are_refused():
    with pytest.raises(ArtefactError, match="no parameter 'run'"):
        restore_booster(booster_bytes(MODEL), {"run": "rm"})
    ranking = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(X, label=Y), num_boost_round=1)
    content = read_ubjson(bytes(ranking.save_raw("ubj")))
    content["learner"]["objective"]["name"] = "no:such"
    with pytest.raises(ArtefactError, match="it is cut off"):
        restore_booster(bytes(ranking.save_raw("ubj"))[:-3], {})


def test_no_changed_byte_brings_the_process_down():
    """XGBoost alone reads beyond its memory on one changed file in nine."""
    data, rng = booster_bytes(MODEL), np.random.default_rng(1)
    refused = 0
    for trial in range(400):
        changed = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            changed[rng.integers(len(changed))] = rng.integers(256)
        if trial % 5 == 0:
            del changed[rng.integers(1, len(changed)) :]
        try:
            restore_booster(bytes(changed), {}).predict_proba(X)
        except ArtefactError:
            refused += 1
    assert refused > 300
