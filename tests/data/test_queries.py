from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chisquare, kstest

from genoaudit.contracts import Scale
from genoaudit.data.cohort import make_cohort
from genoaudit.data.queries import make_queries, make_query, technical_replicate
from genoaudit.data.scales import contradiction
from genoaudit.data.simulate import simulate_cohort
from genoaudit.data.table import Table
from genoaudit.errors import ConfigError


def on_scale(scale, *, patients=40, genes=120):
    """Return simulated counts brought to a scale, half of the last genes silent."""
    counts = simulate_cohort(patients=patients, genes=genes, classes=2, scale="counts", repeat_share=0, seed=2).X
    counts = counts * (np.random.default_rng(0).random(counts.shape) < 0.8)
    per_million = counts / counts.sum(axis=1, keepdims=True) * 1e6
    log2 = np.log2(per_million + 1)
    values = {
        "counts": counts,
        "cpm": per_million,
        "tpm": per_million,
        "rsem": counts * 1.1,
        "log2": log2,
        "intensity": per_million - 30,
        "ratio": 2 ** (log2 - log2.mean(axis=0)),
        "log_ratio": log2 - log2.mean(axis=0),
        "zscore": (log2 - log2.mean(axis=0)) / (log2.std(axis=0) + 1e-3),
    }[scale]
    ids = tuple(f"s{i:03d}" for i in range(patients))
    obs = pd.DataFrame({"type": np.where(np.arange(patients) % 2, "A", "B")})
    table = Table(values.astype(np.float32), ids, tuple(f"g{i}" for i in range(genes)), obs, source="example")
    return make_cohort(table, label="type", scale=scale)


@pytest.fixture(scope="module", params=get_args(Scale))
def cohort(request):
    return on_scale(request.param)


def replicate(values, scale, **options):
    return technical_replicate(np.asarray(values, dtype=np.float32), scale, np.random.default_rng(5), **options)


def test_queries_are_valid_on_the_scale_and_differ_from_the_sample_and_each_other(cohort):
    queries = make_queries(cohort, count=3, seed=1)
    assert queries.shape == (3, *cohort.X.shape)
    assert queries.dtype == np.float32
    assert np.isfinite(queries).all()
    for query in queries:
        assert contradiction(query, cohort.scale) is None
        assert (query != cohort.X).any(axis=1).all()
    assert (queries[0] != queries[1]).any(axis=1).all()


def test_what_is_not_expressed_stays_so(cohort):
    query = make_query(cohort, 0, seed=1)
    if cohort.scale in {"counts", "cpm", "tpm", "rsem", "log2"}:
        assert (cohort.X == 0).any()
        assert (query[cohort.X == 0] == 0).all()
        assert query.min() == 0


def test_more_queries_keep_the_old_ones_and_the_seed_decides(cohort):
    few, many = (make_queries(cohort, count=count, seed=1) for count in (2, 4))
    assert (few == many[:2]).all()
    assert (make_query(cohort, 3, seed=1) == many[3]).all()
    assert (make_query(cohort, 3, seed=2) != many[3]).any()


def test_the_queries_of_a_sample_do_not_depend_on_the_other_samples(cohort):
    rows = [3, 8, 21]
    assert (make_queries(cohort.subset(rows), count=2, seed=1) == make_queries(cohort, count=2, seed=1)[:, rows]).all()


def test_no_queries_are_an_empty_stack(cohort):
    assert make_queries(cohort, count=0, seed=1).shape == (0, *cohort.X.shape)


def test_samples_beyond_the_first_block_of_rows_get_their_own_values():
    cohort = on_scale("log2", patients=600, genes=20)
    query = make_query(cohort, 0, seed=0)
    assert abs(query - cohort.X).max() < 0.6  # six standard deviations
    assert (query != cohort.X).any(axis=1).all()


def test_thinned_counts_are_binomial():
    kept = replicate(np.full(100_000, 10), "counts", thinning=0.7)
    expected = binom.pmf(np.arange(11), 10, 0.7) * kept.size
    observed = np.bincount(kept.astype(int), minlength=11)
    rare = 3  # fewer than 15 expected together would make the statistic coarse
    pooled = [np.concatenate([[x[:rare].sum()], x[rare:]]) for x in (observed, expected)]
    assert chisquare(*pooled).pvalue > 1e-3


