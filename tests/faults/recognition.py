"""A real server and a real ML service, with a proxy between them that misbehaves on demand."""

import base64
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, Process

KEY = "the-key-of-the-faults"
PASSWORD = "correct horse battery"
_LARGER_THAN_A_PROOF = 5_000
_GIVEN = {"given_by": "A Parent", "role": "parent", "text_version": "2026-09"}

#: What the proxy does instead of forwarding: None forwards. Given: path and body.
Misbehaviour = Callable[["_ProxyHandler", bytes], bool]


@dataclass
class Proxy:
    """What a test sees of the proxy.

    Attributes:
        port: where it listens.
        target: base address of the ML service.
        misbehave: answers a request itself, and returns whether it did; None forwards everything.
        refused: how many requests it answered itself.
    """

    port: int
    target: str
    misbehave: Misbehaviour | None = None
    refused: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


class _ProxyServer(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is part of the tests."""


class _ProxyHandler(BaseHTTPRequestHandler):
    server: _ProxyServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers["Content-Length"])))

    def _handle(self, body: bytes) -> None:
        proxy = self.server.proxy
        if proxy.misbehave is not None and proxy.misbehave(self, body):
            proxy.refused += 1
            return
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        url = f"{proxy.target}{self.path}"
        try:
            found = requests.request(self.command, url, data=body, headers=headers, timeout=30)
        except requests.RequestException:
            self.answer(502, b"<html>Bad gateway</html>")
            return
        self.answer(found.status_code, found.content, {"Content-Type": "application/json"})

    def answer(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a complete answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


def html_everywhere(handler: _ProxyHandler, body: bytes) -> bool:
    """Answer like the sign-in page of a guest network."""
    handler.answer(200, b"<html>Welcome. Please accept our terms.</html>")
    return True


def busy(handler: _ProxyHandler, body: bytes) -> bool:
    """Answer photos with 503 and Retry-After; `/health` passes."""
    if handler.command == "GET":
        return False
    handler.answer(503, b"<html>Busy</html>", {"Retry-After": "2"})
    return True


class Hold:
    """Hold photos back until they are released, as a service does that is slow.

    Attributes:
        is_holding: set while a photo is held.
        release: set by the test.
    """

    def __init__(self) -> None:
        self.is_holding = threading.Event()
        self.release = threading.Event()

    def __call__(self, handler: _ProxyHandler, body: bytes) -> bool:
        if handler.command == "POST" and len(body) > _LARGER_THAN_A_PROOF:
            self.is_holding.set()
            self.release.wait(60)
        return False


def fails_on(photo: bytes) -> Misbehaviour:
    """Answer 500 for one photo only."""
    encoded = base64.b64encode(photo)

    def misbehave(handler: _ProxyHandler, body: bytes) -> bool:
        if encoded not in body:
            return False
        handler.answer(500, b'{"success": false, "error_code": "INTERNAL_ERROR"}')
        return True

    return misbehave


@contextmanager
def proxied(target: str) -> Iterator[Proxy]:
    """Run the proxy for the length of the block."""
    server = _ProxyServer(("127.0.0.1", 0), _ProxyHandler)
    server.proxy = Proxy(server.server_address[1], target)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def ml_service(folder: Path) -> tuple[Process, str, Callable[[], bool]]:
    """Prepare a real ML service; returns its process, its address and whether it listens."""
    port = free_port()
    env = {
        "ROLLCALL_ML_API_KEY": KEY,
        "ROLLCALL_ML_MATCH_KEYS": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "1",
    }
    process = Process([str(BIN / "rollcall-ml")], folder / "ml.log", env)
    return process, f"http://127.0.0.1:{port}", lambda: is_listening(port)


@dataclass
class Server:
    """A real server process with one person who consents.

    Attributes:
        data: its data folder.
        url: its address.
        env: settings of the process.
        process: to stop and start it.
    """

    data: Path
    url: str
    env: dict[str, str]
    process: Process
    person_id: str = ""
    _http: requests.Session = field(default_factory=requests.Session)

    def start(self, **settings: str) -> None:
        """Start it (again), with further settings; an empty one is removed."""
        self.env |= settings
        self.process.env = {name: value for name, value in self.env.items() if value}
        self.process.start(self._is_up)

    def trust(self, authority: Path) -> None:
        """Believe certificates that this authority signed, PEM."""
        self._http.verify = str(authority)
        self._http.trust_env = False  # else a variable that names authorities comes first

    def sign_in(self) -> None:
        """Sign in as admin, and enter a person who consents."""
        self._http.headers["X-Requested-With"] = "rollcall"
        first = (self.data / "admin-password.txt").read_text().strip()
        self._post("/sign-in", {"username": "admin", "password": first})
        self._post("/sign-in/password", {"old": first, "new": PASSWORD})
        person = {"student_number": "S-1", "given_name": "Zaynab", "family_name": "Ünsal"}
        self.person_id = self._post("/people", person)["id"]
        self._post(f"/people/{self.person_id}/consents", _GIVEN)

    def enrol(self, photo: bytes) -> str:
        """Hand a photo in; returns the enrolment's id."""
        path = f"{self.url}/api/v1/people/{self.person_id}/enrolments"
        answer = self._http.post(path, files={"photo": photo}, timeout=30)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def outcome(self, enrolment_id: str) -> dict[str, str]:
        """How far a photo has come."""
        path = f"{self.url}/api/v1/enrolments/{enrolment_id}"
        found: dict[str, str] = self._http.get(path, timeout=30).json()
        return found

    def page(self, path: str = "/") -> str:
        """The text of a page."""
        answer = self._http.get(f"{self.url}{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def health(self) -> dict[str, object]:
        """What `/health` says."""
        found: dict[str, object] = self._http.get(f"{self.url}/health", timeout=30).json()
        return found

    def photos(self) -> int:
        """How many photos the database holds."""
        with closing(sqlite3.connect(self.data / "rollcall.sqlite3")) as db:
            return int(db.execute("SELECT count(*) FROM enrolment_photos").fetchone()[0])

    def attempts(self) -> list[tuple[str, int]]:
        """State and counted failures of every photo's job."""
        with closing(sqlite3.connect(self.data / "rollcall.sqlite3")) as db:
            query = "SELECT state, attempts FROM jobs WHERE kind = 'encode' ORDER BY id"
            return [(state, count) for state, count in db.execute(query)]

    def skip_pauses(self) -> None:
        """Let every job be due now."""
        path = self.data / "rollcall.sqlite3"
        with closing(sqlite3.connect(path, timeout=30)) as db:
            db.execute("UPDATE jobs SET not_before = created_at WHERE state = 'waiting'")
            db.commit()

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, str]:
        answer = self._http.post(f"{self.url}/api/v1{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        found: dict[str, str] = answer.json() if answer.content else {}
        return found

    def _is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False


def server(folder: Path, ml_url: str) -> Server:
    """Prepare a server that asks this ML service with the right key."""
    port, data = free_port(), folder / "data"
    env = {
        "ROLLCALL_SERVER_DATA_DIR": str(data),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        "ROLLCALL_SERVER_JOB_LEASE_S": "2",
        "ML_SERVICE_URL": ml_url,
        "ML_SERVICE_API_KEY": KEY,
        "ML_SERVICE_MAX_RETRIES": "0",
    }
    process = Process([str(BIN / "rollcall-server"), "serve"], folder / "server.log", env)
    return Server(data, f"http://127.0.0.1:{port}", env, process)
