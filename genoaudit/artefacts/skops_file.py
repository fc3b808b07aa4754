"""scikit-learn models from skops files: only types that scikit-learn needs or that the user names are ever made.

skops 0.12 and earlier could be led to run code while it checked a file or through its model cards (CVE-2024-37065,
CVE-2025-54412, CVE-2025-54413, CVE-2025-54886), hence the version that this package asks for.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from genoaudit.artefacts.archives import check_zip
from genoaudit.errors import DataError
from genoaudit.phrases import count, some

_SHOWN = 8


def read_skops(content: bytes, name: str, *, trusted: Sequence[str] = ()) -> tuple[Any, tuple[str, ...]]:
    """Read a fitted scikit-learn estimator or Pipeline.

    Parameters
    ----------
    content
        The file.
    name
        What it is called in messages.
    trusted
        Full names of types that may be made beyond those that skops trusts by itself.

    Returns
    -------
    The estimator, and what scikit-learn warned about: most often that another version wrote it.

    Raises
    ------
    DataError
        If it is no sound skops file, needs types that nobody trusts, or holds no fitted classifier with probabilities.
    """
    unknown = [found for found in untrusted_types(content, name) if found not in trusted]
    if unknown:
        raise DataError(name, [_untrusted(unknown)])
    model, told = load(content, name, trusted=trusted)
    if problem := _why_no_classifier(model):
        raise DataError(name, [problem])
    return model, told


def untrusted_types(content: bytes, name: str) -> list[str]:
    """Name the types in a skops file that skops does not trust by itself; nothing is made.

    Raises
    ------
    DataError
        If it is no sound skops file.
    """
    from skops.io import get_untrusted_types

    _check_archive(content, name)
    try:
        found: list[str] = get_untrusted_types(data=content)
    except Exception as error:  # skops walks whatever a stranger wrote, and may stumble over anything
        raise DataError(name, [_unreadable(error)]) from error
    return found


def load(content: bytes, name: str, *, trusted: Sequence[str]) -> tuple[Any, tuple[str, ...]]:
    """Make what a skops file holds, once `untrusted_types` of it are known to be trusted; return warnings, too.

    Raises
    ------
    DataError
        If skops cannot read it.
    """
    from skops.io import loads

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = loads(content, trusted=list(trusted))
        except Exception as error:
            raise DataError(name, [_unreadable(error)]) from error
    return found, tuple(sorted({str(warning.message).splitlines()[0] for warning in caught}))


def _check_archive(content: bytes, name: str) -> None:
    names = check_zip(content, name)
    if "schema.json" not in names:
        raise DataError(name, ["is a zip archive, but not one that skops wrote: it has no schema.json."])
    if any("/" in member or "\\" in member for member in names):
        raise DataError(name, ["holds files in folders, which skops does not write."])


def _untrusted(unknown: Sequence[str]) -> str:
    listed, line = some(unknown, most=_SHOWN), f"trusted = {json.dumps(list(unknown[:_SHOWN]))}"
    return (
        f"needs {count(len(unknown), 'type')} that {'is' if len(unknown) == 1 else 'are'} not trusted: {listed}. "
        "Making one may run code of its module, or native code on numbers that nobody checked. If you know where the "
        f"file comes from and trust every one of them, write under [target]: {line}"
    )


def _unreadable(error: Exception) -> str:
    said = (str(error).splitlines() or [""])[0][:200]
    return f"cannot be read by skops ({type(error).__name__}: {said}). Is it damaged, or saved by a later version?"


def _why_no_classifier(model: Any) -> str | None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    kind = type(model).__name__
    if not hasattr(model, "fit"):
        return f"holds a {kind}, which is no scikit-learn estimator."
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):
        return f"holds a {kind} that is not fitted. Save the model after fit."
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        return (
            f"holds a {kind}, which gives no probabilities of classes. Wrap it in CalibratedClassifierCV, switch "
            "probabilities on, or audit a table of its scores."
        )
    if np.asarray(model.classes_).ndim != 1:
        return f"holds a {kind} with several outputs; one label for each sample is audited."
    return None
