from __future__ import annotations

import numpy as np
import pytest

from genoaudit.errors import DataError
from genoaudit.training.gram import (
    factor,
    fit_members,
    gene_blocks,
    gram,
    member_gram,
    member_root,
    quick_factor,
    sample_gram,
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = rng.gamma(2.0, 2.0, size=(40, 90)).astype(np.float32) + 5
    X[:, 3] = 7.0  # a constant gene
    X[11] = X[4]  # a duplicate row
    return X


@pytest.fixture
def members():
    rng = np.random.default_rng(1)
    members = np.zeros((3, 40), dtype=bool)
    for own in members:
        own[rng.permutation(40)[:20]] = True
    return members


def z_scores(X, member):
    X = X.astype(float)
    mean, deviation = X[member].mean(0), X[member].std(0)
    return (X - mean) / np.where(deviation < 1e-9, 1, deviation)


@pytest.mark.parametrize("genes", [7, 90, 4096])
def test_plain_gram_is_the_product_whatever_the_blocks(X, genes):
    wide = X.astype(float)
    assert np.allclose(gram(gene_blocks(X, genes=genes)), wide @ wide.T, rtol=1e-13)
    assert np.allclose(gram(gene_blocks(X, genes=genes), gain=30), wide @ wide.T * 10, rtol=1e-13)


def test_sample_scaling_standardises_each_row(X):
    rows = X.astype(float)
    rows = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True) * 30 / np.sqrt(90)
    assert np.allclose(sample_gram(gene_blocks(X, genes=13), gain=30), rows @ rows.T, rtol=1e-10, atol=1e-9)


def test_a_constant_row_cannot_be_standardised(X):
    X[5] = 2.5
    with pytest.raises(DataError, match="first: row 5"):
        sample_gram(gene_blocks(X), gain=1.0)


@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-11), (np.float32, 1e-5)])
def test_member_scaling_is_that_of_z_scores_fitted_on_members(X, members, dtype, error):
    X = X.astype(dtype)
    blocks = gene_blocks(X, genes=13)
    for member, scaling in zip(members, fit_members(blocks, members), strict=True):
        K = member_gram(blocks, scaling, dtype=dtype)
        rows = z_scores(X, member)
        assert np.abs(K - rows @ rows.T).max() < error * np.diagonal(K).mean()


def test_float32_survives_a_large_common_offset(X, members):
    shifted = X + np.float32(1000)
    blocks = gene_blocks(shifted)
    K = member_gram(blocks, fit_members(blocks, members)[0])
    rows = z_scores(shifted, members[0])
    assert np.abs(K - rows @ rows.T).max() < 1e-4 * np.diagonal(K).mean()


def test_selected_genes_are_the_only_ones_that_count(X, members):
    blocks = gene_blocks(X.astype(float), genes=13)
    scaling = fit_members(blocks, members)[0]
    chosen = np.zeros(90, dtype=bool)
    chosen[[2, 3, 50, 89]] = True
    rows = z_scores(X, members[0])[:, chosen] * 5 / np.sqrt(4)
    K = member_gram(blocks, scaling.select(chosen), gain=5, dtype=np.float64)
    assert np.allclose(K, rows @ rows.T, atol=1e-10)


@pytest.mark.parametrize("root", [factor, quick_factor])
@pytest.mark.parametrize("genes", [20, 40, 90])
def test_roots_give_k_back_at_its_rank_and_treat_identical_rows_alike(X, members, root, genes):
    X = X[:, :genes].astype(float)
    rows = z_scores(X, members[0])
    K = rows @ rows.T
    K[11], K[:, 11] = K[4], K[:, 4]
    L = root(K)
    assert L.shape[1] == np.linalg.matrix_rank(rows) < 40
    assert np.abs(L @ L.T - K).max() < 1e-9 * np.diagonal(K).mean()
    assert np.abs(L[11] - L[4]).max() < 1e-6


def test_signs_of_the_factor_do_not_depend_on_the_eigensolver(X):
    L = factor(gram(gene_blocks(X)))
    assert (L[np.abs(L).argmax(0), np.arange(L.shape[1])] > 0).all()


@pytest.mark.parametrize("members", [1, 7, 19, 20])
def test_a_root_that_begins_with_the_members_spans_them_alone(members):
    X = np.random.default_rng(0).normal(size=(20, 60))
    member = np.zeros(20, dtype=bool)
    member[np.random.default_rng(1).permutation(20)[:members]] = True
    K = X @ X.T
    found = member_root(K, member)
    assert found.inside.shape == (20, members)
    whole = np.zeros((20, members + found.beyond.shape[1]))
    whole[:, :members] = found.inside
    whole[~member, members:] = found.beyond
    assert whole @ whole.T == pytest.approx(K, abs=1e-9)
    assert (whole[member, members:] == 0).all()


def test_members_that_depend_on_one_another_have_no_such_root_but_others_may():
    X = np.random.default_rng(0).normal(size=(12, 60))
    X[5], X[9] = X[2], X[3]
    member = np.arange(12) < 6
    assert member_root(X @ X.T, member) is None
    member[5] = False
    found = member_root(X @ X.T, member)
    others = found.inside[~member]
    rest = (X @ X.T)[np.ix_(~member, ~member)] - others @ others.T
    assert found.beyond @ found.beyond.T == pytest.approx(rest, abs=1e-9)
