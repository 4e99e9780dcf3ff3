"""The only home of tflite-runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from models.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from models.runtime.interpreter import DelegateLoader, InterpreterFactory


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


def delegate_loader() -> DelegateLoader:
    """Give tflite-runtime's loader of external delegates.

    Raises:
        RuntimeUnavailableError: it is not installed.
    """
    try:
        from tflite_runtime.interpreter import load_delegate
    except ImportError as error:
        raise RuntimeUnavailableError("tflite-runtime is not installed") from error
    return cast("DelegateLoader", load_delegate)
