"""Against a real scheduler and real workers, in processes of their own on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import fragile
import numpy as np
import pytest
from distributed import Client
from slow_tree import SlowTree

from genoaudit.config import RunOptions
from genoaudit.data.design import make_design
from genoaudit.data.simulate import simulate_cohort
from genoaudit.errors import ConfigError, TrainingError
from genoaudit.models.recipes import build_recipe
from genoaudit.training import dask_cluster
from genoaudit.training.backends import Backend, run_tasks
from genoaudit.training.plan import Work, make_plan
from genoaudit.training.shadows import gather, train_shadows

TASKS = [(0, 1), (2, 3), (4, 5)]
SHARED = {"offset": np.array([10])}
SUPPORT = Path(fragile.__file__).parent


def start(folder, *command):
    environment = {
        **os.environ,
        "PYTHONPATH": str(SUPPORT),
        "OMP_NUM_THREADS": "1",
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    }
    log = (folder / f"{time.monotonic_ns()}.log").open("w")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )


@contextmanager
def running_scheduler(folder):
    file = folder / "scheduler.json"
    where = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    process = start(folder, "distributed.cli.dask_scheduler", *where, "--no-dashboard")
    try:
        yield address_in(file), process
    finally:
        process.kill()
        process.wait()


def address_in(file):
    for _ in range(600):
        try:
            return json.loads(file.read_text())["address"]
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.05)
    pytest.fail("the scheduler did not start")


@contextmanager
def running_workers(folder, address, count, *more):
    where = [address, "--host", "127.0.0.1", "--no-dashboard", "--local-directory", str(folder)]
    command = ["distributed.cli.dask_worker", *where, *(more or ("--no-nanny", "--nthreads", "1"))]
    processes = [start(folder, *command) for _ in range(count)]
    try:
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)
        yield processes
    finally:
        for process in processes:
            process.kill()  # the worker of a nanny ends with it
            process.wait()


@pytest.fixture
def scheduler(tmp_path):
    with running_scheduler(tmp_path) as (address, _):
        yield address


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(patients=60, genes=40, classes=2, seed=0)


def train(recipe, cohort, cache, *, scheduler=None, engine="processes", models=8, progress=None):
    design = make_design(cohort.y, cohort.patients, models=models, seed=1)
    work = Work(cohort.n_samples, cohort.n_genes, len(cohort.classes), models)
    plan = replace(make_plan(recipe, work, threads=1, engine=engine), chunk=2 if engine == "gram" else 1)
    options = RunOptions(cache=cache, scheduler=scheduler)
    return gather(train_shadows(recipe, cohort, design, plan, options, progress=progress), cohort, design)[0]


def same(first, second):
    return (first.logit == second.logit).all() and (first.proba == second.proba).all()


def test_two_workers_give_the_bits_of_a_local_run_and_one_may_die_on_the_way(scheduler, cohort, tmp_path):
    with running_workers(tmp_path, scheduler, 2) as workers:
        mlp = build_recipe("mlp", {"hidden": [8], "epochs": 5}, scale="log2")
        for engine in ("gram", "processes"):
            here = train(mlp, cohort, tmp_path / "here", engine=engine)
            there = train(mlp, cohort, tmp_path / "there", engine=engine, scheduler=scheduler)
            assert same(here, there)

        starts = tmp_path / "starts"
        starts.mkdir()

        def kill_one_half_way(done, total):
            if done == total // 2 and workers[0].poll() is None:
                time.sleep(0.1)  # both are in the middle of a model
                workers[0].kill()

        slow = SlowTree(starts=str(starts))
        there = train(slow, cohort, tmp_path / "there", scheduler=scheduler, progress=kill_one_half_way)
        assert workers[0].wait() == -9
        assert len(list(starts.iterdir())) > 8, "no model was lost, so nothing was tested"
        assert same(train(SlowTree(str(starts), seconds=0), cohort, tmp_path / "here"), there)


def test_the_only_worker_may_die_if_another_one_takes_its_place(scheduler, tmp_path):
    """With the worker dies the only copy of what tasks share, so it has to be shipped anew."""
    with running_workers(tmp_path, scheduler, 1, "--nthreads", "1"):
        flag = tmp_path / "died"
        shared = {**SHARED, "flag": flag}
        results = run_tasks(fragile.add_but_die_once, TASKS, shared, Backend(1, tmp_path, scheduler))
        assert sorted(results) == [[10, 11], [12, 13], [14, 15]]
        assert flag.exists()


def test_a_task_that_kills_one_worker_after_another_ends_the_run(scheduler, tmp_path):
    with running_workers(tmp_path, scheduler, 3) as workers:
        with pytest.raises(TrainingError, match=r"models are missing.*are kept"):
            list(run_tasks(fragile.add_but_die_of_three, TASKS, SHARED, Backend(1, tmp_path, scheduler)))
        assert sum(worker.poll() is None for worker in workers) == 1, "the scheduler stops after its allowed failures"


def test_when_no_worker_comes_back_the_run_ends(scheduler, tmp_path, monkeypatch):
    with running_workers(tmp_path, scheduler, 1) as workers:
        results = run_tasks(fragile.add, [(n,) for n in range(50)], SHARED, Backend(1, tmp_path, scheduler))
        next(results)
        monkeypatch.setattr(dask_cluster, "WORKER_SECONDS", 1)
        workers[0].kill()
        with pytest.raises(TrainingError, match=r"models are missing.*are kept"):
            list(results)


def test_when_the_scheduler_dies_the_run_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 2)
    with running_scheduler(tmp_path) as (address, process), running_workers(tmp_path, address, 1):
        results = run_tasks(fragile.add, [(n,) for n in range(50)], SHARED, Backend(1, tmp_path, address))
        next(results)
        process.kill()
        with pytest.raises(TrainingError, match=r"models are missing.*are kept"):
            list(results)


def test_workers_of_other_versions_are_refused_since_their_numbers_would_differ(scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "version", lambda name: "0.0.1" if name == "torch" else version(name))
    with running_workers(tmp_path, scheduler, 1), pytest.raises(ConfigError, match=r"torch is 0\.0\.1 here and"):
        list(run_tasks(fragile.add, TASKS, SHARED, Backend(1, tmp_path, scheduler)))


def test_tasks_never_share_a_process_at_the_same_time(scheduler, tmp_path):
    with running_workers(tmp_path, scheduler, 1, "--no-nanny", "--nthreads", "4"):
        shared = {"folder": tmp_path}
        assert not any(run_tasks(fragile.meet, TASKS, shared, Backend(1, tmp_path, scheduler)))


def test_a_wrong_address_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stranger = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for address in ("tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1", "tls://127.0.0.1:1", stranger):
            with pytest.raises(ConfigError, match=r"^no Dask scheduler answers at") as caught:
                list(run_tasks(fragile.add, TASKS, SHARED, Backend(1, tmp_path, address)))
            assert "\n" not in str(caught.value)


def test_a_scheduler_without_workers_is_one_sentence(scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "WORKER_SECONDS", 1)
    with pytest.raises(ConfigError, match="has no workers"):
        list(run_tasks(fragile.add, TASKS, SHARED, Backend(1, tmp_path, scheduler)))
