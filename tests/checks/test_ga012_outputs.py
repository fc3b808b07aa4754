from dataclasses import replace

import numpy as np
import pytest

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga012_outputs import outputs


def changed(evidence, **arrays):
    return outputs(replace(evidence, signals=replace(evidence.signals, **arrays)))


def test_varied_outputs_pass(evidence):
    found = outputs(evidence)
    assert found.status == "passed"
    assert "16 models" in found.summary


def test_no_outputs_are_not_applicable():
    assert outputs(Evidence()).status == "not_applicable"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_counted(evidence, value):
    logit = evidence.signals.logit.copy()
    logit[5, 0, :3] = value
    found = changed(evidence, logit=logit)
    assert found.status == "issue"
    assert found.summary.startswith("3 of")
    assert "first: model 5" in found.summary


def test_a_constant_model_is_an_issue(evidence):
    proba, logit = evidence.signals.proba.copy(), evidence.signals.logit.copy()
    proba[2] = 1 / proba.shape[2]
    logit[2] = -np.log(proba.shape[2] - 1)
    found = changed(evidence, proba=proba, logit=logit)
    assert found.status == "issue"
    assert found.summary == "The same probabilities for every sample, in 1 model."


def test_a_model_given_twice_is_an_issue(evidence):
    proba, logit = evidence.signals.proba.copy(), evidence.signals.logit.copy()
    proba[3], logit[3] = proba[0], logit[0]
    assert changed(evidence, proba=proba, logit=logit).status == "issue"


def test_a_class_that_a_model_never_saw_is_an_issue(evidence):
    proba = evidence.signals.proba.copy()
    proba[4, :, 1] = 0
    proba[4] /= proba[4].sum(axis=1, keepdims=True)
    found = changed(evidence, proba=proba)
    assert found.status == "issue"
    assert "without the class" in found.summary


def test_classes_in_another_order_are_an_issue(evidence):
    found = changed(evidence, proba=evidence.signals.proba[..., ::-1])
    assert found.status == "issue"
    assert "misaligned" in found.summary


def test_scores_that_are_no_probabilities_are_an_issue(evidence):
    found = changed(evidence, proba=evidence.signals.proba * 2)
    assert found.status == "issue"
    assert "no probabilities" in found.summary


def test_rounded_probabilities_pass(evidence):
    assert changed(evidence, proba=evidence.signals.proba.round(2)).status == "passed"


def test_predicted_labels_alone_are_a_tip(evidence):
    proba = evidence.signals.proba
    hard = (proba == proba.max(axis=2, keepdims=True)).astype(np.float32)
    found = changed(evidence, proba=hard)
    assert found.status == "tip"


@pytest.mark.parametrize("noun", ["models", "samples", "classes"])
def test_outputs_of_another_size_are_an_issue(evidence, noun):
    cut = {"models": np.s_[:-1], "samples": np.s_[:, :-1], "classes": np.s_[..., :-1]}[noun]
    proba = evidence.signals.proba[cut]
    logit = evidence.signals.logit[: len(proba), :, : proba.shape[1]]
    found = changed(evidence, proba=proba, logit=logit, y=evidence.signals.y[: proba.shape[1]])
    assert found.status == "issue"
    assert noun in found.summary
