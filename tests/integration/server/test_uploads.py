"""Uploads against the real server process: refused before they are read, timed, bounded."""

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
from tests.support.uploads import answer_of, connect, flood, head, resident_bytes, unfinished
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration
MIB = 1024 * 1024
GRACE_S = 3.0
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


@pytest.fixture(scope="module")
def server(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    (folder / "data").mkdir(mode=0o700)
    shutil.copy(migrated_sqlite, folder / "data" / "rollcall.sqlite3")
    env = {
        "ROLLCALL_SERVER_DATA_DIR": str(folder / "data"),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        "ROLLCALL_SERVER_BODY_GRACE_S": str(GRACE_S),
        "ROLLCALL_SERVER_BODY_MIN_RATE": str(MIB),
        "ROLLCALL_SERVER_BODIES_MAX_BYTES": str(32 * MIB),
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
    change = {"old": one_time, "new": "a-long-password-4711"}
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
    assert grown < (32 + 40) * MIB, "the bound, and what the process needs besides"
    assert {status for status, _, _ in answers} <= {408, 503}
    assert all(int(headers["retry-after"]) > 0 for _, headers, _ in answers)
    codes = {json.loads(body)["error"]["code"] for _, _, body in answers}
    assert codes <= {"upload_too_slow", "uploads_full"}


def test_stalled_uploads_do_not_take_the_place_of_working_ones(server: Server) -> None:
    began = head(PHOTOS, FORM | server.signed_in, length=8 * MIB)
    photo = {"photo": ("a.jpg", b"\xff\xd8\xff" + b"x" * 2 * MIB, "image/jpeg")}

    def upload() -> int:
        url = f"http://127.0.0.1:{server.port}{PHOTOS}"
        return requests.post(url, files=photo, headers=server.signed_in, timeout=20).status_code

    with unfinished(server.port, 60, began, PART_HEAD) as uploads:
        flood(uploads, b" " * 65536, 20)
        wait_until(lambda: upload() == 404, what="an answer about the person", timeout_s=GRACE_S)


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
