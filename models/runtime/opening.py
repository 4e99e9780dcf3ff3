"""Chooses an inference runtime and opens a verified model in it."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Literal

from models.errors import ModelRefusedError, RuntimeUnavailableError
from models.runtime import interpreter, litert, tflite
from models.runtime.edge_tpu import AcceleratorSettings, EdgeTPU
from models.runtime.isolated import Delegate
from models.runtime.ladder import LadderSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.runtime.session import FloatArray, InferenceSession
    from models.store import VerifiedModel

RuntimeName = Literal["auto", "tflite", "litert"]
Runtime = Literal["tflite", "litert"]
# In the order in which `auto` prefers them. Source: docs/accelerators.md, both measured in one run.
_MODULES: dict[Runtime, str] = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}


def installed_runtimes() -> tuple[Runtime, ...]:
    """Name the runtimes of this machine, in the order in which `auto` prefers them."""
    return tuple(name for name, module in _MODULES.items() if importlib.util.find_spec(module))


def chosen_runtime(runtime: RuntimeName = "auto") -> Runtime:
    """Say which runtime a setting stands for on this machine.

    Args:
        runtime: `auto` stands for the first of `installed_runtimes`; others for themselves.

    Raises:
        RuntimeUnavailableError: none is installed.
    """
    if runtime != "auto":
        return runtime
    installed = installed_runtimes()
    if not installed:
        raise RuntimeUnavailableError(
            "no inference runtime is installed: install ai-edge-litert or tflite-runtime"
        )
    return installed[0]


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
    name = chosen_runtime(runtime)
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


def climb(
    cpu: InferenceSession,
    compiled: VerifiedModel | None,
    vectors: Sequence[FloatArray],
    settings: AcceleratorSettings,
) -> LadderSession | None:
    """Put an accelerator above a session on the CPU, where there is something to put there.

    Args:
        cpu: the model on the CPU.
        compiled: the same network compiled for the accelerator, if there is such a file.
        vectors: inputs for the comparison of the two.
        settings: whether and how.

    Returns:
        None where the accelerator is off or has no file.

    Raises:
        InferenceError: the CPU cannot run the model.
    """
    if settings.use == "off" or compiled is None:
        return None
    # tflite-runtime first: the delegate interface is the classic one, libraries are built for it.
    runtime = settings.runtime if settings.runtime != "auto" else installed_runtimes()[-1]
    options = {**({"device": settings.device} if settings.device else {}), **settings.options}
    accelerator = EdgeTPU(
        compiled.content,
        (cpu.input_shape, *cpu.output_shapes),
        Delegate(settings.library, runtime, options),
        settings.usb_devices,
    )
    return LadderSession(cpu, accelerator, vectors, settings.policy)
