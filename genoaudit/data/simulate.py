"""Simulated RNA-seq cohorts: what real bulk data look like, with no patient in them.

The model of a gene in a sample, on the log2 scale::

    gene mean + gene sd * (loading * module activity + sqrt(1 - loading**2) * own variation)
              + purity * marker genes of the type + sex genes + site and batch

Module activities carry co-expression and, shifted by cancer type, most of what tells the types apart. Types come in
families of two that differ less from each other than from the rest, as in lung or kidney cancers, and a tumour shows
its type in proportion to its purity; so some patients are easy and some are hard; models memorise the hard most.

Counts are Poisson around the resulting shares of a library. A log-normal share gives the mean-variance relation
``mu + phi * mu**2`` of the negative binomial (Robinson, McCarthy and Smyth, Bioinformatics 2010), and `phi` falls with
the mean towards a floor, scattered between genes (Love, Huber and Anders, Genome Biology 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, FloatArray, IntArray
from genoaudit.data.cohort import Cohort, make_cohort
from genoaudit.data.table import MIN_PATIENTS, Table
from genoaudit.errors import ConfigError
from genoaudit.randomness import generator

SEX_GENES = ("XIST", "RPS4Y1", "DDX3Y", "KDM5D")
"""The first genes of every simulated cohort: XIST is expressed by women, the others, on the Y chromosome, by men."""

_MODULES = 50
_PROGRAMMES = 10  # broad states (proliferation, immune infiltration, RNA quality ...) behind the modules
_BATCHES_PER_SITE = 2
_READS_PER_GENE = 2000  # 50 million reads for a whole transcriptome, as in TCGA
_SEX_DIFFERENCE = 8.0  # log2

Float32Array = NDArray[np.float32]

SimulatedScale = Literal["log2", "counts"]


@dataclass(frozen=True, eq=False)
class _Samples:
    """The people and what was taken from them; codes and covariates, one entry per sample."""

    patient: IntArray
    cancer_type: IntArray
    site: IntArray
    batch: IntArray
    female: BoolArray
    age: IntArray
    purity: FloatArray


@dataclass(frozen=True, eq=False)
class _Genes:
    """What is true of a gene in every sample: log2 mean and sd, its module and its loading on it; [genes]."""

    mean: FloatArray
    sd: FloatArray
    module: IntArray
    loading: FloatArray


def simulate_cohort(  # noqa: PLR0913 - every property of a cohort is a knob of its own, all keyword-only
    *,
    patients: int = 400,
    genes: int = 5000,
    classes: int = 6,
    separation: float = 1.0,
    imbalance: float = 4.0,
    repeat_share: float = 0.2,
    within_patient: float = 0.5,
    sites: int = 4,
    site_effect: float = 0.15,
    scale: SimulatedScale = "log2",
    seed: int = 0,
) -> Cohort:
    """Simulate bulk RNA-seq of patients with several cancer types.

    Parameters
    ----------
    patients, genes, classes
        How many: at least 20 patients, one in every class, and ten genes.
    separation
        Factor on every difference between the cancer types, in [0, 10]; 0 removes them. At 1 a neural network trained
        on half of the default cohort recognises about nine in ten of the other patients.
    imbalance
        Size of the largest class over that of the smallest, at least 1; sizes fall geometrically in between.
    repeat_share
        Share of the patients with a second sample, in [0, 1].
    within_patient
        Share of the variation within a type that the samples of a patient have in common, in [0, 1].
    sites
        Hospitals, with two sequencing batches each; the samples of a patient share the site, not always the batch.
    site_effect
        Standard deviation over genes of a site's multiplicative effect, in log2, in [0, 5]; a batch adds half of it.
    scale
        ``"counts"`` gives whole numbers, ``"log2"`` gives log2(CPM + 1) of the same counts.
    seed
        Root of the seed tree. The same arguments always give the same cohort.

    Returns
    -------
    Cohort
        Patients ``SIM-0001`` and so on, samples ``SIM-0001-A`` and, where there is a second, ``SIM-0001-B``; covariates
        `sex`, `age`, `site`, `batch` and `purity` (share of tumour cells, 0 to 1).

    Raises
    ------
    ConfigError
        Naming every argument that is out of range, or if a class would be empty.

    Examples
    --------
    >>> cohort = simulate_cohort(patients=40, genes=100, classes=2, seed=1)
    >>> cohort
    Cohort(48 samples of 40 patients, 100 genes, 2 classes, log2, 'simulated')
    """
    _refuse_impossible(
        patients=patients,
        genes=genes,
        classes=classes,
        separation=separation,
        imbalance=imbalance,
        repeat_share=repeat_share,
        within_patient=within_patient,
        sites=sites,
        site_effect=site_effect,
        scale=scale,
        seed=seed,
    )
    samples = _draw_samples(_class_sizes(patients, classes, imbalance), repeat_share, sites, seed)
    panel = _draw_genes(genes, seed)
    expression = panel.mean + _biology(samples, panel, separation, within_patient, seed)
    expression[:, : len(SEX_GENES)] += _sex_effect(samples)
    expression += _technology(samples, genes, site_effect, seed)
    counts = _sequence(expression, seed)
    values = counts if scale == "counts" else np.log2(counts / counts.sum(axis=1, keepdims=True) * 1e6 + 1)
    return _cohort(values, samples, scale)


def _refuse_impossible(**given: Any) -> None:
    """Raise one `ConfigError` that names every argument out of range."""
    problems = []
    for name, least in (("patients", MIN_PATIENTS), ("genes", 10), ("classes", 2), ("sites", 1), ("seed", 0)):
        value = given[name]
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not (whole and value >= least):
            problems.append(f"{name} must be a whole number of at least {least}, got {value!r}.")
    for name, low, high in (
        ("separation", 0.0, 10.0),
        ("imbalance", 1.0, 1e6),
        ("repeat_share", 0.0, 1.0),
        ("within_patient", 0.0, 1.0),
        ("site_effect", 0.0, 5.0),
    ):
        value = given[name]
        number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if not (number and low <= value <= high):
            problems.append(f"{name} must be a number from {low:g} to {high:g}, got {value!r}.")
    if given["scale"] not in get_args(SimulatedScale):
        problems.append(f"scale must be 'log2' or 'counts', got {given['scale']!r}.")
    if problems:
        raise ConfigError("simulate_cohort: " + " ".join(problems))


def _class_sizes(patients: int, classes: int, imbalance: float) -> IntArray:
    """Return falling sizes that add up to `patients`, the first about `imbalance` times the last."""
    share = imbalance ** -np.linspace(0.0, 1.0, classes)
    exact = patients * share / share.sum()
    sizes: IntArray = np.floor(exact).astype(np.intp)
    sizes[np.argsort(sizes - exact, kind="stable")[: patients - sizes.sum()]] += 1
    if sizes.min() < 1:
        msg = (
            f"simulate_cohort: {patients} patients in {classes} classes with imbalance = {imbalance:g} leave a class "
            "empty. Ask for more patients, fewer classes or less imbalance."
        )
        raise ConfigError(msg)
    return sizes


def _draw_samples(sizes: IntArray, repeat_share: float, sites: int, seed: int) -> _Samples:
    patients = int(sizes.sum())
    rng = generator(seed, "simulate", "patients")
    cancer_type = rng.permutation(np.repeat(np.arange(sizes.size), sizes))
    site = rng.permutation(np.arange(patients) % sites)
    twice = rng.permutation(patients) < round(repeat_share * patients)
    female = rng.random(patients) < 0.5
    age = np.clip(np.rint(rng.normal(62, 12, patients)), 18, 90).astype(np.intp)
    purity = rng.beta(2, 1, patients)  # most tumours mostly tumour, with a tail of samples that hardly show their type
    patient = np.repeat(np.arange(patients), 1 + twice)
    batch = site[patient] * _BATCHES_PER_SITE + rng.integers(_BATCHES_PER_SITE, size=patient.size)
    return _Samples(patient, cancer_type[patient], site[patient], batch, female[patient], age[patient], purity[patient])


def _draw_genes(genes: int, seed: int) -> _Genes:
    rng = generator(seed, "simulate", "genes")
    expressed = rng.random(genes) < 0.62
    # Two humps, silent and expressed: places and widths as in log2 CPM of TCGA glioblastomas.
    mean = np.where(expressed, rng.normal(4.5, 1.9, genes), rng.normal(-3.5, 2.0, genes))
    mean[: len(SEX_GENES)] = 5.0
    mean += np.log2(1e6 / np.exp2(mean).sum())  # log2 CPM
    # The trend falls from about 1 at a few CPM to a floor; both also from TCGA.
    dispersion = (0.12 + 0.9 / (1 + np.exp2(mean) / 3)) * np.exp(rng.normal(0, 0.9, genes))
    sd = np.sqrt(np.log1p(dispersion)) / np.log(2)  # the log-normal with that dispersion
    module = rng.integers(_MODULES, size=genes)
    loading = np.sqrt(rng.beta(8, 2, genes)) * np.where(rng.random(genes) < 0.8, 1, -1)
    return _Genes(mean, sd, module, loading)


def _biology(samples: _Samples, panel: _Genes, separation: float, within_patient: float, seed: int) -> Float32Array:
    """Return modules, own variation and type as log2 differences from the gene means; [samples, genes]."""
    rng = generator(seed, "simulate", "biology")
    # Programmes of falling weight: the principal components of tumours are a few large ones and a long tail.
    weight = 1 / np.arange(1, _PROGRAMMES + 1)
    mixing = rng.normal(size=(_PROGRAMMES, _MODULES)) * np.sqrt(weight / weight.sum())[:, np.newaxis]
    activity = np.sqrt(0.7) * _variation(samples, _PROGRAMMES, within_patient, rng) @ mixing
    activity += np.sqrt(0.3) * _variation(samples, _MODULES, within_patient, rng)
    own = _variation(samples, panel.mean.size, within_patient, rng)
    modules, markers = _type_effects(int(samples.cancer_type.max()) + 1, panel.mean.size, seed)
    shown = separation * samples.purity[:, np.newaxis]
    activity += shown * modules[samples.cancer_type]
    own *= (panel.sd * np.sqrt(1 - panel.loading**2)).astype(np.float32)
    own += (panel.sd * panel.loading).astype(np.float32) * activity.astype(np.float32)[:, panel.module]
    own += (shown * markers[samples.cancer_type]).astype(np.float32)
    return own


def _variation(samples: _Samples, columns: int, within_patient: float, rng: np.random.Generator) -> Float32Array:
    """Return standard normal columns in which samples of a patient correlate by `within_patient`."""
    of_patient = rng.standard_normal((int(samples.patient.max()) + 1, columns), dtype=np.float32)
    of_sample = rng.standard_normal((samples.patient.size, columns), dtype=np.float32)
    of_sample *= np.float32(np.sqrt(1 - within_patient))
    of_sample += np.float32(np.sqrt(within_patient)) * of_patient[samples.patient]
    return of_sample


def _type_effects(classes: int, genes: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return what a pure tumour of a type adds to modules [classes, modules] and to genes [classes, genes]."""
    rng = generator(seed, "simulate", "types")

    def half_of_modules(rows: int) -> FloatArray:
        return rng.normal(size=(rows, _MODULES)) * (rng.random((rows, _MODULES)) < 0.5)

    # Modules a family shares are shifted by more than the within-type sd, those that tell siblings apart by less.
    family = np.arange(classes) // 2
    modules = 1.8 * half_of_modules(int(family[-1]) + 1)[family] + 0.8 * half_of_modules(classes)
    marker = rng.random((classes, genes)) < 0.01
    return modules, marker * rng.exponential(0.5, (classes, genes))


