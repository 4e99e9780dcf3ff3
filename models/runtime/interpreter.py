"""The TFLite interpreter as an `InferenceSession`; both TFLite runtimes share its interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from models.errors import InferenceError, ModelRefusedError, RuntimeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.runtime.session import FloatArray

_IDENTIFIER = b"TFL3"  # Source: tensorflow/lite/schema/schema.fbs, file_identifier


class Interpreter(Protocol):
    """The part of a TFLite interpreter that a session uses."""

    def allocate_tensors(self) -> None: ...  # noqa: D102 -- the runtime's own interface
    def get_input_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def get_output_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def set_tensor(self, tensor_index: int, value: object) -> None: ...  # noqa: D102
    def get_tensor(self, tensor_index: int) -> Any: ...  # noqa: D102
    def invoke(self) -> None: ...  # noqa: D102


class InterpreterFactory(Protocol):
    """Makes an interpreter from a model's bytes."""

    def __call__(
        self,
        *,
        model_content: bytes,
        num_threads: int,
        experimental_delegates: Sequence[object] | None,
    ) -> Interpreter:
        """Load the model; raises ValueError or RuntimeError when it cannot."""


class DelegateLoader(Protocol):
    """Opens an external delegate."""

    def __call__(self, library: str, options: Mapping[str, str]) -> object:
        """Load the library and make the delegate; raises ValueError or OSError when it cannot."""


class TFLiteSession:
    """One model in a TFLite interpreter, XNNPACK included as the runtime's own default.

    Attributes:
        runtime: name of the runtime.
        input_shape: of the one input, batch included.
        output_shapes: batch included, in the order asked for when the session was opened.
    """

    def __init__(
        self, runtime: str, interpreter: Interpreter, output_sizes: Sequence[Sequence[int]]
    ) -> None:
        self.runtime = runtime
        self._interpreter = interpreter
        inputs = interpreter.get_input_details()
        if len(inputs) != 1 or inputs[0]["dtype"] is not np.float32:
            raise ModelRefusedError("a model must take one float32 input")
        self._input_index = int(inputs[0]["index"])
        self.input_shape: tuple[int, ...] = tuple(int(n) for n in inputs[0]["shape"])
        chosen = [_output_of_shape(interpreter, shape) for shape in output_sizes]
        self._output_indices = [int(output["index"]) for output in chosen]
        self.output_shapes = tuple(tuple(int(n) for n in output["shape"]) for output in chosen)

    def run(self, values: FloatArray) -> tuple[FloatArray, ...]:
        """Run the model once; see `InferenceSession.run`."""
        try:
            self._interpreter.set_tensor(self._input_index, values)
            self._interpreter.invoke()
            return tuple(self._interpreter.get_tensor(index) for index in self._output_indices)
        except (ValueError, RuntimeError) as error:
            raise InferenceError(f"{self.runtime} could not run the model: {error}") from error


def load(
    runtime: str,
    factory: InterpreterFactory,
    content: bytes,
    *,
    outputs: Sequence[Sequence[int]],
    threads: int = 1,
    delegates: Sequence[object] = (),
) -> TFLiteSession:
    """Load a model into an interpreter.

    The runtimes trust the file: a truncated one can crash the process. Only bytes that
    `ModelStore.load` verified belong here.

    Args:
        runtime: name of the runtime, for messages.
        factory: the runtime's interpreter class.
        content: a .tflite file.
        outputs: shapes of the wanted outputs, without the batch, in the wanted order.
        threads: CPU threads, > 0.
        delegates: from `open_delegate` of the same runtime.

    Raises:
        ModelRefusedError: the runtime cannot load it, or it lacks one of the outputs.
    """
    if content[4:8] != _IDENTIFIER:
        raise ModelRefusedError(f"{runtime} cannot load the model: it is no TFLite file")
    try:
        interpreter = factory(
            model_content=content, num_threads=threads, experimental_delegates=[*delegates] or None
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelRefusedError(f"{runtime} cannot load the model: {error}") from error
    return TFLiteSession(runtime, interpreter, outputs)


def open_delegate(loader: DelegateLoader, library: str, options: Mapping[str, str]) -> object:
    """Open an external delegate for `load`; it can hang or crash the process.

    Args:
        loader: the runtime's own.
        library: file name, searched for as the dynamic linker does, or path.
        options: of the delegate.

    Raises:
        RuntimeUnavailableError: the library is not there, or it finds no device.
    """
    try:
        return loader(library, options)
    except OSError as error:
        raise RuntimeUnavailableError(
            f"the delegate {library} cannot be loaded: {error}; docs/accelerators.md says how to"
            " install it"
        ) from error
    except (ValueError, RuntimeError) as error:
        _, _, reason = str(error).partition("\n")  # the first line names the library
        raise RuntimeUnavailableError(
            f"the delegate {library} finds no device it can use: {reason.strip() or error}"
        ) from error


def _output_of_shape(interpreter: Interpreter, shape: Sequence[int]) -> dict[str, Any]:
    outputs = interpreter.get_output_details()
    found = [out for out in outputs if tuple(out["shape"][1:]) == tuple(shape)]
    if len(found) != 1 or found[0]["dtype"] is not np.float32:
        have = [tuple(int(n) for n in out["shape"][1:]) for out in outputs]
        raise ModelRefusedError(
            f"the model must have one float32 output of shape {tuple(shape)}; it has {have}"
        )
    return found[0]
