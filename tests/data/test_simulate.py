from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genoaudit.data.cohort import Cohort
from genoaudit.data.simulate import SEX_GENES, simulate_cohort
from genoaudit.errors import ConfigError

GLIOBLASTOMA = Path(__file__).parents[2].parent / "shared" / "data" / "tcga_gbm_subtypes_counts.h5ad"

default = cache(simulate_cohort)


def small(**given) -> Cohort:
    return simulate_cohort(**{"patients": 120, "genes": 600, "classes": 3, **given})


def patients_per_class(cohort: Cohort) -> np.ndarray:
    return np.bincount(cohort.y[np.unique(cohort.patients, return_index=True)[1]])


def residuals(X: np.ndarray, *codes: np.ndarray) -> np.ndarray:
    """Standardised values after least squares on one-hot codes."""
    one_hot = np.hstack([np.eye(code.max() + 1)[code] for code in codes])
    rest = X - one_hot @ np.linalg.lstsq(one_hot, X.astype(float), rcond=None)[0]
    spread = rest.std(axis=0)
    return rest[:, spread > 1e-6] / spread[spread > 1e-6]


def nearest_centroid_accuracy(X: np.ndarray, y: np.ndarray, patients: np.ndarray) -> float:
    """Accuracy on the patients with odd codes of centroids from the others, genes standardised."""
    train = patients % 2 == 0
    spread = X[train].std(axis=0)
    Z = (X[:, spread > 0] - X[train][:, spread > 0].mean(axis=0)) / spread[spread > 0]
    centroids = np.stack([Z[train & (y == code)].mean(axis=0) for code in range(y.max() + 1)])
    distance = ((Z[:, np.newaxis] - centroids) ** 2).sum(axis=2)
    return float((distance.argmin(axis=1) == y)[~train].mean())


def test_same_seed_gives_the_same_cohort() -> None:
    first, second = small(seed=3), small(seed=3)
    assert first.sha256 == second.sha256
    pd.testing.assert_frame_equal(first.obs, second.obs)


def test_another_seed_gives_other_patients() -> None:
    first, second = small(seed=3), small(seed=4)
    assert first.sha256 != second.sha256
    assert not first.obs["age"].head(100).equals(second.obs["age"].head(100))


def test_how_well_types_separate_changes_nobodys_covariates() -> None:
    plain, separated = small(separation=0.0), small(separation=2.0, site_effect=0.5)
    pd.testing.assert_frame_equal(plain.obs, separated.obs)
    np.testing.assert_array_equal(plain.y, separated.y)


def test_default_is_400_patients_6_types_5000_genes_and_80_second_samples() -> None:
    cohort = default()
    assert (cohort.n_patients, cohort.n_genes, len(cohort.classes)) == (400, 5000, 6)
    assert cohort.scale == "log2"
    assert cohort.source == "simulated"
    assert sorted(np.bincount(cohort.patients)) == [1] * 320 + [2] * 80


def test_default_classes_fall_from_4_to_1_and_none_is_tiny() -> None:
    sizes = patients_per_class(default())
    assert np.all(np.diff(sizes) < 0)
    assert sizes[0] / sizes[-1] == pytest.approx(4, rel=0.05)
    assert sizes.min() >= 10


@pytest.mark.parametrize(("patients", "classes"), [(120, 6), (121, 6), (23, 7)])
def test_without_imbalance_classes_differ_by_one_patient_at_most(patients: int, classes: int) -> None:
    sizes = patients_per_class(simulate_cohort(patients=patients, classes=classes, genes=20, imbalance=1))
    assert sizes.sum() == patients
    assert np.ptp(sizes) <= 1


def test_ids_say_that_they_are_simulated() -> None:
    cohort = small(repeat_share=1.0)
    assert cohort.patient_ids[:2] == ("SIM-0001", "SIM-0002")
    assert cohort.sample_ids[:3] == ("SIM-0001-A", "SIM-0001-B", "SIM-0002-A")


def test_a_patient_has_one_type_one_site_one_sex_one_age() -> None:
    cohort = small(repeat_share=1.0)
    values = cohort.obs[["sex", "age", "site", "purity"]].assign(y=cohort.y)
    assert (values.groupby(cohort.patients).nunique() == 1).all(axis=None)


