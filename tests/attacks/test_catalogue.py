import re
from dataclasses import fields, replace

import numpy as np
import pytest

from genoaudit.attacks.catalogue import CATALOGUE, COMBINATIONS, combines, get_attacks
from genoaudit.config import AuditSection
from genoaudit.contracts import Signals
from genoaudit.errors import ConfigError

RECORDS = {**CATALOGUE, **COMBINATIONS}
KNOW_NON_MEMBERS = {"rmia", "rmia_offline", "qmia"}
"""Attacks that compare with patients who are known to be outside; RMIA's only ranks among them."""


def full_signals(rng, models, samples):
    """Every array that an attack may ask for, with three further queries; nothing leaks."""
    logit = rng.normal(size=(models, 4, samples))
    y = np.arange(samples) % 2
    p = 1 / (1 + np.exp(-logit[:, 0]))
    proba = np.where(y[:, None] == [0, 1], p[..., None], 1 - p[..., None])
    return Signals(
        logit=logit,
        proba=proba.astype(np.float32),
        y=y,
        label=np.where(logit > 0, y, 1 - y).astype(np.int16),
        grad_norm=rng.gamma(2.0, size=(models, samples)),
        influence=rng.uniform(-1, 1, size=(models, samples)),
        features=rng.normal(size=(samples, 3)),
    )


def rises_with(one, other):
    """Whether no two patients are in opposite order."""
    return (np.sign(one[:, None] - one) * np.sign(other[:, None] - other) >= 0).all()


def test_names_are_keys_and_the_baseline_comes_first():
    assert next(iter(CATALOGUE)) == "loss"
    assert all(name == attack.name for name, attack in RECORDS.items())
    assert not set(CATALOGUE) & set(COMBINATIONS)
    assert set(AuditSection().attacks) <= set(CATALOGUE)
    assert {"lira", "rmia", "bavaria_t", "qmia", "shokri_forest", "label_augmentation", "influence"} <= set(CATALOGUE)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_every_record_tells_people_what_they_need(record):
    for text in (record.title, record.threat_model, record.cost, record.caveat):
        assert text.strip()
    assert re.search(r"\b(19|20)\d\d\b.*doi:10\.", record.reference)


@pytest.mark.parametrize("attack", CATALOGUE.values(), ids=CATALOGUE)
def test_every_attack_reads_what_it_says_and_nothing_else(attack, rng, make_design):
    assert set(attack.needs) <= {field.name for field in fields(Signals)}
    design = make_design(12, 24, rng)
    signals = full_signals(rng, 12, 24)
    others = {
        name: np.zeros_like(value) if name in {"logit", "proba"} else None
        for name in ("logit", "proba", "label", "grad_norm", "influence", "features")
        if name not in attack.needs and (value := getattr(signals, name)) is not None
    }
    whole = attack.score(signals, design, np.arange(24))
    assert np.array_equal(attack.score(replace(signals, **others), design, np.arange(24)), whole)


@pytest.mark.parametrize("attack", CATALOGUE.values(), ids=CATALOGUE)
def test_fewest_models_are_enough_and_one_less_is_refused_with_a_reason(attack, rng, make_design):
    design = make_design(attack.min_models, 24, rng)
    assert attack.why_not(design, queries=3) is None
    scores = attack.score(full_signals(rng, attack.min_models, 24), design, np.arange(24))
    assert scores.shape == (attack.min_models, 24)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    if attack.min_models > 1:
        fewer = make_design(attack.min_models - 1, 24, rng)
        assert f"at least {attack.min_models} models" in attack.why_not(fewer, queries=3)


@pytest.mark.parametrize("attack", CATALOGUE.values(), ids=CATALOGUE)
def test_the_same_signals_give_the_same_scores(attack, rng, make_design):
    design, signals = make_design(12, 24, rng), full_signals(rng, 12, 24)
    assert np.array_equal(*(attack.score(signals, design, np.arange(24)) for _ in range(2)))


def test_an_adversary_who_sees_less_runs_fewer_attacks_and_is_told_why(rng, make_design):
    design = make_design(12, 24, rng)
    can = {
        access: {name for name, attack in CATALOGUE.items() if attack.why_not(design, access=access, queries=1) is None}
        for access in ("labels", "probabilities", "logits", "parameters")
    }
    assert can["labels"] == {"gap", "label_noise", "label_augmentation"}
    assert can["labels"] < can["probabilities"] == can["logits"] < can["parameters"] == set(CATALOGUE)
    assert CATALOGUE["influence"].why_not(design, access="probabilities") == (
        "needs to see parameters; this adversary sees probabilities only"
    )
    assert "set queries" in CATALOGUE["label_noise"].why_not(design, queries=0)


def test_all_stands_for_every_attack_and_their_combination():
    assert [attack.name for attack in get_attacks(["all"])] == list(CATALOGUE)
    assert combines(["all"])
    assert combines(["loss", "stacked"])
    assert not combines(["loss", "lira"])
    assert [attack.name for attack in get_attacks(["loss", "stacked"])] == ["loss"]


def test_attacks_come_in_the_order_asked_for():
    assert [attack.name for attack in get_attacks(["lira_offline", "loss"])] == ["lira_offline", "loss"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["liar"], "Did you mean 'lira'"),
        (["zzz"], "Choose from: all, loss, confidence"),
        ([], "no attack was asked for"),
        (["stacked"], "name some beside it"),
        (["all", "lira"], "name it alone"),
        (["loss", "loss"], "2 times"),
    ],
    ids=["misspelt", "unlike any", "none", "nothing to combine", "all and more", "twice"],
)
def test_bad_names_are_explained(names, message):
    with pytest.raises(ConfigError, match=message):
        get_attacks(names)


@pytest.mark.parametrize("attack", CATALOGUE.values(), ids=CATALOGUE)
def test_who_is_a_member_of_the_target_has_no_say_in_its_own_scores(attack, rng, make_design):
    design, signals = make_design(12, 24, rng), full_signals(rng, 12, 24)
    signals = replace(signals, influence=np.zeros((12, 24)))  # made in training, which knows the members
    turned = design.members.copy()
    turned[[4, 5]] = turned[[5, 4]]
    scores = attack.score(signals, design, np.arange(24))[4]
    again = attack.score(signals, replace(design, members=turned), np.arange(24))[4]
    if attack.name in KNOW_NON_MEMBERS:
        assert attack.name == "qmia" or rises_with(again, scores)
    else:
        assert again == pytest.approx(scores, rel=1e-9, abs=1e-9)


def test_only_attacks_that_say_so_know_non_members_of_the_target():
    told = {name for name, attack in CATALOGUE.items() if "not members" in attack.threat_model}
    told |= {name for name, attack in CATALOGUE.items() if "non-members" in attack.threat_model}
    assert told == KNOW_NON_MEMBERS
