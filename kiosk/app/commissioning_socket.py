"""Lets `rollcall-provision commission` guide the acceptance test of the kiosk that runs here.

A Unix socket in the private data folder: only the kiosk's account and root can open it. One JSON
object a line each way; a client asks, and hears how far the test is.
"""

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kiosk.app.commissioning import CommissioningDesk
from kiosk.domain.commissioning import CommissionView
from kiosk.storage.files import PRIVATE_FILE

logger = logging.getLogger(__name__)

SOCKET_NAME = "commission.sock"
_MOST_BYTES = 4096
_ACCEPT_S = 0.5
_CLIENT_S = 900.0
_CHANGE_S = 1.0
"""A `wait` is answered after this at the latest."""


class CommissioningSocket:
    """Answers one client at a time, on a separate thread.

    Args:
        path: of the socket.
        desk: that clients use.
        open_screen: shows the test on the kiosk's screen, which pauses recognition.
    """

    def __init__(
        self, path: Path, desk: CommissioningDesk, open_screen: Callable[[], None]
    ) -> None:
        self._path = path
        self._desk = desk
        self._open_screen = open_screen
        self._changed = threading.Condition()
        self._version = 0
        self._stopping = threading.Event()
        self._server: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="commission-socket", daemon=True)
        desk.show_on(self._on_change)

    def start(self) -> None:
        """Listen; without the socket the test is on the screen alone."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            server.bind(str(self._path))
            self._path.chmod(PRIVATE_FILE)
            server.listen(1)
        except OSError as exc:
            logger.warning("commissioning by command not available: %s", type(exc).__name__)
            server.close()
            return
        server.settimeout(_ACCEPT_S)
        self._server = server
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        if self._server is not None:
            self._thread.join(2 * _ACCEPT_S)
            self._server.close()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Do what a client asks for, and return how far the test is."""
        before = self._version
        actions: dict[str, Callable[[], None]] = {
            "state": lambda: None,
            "open": self._open,
            "run": self._desk.run,
            "skip": lambda: self._desk.skip(str(asked.get("reason", ""))),
            "go_on": self._desk.go_on,
            "finish": self._desk.finish,
            "start_again": self._desk.start_again,
            "wait": lambda: self._wait(before),
        }
        action = actions.get(str(asked.get("do")))
        if action is None:
            return {"error": "unknown request"}
        action()
        return described(self._desk.view)

    def _open(self) -> None:
        self._open_screen()
        self._desk.begin()

    def _wait(self, version: int) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._version != version or self._stopping.is_set(), _CHANGE_S
            )

    def _on_change(self, _view: CommissionView) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def _serve(self) -> None:
        server = self._server
        while server is not None and not self._stopping.is_set():
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with client:
                client.settimeout(_CLIENT_S)
                with contextlib.suppress(OSError):
                    self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        with client.makefile("rb") as lines:
            while not self._stopping.is_set():
                line = lines.readline(_MOST_BYTES)
                if not line.endswith(b"\n"):
                    return
                try:
                    asked = json.loads(line)
                except (ValueError, RecursionError):
                    return
                if not isinstance(asked, dict):
                    return
                client.sendall(json.dumps(self.answer(asked)).encode() + b"\n")


def described(view: CommissionView) -> dict[str, Any]:
    """Return how far the test is, for JSON."""
    progress = view.progress
    steps = () if progress is None else progress.steps
    return {
        "report_id": None if progress is None else progress.report_id,
        "step": view.current,
        "is_running": view.is_running,
        "left_s": view.left_s,
        "results": [step.model_dump(mode="json") for step in steps],
        "delivery": view.delivery.value,
        "problem": view.problem.words,
        "problem_code": view.problem.code,
    }