def test_covariates_are_plausible() -> None:
    obs = default().obs
    assert set(obs.columns) == {"sex", "age", "site", "batch", "purity"}
    assert set(obs["sex"]) == {"female", "male"}
    assert obs["age"].between(18, 90).all()
    assert obs["purity"].between(0, 1).all()
    assert obs["site"].nunique() == 4
    assert (obs.groupby("batch")["site"].nunique() == 1).all()
    assert (obs.groupby("site")["batch"].nunique() == 2).all()


def test_sex_genes_tell_the_sexes_apart() -> None:
    cohort = default()
    women = (cohort.obs["sex"] == "female").to_numpy()
    for gene in SEX_GENES:
        level = cohort.X[:, cohort.genes.index(gene)]
        high, low = (level[women], level[~women]) if gene == "XIST" else (level[~women], level[women])
        assert np.quantile(high, 0.02) > np.quantile(low, 0.98)


def test_counts_are_whole_numbers_of_libraries_that_differ() -> None:
    counts = small(scale="counts").X
    assert counts.min() >= 0
    np.testing.assert_array_equal(counts, np.rint(counts))
    library = counts.sum(axis=1, dtype=float)
    assert np.median(library) == pytest.approx(2000 * 600, rel=0.1)
    assert library.std() / library.mean() == pytest.approx(0.25, abs=0.08)


def test_log2_is_log2_cpm_plus_one_of_the_same_counts() -> None:
    counts = small(scale="counts").X.astype(float)
    cpm = 1e6 * counts / counts.sum(axis=1)[:, None]
    np.testing.assert_allclose(small(scale="log2").X, np.log2(cpm + 1), rtol=1e-6)


def test_second_samples_resemble_their_own_patient_most() -> None:
    cohort = default()
    site = cohort.obs["site"].astype("category").cat.codes.to_numpy()
    correlation = np.corrcoef(residuals(cohort.X, cohort.y, site))
    first, second = np.triu_indices(cohort.n_samples, 1)
    same_patient = cohort.patients[first] == cohort.patients[second]
    same_class = (cohort.y[first] == cohort.y[second]) & ~same_patient
    pairs = correlation[first, second]
    assert pairs[same_patient].mean() > 0.3
    assert abs(pairs[same_class].mean()) < 0.05
    assert np.quantile(pairs[same_patient], 0.1) > np.quantile(pairs[same_class], 0.75)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_within_patient_is_the_correlation_of_second_samples(share: float) -> None:
    cohort = small(repeat_share=1.0, within_patient=share, separation=0, site_effect=0)
    Z = residuals(cohort.X[:, cohort.X.mean(axis=0) > 5], cohort.y * 0)  # sequencing noise is small above 32 CPM
    correlation = np.mean(Z[::2] * Z[1::2])
    assert correlation == pytest.approx(share, abs=0.08)


def test_separation_zero_leaves_chance_and_the_default_is_learned() -> None:
    # Equal sizes: chance is one in six whatever a classifier prefers; 200 held-out patients, sd 0.026.
    none = simulate_cohort(separation=0, imbalance=1, repeat_share=0, genes=2000)
    assert nearest_centroid_accuracy(none.X, none.y, none.patients) == pytest.approx(1 / 6, abs=0.09)
    assert nearest_centroid_accuracy(default().X, default().y, default().patients) > 0.6


def test_accuracy_grows_with_separation() -> None:
    accuracy = [
        nearest_centroid_accuracy(cohort.X, cohort.y, cohort.patients)
        for cohort in (small(patients=300, separation=factor) for factor in (0.0, 0.3, 1.0))
    ]
    assert accuracy[0] < accuracy[1] < accuracy[2]


def test_sites_leave_a_trace_that_site_effect_zero_removes() -> None:
    found = []
    for effect in (0.0, 0.15):
        cohort = small(patients=400, repeat_share=0, site_effect=effect)
        site = cohort.obs["site"].astype("category").cat.codes.to_numpy()
        found.append(nearest_centroid_accuracy(residuals(cohort.X, cohort.y), site, cohort.patients))
    assert found[0] == pytest.approx(0.25, abs=0.1)
    assert found[1] > 0.5


