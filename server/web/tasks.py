"""Background work: what app.py starts with the server and stops with it."""

from typing import Protocol


class BackgroundTask(Protocol):
    """Something that runs beside the requests, in its own threads."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """End; returns when its threads have."""
