import copy

import pytest

from genoaudit.data.preprocessing import ScaleError
from genoaudit.errors import DataError


@pytest.mark.parametrize("kind", [DataError, ScaleError])
def test_an_error_with_several_problems_survives_the_way_from_a_worker(kind):
    error = kind("a.csv", ["one thing.", "another."])
    again = copy.copy(error)
    assert type(again) is kind
    assert (again.source, again.problems, str(again)) == (error.source, error.problems, str(error))
    assert str(error) == "a.csv: 2 problems\n  1. one thing.\n  2. another."
