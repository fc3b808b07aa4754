from dataclasses import replace

import numpy as np
import pytest

from genoaudit.attacks.catalogue import CATALOGUE
from genoaudit.checks.evidence import Evidence
from genoaudit.checks.ga011_permuted import permuted
from genoaudit.contracts import Attack, Signals
from genoaudit.data.design import make_design
from genoaudit.data.simulate import simulate_cohort

ATTACKS = tuple(CATALOGUE[name] for name in ("loss", "lira", "lira_fixed", "lira_offline"))


@pytest.fixture
def leaking(evidence, make_signals):
    """Sixteen models that leak a great deal, and the attacks that say so."""
    signals = make_signals(evidence.design.members, leak=2.0)
    scores = {a.name: a.score(signals, evidence.design, evidence.cohort.patients) for a in ATTACKS}
    return replace(evidence, signals=signals, attacks=ATTACKS, scores=scores)


def test_a_leak_is_no_bias(leaking):
    found = permuted(leaking)
    assert found.status == "passed"
    assert found.summary.startswith("8 controls")


def test_nothing_to_judge_is_not_applicable(evidence):
    assert permuted(evidence).status == "not_applicable"


def test_few_models_are_not_applicable(cohort):
    design = make_design(cohort.y, cohort.patients, models=6, seed=0)
    evidence = Evidence(cohort=cohort, design=design, scores={"a": np.zeros(design.members.shape)})
    assert permuted(evidence).status == "not_applicable"


def test_scores_that_are_not_finite_are_not_applicable(leaking):
    broken = np.full(leaking.design.members.shape, np.nan)
    assert permuted(replace(leaking, scores={"broken": broken})).status == "not_applicable"


def test_constant_scores_are_exactly_at_chance(evidence):
    found = permuted(replace(evidence, scores={"constant": np.zeros(evidence.design.members.shape)}))
    assert found.status == "passed"
    assert found.summary.endswith("0.500.")


def test_one_split_used_for_all_models_is_an_issue(cohort, make_signals):
    drawn = make_design(cohort.y, cohort.patients, models=16, seed=0)
    same = replace(drawn, members=np.tile(drawn.members[:2], (8, 1)))
    scores = make_signals(same.members, leak=2.0).logit[:, 0]
    scores = scores[:, np.unique(cohort.patients, return_index=True)[1]]
    found = permuted(Evidence(cohort=cohort, design=same, scores={"logit": scores}))
    assert found.status == "issue"
    assert "another model's members" in found.summary


def _peeking(signals, design, patients):
    noise = np.random.default_rng(0).normal(size=design.members.shape)
    return noise + 0.5 * design.members


def test_an_attack_that_reads_the_design_is_an_issue(leaking):
    cheat = Attack("cheat", "Cheat", "", (), 1, "", "", "", _peeking)
    found = permuted(replace(leaking, attacks=(*ATTACKS, cheat)))
    assert found.status == "issue"
    assert found.summary.startswith("1 control of 9")
    assert "cheat (run on permuted members)" in found.summary


def test_references_that_hold_the_partner_are_an_issue():
    # Leaving out only the target gives its membership away through the number of references on each side.
    cohort = simulate_cohort(patients=3000, genes=10, classes=2, repeat_share=0, seed=0)
    design = make_design(cohort.y, cohort.patients, models=8, seed=0)
    logit = np.random.default_rng(0).normal(size=(8, 1, 3000))
    signals = Signals(logit=logit, proba=np.full((8, 3000, 2), 0.5, dtype=np.float32), y=cohort.y)
    lira = CATALOGUE["lira"]

    def careless(signals, design, patients):
        return lira.score(signals, replace(design, partner=np.full(design.models, -1)), patients)

    evidence = Evidence(cohort=cohort, design=design, signals=signals, attacks=(lira,))
    assert permuted(evidence).status == "passed"
    assert permuted(replace(evidence, attacks=(replace(lira, score=careless),))).status == "issue"


def test_coins_are_judged_on_the_audited_patients(cohort, make_signals):
    coins = make_design(cohort.y, cohort.patients, models=16, seed=0, kind="coins", audited=np.arange(0, 120, 3))
    scores = make_signals(coins.members, leak=2.0).logit[:, 0]
    scores = scores[:, np.unique(cohort.patients, return_index=True)[1]]
    assert permuted(Evidence(cohort=cohort, design=coins, scores={"logit": scores})).status == "passed"
