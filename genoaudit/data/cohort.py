"""A cohort: expression, classes and patients, row aligned, checked once and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from genoaudit.contracts import IntArray, Scale
from genoaudit.data import table as checks
from genoaudit.data.backed import BackedMatrix, Expression, column_blocks, is_too_large, row_blocks
from genoaudit.data.scales import checked_scale
from genoaudit.data.small_classes import small_class_problems
from genoaudit.data.table import Table, as_text
from genoaudit.display import card
from genoaudit.errors import ConfigError, DataError
from genoaudit.phrases import count

if TYPE_CHECKING:
    from anndata import AnnData

_LIKELY_PATIENT = ("patient_id", "patient", "donor_id", "donor", "case_id", "submitter_id", "subject_id", "participant")


@dataclass(frozen=True, eq=False)
class Cohort:
    """Expression of samples that belong to patients, and the class to learn.

    Rows are sorted by sample id, so that the order of the source never matters. Build one with `read_cohort`,
    `Cohort.from_anndata` or `make_cohort`, which check it; the constructor itself does not.

    Parameters
    ----------
    X
        Expression on `scale`, float32 [samples, genes]: an array in C order, or a `BackedMatrix` that slices like one
        and stays in its file; ``numpy.asarray(X)`` serves both.
    y
        Class codes into `classes` [samples].
    classes
        Class names, sorted.
    patients
        Patient codes into `patient_ids` [samples]. The patient is the privacy unit.
    patient_ids
        Patient ids, sorted.
    sample_ids
        Unique sample ids, sorted.
    genes
        Unique gene names in the order of the source.
    obs
        Covariates, index 0 to n - 1; neither the label nor the patient is among them.
    scale
        The declared scale of `X`.
    source
        File name without directories, or what else was read.
    sha256
        Digest of the file, with that of the labels where they have their own (`genoaudit.files.cohort_digest`); of the
        content, as `digest` gives it, for objects in memory.
    label
        Name of the column that the classes came from.
    notes
        What a reader of the audit should know, in plain language with counts and without ids.
    """

    X: Expression
    y: IntArray
    classes: tuple[str, ...]
    patients: IntArray
    patient_ids: tuple[str, ...]
    sample_ids: tuple[str, ...]
    genes: tuple[str, ...]
    obs: pd.DataFrame
    scale: Scale
    source: str
    sha256: str
    label: str = "label"
    notes: tuple[str, ...] = ()

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.sample_ids)

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return len(self.patient_ids)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.genes)

    def __repr__(self) -> str:
        return (
            f"Cohort({count(self.n_samples, 'sample')} of {count(self.n_patients, 'patient')}, "
            f"{count(self.n_genes, 'gene')}, {count(len(self.classes), 'class', 'classes')}, "
            f"{self.scale}, {self.source!r})"
        )

    def _repr_html_(self) -> str:
        rows = []
        for code, name in enumerate(self.classes):
            own = self.y == code
            rows.append((name, f"{np.unique(self.patients[own]).size:,}", f"{int(own.sum()):,}"))
        counts = f"{count(self.n_samples, 'sample')} of {count(self.n_patients, 'patient')}"
        origin = "simulated" if self.source == "simulated" else f"from {self.source}"
        about = f"{count(self.n_genes, 'gene')} on scale {self.scale}, {origin}."
        return card(counts, (about, *self.notes), head=(self.label, "Patients", "Samples"), rows=rows)

    def digest(self) -> str:
        """Return the SHA-256 of everything that training sees: values, classes, patients, ids, genes and scale.

        The same cohort in another row order or file format has the same digest; covariates and notes do not count.
        """
        names = [self.scale, self.classes, self.patient_ids, self.sample_ids, self.genes]
        digest = hashlib.sha256(json.dumps(names).encode())
        # Fixed widths and byte order: the digest is the same on every machine.
        for codes in (self.y, self.patients):
            digest.update(np.ascontiguousarray(codes, dtype="<i8").tobytes())
        for _, block in row_blocks(self.X):
            digest.update(np.ascontiguousarray(block, dtype="<f4").data)
        return digest.hexdigest()

    def subset(self, rows: ArrayLike) -> Cohort:
        """Return the cohort of some samples, with classes and patients coded anew.

        Parameters
        ----------
        rows
            Row numbers, each once, in any order, or a boolean mask [samples]. The result stays sorted by sample id.

        Raises
        ------
        ConfigError
            If no row or a row twice is asked for.
        """
        chosen = np.arange(self.n_samples)[np.asarray(rows)]
        order = np.unique(chosen)
        if order.size == 0 or order.size < chosen.size:
            msg = f"A subset needs rows, each once: {chosen.size} asked for, {order.size} distinct."
            raise ConfigError(msg)
        classes, y = _codes(np.array(self.classes, dtype=object)[self.y[order]])
        patient_ids, patients = _codes(np.array(self.patient_ids, dtype=object)[self.patients[order]])
        return replace(
            self,
            X=_rows(self.X, order),
            y=y,
            classes=classes,
            patients=patients,
            patient_ids=patient_ids,
            sample_ids=tuple(self.sample_ids[row] for row in order),
            obs=self.obs.iloc[order].reset_index(drop=True),
        )

    @classmethod
    def from_anndata(cls, adata: AnnData, *, label: str, patient: str | None = None, scale: Scale) -> Cohort:
        """Return the cohort in an AnnData object.

        Parameters
        ----------
        adata
            Samples in rows; ``X`` dense, sparse or backed; ``obs_names`` are the sample ids, ``var_names`` the genes.
        label, patient
            Columns of ``adata.obs``. Without a patient column every sample counts as its own patient.
        scale
            What the values are; see `genoaudit.data.scales.SCALES`.

        Raises
        ------
        DataError
            With every problem found.
        """
        return make_cohort(table_of(adata), label=label, patient=patient, scale=scale)

    def to_anndata(self, *, label: str | None = None, patient: str = "patient_id") -> AnnData:
        """Return an AnnData object with the cohort's classes and patients in the named columns of ``obs``.

        Reading it again with the same names gives a cohort with the same digest.

        Raises
        ------
        ConfigError
            If a covariate has one of the names.
        """
        from anndata import AnnData

        label = label or self.label
        taken = [name for name in (label, patient) if name in self.obs.columns]
        if taken or label == patient:
            msg = f"obs has a column {(taken or [label])[0]!r} already; name the label and patient columns differently."
            raise ConfigError(msg)
        obs = self.obs.set_axis(pd.Index(self.sample_ids, dtype=object), axis=0)
        obs.insert(0, label, np.array(self.classes, dtype=object)[self.y])
        obs.insert(1, patient, np.array(self.patient_ids, dtype=object)[self.patients])
        var = pd.DataFrame(index=pd.Index(self.genes, dtype=object))
        return AnnData(X=np.array(self.X), obs=obs, var=var, uns={"scale": self.scale, "source": self.source})


def table_of(adata: AnnData, *, source: str = "AnnData object", backed: bool | None = None) -> Table:
    """Return an AnnData object as a table, nothing checked yet; `backed` as for `read_cohort`, if its file is open."""
    in_file = adata.isbacked and not adata.is_view and adata.X is not None
    stays = in_file and (is_too_large(*adata.shape) if backed is None else backed)
    problems = () if adata.X is not None else ("There is no X; layers are not read.",)
    if adata.X is None:
        values: Expression = np.empty(adata.shape, dtype=np.float32)
    elif stays:
        values = BackedMatrix(Path(adata.filename), np.arange(adata.n_obs), adata.n_vars)
        _real(adata.X[:1], source)
    else:
        values = _real(adata.to_memory().X if adata.isbacked else adata.X, source)
    return Table(
        values=values,
        sample_ids=tuple(as_text(adata.obs_names)),
        genes=tuple(as_text(adata.var_names)),
        obs=adata.obs,
        source=source,
        problems=problems,
    )


def _real(matrix: Any, source: str) -> NDArray[np.float32]:
    if hasattr(matrix, "toarray"):
        matrix = matrix.toarray()
    if np.iscomplexobj(matrix):
        raise DataError(source, ["X holds complex numbers; expression is real."])
    try:
        with np.errstate(over="ignore"):  # too large for float32 is infinite, and reported as such
            return np.asarray(matrix, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(source, [f"X does not hold real numbers but {getattr(matrix, 'dtype', 'objects')}."]) from error


def make_cohort(
    table: Table,
    *,
    label: str,
    scale: Scale,
    patient: str | None = None,
    groups: Sequence[str] = (),
    min_class: int | None = None,
) -> Cohort:
    """Check a table and return it as a cohort: the one door through which every cohort comes.

    Parameters
    ----------
    table
        What a reader found.
    label, patient
        Columns of ``table.obs``. Without a patient column every sample counts as its own patient, and a note says so.
    scale
        The declared scale of the values.
    groups
        Columns of ``table.obs`` that must be there as covariates.
    min_class
        If given, classes with fewer patients are among the problems.

    Raises
    ------
    DataError
        With every problem found, each with its number and its first place.
    ConfigError
        If the scale is unknown, or one column is declared as two things.
    """
    scale = checked_scale(scale)
    declared = [label, *([patient] if patient is not None else []), *groups]
    if len(set(declared)) < len(declared):
        msg = f"label, patient and groups must be different columns, got {declared}."
        raise ConfigError(msg)
    obs = table.obs
    problems = [*table.problems, *checks.id_problems(table), *checks.value_problems(table, scale)]
    problems += checks.column_problems(table, label=label, patient=patient, groups=groups)

    labels = _column(obs, label)
    owners = _column(obs, patient)
    if owners is None:
        owners = np.array(table.sample_ids, dtype=object)
    elif patient is not None:
        problems += checks.patient_problems(owners, table, patient=patient)
    problems += checks.few_patients(len(set(owners)))
    if labels is not None:
        problems += checks.label_problems(labels, table, label=label)
        if min_class is not None:
            known = ~checks.unlabelled(labels)
            classes, y = _codes(labels[known])
            problems += small_class_problems(y, _codes(owners[known])[1], classes, min_class)
    if problems or obs is None or labels is None:
        raise DataError(table.source, problems)
    covariates = obs.drop(columns=[name for name in (label, patient) if name is not None])
    cohort = _assembled(table, labels, owners, covariates, scale=scale, has_patient=patient is not None)
    return replace(cohort, label=label)


def _assembled(
    table: Table,
    labels: NDArray[np.object_],
    owners: NDArray[np.object_],
    covariates: pd.DataFrame,
    *,
    scale: Scale,
    has_patient: bool,
) -> Cohort:
    order = np.array(sorted(range(len(table.sample_ids)), key=table.sample_ids.__getitem__), dtype=np.intp)
    classes, y = _codes(labels[order])
    patient_ids, patients = _codes(owners[order])
    cohort = Cohort(
        X=_rows(table.values, order),
        y=y,
        classes=classes,
        patients=patients,
        patient_ids=patient_ids,
        sample_ids=tuple(table.sample_ids[row] for row in order),
        genes=table.genes,
        obs=covariates.iloc[order].reset_index(drop=True),
        scale=scale,
        source=table.source,
        sha256=table.sha256 or "",
    )
    notes = (*table.notes, *_notes(cohort, has_patient=has_patient))
    return replace(cohort, sha256=cohort.sha256 or cohort.digest(), notes=notes)


def _rows(X: Expression, rows: IntArray) -> Expression:
    return X.take(rows) if isinstance(X, BackedMatrix) else np.ascontiguousarray(X[rows], dtype=np.float32)


def _column(obs: pd.DataFrame | None, name: str | None) -> NDArray[np.object_] | None:
    if obs is None or name is None or list(obs.columns).count(name) != 1:
        return None
    return as_text(obs[name])


def _codes(names: NDArray[np.object_]) -> tuple[tuple[str, ...], IntArray]:
    levels = sorted(set(names))
    code = {name: number for number, name in enumerate(levels)}
    return tuple(levels), np.array([code[name] for name in names], dtype=np.intp)


def _notes(cohort: Cohort, *, has_patient: bool) -> list[str]:
    notes = []
    if not has_patient:
        hint = next((name for name in _LIKELY_PATIENT if name in cohort.obs.columns), None)
        notes.append(
            "No patient column declared: every sample counts as its own patient."
            + (f" Is {hint!r} the patient column?" if hint else "")
        )
    constant = sum(int((block.min(axis=0) == block.max(axis=0)).sum()) for _, block in column_blocks(cohort.X))
    if constant:
        notes.append(f"{count(constant, 'gene')} with the same value in every sample.")
    for noun, names in (("class names", cohort.classes), ("patient ids", cohort.patient_ids)):
        alike = checks.lookalikes(names)
        if alike:
            notes.append(f"{alike} {noun} differ from another in nothing but case or spaces: are they the same?")
    return notes
