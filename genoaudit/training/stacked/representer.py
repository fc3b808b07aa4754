"""The first layer of many models, written in the rows of their own members.

Trained by gradient descent, the first layer of model s stays ``W = c W0 + A^T X_m`` with X_m its member rows: the
gradient of a batch adds a multiple of ``delta`` to the batch rows of the velocity of A, and everything else is a
scalar recurrence.

Momentum and L2 move every row of A and V at every step, by the same 2 x 2 matrix M. To touch as little memory as
possible we keep ``A = a A~`` and ``U = V + theta A = u U~`` with scalars a, u, theta such that M acts on U by a
factor alone. theta follows ``theta' = (theta M11 - M10) / (M00 - theta M01)``; a step is then one scatter into U~ and
one pass over A~.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from genoaudit.errors import TrainingError

_SMALLEST = 1e-6
"""Scalars below this are multiplied into their arrays: far from underflow in float32, and rare."""

_LARGEST = 1e30
"""A factor of the initial weights beyond this is divergence; float32 ends not far above."""


@dataclass(frozen=True)
class Sgd:
    """One step of `torch.optim.SGD`, as the matrix M on ``(parameter, velocity)`` and what a gradient adds to both."""

    rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    @property
    def gradient_gain(self) -> float:
        """What a gradient adds to the parameter; to the velocity it adds itself."""
        return -self.rate * (1 + self.momentum) if self.nesterov else -self.rate

    @property
    def matrix(self) -> tuple[float, float, float, float]:
        """M00, M01, M10, M11."""
        carried = self.momentum**2 if self.nesterov else self.momentum
        return 1 + self.gradient_gain * self.weight_decay, -self.rate * carried, self.weight_decay, self.momentum

    def step_scalars(self, parameter: float, velocity: float) -> tuple[float, float]:
        """Step two scalars that get no gradient."""
        m00, m01, m10, m11 = self.matrix
        return m00 * parameter + m01 * velocity, m10 * parameter + m11 * velocity

    def step(self, parameter: Tensor, velocity: Tensor, gradient: Tensor) -> None:
        """Step an ordinary parameter in place; `gradient` is overwritten."""
        if self.weight_decay:
            gradient.add_(parameter, alpha=self.weight_decay)
        velocity.mul_(self.momentum).add_(gradient)
        if self.nesterov:
            parameter.add_(gradient, alpha=-self.rate).add_(velocity, alpha=-self.rate * self.momentum)
        else:
            parameter.add_(velocity, alpha=-self.rate)


class Representer:
    """The first layers of S models in coordinates.

    Parameters
    ----------
    coordinates, velocities
        Memory for A and V, [S, width, units], zero at the start; overwritten.
    """

    def __init__(self, coordinates: Tensor, velocities: Tensor) -> None:
        self._shape = coordinates.shape
        self._a_array = coordinates.view(-1, self._shape[-1])
        self._u_array = velocities.view(-1, self._shape[-1])
        self._a, self._u, self._theta = 1.0, 1.0, 0.0
        self.start, self._start_velocity = 1.0, 0.0

    @property
    def scale(self) -> float:
        """Factor of `array`."""
        return self._a

    @property
    def array(self) -> Tensor:
        """A / scale, [S, width, units]."""
        return self._a_array.view(self._shape)

    def step(self, delta: Tensor, rows: Tensor, sgd: Sgd) -> None:
        """Take one optimiser step.

        Parameters
        ----------
        delta
            Gradient by the pre-activations, [S * batch, units]; overwritten.
        rows
            Row ``model * width + position`` of each row of delta, expanded to its shape. A row may come twice.
        sgd
            The step.
        """
        self.start, self._start_velocity = sgd.step_scalars(self.start, self._start_velocity)
        if not abs(self.start) < _LARGEST:
            msg = "the initial weights grow without bound. Lower learning_rate or weight_decay."
            raise TrainingError(msg)
        m00, m01, m10, m11 = sgd.matrix
        if m11 == 0:  # no momentum: the velocity is forgotten at once
            self._a *= m00
            self._renormalise()
            self._a_array.scatter_add_(0, rows, delta.mul_(sgd.gradient_gain / self._a))
            return
        self._regauge(sgd)
        alpha = m00 - self._theta * m01
        theta = (self._theta * m11 - m10) / alpha
        factor = m11 + theta * m01
        gain = 1 + theta * sgd.gradient_gain
        beta = m01 / factor
        self._theta, self._a, self._u = theta, self._a * alpha, self._u * factor
        self._renormalise()
        self._u_array.scatter_add_(0, rows, delta.mul_(gain / self._u))
        self._a_array.add_(self._u_array, alpha=beta * self._u / self._a)
        rest = sgd.gradient_gain - beta * gain  # zero but for Nesterov
        if abs(rest) > 1e-12 * abs(sgd.gradient_gain):
            self._a_array.scatter_add_(0, rows, delta.mul_(rest / self._a * self._u / gain))

    def _regauge(self, sgd: Sgd) -> None:
        # Strong L2 with strong momentum makes M rotate; theta then runs away and is set back to 0 in time.
        m00, m01, _, _ = sgd.matrix
        if abs(m00 - self._theta * m01) < 0.5 or abs(self._theta * sgd.gradient_gain) > 0.5:
            self._u_array.mul_(self._u).add_(self._a_array, alpha=-self._theta * self._a)
            self._u, self._theta = 1.0, 0.0

    def _renormalise(self) -> None:
        if abs(self._u) < _SMALLEST:
            self._u_array.mul_(self._u)
            self._u = 1.0
        if abs(self._a) < _SMALLEST:
            self._a_array.mul_(self._a)
            self._a = 1.0
