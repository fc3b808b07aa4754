from dataclasses import replace

import numpy as np

from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga010_untrained import untrained


def test_models_that_predict_pass(evidence):
    assert untrained(evidence).status == "passed"


def test_no_models_are_not_applicable(cohort):
    assert untrained(Evidence(cohort=cohort)).status == "not_applicable"


def test_models_at_chance_are_an_issue(evidence, make_signals):
    found = untrained(replace(evidence, signals=make_signals(evidence.design.members, skill=0.0)))
    assert found.status == "issue"
    assert "chance is 0.33" in found.summary
    assert "memorise" not in found.summary


def test_of_a_given_model_the_order_of_its_genes_is_asked_first(evidence, make_signals):
    found = untrained(replace(evidence, signals=make_signals(evidence.design.members, skill=0.0)))
    assert found.advice.startswith("Mend the recipe")
    held = evidence.design.members[0]
    one = replace(evidence.design, members=held[None], partner=evidence.design.partner[:1] * 0 - 1)
    given = replace(
        evidence,
        design=one,
        released=held[evidence.cohort.patients],
        signals=make_signals(held[None], skill=0.0),
    )
    found = untrained(given)
    assert found.status == "issue"
    assert "genes in its own order (target.genes" in found.advice


def test_models_that_only_memorise_are_an_issue(evidence, make_signals):
    signals = make_signals(evidence.design.members, skill=0.0, leak=3.0)
    assert "memorise and do not generalise" in untrained(replace(evidence, signals=signals)).summary


def test_predicting_the_largest_class_is_no_skill(evidence):
    signals = evidence.signals
    proba = np.zeros_like(signals.proba)
    proba[..., np.bincount(signals.y).argmax()] = 1
    assert untrained(replace(evidence, signals=replace(signals, proba=proba))).status == "issue"


def test_outputs_that_are_not_finite_are_left_to_their_own_check(evidence):
    proba = evidence.signals.proba.copy()
    proba[0, 0, 0] = np.nan
    found = untrained(replace(evidence, signals=replace(evidence.signals, proba=proba)))
    assert found.status == "not_applicable"
