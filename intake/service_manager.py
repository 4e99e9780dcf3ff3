"""Tells systemd that a service is ready and alive (sd_notify, without a library)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"


@dataclass(frozen=True)
class ServiceManager:
    """Where the service manager listens, and how often it wants to hear from us.

    Attributes:
        address: its socket; a leading ``@`` means an abstract one. Empty: nobody listens.
        interval_s: seconds after which it ends a service that was silent. None: never.

    Source: sd_notify(3), sd_watchdog_enabled(3).
    """

    address: str = ""
    interval_s: float | None = None

    @classmethod
    def here(cls) -> ServiceManager:
        """Read the environment of this process, where systemd tells its services."""
        return cls.of(os.environ)  # noqa: TID251 - no setting of ours

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ServiceManager:
        """Read what systemd sets for a service of ``Type=notify``."""
        interval = environment.get("WATCHDOG_USEC", "")
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        seconds = int(interval) / 1e6 if for_us and interval.isdecimal() else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), seconds or None)

    def tell(self, message: str) -> None:
        """Send one message; nothing happens where nobody listens."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
        ):
            channel.sendto(message.encode(), address)

    async def stay_alive(self) -> None:
        """Say at half the interval that the event loop still runs, until cancelled."""
        while self.interval_s is not None:
            self.tell(ALIVE)
            await asyncio.sleep(self.interval_s / 2)
