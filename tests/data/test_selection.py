import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.data.selection import VariableGenes, gene_variances, most_variable


@parametrize_with_checks([VariableGenes(), VariableGenes(1)])
def test_the_selector_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def test_the_most_variable_genes_are_kept_in_their_order():
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(50, 6)) * [1, 9, 2, 0, 5, 3] + 100).astype(np.float32)
    selector = VariableGenes(3).fit(X)
    assert selector.get_support(indices=True).tolist() == [1, 4, 5]
    assert np.array_equal(selector.transform(X), X[:, [1, 4, 5]])
    assert np.allclose(selector.variances_, X.astype(float).var(axis=0), rtol=1e-6)


def test_of_equally_variable_genes_the_first_are_kept_and_no_more_than_there_are():
    assert most_variable(np.ones(4), 2).tolist() == [True, True, False, False]
    assert most_variable(np.ones(3), 9).all()


def test_a_genes_variance_does_not_depend_on_its_company():
    X = np.random.default_rng(1).normal(7, 2, size=(31, 40)).astype(np.float32)
    assert np.array_equal(gene_variances(X)[10:20], gene_variances(np.ascontiguousarray(X[:, 10:20])))


@pytest.mark.parametrize("genes", [0, -1, 2.5, "all"])
def test_impossible_numbers_of_genes_are_refused(genes):
    with pytest.raises(ValueError, match="'genes' parameter of VariableGenes"):
        VariableGenes(genes).fit(np.eye(3))
