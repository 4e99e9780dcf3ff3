"""The only home of ai-edge-litert."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from models.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    from models.runtime.interpreter import DelegateLoader, InterpreterFactory


def interpreter_factory() -> InterpreterFactory:
    """Give ai-edge-litert's interpreter class.

    Raises:
        RuntimeUnavailableError: it is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise RuntimeUnavailableError("ai-edge-litert is not installed") from error
    return cast("InterpreterFactory", Interpreter)


def delegate_loader() -> DelegateLoader:
    """Give ai-edge-litert's loader of external delegates.

    Raises:
        RuntimeUnavailableError: it is not installed.
    """
    try:
        from ai_edge_litert.interpreter import load_delegate
    except ImportError as error:
        raise RuntimeUnavailableError("ai-edge-litert is not installed") from error
    return cast("DelegateLoader", load_delegate)
