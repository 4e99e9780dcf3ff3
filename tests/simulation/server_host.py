"""A server of the simulation: the real application, writer and housekeeping, without threads."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

import server.app
from server.app import create_app
from server.attendance.tasks import QuarantineUpkeep
from server.certificates.links import Links
from server.config import Settings
from tests.simulation.ambient import VirtualLoop
from tests.simulation.errors import Crash, Suspended
from tests.simulation.links import Place
from tests.simulation.network import Answer
from tests.simulation.world import Host, World

ROUND_S = 900.0
NIGHT_ROUND_S = 7200.0
RETRY_S = 5.0
_routes: list[Any] = []


class ServerHost(Host):
    """A server process; several of them may share one database and data folder."""

    def __init__(self, world: World, name: str, folder: Path, loop: VirtualLoop) -> None:
        super().__init__(world, name, folder)
        self._loop = loop
        self._is_poked = False
        self._arrivals: list[Any] = []
        self.settings = Settings(
            data_dir=folder, timezone="UTC", school_name="Simulated School", broker_host="broker"
        )
        self.database: Any = None
        self.tasks: Any = None

    def start(self) -> None:
        """Open the database and begin to serve."""
        self.incarnation += 1
        self.is_up = True
        self._arrivals = []
        self._is_poked = False
        with self.running():
            try:
                self._open()
            except (Crash, OperationalError) as exc:  # a full disk ends the start, too
                self.world.note(f"{self.name} does not start: {type(exc).__name__}")
                self.crashed()
                return
        self.world.note(f"{self.name} is up")
        self._rounds(self.incarnation)

    def _open(self) -> None:
        """Do what the process does at its start, threads aside."""
        self._app = self._application()
        self._lifespan = server.app._lifespan(self._app, Links.of(self.settings))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(server.app, "upgrade", lambda _database, **_options: None)
            self._loop.run_until_complete(self._lifespan.__aenter__())
        services = self._app.state.services
        self.database = services.database
        self.tasks = services.admit_kiosk.__self__
        self._upkeep = QuarantineUpkeep(self.database)

    def stop(self) -> None:
        """End the process in good order."""
        if self.is_up:
            self.fuse = None
            with self.running():
                self._loop.run_until_complete(self._lifespan.__aexit__(None, None, None))
            self._down()

    def crashed(self) -> None:
        """Bury the process: transactions that were open are rolled back by the database."""
        self._frozen = None
        if self.tasks is not None:
            Place.broker.disconnect(self.tasks._link._name, self.tasks._link, is_clean=False)
            self.tasks._link.is_connected = False
        self._down()
        self.world.later(self.world.chance.uniform(5, 900), "start server", self._start_again)

    def _start_again(self) -> None:
        if not self.is_up:
            self.start()

    def freeze(self) -> None:
        """Keep nothing: the database file is shared, and rolls back what was not committed."""

    def _down(self) -> None:
        self.is_up = False
        self.fuse = None
        if self.database is not None:
            self.database.close()
        self.close_files()

    def answer(self, request: requests.PreparedRequest, address: str) -> Answer | None:
        """See `tests.simulation.network.HTTPServer`."""
        with self.running():
            try:
                return self._loop.run_until_complete(self._answer(request, address))
            except BaseExceptionGroup as group:
                if group.subgroup(Crash) is None:
                    raise
            except Crash:
                pass
        self.crashed()
        return None

    async def _answer(self, request: requests.PreparedRequest, address: str) -> Answer:
        url = urlsplit(request.url or "")
        body = request.body or b""
        sent = body.encode() if isinstance(body, str) else body
        headers = [
            (name.lower().encode(), value.encode()) for name, value in request.headers.items()
        ]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": url.path,
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "root_path": "",
            "headers": [*headers, (b"host", b"school.example")],
            "client": (address, 40000),
            "server": ("school.example", 80),
        }
        incoming = [{"type": "http.request", "body": bytes(sent), "more_body": False}]
        outgoing: list[Any] = []

        async def receive() -> Any:
            return incoming.pop(0) if incoming else await asyncio.Future()

        async def send(message: Any) -> None:
            outgoing.append(message)

        await self._app(scope, receive, send)
        start = outgoing[0]
        texts = {name.decode().title(): value.decode() for name, value in start["headers"]}
        whole = b"".join(one.get("body", b"") for one in outgoing[1:])
        return Answer(int(start["status"]), texts, whole)

    def poke(self) -> None:
        """Something arrived from the broker, or it may be time for a round: look soon."""
        if not self._is_poked:
            self._is_poked = True
            incarnation = self.incarnation
            self.world.later(0.05, "ingest", lambda: self._ingest(incarnation))

    def _ingest(self, incarnation: int) -> None:
        if incarnation != self.incarnation or not self.is_up:
            return
        self._is_poked = False
        if self.step(self._take_in) and not self.tasks._link.arrivals.empty():
            self.poke()

    def judge_again(self) -> None:
        """Look at what lay in the future or does now, as a thread of the server every 10 s."""
        if self.is_up:
            self.step(self._look_at_quarantine)

    def _look_at_quarantine(self) -> None:
        with suppress(OperationalError):  # the thread logs it and tries again
            self._upkeep.take_back_future()
            self._upkeep.judge_again()

    def _take_in(self) -> None:
        writer, link = self.tasks._writer, self.tasks._link
        if link.is_connected and self.tasks._housekeeper._wake.is_set():
            self.tasks._housekeeper._wake.clear()
            self.tasks._housekeeper._round()
            self._look_at_quarantine()
        if not self._arrivals and not link.arrivals.empty():
            self._arrivals = list(writer._next())
        if self._arrivals:
            writer._handle(self._arrivals)
            self._arrivals = []

    def step(self, work: Any) -> bool:
        """Run a piece of this server's work; False where it crashed or must wait."""
        with self.running():
            try:
                work()
            except Suspended:
                incarnation = self.incarnation
                self._is_poked = True
                self.world.later(RETRY_S, "ingest", lambda: self._ingest(incarnation))
                return False
            except Crash:
                self.crashed()
                return False
        return True

    def _rounds(self, incarnation: int) -> None:
        if incarnation != self.incarnation or not self.is_up:
            return
        self.tasks._housekeeper._wake.set()
        self.poke()
        is_night = not 7 <= self.world.now.hour < 12
        period = NIGHT_ROUND_S if is_night else ROUND_S
        self.world.later(period, "round", lambda: self._rounds(incarnation))

    def _application(self) -> FastAPI:
        """The application; its routes are built once, because that takes most of a second."""
        with pytest.MonkeyPatch.context() as patch:
            if _routes:
                patch.setattr(server.app, "ROUTERS", ())
            app = create_app(self.settings)
        _routes.extend([] if _routes else app.router.routes)
        app.router.routes[:] = _routes
        return app
