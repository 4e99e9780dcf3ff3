"""dlib's face recognition network as a TensorFlow graph. Needs the build group.

Source: the network definition in dlib's dnn_face_recognition_ex.cpp (`anet_type`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import tensorflow as tf

from models.build.dlib_dat import CHANNELS, CONV_COUNT, ConvLayer, DlibNetwork

# A TensorFlow tensor; TensorFlow ships no types.
Tensor = Any


# Sees each map that an int8 file quantises, with its number from the input on; gives it back.
Observer = Callable[[Tensor, int], Tensor]


def build_graph(
    network: DlibNetwork, observe: Observer = lambda values, _: values
) -> Callable[[Tensor], Tensor]:
    """Give the function from normalised chips to their descriptors.

    Args:
        network: as read from the .dat, `CONV_COUNT` convolutions.
        observe: is given the input and what every convolution, sum, mean and product gives, and
            puts in their place what it returns.

    Returns:
        (N, 150, 150, 3) float32 RGB, mean subtracted and divided by 256 -> (N, 128) float32.
    """

    def descriptors(chips: Tensor) -> Tensor:
        numbers = count()

        def seen(values: Tensor) -> Tensor:
            return observe(values, next(numbers))

        stem, *rest = network.convs
        x = tf.nn.relu(_conv(seen(chips), stem))
        x = tf.nn.max_pool2d(seen(x), 3, 2, "VALID")
        for channels, first, second in zip(CHANNELS, rest[::2], rest[1::2], strict=True):
            branch = seen(_conv(seen(tf.nn.relu(_conv(x, first))), second))
            x = seen(tf.nn.relu(_sum(x, branch, channels, stride=first.stride)))
        mean = seen(tf.reduce_mean(x, [1, 2]))
        return seen(tf.matmul(mean, tf.constant(network.projection)))

    if len(network.convs) != CONV_COUNT:
        raise ValueError(f"{CONV_COUNT} convolutions expected, got {len(network.convs)}")
    return descriptors


def _sum(x: Tensor, branch: Tensor, channels: int, *, stride: int) -> Tensor:
    shortcut = tf.nn.avg_pool2d(x, 2, 2, "VALID") if stride == 2 else x
    side_px = max(branch.shape[1], shortcut.shape[1])
    return _grow(branch, side_px, channels) + _grow(shortcut, side_px, channels)


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
