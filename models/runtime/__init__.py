"""Runs models: one session protocol over the inference runtimes that a machine has."""

from models.runtime.opening import RuntimeName, installed_runtimes, open_session
from models.runtime.session import FloatArray, InferenceSession

__all__ = ["FloatArray", "InferenceSession", "RuntimeName", "installed_runtimes", "open_session"]
