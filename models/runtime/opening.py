"""Chooses an inference runtime and opens a verified model in it."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Literal, assert_never

from models.errors import ModelRefusedError, RuntimeUnavailableError
from models.runtime import interpreter, litert, tflite

if TYPE_CHECKING:
    from models.runtime.session import InferenceSession
    from models.store import VerifiedModel

RuntimeName = Literal["auto", "tflite", "litert"]
_MODULES: dict[RuntimeName, str] = {"tflite": "tflite_runtime", "litert": "ai_edge_litert"}


def installed_runtimes() -> tuple[RuntimeName, ...]:
    """Name the runtimes of this machine, in the order in which `auto` prefers them."""
    return tuple(name for name, module in _MODULES.items() if importlib.util.find_spec(module))


def open_session(
    model: VerifiedModel, *, runtime: RuntimeName = "auto", threads: int = 1
) -> InferenceSession:
    """Load a model into a runtime.

    Args:
        model: from `ModelStore.load`.
        runtime: `auto` takes the first of `installed_runtimes`.
        threads: CPU threads, > 0.

    Raises:
        RuntimeUnavailableError: the runtime, or any runtime for `auto`, is not installed.
        ModelRefusedError: the runtime cannot load the file, or it is not what its card says.
    """
    name = _chosen(runtime)
    factory = litert.interpreter_factory() if name == "litert" else tflite.interpreter_factory()
    session = interpreter.load(
        _MODULES[name], factory, model.content, outputs=model.card.outputs, threads=threads
    )
    expected = (1, model.card.input.height_px, model.card.input.width_px, 3)
    if session.input_shape != expected:
        raise ModelRefusedError(
            f"the model {model.file.name} takes {session.input_shape}, its card says {expected}"
        )
    return session


def _chosen(runtime: RuntimeName) -> Literal["tflite", "litert"]:
    if runtime == "auto":
        runtime = next(iter(installed_runtimes()), "auto")
    match runtime:
        case "tflite" | "litert":
            return runtime
        case "auto":
            raise RuntimeUnavailableError(
                "no inference runtime is installed: install tflite-runtime or ai-edge-litert"
            )
        case _:
            assert_never(runtime)
