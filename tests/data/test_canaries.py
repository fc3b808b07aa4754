from typing import get_args

import numpy as np
import pandas as pd
import pytest

from genoaudit.contracts import Scale
from genoaudit.data.canaries import CANARIES, OUTLYING, PROGRAMME, make_canaries
from genoaudit.data.cohort import make_cohort
from genoaudit.data.design import make_design
from genoaudit.data.preprocessing import LogTransform
from genoaudit.data.queries import NOISE
from genoaudit.data.scales import contradiction
from genoaudit.data.simulate import simulate_cohort
from genoaudit.data.table import Table
from genoaudit.errors import ConfigError, DataError

ALL = tuple(CANARIES)
PLACES = {"A": 0.0, "B": 1.0, "C": 9.0}  # B is nearest to A, C is nearest to B and farthest from A


def on_scale(scale, *, patients=60, genes=200):
    log2 = three_classes(patients, genes)
    counts = np.rint(2**log2 * 20)
    values = {
        "counts": counts,
        "cpm": counts / counts.sum(axis=1, keepdims=True) * 1e6,
        "tpm": counts / counts.sum(axis=1, keepdims=True) * 1e6,
        "rsem": counts * 1.1,
        "log2": log2,
        "intensity": counts - 15,
        "ratio": 2 ** (log2 - log2.mean(axis=0)),
        "log_ratio": log2 - log2.mean(axis=0),
        "zscore": (log2 - log2.mean(axis=0)) / log2.std(axis=0),
    }[scale]
    return of(values, scale=scale)


