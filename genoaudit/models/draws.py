"""The random draws of a network's training, made where another engine can make them too.

=======  ============================================================================================================
stream   draws, in order
=======  ============================================================================================================
init     `initial_parameters`: the weight matrix of each layer, first layer first
order    `batch_order`: one permutation of the training samples at the start of each epoch
masks    `dropout_mask`: for each batch, one mask for each hidden layer, first layer first; none with ``dropout=0``
mixes    `mixup_draw`: for each batch, a share and a partner for each sample; none with ``mixup=0``
coins    `poisson_patients`: under DP, one coin per patient for each step; then no ``order`` is drawn
noise    `private_noise`: under DP, the first layer's noise, then that of all later parameters, for each step
watch    `held_out_patients`: who is held out to say when to stop; nothing without early stopping
=======  ============================================================================================================

Under DP, masks are drawn for each step's samples in the order of the cohort; a step without samples draws none.

`random_streams` makes the seven independent streams from ``random_state``. A batch is a run of ``batch_size``
consecutive entries of the permutation; the last one of an epoch may be shorter and is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from genoaudit.contracts import BoolArray, IntArray

FloatMatrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RandomStreams:
    """The independent streams of one training: none moves when another is read."""

    init: np.random.Generator
    order: np.random.Generator
    masks: np.random.Generator
    mixes: np.random.Generator
    coins: np.random.Generator
    noise: np.random.Generator
    watch: np.random.Generator


def random_streams(random_state: int | np.random.RandomState | None) -> RandomStreams:
    """Make the streams of one training: four 32-bit words are drawn from `random_state` for each.

    Examples
    --------
    >>> random_streams(7).order.permutation(5).tolist() == random_streams(7).order.permutation(5).tolist()
    True
    """
    from sklearn.utils import check_random_state

    words = check_random_state(random_state).randint(0, 2**32, size=(7, 4), dtype=np.uint32)
    return RandomStreams(*(np.random.default_rng(four) for four in words))


def initial_parameters(
    widths: Sequence[int], rng: np.random.Generator
) -> tuple[list[FloatMatrix], list[NDArray[np.float32]]]:
    """Draw Gaussian weights of variance 2 / fan-in (He et al., ICCV 2015) and zero biases.

    Parameters
    ----------
    widths
        Number of genes, width of each hidden layer, number of classes.
    rng
        The ``init`` stream.

    Returns
    -------
    Weight matrices [inputs, outputs] and biases [outputs] of each layer, float32.

    Examples
    --------
    >>> weights, biases = initial_parameters((50, 8, 3), random_streams(0).init)
    >>> [w.shape for w in weights], [b.tolist() for b in biases][-1]
    ([(50, 8), (8, 3)], [0.0, 0.0, 0.0])
    """
    weights, biases = [], []
    for inputs, outputs in pairwise(widths):
        draw = rng.standard_normal((inputs, outputs), dtype=np.float32)
        weights.append(draw * np.float32(math.sqrt(2 / inputs)))
        biases.append(np.zeros(outputs, dtype=np.float32))
    return weights, biases


def batch_order(samples: int, rng: np.random.Generator) -> IntArray:
    """Draw the order in which one epoch visits its training samples; int [samples]."""
    return rng.permutation(samples)


def dropout_mask(samples: int, width: int, *, dropout: float, rng: np.random.Generator) -> FloatMatrix:
    """Draw the factors of one hidden layer for one batch: 0 with probability `dropout`, else 1 / (1 - dropout).

    Returns
    -------
    float32 [samples, width]; expectation 1, so that scoring needs no correction (Srivastava et al., JMLR 2014).
    """
    keep = rng.random((samples, width), dtype=np.float32) >= dropout
    return keep * np.float32(1 / (1 - dropout))


def mixup_draw(samples: int, *, alpha: float, rng: np.random.Generator) -> tuple[float, IntArray]:
    """Draw one batch's mixing (Zhang, Cisse, Dauphin, Lopez-Paz, ICLR 2018).

    Returns
    -------
    The share from Beta(alpha, alpha), and each sample's partner in the batch, [samples]: sample ``i`` becomes ``share``
    of itself and ``1 - share`` of its partner, and so does its loss.
    """
    return float(rng.beta(alpha, alpha)), rng.permutation(samples)


def poisson_patients(patients: int, *, rate: float, rng: np.random.Generator) -> BoolArray:
    """Toss each patient's coin for one step of DP-SGD; bool [patients], in the order of their codes."""
    return rng.random(patients) < rate


def private_noise(
    inputs: int, units: int, later: int, rng: np.random.Generator
) -> tuple[FloatMatrix, NDArray[np.float32]]:
    """Draw standard normal numbers for one step of DP-SGD.

    Parameters
    ----------
    inputs, units
        Shape of the first layer: genes, or coordinates that stand for them, and its width.
    later
        Number of all other parameters: the weights of the later layers [outputs, inputs], the biases of all layers,
        the gains and the shifts of all layer norms, each from the genes upwards.

    Returns
    -------
    float32 [inputs, units] and [later].
    """
    return rng.standard_normal((inputs, units), dtype=np.float32), rng.standard_normal(later, dtype=np.float32)


def held_out_patients(classes: IntArray, *, share: float, rng: np.random.Generator) -> IntArray:
    """Draw the patients on whose samples training does not train but decides when to stop.

    Patients are ordered by class, at random within each, and taken at equal distances, so that every class is held out
    in proportion as nearly as whole patients allow. One patient of every class always stays, chosen at random.

    Parameters
    ----------
    classes
        Class of each patient; [patients].
    share
        Share of all patients to hold out; at least one is, if any can be.
    rng
        The ``watch`` stream.

    Returns
    -------
    Numbers of the patients, ascending; int.

    Examples
    --------
    >>> held_out_patients(np.repeat([0, 1], [8, 4]), share=0.25, rng=random_streams(0).watch).size
    3
    """
    order = np.lexsort((rng.permutation(len(classes)), classes))
    free = order[np.diff(classes[order], prepend=-1) == 0]
    count = min(max(1, round(share * len(classes))), len(free))
    places = np.floor((np.arange(count) + rng.random()) * len(free) / max(count, 1)).astype(np.intp)
    return np.sort(free[places])
