import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.data.gene_lists import ListedGenes, read_gene_list, read_gene_order
from genoaudit.errors import ConfigError

GENES = ("TP53", "BRCA1", "ESR1", "GATA3")


@parametrize_with_checks([ListedGenes()])
def test_the_selector_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def test_listed_columns_are_kept_in_the_order_of_the_cohort():
    X = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(ListedGenes((3, 1)).fit_transform(X), X[:, [1, 3]])
    assert np.array_equal(ListedGenes(tuple(range(4))).fit_transform(X), X)


def test_names_of_kept_genes_are_known():
    frame = pd.DataFrame(np.zeros((2, 4)), columns=GENES)
    assert ListedGenes((0, 2)).fit(frame).get_feature_names_out().tolist() == ["TP53", "ESR1"]


@pytest.mark.parametrize(
    ("columns", "found"), [((0, 4), r"1 outside \(first: 4\)"), ((-1,), r"1 outside \(first: -1\)"), ((), "none")]
)
def test_impossible_columns_are_refused(columns, found):
    with pytest.raises(ValueError, match=f"numbers from 0 to 3, found {found}"):
        ListedGenes(columns).fit(np.zeros((2, 4)))


@pytest.mark.parametrize(
    "content",
    [b"GATA3\nTP53\n", b"\xef\xbb\xbfGATA3\r\nTP53\r\n", b"\n GATA3 \n\nTP53\nGATA3"],
    ids=["plain", "of Windows", "untidy"],
)
def test_a_list_is_read_as_columns(tmp_path, content):
    (tmp_path / "genes.txt").write_bytes(content)
    assert read_gene_list(tmp_path / "genes.txt", GENES) == (0, 3)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"TP53\n\nBRCA\nER\nBRCA\n", r"names 2 of 3 genes that the cohort does not have \(first: line 3, 'BRCA'\)"),
        (b" \n\n", "names no gene"),
        (b"TP53\n\xff\xfe\n", "is not UTF-8 text"),
    ],
    ids=["unknown", "empty", "binary"],
)
def test_a_list_that_does_not_fit_is_an_error(tmp_path, content, found):
    (tmp_path / "genes.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=found):
        read_gene_list(tmp_path / "genes.txt", GENES)


def test_a_missing_list_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        read_gene_list(tmp_path / "none.txt", GENES)


def test_the_order_of_a_list_is_kept_where_it_counts(tmp_path):
    (tmp_path / "genes.txt").write_text("\n".join((GENES[3], GENES[0], GENES[2])))
    assert read_gene_order(tmp_path / "genes.txt", GENES) == (3, 0, 2)
    (tmp_path / "twice.txt").write_text("\n".join((GENES[3], GENES[0], GENES[3])))
    with pytest.raises(ConfigError, match=rf"names 1 genes twice \(first: line 3, '{GENES[3]}'\)"):
        read_gene_order(tmp_path / "twice.txt", GENES)
