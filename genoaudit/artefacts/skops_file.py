"""scikit-learn models from skops files: only types that scikit-learn needs or that the user names are ever made.

skops 0.12 and earlier could be led to run code while it checked a file or through its model cards (CVE-2024-37065,
CVE-2025-54412, CVE-2025-54413, CVE-2025-54886), hence the version that this package asks for.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from genoaudit.artefacts.archives import check_zip
from genoaudit.errors import DataError
from genoaudit.phrases import count, some

_SHOWN = 8
_WEIGHTS = tuple(f".{name}_" for name in ("coef", "coefs", "intercept", "intercepts", "components", "mean", "scale"))


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
    try:
        wrong = not_finite(content)
    except Exception as error:  # what skops can read may still not be written as skops does
        raise DataError(name, [_unreadable(error)]) from error
    if wrong:
        raise DataError(name, [f"has parameters that are not finite ({wrong}); the model itself is at fault."])
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


def not_finite(data: bytes) -> str | None:
    """Name the first weights of a skops file that are not finite, class and attribute; NaN elsewhere may be meant."""
    for where, value in contents(data):
        number = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        if where.endswith(_WEIGHTS) and (number or isinstance(value, float)) and not np.isfinite(value).all():
            return where
    return None


def contents(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield every number and array of a skops file with the class and the attribute that holds it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for where, node in _nodes(json.loads(archive.read("schema.json")), "", ""):
            if "file" in node and str(node["file"]).endswith(".npy"):
                yield where, np.load(io.BytesIO(archive.read(node["file"])), allow_pickle=False)
            elif node.get("is_json"):
                yield where, json.loads(node["content"])


def _nodes(node: Any, owner: str, attribute: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        for item in node:
            yield from _nodes(item, owner, attribute)
    if not isinstance(node, dict):
        return
    if node.get("is_json") or "file" in node:
        yield f"{owner}.{attribute}", node
        return
    content = node.get("content")
    if isinstance(content, dict) and "__loader__" not in content:
        for name, item in content.items():
            yield from _nodes(item, owner, attribute if node.get("__class__") != "dict" or not owner else name)
        return
    owner = str(node.get("__class__")) if node.get("__loader__") == "ObjectNode" else owner
    yield from _nodes(content, owner, attribute)


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
