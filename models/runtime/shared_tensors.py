"""The tensors that this process and a runtime in another process both see."""

from __future__ import annotations

import math
import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.runtime.session import FloatArray

Shape = tuple[int, ...]


class SharedTensors:
    """One input and some outputs, float32, one after the other in anonymous memory (memfd).

    The memory has no name: nothing is left behind however either side dies.

    Attributes:
        values: what the model takes.
        answers: what it gives, one array per output.
    """

    def __init__(self, descriptor: int, shapes: Sequence[Shape]) -> None:
        """Map the memory.

        Args:
            descriptor: of a memfd of at least `size_bytes(shapes)`; it stays open.
            shapes: of the input, then of each output, batch included.
        """
        self._memory = mmap.mmap(descriptor, size_bytes(shapes))
        arrays: list[FloatArray] = []
        start = 0
        for shape in shapes:
            count = math.prod(shape)
            flat = np.frombuffer(self._memory, np.float32, count, start)
            arrays.append(flat.reshape(shape))
            start += count * 4
        self.values: FloatArray = arrays[0]
        self.answers: tuple[FloatArray, ...] = tuple(arrays[1:])


def size_bytes(shapes: Sequence[Shape]) -> int:
    """Say how much memory the tensors take."""
    return sum(math.prod(shape) for shape in shapes) * 4


def reserve(name: str, content: bytes | int) -> int:
    """Make anonymous memory.

    Args:
        name: for those who look into /proc.
        content: what is in it, or how many bytes of zeros.

    Returns:
        Its descriptor, which the caller closes.
    """
    descriptor = os.memfd_create(name)
    if isinstance(content, int):
        os.ftruncate(descriptor, content)
    else:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
    return descriptor