@pytest.mark.parametrize(("reads", "thinning"), [(50, 0.8), (2000, 0.8), (2000, 0.3)])
def test_thinned_counts_have_the_binomial_mean_and_variance(reads, thinning):
    genes = 200_000
    kept = replicate(np.full(genes, reads), "counts", thinning=thinning).astype(float)
    variance = reads * thinning * (1 - thinning)
    assert kept.mean() == pytest.approx(reads * thinning, abs=4 * np.sqrt(variance / genes))
    assert kept.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / genes))


def test_thinned_poisson_counts_are_poisson_as_those_of_a_shallower_run():
    reads = np.random.default_rng(0).poisson(30, 200_000)
    kept = replicate(reads, "counts", thinning=0.5).astype(float)
    assert kept.mean() == pytest.approx(15, abs=4 * np.sqrt(15 / kept.size))
    assert kept.var() / kept.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / kept.size))


def test_counts_beyond_the_whole_numbers_of_float32_stay_whole_and_do_not_grow():
    reads = np.array([2.0**25, 2.0**30, 3.0])
    kept = replicate(reads, "counts", thinning=0.999)
    assert (kept == np.rint(kept)).all()
    assert (kept <= reads).all()


def test_a_sample_that_would_lose_its_last_read_stays_as_it_is():
    assert list(replicate([0, 1, 0], "counts", thinning=1e-9)) == [0, 1, 0]


@pytest.mark.parametrize("scale", ["log2", "log_ratio", "zscore"])
def test_noise_on_log_scales_is_normal_with_the_stated_sd(scale):
    values = np.full(50_000, 5.0)
    values[0] = 0  # the floor of log2
    error = (replicate(values, scale, noise=0.3) - values)[1:]
    assert kstest(error / 0.3, "norm").pvalue > 1e-3


@pytest.mark.parametrize("scale", ["rsem", "intensity", "ratio"])
def test_noise_on_linear_scales_is_log_normal_in_log2_units(scale):
    values = np.full(50_000, 700.0)
    error = np.log2(replicate(values, scale, noise=0.3) / values)
    assert kstest(error / 0.3, "norm").pvalue > 1e-3


@pytest.mark.parametrize("scale", ["cpm", "tpm"])
def test_noise_keeps_the_total_of_scales_that_have_one(scale):
    values = np.random.default_rng(0).exponential(20, 50_000)
    changed = replicate(values, scale, noise=0.3)
    assert changed.sum(dtype=float) == pytest.approx(values.sum(), rel=1e-6)
    error = np.log2(changed / values)
    assert error.std() == pytest.approx(0.3, rel=0.02)
    # Bringing the total back takes off the log of a log-normal's mean, exp((sd log 2)^2 / 2).
    assert error.mean() == pytest.approx(-(0.3**2) * np.log(2) / 2, abs=0.01)


def test_negative_intensities_keep_their_sign():
    assert (np.sign(replicate([-40, 0, 90], "intensity")) == [-1, 0, 1]).all()


def test_log2_of_a_small_pseudo_count_is_a_floor_too():
    floor = np.log2(np.float32(0.001))
    changed = replicate([floor, floor + 0.01, floor, 4.0] * 200, "log2", noise=0.3).reshape(200, 4)
    assert (changed[:, [0, 2]] == floor).all()
    assert (changed >= floor).all()
    assert (changed[:, 1] > floor).any()


def test_the_default_noise_is_the_poisson_error_of_two_hundred_reads():
    reads = np.random.default_rng(0).poisson(208, 200_000)
    assert np.log2(reads / 208).std() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"count": -1}, "count must be at least 0, got -1"),
        ({"noise": 0.0}, "noise must be a finite number above 0, got 0.0"),
        ({"noise": float("nan")}, "noise must be a finite number above 0, got nan"),
        ({"thinning": 1.0}, "thinning must lie between 0 and 1"),
        ({"thinning": 0.0}, "thinning must lie between 0 and 1"),
    ],
)
def test_arguments_out_of_range_are_refused(options, said):
    cohort = on_scale("counts")
    with pytest.raises(ConfigError, match=said):
        make_queries(cohort, **{"count": 1, "seed": 0, **options})


def test_the_cohort_is_left_alone(cohort):
    before = cohort.X.copy()
    make_queries(replace(cohort), count=1, seed=0)
    assert (before == cohort.X).all()
