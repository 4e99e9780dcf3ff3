"""Two server processes behind nginx with TLS, on PostgreSQL and a Mosquitto with TLS."""

import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from server.certificates.authority import Use, issue, read_signed
from server.db.types import now
from tests.faults.school.kiosk import KioskProcess
from tests.faults.school.proxy import Proxy
from tests.faults.school.world import World
from tests.integration.kiosk.real_school import PASSWORD, SERVER, RealSchool
from tests.support.certificates import school as school_with_authority
from tests.support.nginx import nginx
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_until

_PAGES = ("/", "/people", "/lessons", "/kiosks", "/api/v1/rooms", "/static/rollcall.css")


@dataclass
class Browser:
    """Reads pages and adds rooms, as fast as it is answered, until it is told to stop.

    Attributes:
        url: of nginx.
        authority: file with who signed its certificate.
        added: names of the rooms that a server said it added.
        answered: how many requests were answered as they should be.
        failed: what was not answered, or with an error.
    """

    url: str
    authority: Path
    added: list[str] = field(default_factory=list)
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Sign in, then begin."""
        http = signed_in(self.url, self.authority)
        self._thread = threading.Thread(target=self._run, args=(http,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the request at hand."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(60)

    def _run(self, http: requests.Session) -> None:
        while not self._stopping.is_set():
            for page in _PAGES:
                self._ask(http, "GET", page)
            name = f"Room {uuid.uuid4()}"
            if self._ask(http, "POST", "/api/v1/rooms", name=name):
                self.added.append(name)

    def _ask(self, http: requests.Session, method: str, path: str, **body: str) -> bool:
        headers = {"Idempotency-Key": str(uuid.uuid4())} if body else {}
        try:
            answer = http.request(
                method, self.url + path, json=body or None, headers=headers, timeout=60
            )
        except requests.RequestException as exc:
            self.failed.append(f"{method} {path}: {exc}")
            return False
        if not answer.ok or answer.history:
            self.failed.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return False
        self.answered += 1
        return True


class Visitors:
    """Lets a kiosk record one person after another, until it is told to stop."""

    def __init__(self, kiosk: KioskProcess, people: list[str]) -> None:
        self._kiosk = kiosk
        self._people = people
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the person at hand."""
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stopping.wait(0.1):
            self._kiosk.sees(self._people[0])
            self._people = [*self._people[1:], self._people[0]]


@dataclass
class Replicas:
    """Everything that runs.

    Attributes:
        world: to compare what was shown with the register; `proxy` is nginx, and never misbehaves.
        servers: each with whether it can serve.
        authority: file with who signed nginx's certificate.
    """

    world: World
    servers: list["Replica"]
    authority: Path


@dataclass
class Replica:
    """One server process."""

    process: Process
    port: int

    def start(self) -> None:
        """Start it (again) and wait until it answers."""
        self.process.start(self._is_healthy)

    def restart(self) -> None:
        """Stop it as an administrator does, and start it again."""
        status = self.process.stop(timeout_s=40)
        assert status == -signal.SIGTERM, self.process.log[-3000:]  # uvicorn ends by the signal
        self.start()

    def _is_healthy(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/health", timeout=5).ok
        except requests.RequestException:
            return False


def signed_in(url: str, authority: Path) -> requests.Session:
    """Return a program that is signed in as the administrator."""
    http = trusting(authority)
    body = {"username": "admin", "password": PASSWORD}
    http.post(f"{url}/api/v1/sign-in", json=body, timeout=60).raise_for_status()
    return http


def trusting(authority: Path) -> requests.Session:
    """Return a program that believes this authority alone."""
    http = requests.Session()
    http.verify = str(authority)
    http.trust_env = False
    http.headers["X-Requested-With"] = "rollcall"
    return http


@contextmanager
def replicas(folder: Path, database_url: str, *, students: int = 6) -> Iterator[Replicas]:
    """Run a school with two servers and one claimed kiosk; everything is gone after the block."""
    data = folder / "server"
    certificates = school_with_authority(data, Use.BROKER).path
    authority = certificates / "authority.pem"
    signer = read_signed((certificates / "authority-key.pem").read_text())
    chain = folder / "proxy.pem"
    chain.write_text(issue(signer, Use.SERVER, ("127.0.0.1",), now()).pem)
    ports, broker_port = (free_port(), free_port()), free_port()
    with nginx(folder / "nginx", chain, ports) as (url, _plain_url):
        env = _settings(data, database_url, broker_port, url, authority)
        servers = [_replica(folder, env, number, port) for number, port in enumerate(ports)]
        broker = Process([SERVER, "broker"], folder / "broker.log", env)
        school = RealSchool(servers[0].process, broker, url, broker_port, trusting(authority))
        kiosks: list[KioskProcess] = []
        try:
            school.start_broker()
            for server in servers:
                server.start()
            school.set_up(data, students)
            kiosk = _kiosk(folder, "kiosk", url, school.claim_code)
            kiosks.append(kiosk)
            proxy = Proxy(int(url.rpartition(":")[2]), url)
            world = World(school, folder, database_url, proxy, kiosk, kiosks)
            yield Replicas(world, servers, authority)
        finally:
            for one in kiosks:
                one.cut_power()
            for process in (*(server.process for server in servers), broker):
                process.stop()
                process.kill()


def add_kiosk(found: Replicas) -> KioskProcess:
    """Put a second kiosk into the room of the first; it is not started."""
    school = found.world.school
    (room,) = [one for one in school.get("/rooms") if one["name"] == "R12"]
    code = school.post("/kiosks", {"name": "Second door", "room_id": room["id"]})["claim_code"]
    made = _kiosk(found.world.folder, "kiosk-2", school.url, code)
    found.world.kiosks.append(made)
    return made


def wait_for_more(browsers: list[Browser], count: int) -> None:
    """Wait until each browser was answered so many times more."""
    wanted = [(one, one.answered + count) for one in browsers]
    wait_until(
        lambda: all(one.answered >= least or one.failed for one, least in wanted),
        what="answers",
        timeout_s=120,
    )


def _settings(
    data: Path, database_url: str, broker_port: int, url: str, authority: Path
) -> dict[str, str]:
    settings = {
        "DATA_DIR": str(data),
        "DATABASE_URL": database_url,
        "BROKER": "mosquitto",
        "BROKER_PORT": str(broker_port),
        "DISK_LOW_BYTES": "0",
        "TRUSTED_PROXIES": "127.0.0.1",
        "SECURE_COOKIES": "true",
        "PUBLIC_URL": url,
        "TLS_CA": str(authority),
    }
    return {f"ROLLCALL_SERVER_{name}": value for name, value in settings.items()}


def _replica(folder: Path, env: dict[str, str], number: int, port: int) -> Replica:
    own = {**env, "ROLLCALL_SERVER_PORT": str(port)}
    return Replica(Process([SERVER, "serve"], folder / f"server-{number}.log", own), port)


def _kiosk(folder: Path, name: str, url: str, code: str) -> KioskProcess:
    return KioskProcess(folder / name, url, code, folder / f"{name}.jsonl")
