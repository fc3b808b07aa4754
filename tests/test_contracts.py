import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from genoaudit.contracts import Design, draw_codes, rings


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_rings_hold_the_models_that_were_drawn_together(draws):
    draws = np.array(draws)
    partner = rings(draws)
    for model, draw in enumerate(draws):
        around, place = [model], partner[model]
        while place not in (model, -1):
            around.append(place)
            place = partner[place]
        assert sorted(around) == np.flatnonzero(draws == draw).tolist()
    codes = draw_codes(partner)
    assert all(((codes == codes[m]) == (draws == draws[m])).all() for m in range(draws.size))
    assert sorted(set(codes.tolist())) == list(range(np.unique(draws).size))


def test_some_models_of_a_design_stay_together_if_they_were_drawn_together():
    members = np.random.default_rng(0).random((9, 20)) < 0.5
    design = Design(members, np.array([1, 0, 3, 2, 5, 6, 4, -1, -1]), seed=0)
    part = design.of(np.array([0, 1, 3, 4, 6, 7]))
    assert part.partner.tolist() == [1, 0, -1, 4, 3, -1]
    assert np.array_equal(part.members, members[[0, 1, 3, 4, 6, 7]])
    assert (design.models, part.models, part.patients) == (9, 6, 20)
