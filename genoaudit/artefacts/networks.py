"""Our networks as files: parameters by name, in the shapes that the recipe gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from genoaudit.artefacts.kept import Arrays, Form, Kept
from genoaudit.models.cnn import CNNClassifier
from genoaudit.models.deepcc import DeepCCClassifier
from genoaudit.models.deeptype import DeepTypeClassifier
from genoaudit.models.mlp import MLPClassifier
from genoaudit.models.modules import ModuleClassifier
from genoaudit.privacy.mechanism import Mechanism

# Losses during training, the epoch that was best, and cluster centres are left out: answers do not need them.


def _perceptron(model: MLPClassifier) -> Arrays:
    arrays: Arrays = {f"coefs.{layer}": weight for layer, weight in enumerate(model.coefs_)}
    arrays |= {f"intercepts.{layer}": bias for layer, bias in enumerate(model.intercepts_)}
    for layer, (gain, shift) in enumerate(model.norms_):
        arrays |= {f"norms.{layer}.gain": gain, f"norms.{layer}.shift": shift}
    return arrays


def _forms_of_perceptron(model: MLPClassifier, inputs: int, classes: int) -> dict[str, Form]:
    forms: dict[str, Form] = {}
    for layer, (below, above) in enumerate(pairwise((inputs, *model.hidden, classes))):
        forms |= {f"coefs.{layer}": ((below, above), "float32"), f"intercepts.{layer}": ((above,), "float32")}
    for layer, width in enumerate(model.hidden if model.layer_norm else ()):
        forms |= {f"norms.{layer}.{part}": ((width,), "float32") for part in ("gain", "shift")}
    return forms


def _restore_perceptron(model: MLPClassifier, arrays: Arrays) -> None:
    layers = range(len(model.hidden) + 1)
    model.coefs_ = [arrays[f"coefs.{layer}"] for layer in layers]
    model.intercepts_ = [arrays[f"intercepts.{layer}"] for layer in layers]
    normed = layers[:-1] if model.layer_norm else ()
    model.norms_ = [(arrays[f"norms.{layer}.gain"], arrays[f"norms.{layer}.shift"]) for layer in normed]
    model.loss_curve_, model.best_epoch_, model.runs_ = [], None, 1


def _module(model: ModuleClassifier) -> Arrays:
    return {f"parameters.{name}": array for name, array in model.parameters_.items()}


def _forms_of_module(model: ModuleClassifier, inputs: int, classes: int) -> dict[str, Form]:
    with torch.device("meta"):
        network = model._network(inputs, classes)
    return {
        f"parameters.{name}": (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in network.state_dict().items()
    }


def _restore_module(model: ModuleClassifier, arrays: Arrays) -> None:
    model.parameters_ = {name.removeprefix("parameters."): array for name, array in arrays.items()}
    model.loss_curve_ = []


def _restore_deeptype(model: DeepTypeClassifier, arrays: Arrays) -> None:
    _restore_module(model, arrays)
    model.centres_ = np.empty((0, model.hidden[-1]), dtype=np.float32)


def _kept_module(kind: type, restore: Callable[[Any, Arrays], None] = _restore_module) -> Kept:
    return Kept(kind, _module, _forms_of_module, restore)


NETWORKS = (
    Kept(MLPClassifier, _perceptron, _forms_of_perceptron, _restore_perceptron),
    _kept_module(CNNClassifier),
    _kept_module(DeepTypeClassifier, _restore_deeptype),
    _kept_module(DeepCCClassifier),
)
"""Every network of ours, the whole list."""


def private_facts(model: Any) -> dict[str, Any]:
    """Return what a network's training has released of its patients, as JSON values; nothing without DP."""
    if not model.mechanisms_:
        return {}
    mechanisms = [dataclasses.asdict(mechanism) for mechanism in model.mechanisms_]
    return {"private": {"mechanisms": mechanisms, "delta": model.delta_, "releasable": bool(model.releasable_)}}


def restore_private_facts(model: Any, facts: dict[str, Any] | None) -> None:
    """Give a network back what `private_facts` said of it."""
    facts = facts or {"mechanisms": [], "delta": None, "releasable": False}
    model.mechanisms_ = tuple(map(_mechanism, facts["mechanisms"]))
    model.delta_, model.releasable_ = facts["delta"], bool(facts["releasable"])


def _mechanism(fields: dict[str, Any]) -> Mechanism:
    releases: Sequence[float] = fields["releases"]
    return Mechanism(**{**fields, "releases": tuple(releases)})
