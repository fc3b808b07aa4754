import math

import pytest

from genoaudit.errors import ConfigError
from genoaudit.privacy.mechanism import Mechanism

FINE = {"clip": 2.0, "noise_multiplier": 1.5, "sampling_rate": 0.0125, "steps": 10, "patients": 199}


def test_expected_patients_are_not_rounded():
    assert Mechanism(**FINE).expected_patients == pytest.approx(2.4875)


def test_deviation_is_that_of_the_noise_on_the_mean():
    assert Mechanism(**FINE).deviation == pytest.approx(1.5 * 2.0 / 2.4875)
    assert Mechanism(**FINE | {"noise_multiplier": 0.0}).deviation == 0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("clip", 0.0, "above 0"),
        ("clip", math.inf, "above 0"),
        ("noise_multiplier", -1.0, "at least 0"),
        ("noise_multiplier", math.nan, "at least 0"),
        ("sampling_rate", 0.0, "in (0, 1]"),
        ("sampling_rate", 1.1, "in (0, 1]"),
        ("steps", 0, "at least 1"),
        ("patients", 0, "at least 1"),
        ("releases", (1.0, 0.0), "above 0"),
    ],
)
def test_impossible_values_are_named(name, value, expected):
    with pytest.raises(ConfigError) as caught:
        Mechanism(**FINE | {name: value})
    assert str(caught.value).startswith(f"{name} must be {expected}, found")
