import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from genoaudit.contracts import Design, Signals, draw_codes, rings


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


def signals(models, *, label):
    rng = np.random.default_rng(models)
    logit, proba = rng.normal(size=(models, 1, 5)), rng.random((models, 5, 2), dtype=np.float32)
    return Signals(logit, proba, np.zeros(5, dtype=np.intp), label=(logit > 0).astype(np.int16) if label else None)


def test_signals_are_cut_to_some_models():
    whole = signals(8, label=True)
    part = whole.of(np.array([0, 6]))
    assert np.array_equal(part.logit, whole.logit[[0, 6]])
    assert np.array_equal(part.label, whole.label[[0, 6]])
    assert signals(8, label=False).of(slice(3)).label is None


def test_signals_of_other_models_stand_behind_and_what_one_side_lacks_is_left_out():
    first, last = signals(3, label=True), signals(2, label=True)
    both = first.followed_by(last)
    assert np.array_equal(both.of(slice(3)).proba, first.proba)
    assert np.array_equal(both.of(slice(3, 5)).label, last.label)
    assert first.followed_by(signals(2, label=False)).label is None
