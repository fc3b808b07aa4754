import warnings

import pytest
import torch

from genoaudit.errors import TrainingError
from genoaudit.training.guarded import guarded, single_threaded


def test_warnings_are_told_once_each_and_deprecations_not_at_all():
    with guarded() as told:
        for _ in range(2):
            warnings.warn("not converged\nby far", RuntimeWarning, stacklevel=1)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
    assert told == ["RuntimeWarning: not converged"]


@pytest.mark.parametrize("error", [ValueError("too few\nsamples"), SystemExit("too few"), KeyError("too few")])
def test_whatever_a_recipe_raises_is_told_in_one_line(error):
    with pytest.raises(TrainingError, match=rf"the recipe raised {type(error).__name__}: '?too few'?$"), guarded():
        raise error


def test_our_own_errors_pass_as_they_are():
    with pytest.raises(TrainingError, match=r"^diverged$"), guarded():
        raise TrainingError("diverged")


def test_an_interrupt_passes():
    with pytest.raises(KeyboardInterrupt), guarded():
        raise KeyboardInterrupt


def test_one_thread_computes_and_as_many_as_before_afterwards():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with single_threaded():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
