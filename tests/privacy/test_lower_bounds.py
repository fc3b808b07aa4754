import dataclasses

import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.lower_bounds import LowerBound, check_delta, per_look


def test_a_bound_states_everything_it_rests_on():
    assert {field.name for field in dataclasses.fields(LowerBound)} == {
        "epsilon", "delta", "significance", "kind", "neighbouring", "trials", "threshold", "note",
    }  # fmt: skip


@pytest.mark.parametrize("delta", [-0.1, 1.0, float("nan")])
def test_impossible_delta_is_refused(delta):
    with pytest.raises(ConfigError, match="delta"):
        check_delta(delta)


def test_zero_delta_is_refused_only_where_it_is_meaningless():
    check_delta(0.0)
    with pytest.raises(ConfigError, match=r"\(0, 1\)"):
        check_delta(0.0, positive=True)


@pytest.mark.parametrize(("significance", "looked_at"), [(0.0, 1), (1.0, 1), (float("nan"), 1), (0.05, 0)])
def test_impossible_looks_are_refused(significance, looked_at):
    with pytest.raises(ConfigError):
        per_look(significance, looked_at)
