import sys

import fragile
import numpy as np
import pytest

from genoaudit.errors import ConfigError, TrainingError
from genoaudit.training.backends import Backend, run_tasks

TASKS = [(0, 1), (2, 3), (4, 5), (6,)]
SHARED = {"offset": np.array([10])}
SUMS = [[10, 11], [12, 13], [14, 15], [16]]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_gives_its_result_once(tmp_path, workers):
    results = list(run_tasks(fragile.add, TASKS, SHARED, Backend(workers, tmp_path)))
    assert sorted(results) == SUMS
    assert not list(tmp_path.iterdir())


def test_tasks_of_a_worker_that_died_are_run_again_and_none_is_given_twice(tmp_path):
    flag, scratch = tmp_path / "died", tmp_path / "scratch"
    scratch.mkdir()
    results = run_tasks(fragile.add_but_die_once, TASKS, {**SHARED, "flag": flag}, Backend(2, scratch))
    assert sorted(results) == SUMS
    assert flag.exists()
    assert not list(scratch.iterdir())


def test_a_task_that_always_kills_its_worker_ends_the_run_after_what_could_be_done(tmp_path):
    results = []
    with pytest.raises(TrainingError, match=r"2 models are missing.*are kept.*fewer --threads") as caught:
        results.extend(_each(run_tasks(fragile.add_but_die_of_three, TASKS[:3], SHARED, Backend(2, tmp_path)), results))
    assert sorted(results) == [SUMS[0], SUMS[2]]
    assert "\n" not in str(caught.value)


def _each(results, into):
    into.extend(results)
    return []


def test_an_error_of_a_task_is_no_lost_worker(tmp_path):
    with pytest.raises(TypeError, match="offset"):
        list(run_tasks(fragile.add, TASKS, {}, Backend(2, tmp_path)))


def test_without_dask_the_way_to_install_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install 'genoaudit\[dask\]'"):
        list(run_tasks(fragile.add, TASKS, SHARED, Backend(1, tmp_path, "tcp://127.0.0.1:1")))
