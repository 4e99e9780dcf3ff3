"""Talks to the kiosk that runs on this machine, over the socket in its data folder."""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.errors import ProvisioningError

SOCKET_NAME = "commission.sock"
_ANSWER_S = 30.0
_AWAY = "The kiosk does not run here. Start it: sudo systemctl start rollcall-kiosk."
_NOT_ALLOWED = "This account may not use the kiosk. Run the command again with sudo."


@dataclass(frozen=True)
class CommissionState:
    """How far the test is.

    Attributes:
        step: the current one; None: all are done, or none was opened.
        results: what steps found, in their order.
        delivery: where the finished report is: none, waiting, kept, refused or delivered.
        problem: why the test cannot go on; empty: it can.
    """

    report_id: str | None
    step: str | None
    is_running: bool
    results: list[dict[str, Any]]
    delivery: str
    problem: str

    def result_of(self, step: str) -> dict[str, Any] | None:
        """What a step found."""
        return next((one for one in self.results if one["name"] == step), None)


class RunningKiosk:
    """A connection to the kiosk's process.

    Raises:
        ProvisioningError: the kiosk does not run here, or this account may not use it.
    """

    def __init__(self, data_dir: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_ANSWER_S)
        try:
            self._socket.connect(str(data_dir / SOCKET_NAME))
        except PermissionError as exc:
            self._socket.close()
            raise ProvisioningError(_NOT_ALLOWED) from exc
        except OSError as exc:
            self._socket.close()
            raise ProvisioningError(_AWAY) from exc
        self._lines = self._socket.makefile("rb")

    def ask(self, action: str, **more: str) -> CommissionState:
        """Ask the kiosk to do something; returns how far the test is then.

        Raises:
            ProvisioningError: the kiosk ended, or does not know the request.
        """
        try:
            self._socket.sendall(json.dumps({"do": action, **more}).encode() + b"\n")
            found = json.loads(self._lines.readline())
            return CommissionState(
                report_id=found["report_id"],
                step=found["step"],
                is_running=bool(found["is_running"]),
                results=list(found["results"]),
                delivery=str(found["delivery"]),
                problem=str(found["problem"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as exc:
            words = "The kiosk ended the connection; what was tested is kept. Run the command again"
            raise ProvisioningError(f"{words}.") from exc

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._lines.close()
            self._socket.close()
