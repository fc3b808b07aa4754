import numpy as np
import pytest

from genoaudit.errors import ConfigError
from genoaudit.models.settings import amount, count, positive


@pytest.mark.parametrize("given", [0, 0.25, np.float32(0.25), np.int64(0)])
def test_numbers_of_any_kind_are_taken(given):
    found = amount("dropout", given, below=1.0)
    assert found == given
    assert type(found) is float


@pytest.mark.parametrize("given", [-0.1, 1, float("nan"), "0.5", True, None])
def test_other_amounts_are_refused(given):
    with pytest.raises(ConfigError, match=r"^dropout needs a number of at least 0 and below 1, found "):
        amount("dropout", given, below=1.0)


def test_an_amount_without_an_end_is_finite():
    with pytest.raises(ConfigError, match=r"^l2 needs a number of at least 0, found inf\.$"):
        amount("l2", float("inf"))


@pytest.mark.parametrize("given", [0, -1, float("nan"), "1", True])
def test_other_positive_numbers_are_refused(given):
    with pytest.raises(ConfigError, match=r"^dp needs a number above 0"):
        positive("dp", given)


@pytest.mark.parametrize("given", [1, 2.0, "3", True])
def test_other_counts_are_refused(given):
    with pytest.raises(ConfigError, match=r"^distillation needs a whole number of at least 2"):
        count("distillation", given, least=2)


def test_counts_and_positive_numbers_are_plain():
    assert type(count("top_k", np.int64(3))) is int
    assert positive("output_noise", float("inf")) == float("inf")
