"""What becomes of a request that is running when the real process is told to stop."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, Process, running
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration
KEY = "a-key-for-the-shutdown"
BODY = json.dumps({"image_base64": "bm8gcGljdHVyZSBhdCBhbGwsIG9ubHkgd29yZHM="}).encode()


@contextmanager
def _service(log: Path, port: int, **settings: str) -> Iterator[Process]:
    env = {
        "ROLLCALL_ML_API_KEY": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "1",
        **settings,
    }
    args = [str(BIN / "rollcall-ml")]
    with running(args, log_path=log, env=env, ready=lambda: is_listening(port)) as process:
        yield process


def _begin(port: int) -> socket.socket:
    """Send a request up to its body, and return when the service waits for that."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    head = (
        "POST /api/ml/encode-face HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        f"X-API-Key: {KEY}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    connection.sendall(head.encode())
    assert connection.recv(1000).startswith(b"HTTP/1.1 100")
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_begun_before_the_signal_is_answered_and_the_process_ends_with_0(
    assets: Path, tmp_path: Path, number: signal.Signals
) -> None:
    del assets
    port = free_port()
    with _service(tmp_path / "ml.log", port) as process, _begin(port) as connection:
        os.kill(process.pid, number)
        wait_until(lambda: not is_listening(port), what="a closed door", timeout_s=20)

        connection.sendall(BODY)
        answer = HTTPResponse(connection)
        answer.begin()

        assert answer.status == 200
        assert json.loads(answer.read())["error_code"] == "NOT_AN_IMAGE"
        assert process.wait(20) == 0
        assert "Traceback" not in process.log


def test_a_caller_who_never_ends_does_not_hold_the_process_back(
    assets: Path, tmp_path: Path
) -> None:
    del assets
    port = free_port()
    settings = {"ROLLCALL_ML_SHUTDOWN_GRACE_S": "1"}
    with _service(tmp_path / "ml.log", port, **settings) as process, _begin(port):
        os.kill(process.pid, signal.SIGTERM)

        assert process.wait(20) == 0
