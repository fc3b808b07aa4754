"""Canaries: invented patients who are as exposed as the most exposed natural ones.

Averages over natural patients can look safe while a few are laid bare. Aerni, Zhang and Tramer (Evaluations of machine
learning privacy defenses are misleading, CCS 2024) therefore audit samples that mimic the most exposed natural ones.
Which those are depends on the data; for expression they are the mislabelled, the mixed up, the rare and the extreme.

A canary is a new patient with one sample, added to the cohort; nobody else is touched. It starts from a mosaic of two
patients of one class: each gene has the value of the one or of the other, so a mosaic looks like its class gene by gene
and is nobody's copy. Only a near-duplicate starts from a single patient, who *stays in the cohort*: where both are
members, the model is told two classes for one profile, and what it says of the original changes as well.

Canaries are learnt like everybody else and cost the model accuracy: a few in a hundred patients are plenty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from genoaudit.contracts import BoolArray, FloatArray, IntArray, Scale
from genoaudit.data.cohort import Cohort, make_cohort
from genoaudit.data.queries import Float32Array, technical_replicate, with_total_of
from genoaudit.data.small_classes import patients_per_class
from genoaudit.data.table import Table
from genoaudit.errors import ConfigError, DataError
from genoaudit.randomness import generator

PROGRAMME = 1 / 3
"""Share of the genes in the expression programme that makes a subtype rare."""

OUTLYING = 2.0
"""How far an outlier is moved: root mean square over the genes that vary, in standard deviations of each."""

RIDGE = 0.1
"""Ridge under which leverage is taken, in units of a gene's variance."""


@dataclass(frozen=True)
class CanaryKind:
    """What a kind of canary is, for people to read, and how one is made."""

    name: str
    title: str
    mimics: str
    definition: str
    reference: str
    make: Callable[[_Pool, np.random.Generator], _Made]


@dataclass(frozen=True, eq=False)
class Canaries:
    """Who of a cohort is a canary.

    Parameters
    ----------
    patients
        Codes of the canaries in the cohort they were added to, rising: the audited patients of a design with coins;
        [canaries].
    kinds
        The kind of each, a name in `CANARIES`; [canaries].
    """

    patients: IntArray
    kinds: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Made:
    """A canary: its profile, its class, and the row whose covariates it is given."""

    values: Float32Array
    y: int
    covariates: int


@dataclass(frozen=True, eq=False)
class _Pool:
    """The natural cohort, and what canaries need to know of it; `X` as declared and `log`-like, [samples, genes]."""

    cohort: Cohort
    X: Float32Array
    log: Float32Array

    @cached_property
    def sd(self) -> Float32Array:
        """Standard deviation of each gene, 0 where it does not vary; [genes]."""
        varies = self.log.min(axis=0) < self.log.max(axis=0)  # of equal values the mean, and so the sd, can be off
        return np.where(varies, self.log.std(axis=0, dtype=np.float64), 0.0).astype(np.float32)

    @cached_property
    def standardised(self) -> Float32Array:
        """Each gene centred and divided by its sd, 0 where it does not vary; [samples, genes]."""
        centred: Float32Array = self.log - self.log.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred[:, self.sd == 0] = 0
        np.divide(centred, self.sd, out=centred, where=self.sd > 0)
        return centred

    @cached_property
    def distance(self) -> FloatArray:
        """Distance between the centroids of classes; [classes, classes]."""
        y = self.cohort.y
        centroids = np.stack([self.standardised[y == code].mean(axis=0) for code in range(len(self.cohort.classes))])
        return np.stack([np.linalg.norm(centroids - centroid, axis=1) for centroid in centroids]).astype(np.float64)

    @cached_property
    def kernel(self) -> tuple[FloatArray, bool]:
        """Cholesky factor of ``Z Z^T + samples * RIDGE * I``, Z the standardised expression."""
        Z = self.standardised
        return cho_factor((Z @ Z.T).astype(np.float64) + len(Z) * RIDGE * np.eye(len(Z)))

    def residual(self, direction: Float32Array) -> Float32Array:
        """Multiply by the inverse ridge covariance and RIDGE: what is left where the cohort varies little; [genes]."""
        Z = self.standardised
        explained = cho_solve(self.kernel, (Z @ direction).astype(np.float64)).astype(np.float32)
        return direction - explained @ Z


