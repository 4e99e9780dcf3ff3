"""What the stages ask of an inference runtime."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class InferenceSession(Protocol):
    """One loaded model. Used by one thread at a time."""

    @property
    def runtime(self) -> str:
        """Name of the runtime that runs it."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the one input, batch included."""

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs, batch included, in the order of `run`'s answer."""

    def run(self, values: FloatArray) -> tuple[FloatArray, ...]:
        """Run the model once.

        Args:
            values: float32 of `input_shape`. Not modified.

        Returns:
            One array per output, which stay valid after the next run.

        Raises:
            InferenceError: the runtime failed, or the values have the wrong shape.
        """
