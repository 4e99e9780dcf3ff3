"""How the weights of a convolution lie in a TFLite file: exact, halved, or as int8.

int8 weights have one scale per output channel and no offset, as the runtimes want them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from models.build import tflite_file as tflite
from models.build.tflite_file import PER_CHANNEL_VERSION, Operator
from models.errors import ConversionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.build.ir import FloatArray
    from models.build.tflite_file import TFLiteFile

_LARGEST = 127
# Kernels with fewer values stay float32 beside int8. Source: TensorFlow, quantize_weights.h,
# kWeightsMinNumElementsDefault; the first convolution is below it, and matters most.
_FEWEST_QUANTISED = 1024


class KernelStorage(StrEnum):
    """What happens to the weights of convolutions; slopes stay as they are."""

    # float16 where that loses nothing, else float32.
    EXACT = "exact"
    # Rounded to float16, biases too. The runtime widens them once, when it opens the file.
    FLOAT16 = "float16"
    # int8; the runtime measures each activation's range while it runs ("dynamic range").
    INT8 = "int8"
    # The same int8, widened once when the file is opened; the runtime computes in float32.
    INT8_WEIGHTS = "int8-weights"


@dataclass(frozen=True)
class StoredKernel:
    """A kernel in the file.

    Attributes:
        index: of the tensor that the convolution takes.
        version: of the convolution's operator; None for the usual one.
    """

    index: int
    version: int | None = None


def store_kernel(
    file: TFLiteFile, name: str, kernel: FloatArray, storage: KernelStorage, *, is_depthwise: bool
) -> StoredKernel:
    """Add a kernel to a file.

    Args:
        file: being written.
        name: of the kernel.
        kernel: float32 in the operator's layout, output channels first unless depthwise.
        storage: how to store it. Small and depthwise kernels stay float32 beside int8: they save
            little, cost accuracy, and made the runtimes slower (docs/measurements/sface.md).
        is_depthwise: of DEPTHWISE_CONV_2D.

    Raises:
        ConversionError: a value is too large for float16 where that is asked for.
    """
    if storage is KernelStorage.EXACT:
        return StoredKernel(exact_constant(file, name, kernel))
    if storage is KernelStorage.FLOAT16:
        return StoredKernel(_widened(file, name, _halved(name, kernel)))
    if is_depthwise or kernel.size < _FEWEST_QUANTISED:
        return StoredKernel(file.constant(name, kernel))
    values, scales = quantise(kernel)
    if storage is KernelStorage.INT8:
        return StoredKernel(file.quantised(name, values, scales), PER_CHANNEL_VERSION)
    stored = file.quantised(f"{name} int8", values, scales)
    return StoredKernel(_dequantised(file, name, stored, kernel.shape, PER_CHANNEL_VERSION))


def store_bias(file: TFLiteFile, name: str, bias: FloatArray, storage: KernelStorage) -> int:
    """Add a bias to a file; returns its index.

    A float32 bias beside a float16 kernel made ai-edge-litert 1.4 three times as slow.
    """
    if storage is KernelStorage.FLOAT16:
        return _widened(file, name, _halved(name, bias))
    return exact_constant(file, name, bias)


def exact_constant(file: TFLiteFile, name: str, values: FloatArray) -> int:
    """Store a constant as float16 where that loses nothing, else as it is; returns its index."""
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    if not np.array_equal(halved, values):
        return file.constant(name, values)
    return _widened(file, name, halved)


def quantise(kernel: FloatArray) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a kernel to int8, symmetric, one scale per output channel.

    Args:
        kernel: (O, ...) float32, finite.

    Returns:
        (O, ...) int8 from -127 to 127, and (O,) float32; `values * scale` is nearest to the kernel.
        A channel of zeros has the scale 1.
    """
    flat = kernel.reshape(len(kernel), -1)
    largest = np.abs(flat).max(axis=1).astype(np.float64)
    scales = np.where(largest > 0, largest / _LARGEST, 1.0).astype(np.float32)
    # The smallest float32 divided by 127 is zero.
    scales[scales == 0] = 1.0
    values = np.rint(flat / scales[:, None].astype(np.float64)).clip(-_LARGEST, _LARGEST)
    return values.astype(np.int8).reshape(kernel.shape), scales


def _halved(name: str, values: FloatArray) -> NDArray[np.float16]:
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    if not np.isfinite(halved).all():
        raise ConversionError(f"{name} holds values that are too large for float16")
    return halved


def _widened(file: TFLiteFile, name: str, halved: NDArray[np.float16]) -> int:
    return _dequantised(file, name, file.constant(f"{name} float16", halved), halved.shape, None)


def _dequantised(
    file: TFLiteFile, name: str, stored: int, shape: tuple[int, ...], version: int | None
) -> int:
    return file.operation(
        Operator.DEQUANTIZE,
        [stored],
        file.tensor(name, shape),
        tflite.DEQUANTIZE_OPTIONS,
        version=version,
    )
