"""Says which operations the Edge TPU runs, and refuses a file with another one.

Source: coral.ai/docs/edgetpu/models-intro, "Supported operations" and "Model requirements", with
runtime version 13 or later; PReLU is in that list from 13 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.build.tflite_file import TENSOR_TYPES, Operator, TFLiteFile
from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.build.tflite_file import Operation

_INT8, _INT32, _FLOAT32 = (TENSOR_TYPES[name] for name in ("int8", "int32", "float32"))
_MAP_DIMENSIONS = 3


def check_operators(file: TFLiteFile) -> None:
    """Refuse a file of which the Edge TPU would not run everything between its float edges.

    The first operation may quantise the input and the last one widen the output: the CPU runs these
    two.

    Raises:
        ConversionError: it names the first operation that is not supported, and why.
    """
    for operation in file.operations[1:-1] if _has_float_edges(file) else file.operations:
        fault = _fault(file, operation)
        if fault:
            name = file.tensors[operation.outputs[0]].name
            raise ConversionError(
                f"the Edge TPU does not run {operation.operator.name} ({name}): {fault}"
            )


def _has_float_edges(file: TFLiteFile) -> bool:
    operators = [operation.operator for operation in file.operations]
    return operators[:1] == [Operator.QUANTIZE] and operators[-1:] == [Operator.DEQUANTIZE]


def _fault(file: TFLiteFile, operation: Operation) -> str:
    """Say why an operation is not supported; empty where it is."""
    if operation.operator not in _SUPPORTED:
        return "it is not in the list of supported operations"
    tensors = [file.tensors[index] for index in (*operation.inputs, *operation.outputs)]
    if any(tensor.type_number not in (_INT8, _INT32) for tensor in tensors):
        return "a tensor is neither int8 nor int32"
    if any(max(tensor.shape[:-_MAP_DIMENSIONS], default=1) > 1 for tensor in tensors[-1:]):
        return "more than the three innermost dimensions are used"
    return _SUPPORTED[operation.operator](file, operation)


def _anything(_file: TFLiteFile, _operation: Operation) -> str:
    return ""


def _pads_the_map(file: TFLiteFile, operation: Operation) -> str:
    amounts = np.frombuffer(file.values(operation.inputs[1]), "<i4").reshape(-1, 2)
    # From runtime 13 on only the batch must not be padded; older ones pad height and width alone.
    return "it pads the batch or the channels" if amounts[0].any() or amounts[-1].any() else ""


def _slopes_by_channel(file: TFLiteFile, operation: Operation) -> str:
    slopes = file.tensors[operation.inputs[1]]
    is_by_channel = all(side == 1 for side in slopes.shape[:-1])
    return "" if is_by_channel else "more than the innermost dimension of its slopes is used"


_SUPPORTED: dict[Operator, Callable[[TFLiteFile, Operation], str]] = {
    Operator.ADD: _anything,
    # The same dilation in both directions: our files have none.
    Operator.CONV_2D: _anything,
    Operator.DEPTHWISE_CONV_2D: _anything,
    Operator.LOGISTIC: _anything,
    Operator.MUL: _anything,
    Operator.PAD: _pads_the_map,
    Operator.PRELU: _slopes_by_channel,
    # Large tensors might not be mapped; ours is one vector.
    Operator.RESHAPE: _anything,
}