def test_dispersion_exceeds_poisson_and_falls_with_the_mean() -> None:
    counts = default(scale="counts").X.astype(float)
    library = counts.sum(axis=1, keepdims=True)
    counts *= library.mean() / library
    mean, variance = counts.mean(axis=0), counts.var(axis=0)
    dispersion = (variance - mean) / mean**2
    median = [np.median(dispersion[(mean >= low) & (mean < 10 * low)]) for low in (1, 10, 100, 1000)]
    assert median[-1] > 0.1
    assert median[0] > 2 * median[-1]
    assert median[1] > median[2] >= median[3] * 0.9


def test_expression_spans_silent_to_very_high() -> None:
    mean = default().X.mean(axis=0)
    assert 0.1 < np.mean(mean < 0.5) < 0.4
    assert mean.min() < 0.05
    assert 12 < mean.max() < 16


def test_genes_come_in_coexpressed_modules() -> None:
    cohort = small(patients=300, repeat_share=0)
    Z = residuals(cohort.X[:, cohort.X.mean(axis=0) > 3], cohort.y)
    shuffled = np.random.default_rng(0).permuted(Z, axis=0)

    def strong_pairs(values: np.ndarray) -> float:
        correlation = np.corrcoef(values.T)
        return float(np.mean(np.abs(correlation[np.triu_indices_from(correlation, 1)]) > 0.5))

    assert strong_pairs(Z) > 0.02
    assert strong_pairs(shuffled) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"patients": 20, "genes": 10, "classes": 2},
        {"patients": 23, "genes": 11, "classes": 7, "imbalance": 1.5},
        {"patients": 21, "genes": 101, "classes": 20, "imbalance": 1.0, "repeat_share": 1.0},
        {"patients": 37, "genes": 33, "classes": 3, "repeat_share": 0.0, "sites": 50, "within_patient": 1.0},
        {"patients": 25, "genes": 30, "classes": 2, "separation": 10, "site_effect": 5, "scale": "counts"},
    ],
)
def test_odd_sizes_and_extremes_work(given: dict) -> None:
    cohort = simulate_cohort(**given)
    assert (cohort.n_patients, cohort.n_genes, len(cohort.classes)) == tuple(
        given[name] for name in ("patients", "genes", "classes")
    )
    assert np.isfinite(cohort.X).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patients", 19),
        ("patients", 40.5),
        ("genes", 9),
        ("classes", 1),
        ("classes", True),
        ("sites", 0),
        ("seed", -1),
        ("separation", -0.1),
        ("separation", float("nan")),
        ("imbalance", 0.5),
        ("repeat_share", 1.1),
        ("within_patient", "half"),
        ("site_effect", float("inf")),
        ("scale", "tpm"),
    ],
)
def test_an_impossible_argument_is_named_with_its_value(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"{name} must be .*, got {value!r}"):
        simulate_cohort(**{name: value})


def test_all_impossible_arguments_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        simulate_cohort(patients=3, imbalance=0.0, scale="rpkm")
    assert all(name in str(error.value) for name in ("patients must", "imbalance must", "scale must"))


def test_an_empty_class_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"30 patients in 10 classes .* fewer classes or less imbalance"):
        simulate_cohort(patients=30, genes=20, classes=10, imbalance=1000)


@pytest.mark.cohort
@pytest.mark.skipif(not GLIOBLASTOMA.exists(), reason="the real cohorts are not here")
def test_a_transcriptome_looks_like_glioblastoma() -> None:
    import anndata

    counts = anndata.read_h5ad(GLIOBLASTOMA).X
    real = np.asarray(counts.toarray() if hasattr(counts, "toarray") else counts, dtype=float)
    real = np.log2(1e6 * real / real.sum(axis=1, keepdims=True) + 1)
    simulated = simulate_cohort(patients=147, genes=25_000, classes=4, repeat_share=0, separation=0.5).X
    for X in (real, simulated):
        expressed = X[:, X.mean(axis=0) > 3]
        assert np.median(expressed.mean(axis=0)) == pytest.approx(5.2, abs=0.3)
        assert np.median(expressed.std(axis=0)) == pytest.approx(0.6, abs=0.08)
        spectrum = np.linalg.svd(residuals(expressed, np.zeros(len(X), dtype=int)), compute_uv=False) ** 2
        assert spectrum[0] / spectrum.sum() == pytest.approx(0.15, abs=0.05)
        assert spectrum[:20].sum() / spectrum.sum() == pytest.approx(0.71, abs=0.05)
