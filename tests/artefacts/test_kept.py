import math

import numpy as np
import pytest

from genoaudit.artefacts.kept import check_forms, parameter, plain
from genoaudit.errors import ArtefactError
from genoaudit.privacy.dpsgd import DPSGD


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, -1.5, "text", [1, [2.0, None]], {0: 2.0, "a": [1]}, math.inf, -math.inf),
        DPSGD(epsilon=3.0),
        DPSGD(noise_multiplier=0.7, releases=(1.0, 2.0), patients=30, delta=1e-4),
        DPSGD(tpr=0.2, fpr=0.05, hyperparameters="public"),
    ],
    ids=repr,
)
def test_parameters_come_back_as_they_were(value):
    import json

    assert parameter(json.loads(json.dumps(plain(value, "x"), allow_nan=False))) == value


def test_numbers_of_numpy_and_nan_become_plain():
    assert plain(np.int64(3), "x") == 3
    assert math.isnan(parameter(plain(np.float32("nan"), "x")))


@pytest.mark.parametrize("value", [object(), len, np.zeros(3), {1, 2}, b"x"], ids=lambda value: type(value).__name__)
def test_what_json_cannot_hold_is_refused_by_name(value):
    with pytest.raises(ArtefactError, match=r"Model\.thing is a .*, which no safe file can hold"):
        plain(value, "Model.thing")


FORMS = {"a": ((2, None), "float32"), "b": ((), "int64")}
FINE = {"a": np.zeros((2, 7), np.float32), "b": np.array(1)}


def test_arrays_in_their_forms_pass():
    check_forms(FINE, FORMS, "here")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"a": np.zeros((3, 7), np.float32)}, r"here: array 'a' has shape \(3, 7\)"),
        ({"a": np.zeros(2, np.float32)}, "array 'a' has shape"),
        ({"a": np.zeros((2, 7))}, "of float64"),
        ({"b": np.array(1.0)}, "array 'b'"),
        ({"c": np.zeros(1)}, r"1 arrays too many or too few \(first: 'c'\)"),
        ({"a": np.full((2, 7), np.nan, np.float32)}, "14 values that are not finite"),
    ],
)
def test_arrays_in_other_forms_are_refused(change, says):
    with pytest.raises(ArtefactError, match=says):
        check_forms({**FINE, **change}, FORMS, "here")
