"""dlib's face recognition network as a TensorFlow graph. Needs the build group.

Source: the network definition in dlib's dnn_face_recognition_ex.cpp (`anet_type`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from models.build.dlib_dat import CHANNELS, CONV_COUNT, ConvLayer, DlibNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

# A TensorFlow tensor; TensorFlow ships no types.
Tensor = Any


def build_graph(network: DlibNetwork) -> Callable[[Tensor], Tensor]:
    """Give the function from normalised chips to their descriptors.

    Args:
        network: as read from the .dat, `CONV_COUNT` convolutions.

    Returns:
        (N, 150, 150, 3) float32 RGB, mean subtracted and divided by 256 -> (N, 128) float32.
    """

    def descriptors(chips: Tensor) -> Tensor:
        stem, *rest = network.convs
        x = tf.nn.max_pool2d(tf.nn.relu(_conv(chips, stem)), 3, 2, "VALID")
        for channels, first, second in zip(CHANNELS, rest[::2], rest[1::2], strict=True):
            x = _residual(x, channels, first, second)
        return tf.matmul(tf.reduce_mean(x, [1, 2]), tf.constant(network.projection))

    if len(network.convs) != CONV_COUNT:
        raise ValueError(f"{CONV_COUNT} convolutions expected, got {len(network.convs)}")
    return descriptors


def _residual(x: Tensor, channels: int, first: ConvLayer, second: ConvLayer) -> Tensor:
    branch = _conv(tf.nn.relu(_conv(x, first)), second)
    shortcut = tf.nn.avg_pool2d(x, 2, 2, "VALID") if first.stride == 2 else x
    side_px = max(branch.shape[1], shortcut.shape[1])
    return tf.nn.relu(_grow(branch, side_px, channels) + _grow(shortcut, side_px, channels))


def _conv(x: Tensor, layer: ConvLayer) -> Tensor:
    if layer.padding not in (0, layer.kernel.shape[2] // 2):
        raise ValueError(f"padding {layer.padding} is neither valid nor same")
    kernel = tf.constant(np.ascontiguousarray(layer.kernel.transpose(2, 3, 1, 0)))
    scheme = "SAME" if layer.padding else "VALID"
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, layer.stride, scheme), layer.bias)


def _grow(x: Tensor, side_px: int, channels: int) -> Tensor:
    """Pad with zeros at the bottom, the right and behind the last channel, as dlib's add does."""
    rows, columns, depth = side_px - x.shape[1], side_px - x.shape[2], channels - x.shape[3]
    if not (rows or columns or depth):
        return x
    return tf.pad(x, [[0, 0], [0, rows], [0, columns], [0, depth]])
