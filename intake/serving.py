"""The process of an HTTP service: certificates, garbage collection, its start and its end."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import uvicorn

from intake.draining import drain
from intake.service_manager import READY, STOPPING, ServiceManager
from intake.tls import ServedCertificate, drop_idle

if TYPE_CHECKING:
    import socket


class SettledServer(uvicorn.Server):
    """Takes a renewed certificate, and keeps what exists at startup out of garbage collection.

    Modules, tables and endpoints are some 180,000 objects. Without this, a collection scans all of
    them and delays a response by 0.05 to 0.1 s.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        served: ServedCertificate | None = None,
        *,
        thresholds: tuple[int, int, int] | None = None,
    ) -> None:
        """Prepare a server.

        Args:
            config: what it serves.
            served: its certificate, if it has one.
            thresholds: new objects before the collector looks at them, and looks before it looks
                at older ones. None: those of Python.
        """
        super().__init__(config)
        self._served = served
        self._thresholds = thresholds
        self._manager = ServiceManager.here()
        self._running: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        if self._served is not None:
            self._running.append(asyncio.create_task(self._served.follow()))
        gc.collect()
        gc.freeze()
        if self._thresholds is not None:
            gc.set_threshold(*self._thresholds)
        if self.started:
            self._manager.tell(READY)
            self._running.append(asyncio.create_task(self._manager.stay_alive()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        self._manager.tell(STOPPING)
        await drain(sockets or [], lambda: self.server_state.connections)
        if self._served is not None:
            drop_idle(self.server_state.connections)
        await super().shutdown(sockets)
