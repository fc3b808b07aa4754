"""What the parameters of a model say of a patient: the gradients of his samples, in the coordinates of the samples.

A sample's gradient by the weights of a layer is ``delta a^T``, so inner products of gradients are products of deltas
times products of the layer's inputs, summed over layers; no gradient is ever written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, layer_norm

from genoaudit.contracts import BoolArray, FloatArray, IntArray

_ROWS = 512


@dataclass(frozen=True, eq=False)
class _Layer:
    """One linear layer on every sample: what goes in, the loss's gradient by what comes out, and ``W^T a``."""

    inputs: NDArray[Any]
    delta: FloatArray
    without_bias: FloatArray


@runtime_checkable
class TellsGradients(Protocol):
    """A fitted model whose parameters cannot be read, but which can tell the norms of its gradients by itself."""

    def gradient_norms(self, X: NDArray[np.float32], y: IntArray) -> FloatArray | None:
        """Return the gradient norm of each sample's loss by all parameters, [samples]; None: it cannot."""
        ...


def has_gradients(recipe: Any) -> bool:
    """Say whether the parameters of a fitted `recipe` can be read: networks and logistic regression."""
    from sklearn.linear_model import LogisticRegression

    from genoaudit.models.mlp import MLPClassifier

    return type(_steps(recipe)[-1]) in (MLPClassifier, LogisticRegression)


def comes_near_an_optimum(recipe: Any) -> bool:
    """Say whether a fitted recipe has no hidden layer and minimises the sum of its members' losses with L2 alone."""
    classifier = _steps(recipe)[-1]
    if not hasattr(classifier, "coefs_"):
        l2_alone = classifier.penalty in ("l2", "deprecated") and classifier.l1_ratio in (0, None)
        # liblinear penalises the intercept as well.
        return l2_alone and classifier.class_weight is None and classifier.solver != "liblinear"
    changed = classifier.mixup > 0 or classifier.label_smoothing > 0 or classifier.class_weights is not None
    changed |= classifier.l1 > 0 or classifier.group_lasso > 0 or classifier.early_stopping > 0
    changed |= classifier.dp is not None  # clipped gradients add up to zero elsewhere
    return len(classifier.coefs_) == 1 and not changed


