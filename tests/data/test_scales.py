from __future__ import annotations

import numpy as np
import pytest

from genoaudit.data.scales import SCALES, checked_scale, contradiction
from genoaudit.errors import ConfigError

SAMPLES, GENES = 40, 2000


def drawn() -> dict[str, np.ndarray]:
    """One made-up matrix per scale, shaped like the real thing."""
    rng = np.random.default_rng(0)
    level = rng.gamma(1.0, 2.5, GENES) + rng.normal(0, 0.5, (SAMPLES, GENES))
    counts = rng.poisson(20 * 2.0 ** np.clip(level, 0, 12)).astype(np.float64)
    cpm = counts / counts.sum(axis=1, keepdims=True) * 1e6
    ratio = np.exp(rng.normal(0, 0.8, (SAMPLES, GENES)))
    logged = np.log2(cpm + 1)
    return {
        "counts": counts,
        "cpm": cpm,
        "tpm": cpm * 0.3,
        "rsem": counts + rng.uniform(0, 1, counts.shape),
        "log2": logged,
        "intensity": counts * 3.7 - 150,
        "ratio": ratio,
        "log_ratio": np.log2(ratio),
        "zscore": (logged - logged.mean(axis=0)) / logged.std(axis=0),
    }


MATRICES = drawn()
IMPOSSIBLE = {
    "counts": {"log2", "log_ratio", "zscore", "ratio", "cpm", "tpm"},
    "cpm": {"counts", "log2", "log_ratio", "zscore"},
    "tpm": {"counts", "log2", "log_ratio", "zscore"},
    "rsem": {"counts", "cpm", "tpm", "log2", "log_ratio", "zscore"},
    "log2": {"counts", "cpm", "tpm", "rsem", "intensity", "log_ratio", "zscore"},
    "intensity": {"counts", "cpm", "tpm", "rsem", "log2", "ratio", "log_ratio", "zscore"},
    "ratio": {"counts", "log_ratio", "zscore"},
    "log_ratio": {"counts", "cpm", "tpm", "rsem", "ratio", "intensity"},
    "zscore": {"counts", "cpm", "tpm", "rsem", "ratio", "intensity"},
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", SCALES)
def test_a_right_declaration_is_never_contradicted(scale, dtype):
    assert contradiction(MATRICES[scale].astype(dtype), scale) is None


@pytest.mark.parametrize(("true", "declared"), [(true, wrong) for true in SCALES for wrong in sorted(IMPOSSIBLE[true])])
def test_an_impossible_declaration_is_contradicted_and_the_true_scale_is_offered(true, declared):
    found = contradiction(MATRICES[true].astype(np.float32), declared)
    assert found is not None
    assert found.startswith(f"scale {declared!r} is contradicted by ")
    fits = found.partition("Scales that fit: ")[2].rstrip(".").split(", ")
    assert true in fits
    assert declared not in fits
    assert not IMPOSSIBLE[true] & set(fits)


@pytest.mark.parametrize("scale", SCALES)
def test_zeros_contradict_only_what_must_vary_around_zero_or_be_bright(scale):
    found = contradiction(np.zeros((20, 5), dtype=np.float32), scale)
    assert (found is None) == (scale in {"counts", "cpm", "tpm", "log2", "ratio"})


def test_one_negative_count_is_enough_and_its_value_is_shown():
    X = np.full((20, 5), 7.0)
    X[3, 2] = -2
    assert "negative values (1, smallest -2)" in str(contradiction(X, "counts"))


def test_one_fraction_among_counts_is_enough():
    X = np.full((20, 5), 7.0)
    X[3, 2] = 7.5
    assert "not whole numbers (1)" in str(contradiction(X, "counts"))


def test_cpm_of_some_genes_may_add_up_to_less_but_not_to_more_than_a_million():
    X = np.full((20, 10), 1e5)
    assert contradiction(X, "cpm") is None
    assert contradiction(X * 0.01, "cpm") is None
    assert contradiction(X * 1.04, "tpm") is None
    assert "add up to 1.06e+06" in str(contradiction(X * 1.06, "tpm"))


def test_zscores_along_samples_have_gene_means_far_from_zero_and_are_accepted():
    X = MATRICES["log2"]
    along_samples = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True) * 3
    assert np.median(np.abs(along_samples.mean(axis=0))) > 1
    assert contradiction(along_samples, "zscore") is None


def test_small_whole_numbers_may_be_logs():
    assert contradiction(np.tile(np.arange(10.0), (20, 1)), "log2") is None


def test_damaged_values_fit_nothing():
    X = np.array([[-1e9, 0.5], [3.0, 1e9]])
    assert "Scales that fit: intensity." in str(contradiction(X, "counts"))
    assert "none; are the values damaged?" in str(contradiction(np.array([[-1e9, 0.5]]), "counts"))


def test_every_scale_is_described_and_known():
    assert [checked_scale(scale) for scale in SCALES] == list(SCALES)
    with pytest.raises(ConfigError, match=r"(?s)scale = 'fpkm' is not known.*tpm +transcripts per million"):
        checked_scale("fpkm")
