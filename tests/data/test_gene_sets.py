import pytest

from genoaudit.data.gene_sets import columns_of_sets, read_gmt
from genoaudit.errors import ConfigError, DataError


@pytest.fixture
def gmt(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "sets.gmt"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_sets_are_read_in_order_with_each_gene_once(gmt):
    path = gmt("CYCLE\thttp://x\tMKI67\tTOP2A\tMKI67\t\t\r\n\nIMMUNE\t\tCD3E\n")
    assert list(read_gmt(path).items()) == [("CYCLE", ("MKI67", "TOP2A")), ("IMMUNE", ("CD3E",))]


def test_all_problems_are_named_with_their_first_line(gmt):
    with pytest.raises(DataError) as caught:
        read_gmt(gmt("A\tna\tTP53\nB\tna\n\tna\tMYC\nA\tna\tMYC\n"))
    assert caught.value.source == "sets.gmt"
    short, repeated = caught.value.problems
    assert short.startswith("2 lines without a name or without genes (first: line 2)")
    assert repeated.startswith("1 line with the name of an earlier set (first: line 4)")


@pytest.mark.parametrize(
    ("text", "encoding", "problem"),
    [("", "utf-8", "holds no gene set"), ("\n \n", "utf-8", "holds no gene set"), ("A\tna\tTP53é", "latin-1", "UTF-8")],
)
def test_unusable_files_are_errors(gmt, text, encoding, problem):
    with pytest.raises(DataError, match=problem):
        read_gmt(gmt(text, encoding))


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"none.gmt: does not exist"):
        read_gmt(tmp_path / "none.gmt")


def test_small_sets_are_dropped_and_the_others_numbered_anew():
    sets = {"one": ("B",), "two": ("C", "A", "C", "X"), "none": ("X", "Y"), "three": ("A", "B", "C")}
    found = columns_of_sets(sets, ("A", "B", "C"), min_genes=2)
    assert found.tolist() == [[0, 2], [0, 0], [1, 0], [1, 1], [1, 2]]


def test_no_set_left_says_what_was_looked_for():
    with pytest.raises(
        ConfigError, match=r"none of 2 gene sets has 5 of the cohort's 3 genes; the largest overlap is 1"
    ):
        columns_of_sets({"a": ("A", "X"), "b": ("Y",)}, ("A", "B", "C"), min_genes=5)
