"""A matrix that stays in its file is the same matrix."""

import copy

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from genoaudit.data import backed
from genoaudit.data.backed import BackedMatrix, column_blocks, is_too_large, row_blocks
from genoaudit.data.preprocessing import LogTransform
from genoaudit.data.readers import read_cohort
from genoaudit.errors import DataError


@pytest.fixture(params=[np.asarray, sparse.csr_matrix, sparse.csc_matrix], ids=["dense", "rows", "columns"])
def file(request, tmp_path):
    rng = np.random.default_rng(0)
    counts = rng.poisson(3.0, size=(60, 50)).astype(np.float32)
    names = [f"S{number:03}" for number in rng.permutation(60)]
    obs = pd.DataFrame({"type": ["a", "b", "c"] * 20, "who": names}, index=names)
    path = tmp_path / "x.h5ad"
    AnnData(X=request.param(counts), obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(50)])).write_h5ad(path)
    return path


def both(path):
    return tuple(read_cohort(path, label="type", patient="who", scale="counts", backed=way) for way in (False, True))


def test_a_backed_cohort_is_the_same_cohort(file):
    held, left = both(file)
    assert isinstance(left.X, BackedMatrix)
    assert left.X.shape == held.X.shape
    assert left.X.dtype == held.X.dtype
    assert left.digest() == held.digest()
    assert left.notes == held.notes
    assert np.array_equal(np.asarray(left.X), held.X)


def test_it_slices_as_an_array_does(file):
    held, left = both(file)
    for rows in (slice(None), slice(10, 20), np.array([5, 3, 59]), [7], held.y == 1):
        assert np.array_equal(left.X[rows], held.X[rows])
        assert np.array_equal(left.X[rows, 4:9], held.X[rows, 4:9])
    assert np.array_equal(left.X[3], held.X[3:4])
    with pytest.raises(IndexError, match="runs"):
        left.X[:, ::2]


def test_a_subset_stays_in_the_file(file):
    held, left = both(file)
    rows = np.array([40, 3, 11])
    assert isinstance(left.subset(rows).X, BackedMatrix)
    assert left.subset(rows).digest() == held.subset(rows).digest()
    again = copy.deepcopy(left.subset(rows).X)
    assert np.array_equal(np.asarray(again), held.subset(rows).X)


def test_logs_are_those_of_the_transformer_to_the_bit(file):
    held, left = both(file)
    whole = LogTransform("counts").fit_transform(held.X)
    logged = left.X.logged("counts")
    assert np.array_equal(np.asarray(logged), whole)
    assert np.array_equal(logged[[9, 2], 5:8], whole[[9, 2], 5:8])
    assert np.array_equal(np.asarray(logged.take(np.array([4, 1]))), whole[[4, 1]])


def test_blocks_cover_everything_once(file, monkeypatch):
    monkeypatch.setattr(backed, "_ROWS", 7)
    monkeypatch.setattr(backed, "_GENES", 11)
    held, left = both(file)
    assert np.array_equal(np.concatenate([block for _, block in row_blocks(left.X)]), held.X)
    assert np.array_equal(np.concatenate([block for _, block in column_blocks(left.X)], axis=1), held.X)


def test_problems_are_the_same_ones_at_the_same_places(tmp_path, monkeypatch):
    monkeypatch.setattr(backed, "_ROWS", 7)
    values = np.random.default_rng(0).normal(8, 1, size=(60, 5)).astype(np.float32)
    values[33, 2], values[41, 0], values[50, 4] = np.nan, np.nan, np.inf
    obs = pd.DataFrame({"type": ["a", "b"] * 30}, index=[f"S{i:02}" for i in range(60)])
    path = tmp_path / "x.h5ad"
    AnnData(X=values, obs=obs, var=pd.DataFrame(index=list("ABCDE"))).write_h5ad(path)
    said = []
    for way in (False, True):
        with pytest.raises(DataError) as caught:
            read_cohort(path, label="type", scale="log2", backed=way)
        said.append(caught.value.problems)
    assert said[0] == said[1]
    assert "2 missing values (first: row 34, gene 'C')" in said[0][0]


def test_only_a_large_matrix_stays_in_its_file_unasked(file, monkeypatch):
    assert not is_too_large(800, 20_531)
    assert isinstance(read_cohort(file, label="type", scale="counts").X, np.ndarray)
    monkeypatch.setattr(backed, "MEMORY_SHARE", 1e-9)
    assert isinstance(read_cohort(file, label="type", scale="counts").X, BackedMatrix)


def test_a_file_that_goes_away_is_an_error_that_names_it(file):
    left = both(file)[1]
    file.unlink()
    with pytest.raises(DataError, match=r"x\.h5ad: cannot be read any more"):
        left.X[:3]