def make_canaries(cohort: Cohort, *, kinds: Sequence[str], count: int, seed: int) -> tuple[Cohort, Canaries]:
    """Add canaries to a cohort.

    Parameters
    ----------
    cohort
        The natural patients; at least two in every class. All of them stay as they are. Expression that is in a file is
        read into memory.
    kinds
        Names in `CANARIES`, each once.
    count
        Canaries of each kind, at least 1. A canary depends on the cohort, the seed, its kind and its number alone:
        asking for more keeps the old ones.
    seed
        Root of the seed tree.

    Returns
    -------
    The cohort with the canaries among its patients, sorted by sample id as ever (``canary-<kind>-0001`` and so on name
    both patient and sample), and who they are.

    Raises
    ------
    ConfigError
        For an unknown or repeated kind, or no canaries at all.
    DataError
        If a class has a single patient, no gene varies, or the cohort has ids like the canaries'.

    Examples
    --------
    >>> from genoaudit.data.simulate import simulate_cohort
    >>> natural = simulate_cohort(patients=40, genes=100, classes=2, repeat_share=0, seed=1)
    >>> cohort, canaries = make_canaries(natural, kinds=["sample_swap"], count=2, seed=0)
    >>> cohort.n_patients, [cohort.patient_ids[code] for code in canaries.patients]
    (42, ['canary-sample_swap-0001', 'canary-sample_swap-0002'])
    """
    from genoaudit.data.preprocessing import LogTransform

    refuse_kinds(kinds, count)
    ids = {f"canary-{kind}-{number + 1:04d}": (kind, number) for kind in kinds for number in range(count)}
    X = np.asarray(cohort.X)
    pool = _Pool(cohort, X, LogTransform(cohort.scale).fit_transform(X))
    _refuse_cohort(pool, ids)
    with threadpool_limits(1):  # the same values for any number of threads
        made = [CANARIES[kind].make(pool, generator(seed, "canary", kind, number)) for kind, number in ids.values()]
    together = _added(pool, tuple(ids), made)
    kind_of = {code: ids[name][0] for code, name in enumerate(together.patient_ids) if name in ids}
    return together, Canaries(np.array(list(kind_of), dtype=np.intp), tuple(kind_of.values()))


def refuse_kinds(kinds: Sequence[str], count: int) -> None:
    """Refuse kinds of canaries that do not exist, and fewer than one of a kind."""
    unknown = [kind for kind in kinds if kind not in CANARIES]
    if unknown or not kinds or len(set(kinds)) < len(kinds):
        found = f"{unknown[0]!r} is not known" if unknown else f"got {list(kinds)}"
        msg = f"kinds must name canaries, each once: {found}. There are {', '.join(CANARIES)}."
        raise ConfigError(msg)
    if count < 1:
        msg = f"count must be at least 1 canary of each kind, got {count}."
        raise ConfigError(msg)


def _refuse_cohort(pool: _Pool, ids: dict[str, tuple[str, int]]) -> None:
    cohort = pool.cohort
    sizes = patients_per_class(cohort.y, cohort.patients, len(cohort.classes))
    problems = [
        f"class {cohort.classes[code]!r} has {sizes[code]} patient; canaries need two in every class. Drop or merge it."
        for code in np.flatnonzero(sizes < 2)
    ]
    if not pool.sd.any():
        problems.append("no gene varies between samples; there is nothing to make canaries of.")
    taken = len(ids.keys() & {*cohort.sample_ids, *cohort.patient_ids})
    if taken:
        problems.append(f"{taken} ids are those of canaries. Add canaries once, to a cohort that has none.")
    if problems:
        raise DataError(cohort.source, problems)


