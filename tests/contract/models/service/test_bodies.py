"""Clients that stall, drip or flood, against the real process: others are served meanwhile."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, Process, running
from tests.support.uploads import (
    answer_of,
    connect,
    flood,
    head,
    resident_bytes,
    unfinished,
    unread_bytes,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration
KEY = "a-key-for-the-bodies"
PATH = "/api/ml/encode-face"
NO_PICTURE = json.dumps({"image_base64": "bm8gcGljdHVyZSBhdCBhbGwsIG9ubHkgd29yZHM="}).encode()
WITH_KEY = {"X-API-Key": KEY, "Content-Type": "application/json"}
MIB = 1024 * 1024
GRACE_S = 3.0


@dataclass
class Service:
    """A service that runs."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, padding_bytes: int = 0) -> requests.Response:
        """An honest request."""
        body = NO_PICTURE + b" " * padding_bytes
        return requests.post(f"{self.url}{PATH}", data=body, headers=WITH_KEY, timeout=20)

    def ready(self) -> int:
        return requests.get(f"{self.url}/ready", timeout=20).status_code


@pytest.fixture(scope="module")
def service(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a short grace and less memory, so that tests take less of both."""
    del assets
    short = {"ROLLCALL_ML_BODY_GRACE_S": str(GRACE_S)}
    with serving(tmp_path_factory.mktemp("ml"), short) as found:
        yield found


@pytest.fixture
def patient_service(assets: Path, tmp_path: Path) -> Iterator[Service]:
    """A service with the default grace and rate."""
    del assets
    with serving(tmp_path, {}) as found:
        yield found


@contextlib.contextmanager
def serving(folder: Path, limits: dict[str, str]) -> Iterator[Service]:
    port = free_port()
    env = {
        "ROLLCALL_ML_API_KEY": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "1",
        "ROLLCALL_ML_BODIES_MAX_BYTES": str(48 * MIB),
        **limits,
    }
    args = [str(BIN / "rollcall-ml")]
    with running(
        args, log_path=folder / "ml.log", env=env, ready=lambda: is_listening(port)
    ) as process:
        yield Service(port, process)


def test_stalled_uploads_with_a_key_hold_up_nobody(service: Service) -> None:
    began = head(PATH, WITH_KEY, length=1_000_000)

    with unfinished(service.port, 34, began, b"{") as stalled:
        started = time.monotonic()
        answers = [service.ask() for _ in range(20)]
        took_s = time.monotonic() - started
        ready = service.ready()
        cut = [answer_of(connection) for connection in stalled]

    assert [answer.json()["error_code"] for answer in answers] == ["NOT_AN_IMAGE"] * 20
    assert took_s < GRACE_S, "they were answered while the others stalled"
    assert ready == 200
    assert {status for status, _, _ in cut} == {408}
    _, headers, body = cut[0]
    assert int(headers["retry-after"]) > 0
    assert json.loads(body)["error_code"] == "REQUEST_TOO_SLOW"


def test_stalled_uploads_that_fill_the_memory_make_room_for_a_working_one(
    service: Service,
) -> None:
    before = resident_bytes(service.process.pid)
    began = head(PATH, WITH_KEY, length=30 * MIB)

    with unfinished(service.port, 34, began) as stalled:
        flood(stalled, b" " * 65536, 100)
        grown = resident_bytes(service.process.pid) - before
        wait_until(lambda: service.ask().status_code == 200, what="an answer", timeout_s=GRACE_S)

    assert grown < (48 + 40) * MIB, "the bound, and what the process needs besides"


def test_bursts_that_stall_keep_photos_out_for_seconds_only_and_ready_says_so(
    patient_service: Service,
) -> None:
    service = patient_service
    began = head(PATH, WITH_KEY, length=23 * MIB)

    with unfinished(service.port, 2, began, b" " * (23 * MIB - 1)):
        wait_until(lambda: unread_bytes(service.port) == 0, what="the bursts")
        assert service.ready() == 503
        assert service.ask(4 * MIB).status_code == 503, "the memory is used up"
        assert service.ask().status_code == 200, "a small request has room"
        wait_until(lambda: service.ready() == 200, what="ready", timeout_s=8.0)
        assert service.ask(4 * MIB).status_code == 200, "room was made before their deadline"


def test_a_body_that_drips_is_cut_off_after_its_time(service: Service) -> None:
    started = time.monotonic()
    with connect(service.port, head(PATH, WITH_KEY, length=100_000)) as connection:
        connection.settimeout(0.05)
        status = b""
        while not status and time.monotonic() - started < 5 * GRACE_S:
            connection.send(b" ")
            try:
                status = connection.recv(4096)
            except TimeoutError:
                continue
        took_s = time.monotonic() - started

    assert status.startswith(b"HTTP/1.1 408")
    assert GRACE_S - 0.5 < took_s < 2 * GRACE_S


def test_a_wrong_key_is_refused_before_the_body_comes(service: Service) -> None:
    wrong = {"X-API-Key": "another-key-altogether"}
    started = time.monotonic()

    with unfinished(service.port, 60, head(PATH, wrong, length=30 * MIB)) as waiting:
        answers = [connection.recv(4096) for connection in waiting]

    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 401 Unauthorized"}
    assert time.monotonic() - started < GRACE_S


@pytest.mark.parametrize("length", [None, 33 * MIB])
def test_a_body_over_the_limit_is_refused_declared_or_not(
    service: Service, length: int | None
) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    parts = [b"" if length else chunk] * 34

    with connect(service.port, head(PATH, WITH_KEY, length=length)) as connection:
        flood([connection], b"", 1)
        for part in parts:
            connection.sendall(part)
        status, _, body = answer_of(connection)

    assert status == 413
    assert json.loads(body)["error_code"] == "REQUEST_TOO_LARGE"


def test_a_client_that_leaves_gives_its_memory_back(service: Service) -> None:
    with unfinished(service.port, 8, head(PATH, WITH_KEY, length=20 * MIB)) as leaving:
        flood(leaving, b" " * 65536, 40)

    assert service.ask().status_code == 200
    assert service.ready() == 200


@settings(max_examples=40, deadline=None)
@given(
    length=st.none() | st.integers(0, 40_000),
    body=st.binary(max_size=300),
    names=st.dictionaries(
        st.sampled_from(["Expect", "Content-Type", "X-API-Key", "Connection", "Content-Encoding"]),
        st.sampled_from(["100-continue", "application/json", KEY, "close", "gzip", "text/plain"]),
    ),
)
def test_no_odd_head_or_body_breaks_the_service(
    service: Service, length: int | None, body: bytes, names: dict[str, str]
) -> None:
    with connect(service.port, head(PATH, names, length=length), body):
        pass

    assert requests.get(f"{service.url}/health", timeout=20).status_code == 200
    assert service.process.is_running()
    assert "Traceback" not in service.process.log