def _sex_effect(samples: _Samples) -> FloatArray:
    """Return the log2 difference that silences XIST in men and the Y chromosome in women; [samples, sex genes]."""
    silent_in_men = np.array([gene == "XIST" for gene in SEX_GENES])
    effect: FloatArray = -_SEX_DIFFERENCE * (samples.female[:, np.newaxis] != silent_in_men)
    return effect


def _technology(samples: _Samples, genes: int, site_effect: float, seed: int) -> FloatArray:
    """Return the log2 effects of site and batch; [samples, genes]."""
    rng = generator(seed, "simulate", "sites")
    sites = int(samples.site.max()) + 1
    of_site = rng.normal(0, 1, (sites, genes))
    of_batch = rng.normal(0, 0.5, (sites * _BATCHES_PER_SITE, genes))
    effect: FloatArray = site_effect * (of_site[samples.site] + of_batch[samples.batch])
    return effect


def _sequence(expression: FloatArray, seed: int) -> FloatArray:
    """Return whole counts of libraries that differ in depth; [samples, genes]."""
    rng = generator(seed, "simulate", "reads")
    samples, genes = expression.shape
    share = np.exp2(expression)
    share /= share.sum(axis=1, keepdims=True)
    depth = _READS_PER_GENE * genes * np.exp(rng.normal(0, 0.25, (samples, 1)))
    counts: FloatArray = rng.poisson(share * depth).astype(np.float64)
    return counts


