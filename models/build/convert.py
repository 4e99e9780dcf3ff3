"""From a TensorFlow graph to the bytes of a TFLite file. Needs the build group."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.build.dlib_resnet import Tensor

    Ranges = Sequence[tuple[float, float]]


class Precision(StrEnum):
    """How a file stores its weights; input and output are float32 in each."""

    # The runtime widens the weights once, when it opens the file, and computes in float32.
    FLOAT16 = "float16"
    # Weights int8 with a scale per output channel; the runtime measures each activation's range
    # while it runs ("dynamic range"), so no calibration pictures are needed.
    INT8 = "int8"
    # Everything int8 with fixed ranges, as the Edge TPU needs it: the graph says the ranges.
    FULL_INT8 = "full-int8"


def to_tflite(graph: Callable[[Tensor], Tensor], side_px: int, precision: Precision) -> bytes:
    """Convert a graph for one picture a call.

    Args:
        graph: (1, side_px, side_px, 3) float32 -> (1, dimension) float32.
        side_px: edge of the input.
        precision: how the weights are stored; for `FULL_INT8` the graph must be one that
            `within` was the observer of.
    """
    spec = tf.TensorSpec([1, side_px, side_px, 3], tf.float32, name="chip")
    function = tf.function(graph, input_signature=[spec]).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision is Precision.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def within(ranges: Ranges) -> Callable[[Tensor, int], Tensor]:
    """Give an observer, see `build_graph`, that rounds each map to 8 bits of its range.

    Args:
        ranges: by the map's number, the least and the largest value.
    """

    def rounded(values: Tensor, number: int) -> Tensor:
        least, largest = ranges[number]
        # Zero must be among the values: padding is exact then.
        return tf.quantization.fake_quant_with_min_max_args(values, min(least, 0.0), largest)

    return rounded
