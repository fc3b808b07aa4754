"""XGBoost models from their JSON or UBJSON: read by a process that may die of it, and checked tree by tree.

XGBoost believes its files: an empty one ends the process, a child outside its tree is followed wherever it points, a
loop without end. So another process reads the file first and writes it again, and the trees in what it wrote are
checked here before this process lets XGBoost have them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax

from genoaudit.artefacts.archives import looks_like
from genoaudit.artefacts.trees import check_trees
from genoaudit.artefacts.xgboost_child import SAID_NO
from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ArtefactError, DataError

_SECONDS = 120
_ONE_LOGIT = ("binary:logistic", "binary:logitraw", "reg:logistic")
_LOGITS = ("multi:softprob", "multi:softmax")
_BOOSTERS = ("gbtree", "dart", "gblinear")


@dataclass(frozen=True, eq=False)
class BoosterClassifier:
    """A booster of classes as a fitted classifier.

    Parameters
    ----------
    booster
        An `xgboost.Booster`.
    classes_
        Class codes, 0, 1, ...: XGBoost knows no names of classes.
    n_features_in_
        Number of genes.
    feature_names_in_
        Their names, where the model has them.
    rounds
        Rounds of boosting that its answers use: up to the best one where training stopped early, as XGBoost's
        own classifier answers; 0: all.
    """

    booster: Any
    classes_: IntArray
    n_features_in_: int
    feature_names_in_: tuple[str, ...] | None
    rounds: int

    def predict_log_proba(self, X: NDArray[np.float32]) -> FloatArray:
        """Return log-probabilities from the exact margins, float64 [samples, classes]."""
        from xgboost import DMatrix

        samples = DMatrix(np.ascontiguousarray(X, dtype=np.float32), nthread=1)
        margin = self.booster.predict(
            samples, output_margin=True, iteration_range=(0, self.rounds), validate_features=False
        )
        logits = np.asarray(margin, dtype=np.float64)
        if len(self.classes_) == 2 and logits.ndim == 1:
            return np.stack([log_expit(-logits), log_expit(logits)], axis=1)
        log_proba: FloatArray = log_softmax(logits, axis=1)
        return log_proba


def read_booster(content: bytes, name: str) -> BoosterClassifier:
    """Read a classifier that XGBoost saved.

    Parameters
    ----------
    content
        The file, JSON or UBJSON.
    name
        What it is called in messages.

    Raises
    ------
    DataError
        If XGBoost cannot read it or breaks down on it, a tree is no tree, a number is none, or it predicts something
        else than classes.
    """
    import xgboost

    written = _written_again(content, name)
    try:
        model = json.loads(written)
        learner = model["learner"]
        objective = learner["objective"]["name"]
        problem = _why_no_classes(objective)
        if problem is None:
            check_trees(model, boosters=_BOOSTERS)
    except ArtefactError as error:
        raise DataError(name, [f"is not sound: {error}"]) from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(name, ["has not the structure of an XGBoost model."]) from error
    if problem is not None:
        raise DataError(name, [problem])
    booster = xgboost.Booster({"nthread": 1, "device": "cpu"})
    booster.load_model(bytearray(written))
    names, best = booster.feature_names, booster.attr("best_iteration")
    groups = 2 if objective in _ONE_LOGIT else _groups(learner)
    return BoosterClassifier(
        booster=booster,
        classes_=np.arange(groups),
        n_features_in_=int(booster.num_features()),
        feature_names_in_=None if names is None else tuple(map(str, names)),
        rounds=int(best) + 1 if best is not None and best.isdecimal() else 0,
    )


def _written_again(content: bytes, name: str) -> bytes:
    """Let another process read the model; it may crash or hang on what a stranger wrote."""
    if not content.lstrip().startswith(b"{"):
        raise DataError(name, [f"is neither JSON nor UBJSON, as XGBoost saves models; it is {looks_like(content)}."])
    # -P: a module of the folder that the user is in must not take the place of an installed one.
    command = [sys.executable, "-P", str(Path(__file__).with_name("xgboost_child.py"))]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise DataError(name, [f"keeps XGBoost busy for more than {_SECONDS} seconds; it is not read."]) from error
    if done.returncode == SAID_NO:
        problem = "cannot be read by XGBoost. Is it damaged, cut short, or saved by a later version?"
        raise DataError(name, [problem])
    if done.returncode:
        raise DataError(name, ["makes XGBoost break down, so it is not read. Save the model again, as UBJSON."])
    return done.stdout


def _why_no_classes(objective: str) -> str | None:
    if objective in (*_ONE_LOGIT, *_LOGITS):
        return None
    return (
        f"has the objective {objective!r}, which gives no probabilities of classes; these do: "
        f"{', '.join((*_ONE_LOGIT, *_LOGITS))}."
    )


def _groups(learner: Mapping[str, Any]) -> int:
    return max(1, int(learner["learner_model_param"]["num_class"]))
