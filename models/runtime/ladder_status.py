"""Which rung of the ladder serves, since when and why: for the health strip and the log."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.errors import AcceleratorFault

logger = logging.getLogger(__name__)


class Rung(StrEnum):
    """What runs the model."""

    ACCELERATOR = "edgetpu"
    CPU = "cpu"
    NONE = "none"


@dataclass(frozen=True)
class LadderStatus:
    """The ladder at a moment.

    Attributes:
        rung: what runs the model.
        since: UTC, when this rung began to serve, or to be a makeshift; another fault of the
            accelerator meanwhile does not change it.
        fault: why the accelerator does not serve; None while it does, is being tried for the first
            time or is not asked for.
        message: for people, in English; may name files, never a person.
    """

    rung: Rung
    since: datetime
    fault: AcceleratorFault | None = None
    message: str = ""


class StatusBoard:
    """Holds the status; logs and tells a listener when it changes. For any thread."""

    def __init__(
        self, message: str, on_change: Callable[[LadderStatus], None] | None = None
    ) -> None:
        """Begin on the CPU.

        Args:
            message: why, in words.
            on_change: called with each new status, in the thread that brought it about.
        """
        self._lock = threading.Lock()
        self._on_change = on_change
        self._status = LadderStatus(Rung.CPU, datetime.now(UTC), None, message)

    @property
    def status(self) -> LadderStatus:
        """The status now."""
        return self._status

    def show(self, rung: Rung, fault: AcceleratorFault | None = None, message: str = "") -> None:
        """Set the status; nothing happens where rung and fault are as before."""
        with self._lock:
            before = self._status
            if (before.rung, before.fault) == (rung, fault):
                return
            goes_on = before.rung is rung and before.fault is not None and fault is not None
            now = datetime.now(UTC)
            status = LadderStatus(rung, before.since if goes_on else now, fault, message)
            self._status = status
        _log(before, status, (now - before.since).total_seconds())
        if self._on_change is not None:
            self._on_change(status)


def _log(before: LadderStatus, now: LadderStatus, lasted_s: float) -> None:
    if now.rung is Rung.NONE:
        logger.error("Nothing runs the model any more: %s", now.message)
    elif now.rung is Rung.ACCELERATOR:
        logger.info("The accelerator serves; the CPU did for %.1f s", lasted_s)
    elif before.rung is Rung.NONE:
        logger.info("The CPU runs the model again after %.1f s", lasted_s)
    elif before.rung is Rung.ACCELERATOR or before.fault is None:
        logger.warning("The CPU serves in place of the accelerator: %s", now.message)
    else:
        logger.debug("The accelerator is out for another reason: %s", now.message)
