"""torch models: weights from safetensors or a state dict, put into a module that the user's own code makes."""

from __future__ import annotations

import inspect
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genoaudit.artefacts.archives import MEBIBYTE, check_zip
from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ConfigError, DataError
from genoaudit.models.recipes import import_function
from genoaudit.phrases import count, some

Outputs = Literal["logits", "probabilities"]

_MOST_HEADER = 100 * MEBIBYTE
_ROWS = 1024
_SUM_ERROR = 1e-3
_SHOWN = 5
_WRAPPERS = ("_module.", "module.", "_orig_mod.")
"""What Opacus, parallel training and compilation put in front of every name."""

_SAVE = "safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"


@dataclass(frozen=True, eq=False)
class GivenModule:
    """A torch module as a fitted classifier.

    Parameters
    ----------
    module
        In evaluation mode.
    outputs
        Whether the module gives logits or probabilities.
    classes_
        Codes of the classes, 0, 1, ..., in the order of the outputs. Of two classes a module may give the second alone.
    """

    module: torch.nn.Module
    outputs: Outputs
    classes_: IntArray

    def predict_log_proba(self, X: NDArray[np.float32]) -> FloatArray:
        """Return log-probabilities, float64 [samples, classes].

        Raises
        ------
        ConfigError
            If the module gives probabilities where logits are declared.
        """
        with torch.no_grad():
            given = torch.cat([self._answers(X[start : start + _ROWS]) for start in range(0, len(X), _ROWS)])
        if self.outputs == "logits" and _are_probabilities(given):
            msg = "target.outputs: the module gives probabilities, not logits; write outputs = 'probabilities'."
            raise ConfigError(msg)
        return self._log_proba(given).numpy()

    def gradient_norms(self, X: NDArray[np.float32], codes: IntArray) -> FloatArray | None:
        """Return the norm of every sample's gradient of cross-entropy by all parameters, [samples]; None: infinite."""
        parameters = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        norms = np.zeros(len(X))
        with torch.enable_grad():
            for row, code in enumerate(codes):
                loss = -self._log_proba(self._answers(X[row : row + 1]))[0, int(code)]
                found = torch.autograd.grad(loss, parameters, allow_unused=True)
                norms[row] = sum(float((part.double() ** 2).sum()) for part in found if part is not None) ** 0.5
        return norms if np.isfinite(norms).all() else None

    def _answers(self, X: NDArray[np.float32]) -> Tensor:
        like = next((tensor for tensor in self.module.parameters() if tensor.is_floating_point()), torch.empty(0))
        given = self.module(torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32)).to(like.dtype))
        if not isinstance(given, Tensor):
            msg = f"the module must give a tensor, got {type(given).__name__}"
            raise TypeError(msg)
        alone = len(self.classes_) == 2 and given.numel() == len(X)  # the second class stands for both
        return given.double().reshape(len(X), 1) if alone else given.double()

    def _log_proba(self, given: Tensor) -> Tensor:
        if self.outputs == "logits":
            both = torch.cat([torch.zeros_like(given), given], dim=1) if given.shape[1:] == (1,) else given
            return both.log_softmax(dim=1)
        both = torch.cat([1 - given, given], dim=1) if given.shape[1:] == (1,) else given
        return both.log()


def _are_probabilities(given: Tensor) -> bool:
    """Whether no numbers but probabilities would look like this; of one output nobody can tell."""
    inside = bool(((given >= 0) & (given <= 1)).all())
    return inside and given.shape[1:] != (1,) and bool((given.sum(dim=1) - 1).abs().max() < _SUM_ERROR)


