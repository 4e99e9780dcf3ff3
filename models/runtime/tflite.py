"""The only home of tflite-runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from models.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from models.runtime.interpreter import InterpreterFactory


def interpreter_factory() -> InterpreterFactory:
    """Give tflite-runtime's interpreter class.

    Raises:
        RuntimeUnavailableError: it is not installed.
    """
    try:
        from tflite_runtime.interpreter import Interpreter
    except ImportError as error:
        raise RuntimeUnavailableError("tflite-runtime is not installed") from error
    return cast("InterpreterFactory", Interpreter)
