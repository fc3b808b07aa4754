import re

import numpy as np
import pytest

from genoaudit.attacks.catalogue import CATALOGUE, get_attacks
from genoaudit.config import AuditSection
from genoaudit.errors import ConfigError


def test_names_are_keys_and_the_baseline_comes_first():
    assert list(CATALOGUE) == ["loss", "lira", "lira_fixed", "lira_offline", "lira_offline_fixed"]
    assert all(name == attack.name for name, attack in CATALOGUE.items())
    assert set(AuditSection().attacks) <= set(CATALOGUE)


@pytest.mark.parametrize("attack", CATALOGUE.values(), ids=CATALOGUE)
def test_every_record_tells_people_what_they_need(attack):
    for text in (attack.title, attack.threat_model, attack.cost, attack.caveat):
        assert text.strip()
    assert re.search(r"\b(19|20)\d\d\b.*doi:10\.", attack.reference)
    assert "probability of the true class" in attack.threat_model


@pytest.mark.parametrize("attack", CATALOGUE.values(), ids=CATALOGUE)
def test_fewest_models_are_enough_and_one_less_is_refused_with_a_reason(attack, rng, make_design, make_signals):
    design = make_design(attack.min_models, 6, rng)
    assert attack.why_not(design) is None
    scores = attack.score(make_signals(rng.normal(size=(attack.min_models, 6))), design, np.arange(6))
    assert scores.shape == (attack.min_models, 6)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    if attack.min_models > 1:
        assert f"at least {attack.min_models} models" in attack.why_not(make_design(attack.min_models - 1, 6, rng))


def test_attacks_come_in_the_order_asked_for():
    assert [attack.name for attack in get_attacks(["lira_offline", "loss"])] == ["lira_offline", "loss"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["liar"], "Did you mean 'lira'"),
        (["zzz"], "Choose from: loss, lira"),
        ([], "no attack was asked for"),
        (["loss", "loss"], "2 times"),
    ],
    ids=["misspelt", "unlike any", "none", "twice"],
)
def test_bad_names_are_explained(names, message):
    with pytest.raises(ConfigError, match=message):
        get_attacks(names)