def read_state(content: bytes, name: str) -> dict[str, Tensor]:
    """Read named weights, from safetensors or from what ``torch.save(model.state_dict(), ...)`` wrote.

    Parameters
    ----------
    content
        The file.
    name
        What it is called in messages; its ending says which of the two it is.

    Raises
    ------
    DataError
        If the file is not sound, holds anything but tensors, or a weight is not finite.
    """
    state = _from_safetensors(content, name) if name.lower().endswith(".safetensors") else _from_zip(content, name)
    spread = [key for key, tensor in state.items() if tensor.layout == torch.strided and not _fills_its_storage(tensor)]
    if spread:
        problem = (
            f"has {count(len(spread), 'weight')} of more values than the file holds (first: {spread[0]!r}): a view "
            f"that repeats what is there. Save each weight in full, as .contiguous() gives it: {_SAVE}"
        )
        raise DataError(name, [problem])
    odd = [key for key, tensor in state.items() if tensor.layout != torch.strided or tensor.is_quantized]
    if odd:
        raise DataError(name, [f"holds {count(len(odd), 'weight')} of an unusual layout (first: {odd[0]!r})."])
    wrong = [key for key, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if wrong:
        problem = f"has weights that are not finite, in {count(len(wrong), 'tensor')} (first: {wrong[0]!r})."
        raise DataError(name, [problem])
    return state


def _fills_its_storage(tensor: Tensor) -> bool:
    """Whether every value has a place of its own; a few bytes may stand for any number of values otherwise."""
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def module_classifier(
    state: Mapping[str, Tensor],
    name: str,
    *,
    constructor: str,
    arguments: Mapping[str, Any],
    outputs: Outputs,
    classes: int,
) -> GivenModule:
    """Let the user's constructor make a module, and put the weights into it.

    Parameters
    ----------
    state
        Weights by name.
    name
        What their file is called in messages.
    constructor, arguments
        ``"module:function"`` that returns a `torch.nn.Module`, and its keywords.
    outputs, classes
        What the module gives, and of how many classes.

    Raises
    ------
    ConfigError
        If the constructor cannot be imported or called.
    DataError
        If the weights are not those of the module: every name and shape at fault is told.
    """
    module = _made_by(constructor, arguments)
    state = _unwrapped(state, module.state_dict())
    problems = _differences(state, module.state_dict(), constructor)
    if problems:
        raise DataError(name, problems)
    module.load_state_dict(dict(state))
    return GivenModule(module.eval(), outputs, np.arange(classes))


def _from_safetensors(content: bytes, name: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    header = int.from_bytes(content[:8], "little")
    if len(content) < 8 or header > min(len(content) - 8, _MOST_HEADER):
        problem = (
            f"announces a header of {header:,} bytes, and the file has {len(content):,}: it is cut short, or no "
            "safetensors file."
        )
        raise DataError(name, [problem])
    try:
        return load(content)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise DataError(name, ["is no sound safetensors file; is it damaged or cut short?"]) from error


def _from_zip(content: bytes, name: str) -> dict[str, Tensor]:
    members = check_zip(content, name, stored=True)
    if any(member.endswith("constants.pkl") or "/code/" in member for member in members):
        problem = f"is a TorchScript program, which is code. Save the weights alone: {_SAVE}"
        raise DataError(name, [problem])
    try:
        unsafe = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(content)))
    except Exception as error:  # whatever torch stumbles over in a stranger's file
        raise DataError(name, [f"is no sound file of torch. Save the weights again: {_SAVE}"]) from error
    if unsafe:
        problem = (
            f"holds more than weights ({some(unsafe)}), and reading that runs code, "
            f"so it is not opened. Save the weights alone: {_SAVE}"
        )
        raise DataError(name, [problem])
    try:
        # Restricted to tensors and plain containers, on an archive that was checked; torch 2.9 and earlier could be led
        # beyond that (CVE-2025-32434, CVE-2026-24747), hence the version that this package asks for.
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:
        raise DataError(name, [f"cannot be read as weights alone. Save them again: {_SAVE}"]) from error
    named = isinstance(state, Mapping) and all(isinstance(key, str) for key in state)
    if not named or not state or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise DataError(name, [f"holds something else than weights by name. Save the weights alone: {_SAVE}"])
    return dict(state)


def _made_by(constructor: str, arguments: Mapping[str, Any]) -> torch.nn.Module:
    function = import_function(constructor, whose="target.constructor")
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        msg = f"target.constructor {constructor!r} cannot be called with target.arguments: {error}."
        raise ConfigError(msg) from None
    except ValueError:  # builtins have no signature; the call itself will tell
        pass
    try:
        module = function(**arguments)
    except (Exception, SystemExit) as error:
        msg = f"target.constructor {constructor!r} raised {type(error).__name__}: {error}."
        raise ConfigError(msg) from error
    if not isinstance(module, torch.nn.Module):
        msg = f"target.constructor {constructor!r} returned a {type(module).__name__}; return a torch.nn.Module."
        raise ConfigError(msg)
    return module


def _unwrapped(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    for prefix in _WRAPPERS:
        if all(key.startswith(prefix) for key in state) and not all(key.startswith(prefix) for key in expected):
            return {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def _differences(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], constructor: str) -> list[str]:
    lacking, foreign = (sorted(set(a) - set(b)) for a, b in ((expected, state), (state, expected)))
    shapes = [
        f"{key!r} {tuple(state[key].shape)} for {tuple(expected[key].shape)}"
        for key in sorted(set(state) & set(expected))
        if state[key].shape != expected[key].shape
    ]
    told = (
        ("has not", lacking, "that the module has"),
        ("has", foreign, "that the module has not"),
        ("has", shapes, "of another shape than the module's"),
    )
    return [
        f"{verb} {count(len(found), 'weight')} {rest} ({_some(found)}). Is {constructor!r} what the model was made by, "
        "with the same arguments?"
        for verb, found, rest in told
        if found
    ]


def _some(found: Sequence[str]) -> str:
    quoted = [item if item.startswith("'") else repr(item) for item in found[:_SHOWN]]
    return ", ".join(quoted) + (", ..." if len(found) > _SHOWN else "")