def _added(pool: _Pool, ids: tuple[str, ...], made: Sequence[_Made]) -> Cohort:
    cohort = pool.cohort
    rows = [*range(cohort.n_samples), *(canary.covariates for canary in made)]
    owner = "patient"
    while owner in {*cohort.obs.columns, cohort.label}:
        owner += "_"
    names = np.array(cohort.classes, dtype=object)
    owners = np.array(cohort.patient_ids, dtype=object)[cohort.patients]
    obs = cohort.obs.iloc[rows].reset_index(drop=True)
    obs[cohort.label] = np.concatenate([names[cohort.y], names[[canary.y for canary in made]]])
    obs[owner] = np.concatenate([owners, np.array(ids, dtype=object)])
    table = Table(
        values=np.concatenate([pool.X, np.stack([canary.values for canary in made])]),
        sample_ids=(*cohort.sample_ids, *ids),
        genes=cohort.genes,
        obs=obs,
        source=cohort.source,
        sha256=cohort.sha256,
    )
    note = f"{len(ids)} canaries among the patients: invented, each with one sample."
    together = make_cohort(table, label=cohort.label, patient=owner, scale=cohort.scale)
    return replace(together, notes=(*cohort.notes, note))


def _label_swapped(pool: _Pool, rng: np.random.Generator) -> _Made:
    values, row = _mosaic(pool, rng)
    return _Made(values, _other_class(pool, row, np.argmin), row)


def _sample_swap(pool: _Pool, rng: np.random.Generator) -> _Made:
    values, row = _mosaic(pool, rng)
    y = _other_class(pool, row, np.argmax)
    return _Made(values, y, int(rng.choice(np.flatnonzero(pool.cohort.y == y))))


def _near_duplicate(pool: _Pool, rng: np.random.Generator) -> _Made:
    cohort = pool.cohort
    row = int(rng.integers(cohort.n_samples))
    y = int(rng.choice(np.delete(np.arange(len(cohort.classes)), cohort.y[row])))
    return _Made(technical_replicate(pool.X[row], cohort.scale, rng), y, row)


def _rare_subtype(pool: _Pool, rng: np.random.Generator) -> _Made:
    cohort, Z = pool.cohort, pool.standardised
    values, row = _mosaic(pool, rng)
    lender = rng.choice(np.flatnonzero(cohort.y == _other_class(pool, row, np.argmax)))
    centre = rng.choice(np.flatnonzero(pool.sd))
    # Standardised genes: their products with one gene are in the order of their correlations with it.
    likeness = np.abs(Z[:, centre] @ Z)
    programme = likeness >= np.quantile(likeness, 1 - PROGRAMME)
    return _Made(_recombined(values, pool.X[lender], programme, cohort.scale), int(cohort.y[row]), row)


def _high_leverage(pool: _Pool, rng: np.random.Generator) -> _Made:
    from genoaudit.data.preprocessing import LogTransform

    cohort = pool.cohort
    values, row = _mosaic(pool, rng)
    varies = pool.sd > 0
    signs = np.where(varies, rng.choice([-1, 1], varies.size), 0).astype(np.float32)
    residual = pool.residual(signs)
    step = residual * (OUTLYING / np.sqrt(np.mean(residual[varies] ** 2)))
    moved = LogTransform(cohort.scale).fit_transform(values[np.newaxis])[0] + pool.sd * step
    return _Made(_unlogged(moved, values, cohort.scale), int(cohort.y[row]), row)


def _mosaic(pool: _Pool, rng: np.random.Generator) -> tuple[Float32Array, int]:
    """Return a mosaic of two patients of one class, and the row of the first."""
    cohort = pool.cohort
    row = int(rng.integers(cohort.n_samples))
    like = (cohort.y == cohort.y[row]) & (cohort.patients != cohort.patients[row])
    other = rng.choice(np.flatnonzero(like))
    return _recombined(pool.X[row], pool.X[other], rng.random(cohort.n_genes) < 0.5, cohort.scale), row


