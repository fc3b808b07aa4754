import numpy as np
import pytest

from genoaudit.data.target import Target
from genoaudit.models.claims import settle_privacy
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.accounting import guarantee
from genoaudit.privacy.mechanism import Mechanism
from genoaudit.release.promise import claim_of

MECHANISM = Mechanism(clip=1.0, noise_multiplier=2.0, sampling_rate=0.2, steps=10, patients=100)


def target(**keywords):
    return Target(np.ones(3, dtype=bool), np.zeros((3, 2)), "m", **keywords)


def promised(target, recipe=None):
    return claim_of(target, recipe)


def test_nothing_is_promised_where_no_mechanism_is_known():
    assert promised(target()) is None
    assert promised(target(mechanisms=(MECHANISM,))) is None


def test_mechanisms_add_up_and_random_numbers_count_as_known_unless_said_otherwise():
    found = promised(target(mechanisms=(MECHANISM, MECHANISM), delta=1e-3))
    assert found.guarantee.epsilon == pytest.approx(guarantee([MECHANISM, MECHANISM], 1e-3).epsilon)
    assert found.seeded
    assert not found.end_to_end
    assert not promised(target(mechanisms=(MECHANISM,), delta=1e-3, seeded=False)).seeded


def test_what_the_promise_does_not_cover_is_read_off_the_model():
    dp = {"noise_multiplier": 2.0, "sampling_rate": 0.2, "steps": 10, "hyperparameters": "public"}
    fine = build_recipe("softmax", {"scaling": "sample", "dp": dp}, scale="log2")
    leaky = build_recipe("softmax", {"scaling": "members", "dp": dp}, scale="log2")
    assert promised(target(mechanisms=(MECHANISM,), delta=1e-4, model=fine)).end_to_end
    found = promised(target(mechanisms=(MECHANISM,), delta=1e-4, model=leaky))
    assert any("ExpressionScaler" in gap for gap in found.gaps)


def test_a_recipe_promises_where_the_model_says_nothing_and_is_not_believed_blindly():
    dp = {"epsilon": 4.0, "sampling_rate": 0.2, "steps": 10, "hyperparameters": "public"}
    recipe = build_recipe("softmax", {"scaling": "sample", "dp": dp}, scale="log2")
    found = promised(target(), settle_privacy(recipe, patients=3))
    assert found.guarantee.epsilon == pytest.approx(4, rel=1e-3)
    assert found.seeded
    assert "was trained by this recipe" in found.assumptions[-1]
    assert found.assumed
    assert not promised(target(mechanisms=(MECHANISM,), delta=1e-3)).assumed
    assert promised(target(kind="genoaudit"), settle_privacy(recipe, patients=3)) is None  # it knows its own training
    assert promised(target(), build_recipe("softmax", {}, scale="log2")) is None
