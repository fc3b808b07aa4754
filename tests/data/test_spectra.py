import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from genoaudit.data.spectra import FunctionalSpectra, enrichment_scores


@parametrize_with_checks([FunctionalSpectra(), FunctionalSpectra(centring="none")])
def test_transformer_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def _slow_extremes(values, own):
    """Walk down the ranking gene by gene and remember the farthest points from 0."""
    ranking = sorted(range(len(values)), key=lambda gene: (-values[gene], gene))
    total = sum(abs(values[gene]) for gene in own)
    at, top, bottom = 0.0, 0.0, 0.0
    for gene in ranking:
        if gene in own:
            at += abs(values[gene]) / total if total else 1 / len(own)
        else:
            at -= 1 / (len(values) - len(own))
        top, bottom = max(top, at), min(bottom, at)
    return top, bottom


def _rows(sets):
    return np.array([(number, column) for number, own in enumerate(sets) for column in own])


@pytest.mark.parametrize("tied", [False, True])
def test_scores_equal_a_walk_down_the_ranking(tied):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(70, 40))  # more samples than are ranked at once
    if tied:
        X = np.round(X)
    sets = [rng.choice(40, size=size, replace=False).tolist() for size in (1, 2, 5, 20, 39)]
    scores = FunctionalSpectra(_rows(sets), centring="none").fit_transform(X)
    extremes = np.array([[_slow_extremes(x, set(own)) for own in sets] for x in X.astype(np.float32).astype(float)])
    top, bottom = extremes[..., 0], extremes[..., 1]
    # Where both deviations are equal but for rounding, either is right.
    level = np.abs(top + bottom) < 1e-9
    expected = np.where(level, np.copysign(top, scores), np.where(top > -bottom, top, bottom))
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert level.mean() < 0.1
    assert (scores > 0).any()
    assert (scores < 0).any()


def test_extremes_have_closed_forms():
    values = np.arange(10.0, 0.0, -1.0)[np.newaxis]
    top, bottom, everything = np.arange(3), np.arange(7, 10), np.arange(10)
    assert enrichment_scores(values, [top, bottom, everything]).tolist() == [[1.0, -1.0, 1.0]]
    # One gene at rank r of n: up by 1 after r falls of 1 / (n - 1).
    alone = enrichment_scores(values, [np.array([r]) for r in range(10)])[0]
    expected = [1 - r / 9 if 1 - r / 9 >= r / 9 else -r / 9 for r in range(10)]
    np.testing.assert_allclose(alone, expected)


def test_a_constant_sample_has_defined_scores():
    assert np.isfinite(enrichment_scores(np.zeros((1, 5)), [np.array([0, 3]), np.array([4])])).all()


def test_centring_uses_the_members_alone():
    rng = np.random.default_rng(1)
    members, others = rng.normal(size=(20, 30)) + np.arange(30), rng.normal(size=(5, 30))
    sets = _rows([[0, 5, 7], [20, 21, 29]])
    fitted = FunctionalSpectra(sets).fit(members)
    plain = FunctionalSpectra(sets, centring="none").fit(members)
    mean = members.astype(np.float32).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(fitted.mean_, mean)
    centred = (others.astype(np.float32) - mean).astype(np.float32)
    np.testing.assert_allclose(fitted.transform(others), plain.transform(centred), atol=1e-6)
    assert not hasattr(plain, "mean_")
    assert not np.allclose(fitted.transform(members), plain.transform(members))


def test_a_sample_is_scored_by_itself():
    X = np.random.default_rng(2).normal(size=(150, 30)).astype(np.float32)
    model = FunctionalSpectra(_rows([[0, 5, 7], [2, 3]])).fit(X)
    np.testing.assert_array_equal(model.transform(X)[[3, 120]], model.transform(X[[3, 120]]))


def test_higher_expression_of_a_set_raises_its_score():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 200))
    X[:30, :15] += 1.5
    scores = FunctionalSpectra(_rows([range(15), range(50, 65)])).fit_transform(X)
    assert scores[:30, 0].min() > scores[30:, 0].max()
    assert scores[:30, 1].min() < scores[30:, 1].max()


@pytest.mark.parametrize(
    ("gene_sets", "found"),
    [
        (np.empty((0, 2), dtype=int), r"found shape \(0, 2\)"),
        ([0, 1], r"found shape \(2,\)"),
        ([(0.5, 1.0)], "type float64"),
        ([(0, 1), (0, 9)], r"columns from 0 to 3, found 1 rows that do not \(first: row 1, column 9\)"),
        ([(0, -1)], "column -1"),
        ([(0, 1), (2, 1)], "without gaps"),
        ([(0, 1), (0, 1)], "a gene once in each set"),
    ],
)
def test_impossible_sets_are_errors(gene_sets, found):
    with pytest.raises(ValueError, match=found):
        FunctionalSpectra(gene_sets).fit(np.ones((3, 4)))


def test_sets_survive_cloning_and_name_the_outputs():
    rows = _rows([[0, 1], [2]])
    model = clone(FunctionalSpectra(rows)).fit(np.eye(3))
    np.testing.assert_array_equal(model.gene_sets, rows)
    assert model.get_feature_names_out().tolist() == ["functionalspectra0", "functionalspectra1"]
