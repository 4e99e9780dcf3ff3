"""Runs models: one session protocol over the runtimes and accelerators that a machine has."""

from models.runtime.attempts import LadderPolicy
from models.runtime.edge_tpu import AcceleratorSettings
from models.runtime.ladder import LadderSession
from models.runtime.ladder_status import LadderStatus, Rung
from models.runtime.opening import (
    Runtime,
    RuntimeName,
    chosen_runtime,
    climb,
    installed_runtimes,
    open_session,
)
from models.runtime.session import FloatArray, InferenceSession

__all__ = [
    "AcceleratorSettings",
    "FloatArray",
    "InferenceSession",
    "LadderPolicy",
    "LadderSession",
    "LadderStatus",
    "Rung",
    "Runtime",
    "RuntimeName",
    "chosen_runtime",
    "climb",
    "installed_runtimes",
    "open_session",
]