def _cohort(values: FloatArray, samples: _Samples, scale: SimulatedScale) -> Cohort:
    patient_ids = _numbered("SIM-", int(samples.patient.max()) + 1, 4)
    second = np.append(False, samples.patient[1:] == samples.patient[:-1])
    genes = values.shape[1]
    obs = pd.DataFrame(
        {
            "cancer_type": _numbered("type-", int(samples.cancer_type.max()) + 1, 1)[samples.cancer_type],
            "patient_id": patient_ids[samples.patient],
            "sex": np.where(samples.female, "female", "male"),
            "age": samples.age,
            "site": _numbered("site-", int(samples.site.max()) + 1, 1)[samples.site],
            "batch": _numbered("batch-", int(samples.batch.max()) + 1, 1)[samples.batch],
            "purity": samples.purity.round(3),
        }
    )
    table = Table(
        values=values.astype(np.float32),
        sample_ids=tuple(obs["patient_id"] + np.where(second, "-B", "-A")),
        genes=(*SEX_GENES, *_numbered("GENE-", genes, 5)[len(SEX_GENES) :]),
        obs=obs,
        source="simulated",
    )
    return make_cohort(table, label="cancer_type", patient="patient_id", scale=scale)


def _numbered(prefix: str, count: int, width: int) -> NDArray[np.object_]:
    """Return names numbered from one, padded so that they sort by number."""
    width = max(width, len(str(count)))
    return np.array([f"{prefix}{number:0{width}d}" for number in range(1, count + 1)], dtype=object)
