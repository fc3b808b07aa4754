"""Files to cohorts: one function for every format, with every problem found at once."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import pandas as pd

from genoaudit.contracts import Scale
from genoaudit.data.backed import is_too_large, stored_shape
from genoaudit.data.cohort import Cohort, make_cohort, table_of
from genoaudit.data.labels import Labels, LabelsFile, join_labels, labels_of
from genoaudit.data.orientation import Orientation, Roles, table_of_sheet
from genoaudit.data.scales import checked_scale
from genoaudit.data.sheet import Sheet
from genoaudit.data.small_classes import SmallClasses, apply_small_classes, check_policy
from genoaudit.data.table import Table
from genoaudit.data.text import TEXT_SUFFIXES, is_text, read_text
from genoaudit.errors import ConfigError, DataError
from genoaudit.files import cohort_digest


def read_cohort(  # noqa: PLR0913  one keyword per line of the [cohort] section
    path: str | PathLike[str],
    *,
    label: str,
    scale: Scale,
    patient: str | None = None,
    groups: Sequence[str] = (),
    small_classes: SmallClasses = "error",
    min_class: int = 8,
    orientation: Orientation = "auto",
    ids: str | None = None,
    ignore: Sequence[str] = (),
    labels: LabelsFile | None = None,
    backed: bool | None = None,
) -> Cohort:
    """Read a cohort from a file, or say everything that is wrong with it.

    Nothing is guessed that could be guessed wrong: the label and the scale are declared, and no sample or gene is
    dropped, renamed or averaged unless `small_classes` asks for it, which the cohort's `notes` then tell. Rows are
    sorted by sample id, so the order of a file changes nothing.

    Parameters
    ----------
    path
        ``.h5ad`` (sparse or dense ``X``, samples in rows), ``.parquet``, or text: ``.csv`` with commas, ``.tsv`` with
        tabs, ``.txt`` with either, each also with ``.gz``. Text and parquet may have samples or genes in rows, and text
        may be an R table, whose header is one field shorter than its rows.
    label
        The column with the class of each sample.
    scale
        What the values are: ``"counts"``, ``"cpm"``, ``"tpm"``, ``"rsem"``, ``"log2"``, ``"intensity"``, ``"ratio"``,
        ``"log_ratio"`` or ``"zscore"``; `genoaudit.data.scales.SCALES` says more. Values that contradict it are a
        problem.
    patient
        The column with the patient of each sample. The patient is what an audit protects: without one, every sample
        counts as its own patient, and a note says so.
    groups
        Columns of covariates that must be there, because results are wanted for each of their values.
    small_classes, min_class
        What to do with classes of fewer than `min_class` patients: ``"error"``, ``"drop"`` their samples, or
        ``"merge"`` them into one class named ``"other"``.
    orientation
        Text and parquet: whether the rows are ``"samples"`` or ``"genes"``. ``"auto"`` follows the label column, or the
        sample ids of the labels file.
    ids
        Text and parquet: the column with the names of the rows; the first one if None.
    ignore
        Text and parquet: names of columns that are neither samples nor genes; every column of such a name.
    labels
        A second file with the label, and with the patient and the covariates where the matrix lacks them.
    backed
        For ``.h5ad``: leave the matrix in its file and read it in blocks whenever it is needed. None: where it would
        take more than a fifth of this machine's memory. The numbers of an audit do not depend on it.

    Returns
    -------
    The cohort, checked. Its `digest` is the same for the same content in any format and row order.

    Raises
    ------
    DataError
        If the file cannot be read, or with every problem that was found in it. Samples are named by their place in the
        file, counted from 1 without the header, never by their id.
    ConfigError
        If the arguments contradict each other.

    Examples
    --------
    Forty patients, genes in rows, and their labels in a second file:

    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> patients = [f"P{i:02}" for i in range(40)]
    >>> values = np.random.default_rng(0).normal(8, 2, size=(3, 40)).round(2)
    >>> temporary = TemporaryDirectory()
    >>> folder = Path(temporary.name)
    >>> matrix = pd.DataFrame(values, index=["TP53", "BRCA1", "EGFR"], columns=patients)
    >>> matrix.to_csv(folder / "expression.csv.gz", index_label="gene")
    >>> clinical = pd.DataFrame({"id": patients, "cancer_type": ["LUAD", "LUSC"] * 20, "sex": ["f"] * 18 + ["m"] * 22})
    >>> clinical.to_csv(folder / "clinical.csv", index=False)
    >>> cohort = read_cohort(
    ...     folder / "expression.csv.gz",
    ...     label="cancer_type",
    ...     patient="id",
    ...     scale="log2",
    ...     groups=["sex"],
    ...     labels=LabelsFile(folder / "clinical.csv", key="id"),
    ... )
    >>> cohort
    Cohort(40 samples of 40 patients, 3 genes, 2 classes, log2, 'expression.csv.gz + clinical.csv')
    >>> cohort.classes, cohort.X.shape, list(cohort.obs)
    (('LUAD', 'LUSC'), (40, 3), ['sex'])

    A scale that cannot be right:

    >>> read_cohort(  # doctest: +ELLIPSIS
    ...     folder / "expression.csv.gz",
    ...     label="cancer_type",
    ...     scale="counts",
    ...     labels=LabelsFile(folder / "clinical.csv"),
    ... )
    Traceback (most recent call last):
    genoaudit.errors.DataError: expression.csv.gz + clinical.csv: scale 'counts' is contradicted by ...
    >>> temporary.cleanup()
    """
    checked_scale(scale)
    check_policy(small_classes, min_class)
    if orientation not in ("auto", "samples", "genes"):
        msg = f'orientation = {orientation!r} is not known. Declare "auto", "samples" or "genes".'
        raise ConfigError(msg)
    roles = Roles(label=label, patient=patient, groups=tuple(groups), ids=ids, ignore=tuple(ignore))
    files = [_existing(path), *([_existing(labels.path)] if labels is not None else [])]
    sha256 = _digest(files)
    table = replace(_table(files[0], roles, orientation=orientation, labels=labels, backed=backed), sha256=sha256)
    cohort = make_cohort(
        replace(table, source=" + ".join(file.name for file in files)),
        label=label,
        scale=scale,
        patient=patient,
        groups=roles.groups,
        min_class=min_class if small_classes == "error" else None,
    )
    return apply_small_classes(cohort, small_classes, min_class)


def _existing(path: str | PathLike[str]) -> Path:
    file = Path(path)
    try:
        file.lstat()
    except FileNotFoundError as error:
        raise DataError(file.name or str(path), ["does not exist."]) from error
    except OSError as error:
        raise DataError(file.name[:80] or str(path), [f"cannot be read: {error.strerror}."]) from error
    except ValueError as error:  # a zero byte
        raise DataError(repr(file.name[:80]), ["is no name that a file can have."]) from error
    if file.is_dir():
        raise DataError(file.resolve().name, ["is a folder; a file is needed."])
    if not file.is_file():
        raise DataError(file.name, ["is not a file."])
    if file.stat().st_size == 0:
        raise DataError(file.name, ["is empty."])
    return file


def _digest(files: Sequence[Path]) -> str:
    for path in files:
        try:
            path.open("rb").close()
        except OSError as error:
            raise DataError(path.name, [f"cannot be opened: {error.strerror}."]) from error
    return cohort_digest(*files)


def _table(
    path: Path, roles: Roles, *, orientation: Orientation, labels: LabelsFile | None, backed: bool | None
) -> Table:
    second = None if labels is None else _labels(labels, roles)
    if path.suffix.lower() != ".h5ad":
        sheet = _sheet(path, ids=roles.ids, as_text={roles.label, *([roles.patient] if roles.patient else [])})
        return table_of_sheet(sheet, roles, orientation=orientation, labels=second, source=path.name)
    if orientation == "genes" or roles.ids is not None or roles.ignore:
        msg = f"{path.name}: orientation, ids and ignore are for text and parquet; an .h5ad file has samples in rows."
        raise ConfigError(msg)
    table = _h5ad(path, backed=backed)
    return table if second is None else join_labels(table, second, label=roles.label)


def _labels(file: LabelsFile, roles: Roles) -> Labels:
    path = Path(file.path)
    names = [file.column, roles.label, roles.patient]
    sheet = _sheet(path, ids=file.key, as_text={name for name in names if name is not None})
    return labels_of(sheet, file, label=roles.label, patient=roles.patient, source=path.name)


def _sheet(path: Path, *, ids: str | None, as_text: Collection[str]) -> Sheet:
    if is_text(path):
        return read_text(path, ids=ids, as_text=as_text)
    if path.suffix.lower() == ".parquet":
        return _parquet(path)
    known = ", ".join((".h5ad", ".parquet", *(f"{suffix}(.gz)" for suffix in TEXT_SUFFIXES)))
    raise DataError(
        path.name, [f"has an unknown suffix. Known for a matrix: {known}; labels cannot be in an .h5ad file."]
    )


def _h5ad(path: Path, *, backed: bool | None) -> Table:
    from anndata import read_h5ad

    try:
        with warnings.catch_warnings():
            # They are about repeated names, which are reported as problems, and about outdated layouts that still read.
            warnings.simplefilter("ignore")
            stays = is_too_large(*stored_shape(path)) if backed is None else backed
            adata = read_h5ad(path, backed="r" if stays else None)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(path.name, ["is damaged, or not HDF5 as anndata writes it."]) from error
    try:
        return table_of(adata, source=path.name, backed=stays)
    finally:
        if stays:
            adata.file.close()


def _parquet(path: Path) -> Sheet:
    from pyarrow.parquet import ParquetFile

    try:
        # Unlike pandas.read_parquet, this reads a file with repeated names, so that they can be reported.
        with ParquetFile(path) as file:
            data: pd.DataFrame = file.read().to_pandas()
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise DataError(path.name, ["is damaged, or not parquet."]) from error
    if not isinstance(data.index, pd.RangeIndex):
        data.insert(0, data.index.name or "", data.index, allow_duplicates=True)
    names = tuple(str(name) for name in data.columns)
    if len(names) < 2 or not len(data):
        raise DataError(path.name, [f"has {len(names)} columns and {len(data)} rows."])
    return Sheet(names=names, data=data.reset_index(drop=True).set_axis(list(range(len(names))), axis=1))
