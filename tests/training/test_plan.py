from dataclasses import replace

import pytest
from sklearn.pipeline import make_pipeline

from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.errors import ConfigError
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.recipes import build_recipe
from genoaudit.privacy.dpsgd import DPSGD
from genoaudit.training import plan as planning
from genoaudit.training.plan import Work, make_plan

WIDE = Work(samples=800, genes=20_531, classes=5, models=64)
TALL = Work(samples=7_287, genes=60, classes=32, models=64)
MLP = build_recipe("mlp", {}, scale="log2")
LOGISTIC = build_recipe("logistic", {}, scale="log2")


def test_wide_data_train_by_samples_and_few_genes_by_genes():
    assert make_plan(MLP, WIDE, threads=2).engine == "gram"
    assert make_plan(MLP, TALL, threads=2).engine == "stacked"
    assert make_plan(LOGISTIC, TALL, threads=2).engine == "processes"
    assert make_plan(MLP, Work(samples=20_000, genes=3_000, classes=11, models=64), threads=2).engine == "processes"


def test_the_choice_depends_neither_on_models_nor_on_threads():
    for genes in (300, 1_000, 3_000, 20_000):
        chosen = {
            make_plan(MLP, Work(1_200, genes, 11, models), threads=threads).engine
            for models in (4, 64, 4_096)
            for threads in (1, 2, 16)
        }
        assert len(chosen) == 1


@pytest.mark.parametrize("parameters", [{"optimizer": "adam"}, {"optimizer": "adam", "hidden": [16]}])
def test_a_recipe_without_exact_form_is_trained_as_it_is_and_the_reason_is_told(parameters):
    plan = make_plan(build_recipe("mlp", parameters, scale="log2"), WIDE, threads=2)
    assert plan.engine == "processes"
    assert "Adam" in plan.reason


def test_asking_for_the_impossible_is_an_error_that_names_the_alternative():
    with pytest.raises(ConfigError, match=r"Adam.*--engine processes"):
        make_plan(build_recipe("mlp", {"optimizer": "adam"}, scale="log2"), WIDE, threads=1, engine="gram")
    with pytest.raises(ConfigError, match="--device quantum is not there"):
        make_plan(MLP, WIDE, threads=1, device="quantum")
    with pytest.raises(ConfigError, match="needs the gram or the stacked engine"):
        make_plan(build_recipe("xgboost", {}, scale="log2"), WIDE, threads=1, device="cuda")


def test_the_engine_asked_for_is_taken():
    assert make_plan(MLP, WIDE, threads=1, engine="processes").engine == "processes"
    assert make_plan(MLP, TALL, threads=1, engine="gram").engine == "gram"
    assert make_plan(MLP, WIDE, threads=1, engine="stacked").engine == "stacked"


def test_logistic_regression_is_not_stacked():
    with pytest.raises(ConfigError, match="gram or processes"):
        make_plan(LOGISTIC, WIDE, threads=1, engine="stacked")


def test_products_that_do_not_fit_in_memory_are_not_made(monkeypatch):
    monkeypatch.setattr(planning, "_memory_bytes", lambda: 1e7)
    plan = make_plan(MLP, WIDE, threads=1)
    assert plan.engine == "processes"


def test_memory_decides_how_many_models_are_trained_at_once(monkeypatch):
    many = Work(samples=8_000, genes=20_531, classes=32, models=64)
    chunks = []
    for gigabytes in (64, 16, 8):
        monkeypatch.setattr(planning, "_memory_bytes", lambda size=gigabytes: size * 1e9)
        plan = make_plan(MLP, many, threads=2)
        assert plan.megabytes <= 0.5 * 1e3 * gigabytes
        chunks.append(plan.workers * plan.chunk)
    assert chunks[0] == 24
    assert sorted(chunks, reverse=True) == chunks
    assert chunks[-1] < 12


def test_a_backed_file_does_not_count_as_memory():
    wide = Work(samples=800, genes=1_000_000, classes=5, models=64)
    assert (
        make_plan(MLP, replace(wide, backed=True), threads=1).megabytes < make_plan(MLP, wide, threads=1).megabytes / 20
    )


def test_more_models_cost_more_and_workers_share_the_cost():
    one, many = (make_plan(MLP, Work(800, 20_531, 5, models), threads=1) for models in (64, 1_024))
    assert many.seconds == pytest.approx(16 * one.seconds)
    assert make_plan(MLP, Work(800, 20_531, 5, 1_024), threads=2).seconds < many.seconds


def private(**parameters):
    dp = DPSGD(noise_multiplier=1.0, **parameters)
    return make_pipeline(LogTransform(), ExpressionScaler("sample"), MLPClassifier(dp=dp))


def test_dp_is_trained_by_samples_for_its_scores_and_by_genes_for_everything_else():
    assert make_plan(private(), WIDE, threads=2).engine == "gram"
    assert make_plan(private(), replace(WIDE, questioned=True), threads=2).engine in {"stacked", "processes"}
    assert make_plan(MLP, replace(WIDE, questioned=True), threads=2).engine == "gram"
    with pytest.raises(ConfigError, match="stacked or processes"):
        make_plan(private(), replace(WIDE, questioned=True), threads=2, engine="gram")


def test_dp_costs_by_the_step_and_by_the_number_of_directions():
    one, twice = (make_plan(private(steps=steps), WIDE, threads=1).seconds for steps in (200, 400))
    assert 1.5 < twice / one < 2
    by_samples, by_genes = (
        make_plan(private(), WIDE, threads=1, engine=engine).seconds for engine in ("gram", "stacked")
    )
    assert by_genes > 10 * by_samples
    assert make_plan(private(sampling_rate=0.5), WIDE, threads=1).seconds > one


def test_dp_takes_no_more_memory_for_more_models_in_a_task():
    plan = make_plan(private(), WIDE, threads=1)
    assert plan.chunk == 12
    assert plan.megabytes < 300


def test_a_recipe_of_the_user_has_no_estimate():
    from sklearn.naive_bayes import GaussianNB

    assert make_plan(GaussianNB(), WIDE, threads=2).seconds is None
