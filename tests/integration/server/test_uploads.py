"""Uploads against the real server process: refused before they are read, timed, bounded."""

import contextlib
import json
import shutil
import time
import uuid
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
MIB = 1024 * 1024
GRACE_S = 3.0
PASSWORD = "a-long-password-4711"
PHOTOS = f"/api/v1/people/{uuid.UUID(int=1)}/enrolments"
FORM = {"Content-Type": "multipart/form-data; boundary=cut", "X-Requested-With": "rollcall"}
PART_HEAD = (
    b'--cut\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n"
)


@dataclass
class Server:
    """A server that runs, and a sign-in."""

    port: int
    process: Process
    signed_in: dict[str, str]

    def is_well(self) -> bool:
        """Whether a page and a signed-in request are answered at once."""
        url = f"http://127.0.0.1:{self.port}"
        started = time.monotonic()
        page = requests.get(f"{url}/sign-in", timeout=20)
        people = requests.get(f"{url}/api/v1/people", headers=self.signed_in, timeout=20)
        answered = (page.status_code, people.status_code) == (200, 200)
        return answered and time.monotonic() - started < GRACE_S

    def grown_bytes(self, before: int) -> int:
        return resident_bytes(self.process.pid) - before

    def upload(self, photo_bytes: int) -> int:
        """Status of an honest upload; 404 of one that was read, since nobody has that number."""
        photo = {"photo": ("a.jpg", b"\xff\xd8\xff" + b"x" * photo_bytes, "image/jpeg")}
        url = f"http://127.0.0.1:{self.port}{PHOTOS}"
        return requests.post(url, files=photo, headers=self.signed_in, timeout=20).status_code

    def sign_in(self) -> int:
        """Status of an honest sign-in."""
        url = f"http://127.0.0.1:{self.port}/api/v1/sign-in"
        body = {"username": "admin", "password": PASSWORD}
        headers = {"X-Requested-With": "rollcall"}
        return requests.post(url, json=body, headers=headers, timeout=20).status_code


@pytest.fixture(scope="module")
def server(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a short grace and half the memory, so that tests take less of both."""
    limits = {
        "ROLLCALL_SERVER_BODY_GRACE_S": str(GRACE_S),
        "ROLLCALL_SERVER_BODIES_MAX_BYTES": str(32 * MIB),
    }
    with serving(tmp_path_factory.mktemp("server"), migrated_sqlite, limits) as found:
        yield found


@pytest.fixture(scope="module")
def usual_server(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with the default limits."""
    with serving(tmp_path_factory.mktemp("usual"), migrated_sqlite, {}) as found:
        yield found


@contextlib.contextmanager
def serving(folder: Path, migrated_sqlite: Path, limits: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    (folder / "data").mkdir(mode=0o700)
    shutil.copy(migrated_sqlite, folder / "data" / "rollcall.sqlite3")
    env = {
        "ROLLCALL_SERVER_DATA_DIR": str(folder / "data"),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        **limits,
    }
    password = folder / "data" / "admin-password.txt"

    def is_up() -> bool:
        return is_listening(port) and password.exists()

    args = [str(BIN / "rollcall-server"), "serve"]
    with running(args, log_path=folder / "log", env=env, ready=is_up) as process:
        yield Server(port, process, sign_in(port, password))


def sign_in(port: int, password_file: Path) -> dict[str, str]:
    url, one_time = f"http://127.0.0.1:{port}/api/v1/sign-in", password_file.read_text().strip()
    http = requests.Session()
    http.headers["X-Requested-With"] = "rollcall"
    http.post(url, json={"username": "admin", "password": one_time}, timeout=20).raise_for_status()
    change = {"old": one_time, "new": PASSWORD}
    http.post(f"{url}/password", json=change, timeout=20).raise_for_status()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in http.cookies)
    return {"Cookie": cookies, "X-Requested-With": "rollcall"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (PHOTOS, FORM, 401),
        (
            "/api/v1/people",
            {"Content-Type": "application/json", "X-Requested-With": "rollcall"},
            401,
        ),
        ("/api/v1/sync/events", {"Content-Type": "application/json"}, 401),
        ("/api/v1/sync/erasures", {"Authorization": "Device made-up"}, 401),
        ("/api/v1/devices/claim", {"Content-Type": "application/json"}, 413),
        ("/sign-in", FORM, 413),
        ("/nowhere", FORM, 404),
    ],
)
@pytest.mark.parametrize("length", [8 * MIB, None])
def test_uploads_of_strangers_are_refused_at_once_and_cost_no_memory(
    server: Server, path: str, headers: dict[str, str], status: int, length: int | None
) -> None:
    before = resident_bytes(server.process.pid)
    chunk = (b"10000\r\n" + PART_HEAD.ljust(65536) + b"\r\n") if length is None else b" " * 65536

    with unfinished(server.port, 60, head(path, headers, length=length)) as uploads:
        flood(uploads, chunk, 120)
        grown = server.grown_bytes(before)
        well = server.is_well()
        statuses = {int(one.recv(4096).split()[1]) for one in uploads}

    assert statuses == {status}
    assert well
    assert grown < 60 * MIB