def three_classes(patients=60, genes=200):
    rng = np.random.default_rng(4)
    places = np.array(list(PLACES.values()))[np.arange(patients) % 3]
    return np.abs(rng.normal(0, 1, (patients, genes)) + 4 + places[:, None] * (np.arange(genes) < genes // 2))


def of(values, *, scale="log2", patients=None):
    samples = len(values)
    names = np.array(list(PLACES))[np.arange(samples) % 3]
    obs = pd.DataFrame({"type": names, "who": np.arange(samples) if patients is None else patients, "tissue": names})
    ids = tuple(f"s{i:03d}" for i in range(samples))
    genes = tuple(f"g{i}" for i in range(values.shape[1]))
    table = Table(np.asarray(values, dtype=np.float32), ids, genes, obs, source="example")
    return make_cohort(table, label="type", patient="who", scale=scale)


def canaries_of(cohort, kind, *, count=12, seed=3):
    """Return rows and class names of canaries of one kind, with the cohort they are in."""
    together, canaries = make_canaries(cohort, kinds=[kind], count=count, seed=seed)
    rows = np.flatnonzero(np.isin(together.patients, canaries.patients))
    return together, rows, np.array(together.classes)[together.y[rows]]


def class_of_profile(cohort, values):
    return np.array(cohort.classes)[
        np.argmin([np.abs(values - cohort.X[cohort.y == code].mean(axis=0)).mean() for code in range(3)])
    ]


@pytest.mark.parametrize("scale", get_args(Scale))
def test_canaries_are_valid_on_every_scale_and_leave_natural_patients_untouched(scale):
    natural = on_scale(scale)
    together, canaries = make_canaries(natural, kinds=ALL, count=3, seed=0)
    assert contradiction(together.X, scale) is None
    assert np.isfinite(together.X).all()
    assert together.digest() != natural.digest()
    rest = together.subset(~np.isin(together.patients, canaries.patients))
    assert rest.digest() == natural.digest()
    pd.testing.assert_frame_equal(rest.obs, natural.obs)
    if scale in {"cpm", "tpm"}:
        assert together.X.sum(axis=1) == pytest.approx(1e6, rel=1e-4)


def test_canaries_are_new_patients_with_one_sample_and_telling_ids():
    natural = on_scale("log2")
    together, canaries = make_canaries(natural, kinds=ALL, count=4, seed=0)
    assert together.n_patients == natural.n_patients + 4 * len(ALL)
    assert list(together.sample_ids) == sorted(set(together.sample_ids))
    for code, kind in zip(canaries.patients, canaries.kinds, strict=True):
        assert together.patient_ids[code].startswith(f"canary-{kind}-")
        assert (together.patients == code).sum() == 1
    assert sorted(canaries.kinds) == sorted(4 * ALL)
    assert (np.diff(canaries.patients) > 0).all()
    assert together.notes[-1] == "20 canaries among the patients: invented, each with one sample."


def test_more_canaries_or_kinds_keep_the_old_ones_and_the_seed_decides():
    natural = on_scale("counts")
    few, _ = make_canaries(natural, kinds=ALL[:2], count=2, seed=0)
    many, _ = make_canaries(natural, kinds=ALL[::-1], count=5, seed=0)
    other, _ = make_canaries(natural, kinds=ALL[:2], count=2, seed=1)
    rows = [many.sample_ids.index(name) for name in few.sample_ids]
    assert many.subset(rows).digest() == few.digest()
    assert other.digest() != few.digest()


def test_a_swapped_label_is_that_of_the_nearest_class():
    natural = on_scale("log2")
    together, rows, labels = canaries_of(natural, "label_swapped")
    true = [class_of_profile(natural, values) for values in together.X[rows]]
    assert len(set(true)) > 1
    assert [{"A": "B", "B": "A", "C": "B"}[name] for name in true] == list(labels)
    assert list(together.obs["tissue"][rows]) == true


def test_a_swapped_sample_has_label_and_covariates_of_the_farthest_class():
    natural = on_scale("log2")
    together, rows, labels = canaries_of(natural, "sample_swap")
    true = [class_of_profile(natural, values) for values in together.X[rows]]
    assert [{"A": "C", "B": "C", "C": "A"}[name] for name in true] == list(labels)
    assert list(together.obs["tissue"][rows]) == list(labels)


@pytest.mark.parametrize("kind", ["label_swapped", "sample_swap"])
def test_a_mosaic_has_each_gene_of_one_of_two_patients_of_one_class_about_half_each(kind):
    natural = on_scale("log2")
    together, rows, _ = canaries_of(natural, kind)
    for values in together.X[rows]:
        same = values == natural.X
        donors = np.flatnonzero(same.mean(axis=1) > 0.2)
        assert len(donors) == 2
        assert same[donors].any(axis=0).all()
        assert len(set(natural.y[donors])) == 1
        assert same[donors[0]].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(natural.n_genes))


def test_a_mosaic_never_joins_two_samples_of_one_patient():
    sample = np.arange(60)
    patients = np.where(sample % 3 == 2, 2 + 3 * (sample // 3 % 2), sample)  # all of class C comes from two patients
    natural = of(three_classes(), patients=patients)
    together, rows, _ = canaries_of(natural, "label_swapped", count=30)
    for canary in together.X[rows]:
        donors = np.flatnonzero((canary == natural.X).mean(axis=1) > 0.2)
        assert natural.patients[donors[0]] != natural.patients[donors[1]]


def test_mosaics_of_counts_have_the_depth_of_their_first_donor():
    natural = on_scale("counts")
    deeper = of(natural.X * np.where(np.arange(60) % 2, 100, 1)[:, None], scale="counts")
    together, rows, _ = canaries_of(deeper, "label_swapped")
    totals, depths = together.X[rows].sum(axis=1, dtype=float), deeper.X.sum(axis=1, dtype=float)
    nearest = abs(totals[:, None] / depths - 1).min(axis=1)
    assert nearest.max() < 0.01  # rounding of each gene
    assert (together.X[rows] == np.rint(together.X[rows])).all()


def test_a_near_duplicate_is_a_technical_replicate_under_another_label():
    natural = on_scale("log2")
    together, rows, labels = canaries_of(natural, "near_duplicate")
    for values, label in zip(together.X[rows], labels, strict=True):
        error = natural.X - values
        original = np.argmin((error**2).mean(axis=1))
        assert error[original].std() == pytest.approx(NOISE, rel=0.25)
        assert natural.classes[natural.y[original]] != label
    assert len(set(labels)) == 3


def test_a_near_duplicate_of_counts_has_fewer_reads_of_every_gene():
    natural = on_scale("counts")
    together, rows, _ = canaries_of(natural, "near_duplicate", count=4)
    for values in together.X[rows]:
        assert (values <= natural.X).all(axis=1).any()


def test_a_rare_subtype_keeps_its_class_but_borrows_a_programme_from_the_farthest():
    natural = on_scale("log2")
    together, rows, labels = canaries_of(natural, "rare_subtype")
    informative = np.arange(natural.n_genes) < natural.n_genes // 2
    gathered = []
    for values, label in zip(together.X[rows], labels, strict=True):
        own = (natural.X[np.array(natural.classes)[natural.y] == label] == values).any(axis=0)
        far = {"A": "C", "B": "C", "C": "A"}[label]
        lenders = natural.X[np.array(natural.classes)[natural.y] == far] == values
        assert (own | lenders.any(axis=0)).all()
        assert (~own).mean() == pytest.approx(PROGRAMME, abs=0.02)
        assert lenders.mean(axis=1).max() == pytest.approx(PROGRAMME, abs=0.02)
        gathered.append(abs(own[informative].mean() - own[~informative].mean()))
    # Genes that tell the classes apart go together; of a random third the shares would differ by 0.05 on average.
    assert np.mean(gathered) > 0.2


@pytest.mark.parametrize(("scale", "genes"), [("log2", 400), ("log2", 20), ("counts", 400)])
def test_an_outlier_has_more_leverage_than_every_natural_sample(scale, genes):
    natural = on_scale(scale, genes=genes)
    together, rows, labels = canaries_of(natural, "high_leverage", count=3)
    log = LogTransform(scale).fit_transform(together.X).astype(float)
    is_natural = ~np.isin(np.arange(together.n_samples), rows)
    Z = (log - log[is_natural].mean(axis=0)) / log[is_natural].std(axis=0)
    inside = Z[is_natural]
    # Written in genes, where the package works in samples.
    precision = np.linalg.inv(inside.T @ inside + len(inside) * 0.1 * np.eye(genes))
    leverage = np.einsum("ig,gh,ih->i", Z, precision, Z)
    assert leverage[rows].min() > leverage[is_natural].max()
    assert list(labels) == list(together.obs["tissue"][rows])


def test_an_outlier_lies_as_far_off_as_declared_where_nothing_is_cut_off():
    natural = on_scale("log_ratio")
    together, rows, _ = canaries_of(natural, "high_leverage", count=6)
    plain, places, _ = canaries_of(natural, "label_swapped", count=6)
    norms = [
        ((x.X[r] / natural.X.std(axis=0)) ** 2).mean(axis=1).mean() for x, r in ((together, rows), (plain, places))
    ]
    assert norms[0] - norms[1] == pytest.approx(OUTLYING**2, rel=0.2)


def test_an_outlier_is_moved_where_the_cohort_varies_little():
    rng = np.random.default_rng(0)
    factors = np.linalg.qr(rng.normal(size=(20, 5)))[0]
    values = rng.normal(size=(90, 5)) @ factors.T + 0.05 * rng.normal(size=(90, 20))
    natural = of(values, scale="log_ratio")
    together, rows, _ = canaries_of(natural, "high_leverage", count=40)
    Z = (together.X - natural.X.mean(axis=0)) / natural.X.std(axis=0)
    axes = np.linalg.svd(Z[~np.isin(np.arange(len(Z)), rows)])[2][:5]
    along = ((Z @ axes.T) ** 2).sum(axis=1)
    off = (Z**2).sum(axis=1) - along
    # In a random direction a quarter of the way, 20 of 80 in squares, would lie along the five factors.
    assert along[rows].mean() < 1.1 * np.delete(along, rows).mean()
    assert off[rows].mean() > 20 * OUTLYING**2


def test_genes_that_never_vary_stay_as_they_are():
    values = three_classes()
    values[:, 7] = 5.1
    together, _ = make_canaries(of(values), kinds=["high_leverage", "rare_subtype"], count=3, seed=0)
    assert (together.X[:, 7] == np.float32(5.1)).all()


def test_two_classes_a_column_named_patient_and_no_patient_column_work():
    simulated = simulate_cohort(patients=30, genes=50, classes=2, seed=0)
    obs = simulated.obs.assign(patient="x", label=np.array(simulated.classes)[simulated.y])
    natural = make_cohort(
        Table(simulated.X, simulated.sample_ids, simulated.genes, obs, source="example"), label="label", scale="log2"
    )
    together, _ = make_canaries(natural, kinds=ALL, count=2, seed=0)
    assert list(together.obs.columns) == list(natural.obs.columns)
    assert (together.label, together.source, together.sha256) == ("label", "example", natural.sha256)
    assert together.notes[:-1] == natural.notes


def test_canaries_are_what_a_design_with_coins_takes():
    together, canaries = make_canaries(on_scale("log2"), kinds=ALL, count=2, seed=0)
    design = make_design(together.y, together.patients, models=30, seed=0, kind="coins", audited=canaries.patients)
    assert set(np.flatnonzero(~design.members.all(axis=0))) == set(canaries.patients)


@pytest.mark.parametrize(
    ("kinds", "count", "said"),
    [
        (["labels"], 1, "'labels' is not known. There are label_swapped, rare_subtype"),
        (["sample_swap", "sample_swap"], 1, "each once"),
        ([], 1, "each once: got \\[\\]"),
        (["sample_swap"], 0, "at least 1 canary of each kind, got 0"),
    ],
)
def test_impossible_requests_are_refused(kinds, count, said):
    with pytest.raises(ConfigError, match=said):
        make_canaries(on_scale("log2"), kinds=kinds, count=count, seed=0)


def test_canaries_are_added_once():
    together, _ = make_canaries(on_scale("log2"), kinds=["sample_swap"], count=2, seed=0)
    with pytest.raises(DataError, match="2 ids are those of canaries") as caught:
        make_canaries(together, kinds=["sample_swap"], count=2, seed=0)
    assert "canary-" not in str(caught.value)


def test_cohorts_without_two_patients_a_class_or_without_variation_are_refused():
    natural = on_scale("log2")
    others = np.flatnonzero(natural.y != 2)
    with pytest.raises(DataError, match="class 'C' has 1 patient; canaries need two"):
        make_canaries(natural.subset([2, *others]), kinds=ALL, count=1, seed=0)
    with pytest.raises(DataError, match="no gene varies"):
        make_canaries(of(np.full((60, 5), 3.3)), kinds=ALL, count=1, seed=0)


def test_the_catalogue_is_complete():
    assert list(CANARIES) == ["label_swapped", "rare_subtype", "high_leverage", "sample_swap", "near_duplicate"]
    for name, kind in CANARIES.items():
        assert kind.name == name
        assert all(text.endswith(".") for text in (kind.mimics, kind.definition))
        assert "Aerni" in kind.reference
