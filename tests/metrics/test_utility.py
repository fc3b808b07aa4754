import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score

from genoaudit.errors import ConfigError
from genoaudit.metrics.estimates import Estimate
from genoaudit.metrics.utility import METRICS, utility


@pytest.fixture
def predictions(rng):
    y = rng.permutation(np.repeat(np.arange(3), 30))
    proba = rng.dirichlet(np.ones(3), size=(5, 90))
    proba[np.arange(5)[:, None], np.arange(90), y] += 0.4
    proba /= proba.sum(axis=-1, keepdims=True)
    return proba.astype(np.float32), y, rng.random((5, 90)) < 0.5


def test_each_side_and_metric_is_scikit_learns_mean_and_spread_over_models(predictions):
    proba, y, members = predictions
    found = utility(proba, y, members)
    for side, rows in (("members", members), ("non_members", ~members)):
        expected = {metric: [] for metric in METRICS}
        for model, own in zip(proba, rows, strict=True):
            guess = model[own].argmax(axis=1)
            expected["accuracy"].append(accuracy_score(y[own], guess))
            expected["balanced_accuracy"].append(balanced_accuracy_score(y[own], guess))
            expected["macro_f1"].append(f1_score(y[own], guess, average="macro"))
            expected["auroc"].append(np.mean([roc_auc_score(y[own] == code, model[own][:, code]) for code in range(3)]))
        assert list(found[side]) == list(METRICS)
        for metric, values in expected.items():
            estimate = found[side][metric]
            assert estimate.value == pytest.approx(np.mean(values))
            assert (estimate.low, estimate.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))


def test_two_classes_give_the_ordinary_auroc(predictions):
    proba, y, members = predictions
    two = np.stack([proba[..., 0], 1 - proba[..., 0]], axis=-1)
    found = utility(two[:1], (y > 0).astype(int), members[:1])
    own = members[0]
    assert found["members"]["auroc"].value == pytest.approx(roc_auc_score(y[own] > 0, two[0, own, 1]))


def test_a_class_absent_from_a_side_is_left_out_there_even_if_predicted():
    # Members have classes 0 and 1 only; one of them is predicted as class 2.
    y = np.array([0, 0, 1, 1, 2, 2])
    proba = np.eye(3, dtype=np.float32)[[0, 2, 1, 1, 2, 0]][None]
    members = np.array([[True, True, True, True, False, False]])
    found = utility(proba, y, members)
    assert found["members"]["balanced_accuracy"].value == pytest.approx((1 / 2 + 1) / 2)
    assert found["members"]["macro_f1"].value == pytest.approx((2 / 3 + 1) / 2)
    assert found["members"]["auroc"].value == pytest.approx((0.75 + 1) / 2)
    assert found["non_members"]["accuracy"].value == 0.5
    assert found["non_members"]["auroc"] == Estimate(None, None, None)  # one class: nothing to tell apart


def test_a_side_without_samples_has_no_numbers_and_other_models_still_count(predictions):
    proba, y, members = predictions
    members[0] = True
    found = utility(proba, y, members)
    assert found["non_members"]["accuracy"].value == pytest.approx(
        utility(proba[1:], y, members[1:])["non_members"]["accuracy"].value
    )
    alone = utility(proba[:1], y, members[:1])
    assert all(estimate == Estimate(None, None, None) for estimate in alone["non_members"].values())


def test_unusable_input_is_refused(predictions):
    proba, y, members = predictions
    with pytest.raises(ConfigError, match=r"\[models, samples, classes\]"):
        utility(proba, y[:-1], members)
    with pytest.raises(ConfigError, match="not finite"):
        utility(proba * np.nan, y, members)