def test_unfinished_uploads_of_users_stay_within_the_bound(server: Server) -> None:
    before = resident_bytes(server.process.pid)
    began = head(PHOTOS, FORM | server.signed_in, length=8 * MIB)

    with unfinished(server.port, 60, began, PART_HEAD) as uploads:
        flood(uploads, b" " * 65536, 120)
        grown = server.grown_bytes(before)
        well = server.is_well()
        answers = [answer_of(one) for one in uploads]

    assert well
    # Without the bound it would be over 450 MiB.
    assert grown < (32 + 80) * MIB, "the bound, and what the process needs besides"
    assert {status for status, _, _ in answers} <= {408, 503}
    assert all(int(headers["retry-after"]) > 0 for _, headers, _ in answers)
    codes = {json.loads(body)["error"]["code"] for _, _, body in answers}
    assert codes <= {"upload_too_slow", "uploads_full"}


def test_stalled_uploads_do_not_take_the_place_of_working_ones(server: Server) -> None:
    began = head(PHOTOS, FORM | server.signed_in, length=8 * MIB)

    with unfinished(server.port, 60, began, PART_HEAD) as uploads:
        flood(uploads, b" " * 65536, 20)
        wait_until(
            lambda: server.upload(2 * MIB) == 404,
            what="an answer about the person",
            timeout_s=2 * GRACE_S,
        )


def test_bursts_that_stall_keep_an_honest_photo_out_for_seconds_only(usual_server: Server) -> None:
    began = head(PHOTOS, FORM | usual_server.signed_in, length=9 * MIB)
    burst = PART_HEAD.ljust(9 * MIB - 10_000)

    with unfinished(usual_server.port, 7, began, burst):
        wait_until(lambda: unread_bytes(usual_server.port) == 0, what="the bursts")
        assert usual_server.upload(300_000) == 503, "the memory is used up"
        assert usual_server.is_well(), "small requests have room"
        wait_until(
            lambda: usual_server.upload(300_000) == 404,
            what="an answer about the person",
            timeout_s=10.0,
        )


@pytest.mark.parametrize("path", ["/api/v1/sign-in", "/api/v1/devices/claim", "/sign-in"])
def test_strangers_who_fill_everything_keep_no_sign_in_out(usual_server: Server, path: str) -> None:
    headers = {"Content-Type": "application/json", "X-Requested-With": "rollcall"}
    fitting = head(path, headers, length=8192), b" " * 8191
    largest_before = head(path, headers, length=65_535), b" " * 65_534

    with (
        unfinished(usual_server.port, 300, *fitting),
        unfinished(usual_server.port, 64, *largest_before) as refused,
    ):
        statuses = [usual_server.sign_in() for _ in range(10)]
        answers = {answer_of(one)[0] for one in refused}

    assert statuses == [200] * 10
    assert answers == {413}


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/people", "application/json"), ("/people", FORM["Content-Type"])]
)
def test_what_takes_no_photo_has_a_small_limit(usual_server: Server, path: str, kind: str) -> None:
    headers = usual_server.signed_in | {"Content-Type": kind}

    with connect(usual_server.port, head(path, headers, length=MIB + 1)) as connection:
        status, _, _ = answer_of(connection)

    assert status == 413


@pytest.mark.parametrize("path", [PHOTOS, "/api/v1/people"])
def test_a_body_that_drips_is_cut_off_after_its_time(server: Server, path: str) -> None:
    headers = (FORM if path == PHOTOS else {"Content-Type": "application/json"}) | server.signed_in
    started = time.monotonic()
    with connect(server.port, head(path, headers, length=100_000)) as connection:
        connection.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() - started < 5 * GRACE_S:
            connection.send(b" ")
            try:
                answer = connection.recv(4096)
            except TimeoutError:
                continue
        took_s = time.monotonic() - started

    assert answer.startswith(b"HTTP/1.1 408")
    assert GRACE_S - 0.5 < took_s < 2 * GRACE_S


def test_the_page_says_in_words_what_happened(server: Server) -> None:
    headers = FORM | server.signed_in | {"Accept": "text/html", "Accept-Language": "en"}
    path = f"/people/{uuid.UUID(int=1)}/enrol"

    with connect(server.port, head(path, headers, length=60 * MIB)) as connection:
        status, _, body = answer_of(connection)

    assert status == 413
    assert "The file is too large" in body.decode()


@settings(max_examples=40, deadline=None)
@given(
    path=st.sampled_from(["/sign-in", PHOTOS, "/api/v1/people", "/api/v1/devices/claim"]),
    length=st.none() | st.integers(0, 200_000),
    body=st.binary(max_size=300),
    names=st.dictionaries(
        st.sampled_from(["Expect", "Content-Type", "Sec-Fetch-Site", "Connection", "Origin"]),
        st.sampled_from(
            ["100-continue", "application/json", "same-origin", "close", *FORM.values()]
        ),
    ),
    is_signed_in=st.booleans(),
)
def test_no_odd_head_or_body_breaks_the_server(
    server: Server,
    path: str,
    length: int | None,
    body: bytes,
    names: dict[str, str],
    is_signed_in: bool,
) -> None:
    headers = names | (server.signed_in if is_signed_in else {})
    with connect(server.port, head(path, headers, length=length), body):
        pass

    assert server.is_well()
    assert "Traceback" not in server.process.log
