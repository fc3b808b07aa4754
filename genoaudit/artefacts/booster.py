"""XGBoost classifiers as files: trees in XGBoost's own binary JSON, without what they counted off the patients."""

from __future__ import annotations

import json
from typing import Any

from genoaudit.artefacts.kept import parameter, plain
from genoaudit.artefacts.trees import check_trees
from genoaudit.artefacts.ubjson import read_ubjson
from genoaudit.errors import ArtefactError

_SEEDS = ("random_state", "seed")
_COUNTED = ("sum_hessian", "loss_changes", "base_weights")
"""What a tree notes down of every node and no answer needs: the first is the number of its patients, weighted."""


def booster_parameters(classifier: Any) -> dict[str, Any]:
    """Return the parameters of an `XGBClassifier` as JSON values, without seeds and without those that are not set.

    Raises
    ------
    ArtefactError
        If one is an object, such as a function for the loss.
    """
    import xgboost

    known = set(xgboost.XGBClassifier().get_params()).difference(_SEEDS)
    given = {key: value for key, value in classifier.get_params().items() if value is not None and key in known}
    return {key: plain(value, f"XGBClassifier.{key}") for key, value in sorted(given.items())}


def booster_bytes(classifier: Any) -> bytes:
    """Return the trees of a fitted `XGBClassifier` as UBJSON.

    Notes on how many patients reached a node and how much a split gained are set to 0. Answers stay the same to the
    bit; feature importances and SHAP values of the stored trees mean nothing. Leaves and the base score still follow
    from shares of the classes, as they must.

    Raises
    ------
    ArtefactError
        If the model is anything but trees that split genes by thresholds.
    """
    import xgboost

    content = json.loads(bytes(classifier.get_booster().save_raw("json")))
    check_trees(content)
    _forget(content)
    bare = xgboost.Booster()
    bare.load_model(bytearray(json.dumps(content).encode()))
    return bytes(bare.save_raw("ubj"))


def restore_booster(data: bytes, parameters: dict[str, Any]) -> Any:
    """Return the fitted `XGBClassifier` of `booster_bytes` and `booster_parameters`.

    Raises
    ------
    ArtefactError
        If the trees are damaged, a number in them is not finite, or a parameter is unknown.
    """
    import xgboost

    known = xgboost.XGBClassifier().get_params()
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ArtefactError(f"XGBClassifier has no parameter {unknown[0]!r}.")
    classifier = xgboost.XGBClassifier(**{key: parameter(value) for key, value in parameters.items()})
    asked = classifier.get_params()
    content = read_ubjson(data)
    check_trees(content)
    try:
        # XGBoost sees what was checked and nothing else: a number in JSON reads back as the same float32.
        classifier.load_model(bytearray(json.dumps(content).encode()))
    except (xgboost.core.XGBoostError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArtefactError(f"XGBoost cannot read the trees: {reason}") from error
    for key, value in asked.items():  # reading has put shares of the classes, as a base score, where there was nothing
        setattr(classifier, key, value)
    return classifier


def _forget(content: Any) -> None:
    if isinstance(content, dict):
        for key in _COUNTED:
            if isinstance(content.get(key), list):
                content[key] = [0.0] * len(content[key])
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            if isinstance(item, dict | list):
                _forget(item)