def gradient_signals(
    recipe: Any, X: NDArray[np.float32], y: IntArray, members: BoolArray, patients: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Measure, with a fitted recipe's parameters, how its loss leans on every sample.

    The second signal is the attack of an informed adversary, who knows every other member. At an optimum the gradients
    of all members and of the penalty add up to zero, so what the others leave over is the patient's own gradient with
    the sign turned, if the patient was a member, and that of whoever was a member instead, if not. The signal is the
    cosine of the angle between the two: 1 for a member at an optimum, less where training stopped early. For a
    non-member the rest leaves out an average member of the same class, or the number of gradients would give membership
    away. It is the first-order form of the inverse-Hessian attack (Suri, Zhang, Evans. Do parameters reveal more than
    loss for membership inference? TMLR 2024), with a patient's samples taken together.

    Parameters
    ----------
    recipe
        A fitted Pipeline or classifier for which `has_gradients` holds; it knows classes 0, 1, ....
    X, y
        Expression and class of every sample; [samples, genes], [samples].
    members
        Which samples the recipe was fitted on; [samples].
    patients
        Patient code of each sample; [samples].

    Returns
    -------
    Norm of the gradient of each sample's cross-entropy by all parameters, and the cosine for the patient of each
    sample; each [samples].
    """
    layers, norms, strength, squared_weights = _layers(recipe, X, y)
    if strength is None:  # weight decay acts on the mean loss of the members
        strength = float(members.sum()) * float(_steps(recipe)[-1].weight_decay)
    penalty = strength * sum((layer.delta * layer.without_bias).sum(axis=1) for layer in layers)
    classes = int(y.max()) + 1
    share = np.eye(classes)[y] * members[:, None]  # [samples, classes]: what an average member of a class is made of
    share /= np.maximum(share.sum(axis=0), 1)
    squared, own, by_all, by_class = np.empty(y.size), np.empty(y.size), np.empty(y.size), np.empty((y.size, classes))
    for start in range(0, y.size, _ROWS):
        rows = slice(start, start + _ROWS)
        products = _products(layers, norms, rows)
        squared[rows] = products[np.arange(len(products)), np.arange(y.size)[rows]]
        own[rows] = (products * (patients[rows, None] == patients)).sum(axis=1)
        by_all[rows] = products @ members
        by_class[rows] = products @ share
    by_all += penalty
    total = (by_all + penalty)[members].sum() + strength**2 * squared_weights
    held = np.bincount(patients, weights=members) > 0
    samples = np.zeros((held.size, classes))  # of each patient, by class
    np.add.at(samples, (patients, y), 1.0)
    whole, length = (np.bincount(patients, weights=values) for values in (by_all, own))
    twin = np.bincount(patients, weights=(by_class * samples[patients]).sum(axis=1))
    to_twin = samples @ (share.T @ by_all)
    twin_length = np.einsum("pc,cd,pd->p", samples, share.T @ by_class, samples)
    along = whole - np.where(held, length, twin)
    rest = total - np.where(held, 2 * whole - length, 2 * to_twin - twin_length)
    scale = np.sqrt(np.maximum(rest, 0.0)) * np.sqrt(np.maximum(length, 0.0))
    cosine = np.divide(-along, scale, out=np.zeros_like(along), where=scale > np.finfo(np.float64).tiny)
    return np.sqrt(np.maximum(squared, 0.0)), np.clip(cosine, -1.0, 1.0)[patients]


def _steps(recipe: Any) -> list[Any]:
    return [step for _, step in recipe.steps] if hasattr(recipe, "steps") else [recipe]


def _layers(
    recipe: Any, X: NDArray[np.float32], y: IntArray
) -> tuple[list[_Layer], Sequence[FloatArray], float | None, float]:
    """Return linear layers, further gradients per sample, a penalty's strength if fixed, and the weights' square."""
    classifier = _steps(recipe)[-1]
    inputs = np.asarray(recipe[:-1].transform(X) if hasattr(recipe, "steps") and len(recipe) > 1 else X)
    if hasattr(classifier, "coefs_"):
        squared_weights = sum(float((weight.astype(np.float64) ** 2).sum()) for weight in classifier.coefs_)
        return (*_network(classifier, inputs, y), None, squared_weights)
    coef, intercept, strength = classifier.coef_.T, classifier.intercept_, 1 / classifier.C
    if coef.shape[1] == 1:  # two columns that share one difference: |w|^2 / 2 is |W|^2
        coef, intercept, strength = coef * [-0.5, 0.5], intercept * [-0.5, 0.5], 2 * strength
    linear = np.asarray(inputs @ coef, dtype=np.float64)
    logits = linear + intercept
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    return [_Layer(inputs, chances - np.eye(coef.shape[1])[y], linear)], (), float(strength), float((coef**2).sum())


def _network(classifier: Any, inputs: NDArray[np.float32], y: IntArray) -> tuple[list[_Layer], list[FloatArray]]:
    weights = [torch.from_numpy(np.asarray(w, dtype=np.float64)) for w in classifier.coefs_[1:]]
    biases = [torch.from_numpy(np.asarray(b, dtype=np.float64)) for b in classifier.intercepts_]
    linear = torch.from_numpy((inputs @ classifier.coefs_[0]).astype(np.float64))
    with torch.enable_grad():
        outputs, entering, without_bias, shown = [(linear + biases[0]).requires_grad_()], [inputs], [linear], []
        for layer, weight in enumerate(weights):
            z = outputs[-1]
            if classifier.layer_norm:
                gain, shift = (torch.from_numpy(p.astype(np.float64)) for p in classifier.norms_[layer])
                normalised = layer_norm(z, gain.shape)
                z = normalised * gain + shift
                shown.append((normalised.detach().numpy(), z))
            activation = z.relu()
            entering.append(activation.detach().numpy())
            without_bias.append(activation @ weight)
            outputs.append(without_bias[-1] + biases[layer + 1])
        loss = cross_entropy(outputs[-1], torch.from_numpy(np.asarray(y, dtype=np.int64)), reduction="sum")
        found = torch.autograd.grad(loss, [*outputs, *(z for _, z in shown)])
    deltas = [delta.numpy() for delta in found]
    layers = [
        _Layer(a, delta, plain.detach().numpy())
        for a, delta, plain in zip(entering, deltas[: len(outputs)], without_bias, strict=True)
    ]
    scaled = zip(shown, deltas[len(outputs) :], strict=True)
    norms = [by for (normalised, _), delta in scaled for by in (delta * normalised, delta)]
    return layers, norms


def _products(layers: Sequence[_Layer], norms: Sequence[FloatArray], rows: slice) -> FloatArray:
    """Inner products of the gradients of some samples with those of all; [rows, samples]."""
    total = sum((layer.delta[rows] @ layer.delta.T) * (layer.inputs[rows] @ layer.inputs.T + 1.0) for layer in layers)
    return np.asarray(total + sum(by[rows] @ by.T for by in norms), dtype=np.float64)
