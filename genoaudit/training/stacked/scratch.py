"""Memory that is used again and again."""

from __future__ import annotations

import math

from torch import Tensor


class Scratch:
    """Memory kept from chunk to chunk and step to step: fresh pages can cost more than the arithmetic done on them."""

    def __init__(self) -> None:
        self._kept: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int, like: Tensor) -> Tensor:
        """Return an uninitialised array; the last one taken under this name is overwritten."""
        size = math.prod(shape)
        if name not in self._kept or self._kept[name].numel() < size:
            self._kept[name] = like.new_empty(size)
        return self._kept[name][:size].view(shape)