def _other_class(pool: _Pool, row: int, choose: Callable[[FloatArray], np.intp]) -> int:
    """Return the class whose centroid is nearest to (argmin) or farthest from (argmax) that of a sample's class."""
    others = np.delete(np.arange(len(pool.cohort.classes)), pool.cohort.y[row])
    return int(others[choose(pool.distance[pool.cohort.y[row], others])])


def _recombined(first: Float32Array, second: Float32Array, take: BoolArray, scale: Scale) -> Float32Array:
    """Return `first` with some genes of `second`, which is brought to the same depth before."""
    if scale in {"counts", "cpm", "tpm"}:
        second = with_total_of(first, second)
    return _settled(np.where(take, second, first), first, scale)


def _unlogged(log: Float32Array, sample: Float32Array, scale: Scale) -> Float32Array:
    """Undo `LogTransform`, with the total, or the smallest value of log2 expression, of the sample it came from."""
    if scale in {"log_ratio", "zscore"}:
        return log
    if scale == "log2":
        log = np.maximum(log, sample.min())
        return log
    amounts: Float32Array = np.exp2(log)
    return amounts if scale in {"intensity", "ratio"} else _settled(np.maximum(amounts - 1, 0), sample, scale)


def _settled(values: Float32Array, sample: Float32Array, scale: Scale) -> Float32Array:
    """Bring amounts to the total of a sample where the scale has totals, and counts to whole numbers."""
    if scale in {"counts", "cpm", "tpm"}:
        values = with_total_of(sample, values)
    return np.rint(values) if scale == "counts" else values


_AERNI = (
    "Aerni, Zhang, Tramer. Evaluations of machine learning privacy defenses are misleading. ACM CCS 2024. "
    "arXiv:2404.17399"
)
_MIXED_UP = (
    "Toker, Feng, Pavlidis. Whose sample is it anyway? Widespread misannotation of samples in transcriptomics studies. "
    "F1000Research 2016."
)
_LONG_TAIL = "Feldman. Does learning require memorization? A short tale about a long tail. STOC 2020."

CANARIES: dict[str, CanaryKind] = {
    kind.name: kind
    for kind in (
        CanaryKind(
            name="label_swapped",
            title="Label swapped",
            mimics="A patient recorded under the wrong, similar subtype: the model can only know the label by heart.",
            definition="A mosaic of one class with its covariates, labelled as the class with the nearest centroid.",
            reference=_AERNI,
            make=_label_swapped,
        ),
        CanaryKind(
            name="rare_subtype",
            title="Rare subtype",
            mimics="A patient whose tumour runs a programme that nobody else of the class runs.",
            definition="A mosaic of one class, rightly labelled, in which a third of the genes, those most correlated "
            "with a random one, come from a patient of the class with the farthest centroid. Each is a subtype of one.",
            reference=f"{_LONG_TAIL} {_AERNI}",
            make=_rare_subtype,
        ),
        CanaryKind(
            name="high_leverage",
            title="High-leverage outlier",
            mimics="A sample of unusual quality or biology that pulls a linear fit towards itself.",
            definition="A mosaic of one class, rightly labelled, moved by two standard deviations per gene where the "
            "ridge covariance of the cohort is small; values stay on the scale.",
            reference=_AERNI,
            make=_high_leverage,
        ),
        CanaryKind(
            name="sample_swap",
            title="Sample swap",
            mimics="Two tubes mixed up: the profile of one tissue under the name of another.",
            definition="A mosaic of one class under label and covariates of a patient of the class with the farthest "
            "centroid. With two classes the label is that of a swapped label; the covariates differ.",
            reference=f"{_MIXED_UP} {_AERNI}",
            make=_sample_swap,
        ),
        CanaryKind(
            name="near_duplicate",
            title="Near-duplicate with another label",
            mimics="A sample measured twice and filed under two diagnoses.",
            definition="A technical replicate of a patient's sample, labelled as another class drawn at random. The "
            "patient stays in the cohort, with the right label.",
            reference=_AERNI,
            make=_near_duplicate,
        ),
    )
}
"""Every kind of canary, by name."""
