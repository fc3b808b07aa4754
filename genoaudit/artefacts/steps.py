"""Our transformers as files: what each needs to treat a sample as it did, and no other fact of the patients."""

from __future__ import annotations

from typing import Any

import numpy as np

from genoaudit.artefacts.kept import Arrays, Form, Kept
from genoaudit.data.gene_lists import ListedGenes
from genoaudit.data.preprocessing import ExpressionScaler, LogTransform
from genoaudit.data.private_moments import PrivateScaler
from genoaudit.data.selection import VariableGenes
from genoaudit.data.spectra import FunctionalSpectra, checked_columns
from genoaudit.errors import ArtefactError


def _nothing(_step: Any) -> Arrays:
    return {}


def _no_forms(_step: Any, _inputs: int, _classes: int) -> dict[str, Form]:
    return {}


def _as_it_is(step: Any, _arrays: Arrays) -> None:
    del step


def _check_listed(step: Any, _arrays: Arrays) -> None:
    whole = all(isinstance(column, int) and not isinstance(column, bool) for column in step.columns)
    if not whole or not step.columns or not 0 <= min(step.columns) <= max(step.columns) < step.n_features_in_:
        raise ArtefactError("ListedGenes names columns that are not there.")


def _as_many(step: Any) -> int:
    return int(step.n_features_in_)


def _set_all(step: Any, arrays: Arrays) -> None:
    for name, array in arrays.items():
        setattr(step, name, array)


def _moments(step: Any) -> Arrays:
    return {"mean_": step.mean_, "sd_": step.sd_} if step.scaling == "members" else {}


def _forms_of_moments(step: Any, inputs: int, _classes: int) -> dict[str, Form]:
    return {"mean_": ((inputs,), "float64"), "sd_": ((inputs,), "float64")} if step.scaling == "members" else {}


def _private_moments(step: Any) -> Arrays:
    return {name: getattr(step, name) for name in ("mean_", "variance_", "sd_", "support_")}


def _forms_of_private_moments(_step: Any, inputs: int, _classes: int) -> dict[str, Form]:
    numbers: dict[str, Form] = dict.fromkeys(("mean_", "variance_", "sd_"), ((inputs,), "float64"))
    return {**numbers, "support_": ((inputs,), "bool")}


def _restore_private_scaler(step: Any, arrays: Arrays) -> None:
    _set_all(step, arrays)
    step.release_ = float(step.noise_multiplier)


def _which_vary(step: Any) -> Arrays:
    # Which genes are kept is all that answers need; the variances themselves are facts of the members.
    return {"support": step.get_support()}


def _form_of_support(_step: Any, inputs: int, _classes: int) -> dict[str, Form]:
    return {"support": ((inputs,), "bool")}


def _restore_selection(step: Any, arrays: Arrays) -> None:
    support = arrays["support"]
    if int(support.sum()) != min(step.genes, len(support)):
        raise ArtefactError(f"VariableGenes keeps {int(support.sum())} genes where its parameter says {step.genes}.")
    step.variances_ = support.astype(np.float64)


def _sets(step: Any) -> Arrays:
    rows = np.asarray(step.gene_sets, dtype=np.int64)
    return {"gene_sets": rows, **({"mean_": step.mean_} if step.centring == "members" else {})}


def _forms_of_sets(step: Any, inputs: int, _classes: int) -> dict[str, Form]:
    means: dict[str, Form] = {"mean_": ((inputs,), "float64")} if step.centring == "members" else {}
    return {"gene_sets": ((None, 2), "int64"), **means}


def _restore_spectra(step: Any, arrays: Arrays) -> None:
    _set_all(step, arrays)
    step._columns = checked_columns(step.gene_sets, genes=step.n_features_in_)


def _kept_genes(step: Any) -> int:
    return int(step.get_support().sum())


STEPS = (
    Kept(LogTransform, _nothing, _no_forms, _as_it_is, _as_many),
    Kept(ListedGenes, _nothing, _no_forms, _check_listed, _kept_genes),
    Kept(ExpressionScaler, _moments, _forms_of_moments, _set_all, _as_many),
    Kept(VariableGenes, _which_vary, _form_of_support, _restore_selection, _kept_genes),
    Kept(
        PrivateScaler,
        _private_moments,
        _forms_of_private_moments,
        _restore_private_scaler,
        lambda step: int(step.support_.sum()),
    ),
    Kept(FunctionalSpectra, _sets, _forms_of_sets, _restore_spectra, lambda step: len(step._columns), ("gene_sets",)),
)
"""Every transformer of ours, the whole list."""
