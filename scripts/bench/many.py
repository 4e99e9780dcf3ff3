"""Let many kiosks and people ask a server process at once, and say how long the slowest waited.

    .venv/bin/python -m scripts.bench.many [--kiosks 200] [--readers 75] [--checkout FOLDER]

Fills an invented school, starts the server as a process, and sends every request of a round at
the same moment. `--checkout` adds a row for the code in another checkout, on a copy of the same
data, for a comparison in one run. Prints a Markdown table.
"""

import argparse
import hashlib
import http.client
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from pydantic import SecretStr
from starlette.testclient import TestClient

from protocol.v1 import sealing
from scripts.bench.ingest import private_postgres
from scripts.bench.noon import noon_zone
from scripts.invented_school import School, Size, fill
from server.app import create_app
from server.config import Settings, load_settings
from server.db.engine import Database
from server.db.vault import Vault
from server.kiosks.claiming import DATA_KEY_PURPOSE
from server.kiosks.tables import Kiosk
from server.web.state import services_of

HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ask:
    """One request.

    Attributes:
        path: with its query.
        headers: who asks.
    """

    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What came of one request.

    Attributes:
        status: HTTP status; 0 where there was no answer.
        took_s: from the moment at which all were sent, seconds.
    """

    status: int
    took_s: float


@dataclass(frozen=True)
class Crowd:
    """A filled server, and who may ask it.

    Attributes:
        settings: of the server.
        school: what is in it.
        tokens: device tokens, one for each kiosk.
        cookie: of an admin who is signed in.
    """

    settings: Settings
    school: School
    tokens: list[str]
    cookie: str

    def database(self) -> Database:
        """Open its database, as another process does."""
        return Database(self.settings.sqlalchemy_url)

    def galleries(self, since: int = 0) -> list[Ask]:
        """Return one question of every kiosk for its gallery."""
        path = f"/api/v1/sync/gallery?since={since}&limit=200"
        return [Ask(path, {"Authorization": f"Device {token}"}) for token in self.tokens]

    def configurations(self) -> list[Ask]:
        """Return one question of every kiosk for its configuration."""
        return [Ask("/api/v1/sync/config", one.headers) for one in self.galleries()]

    def readers(self, count: int) -> list[Ask]:
        """Return questions of people for the register of one lesson."""
        lesson = self.school.lessons[len(self.school.lessons) // 2]
        ask = Ask(f"/api/v1/lessons/{lesson}/register", {"Cookie": self.cookie})
        return [ask] * count


def make_crowd(settings: Settings, size: Size) -> Crowd:
    """Fill an empty server, and give every kiosk a token."""
    app = create_app(settings)
    with TestClient(app, headers={"X-Requested-With": "rollcall"}) as client:
        services = services_of(app)
        school = fill(services.database, services.vault, size, datetime.now(UTC))
        tokens = give_tokens(services.database, services.vault, school.kiosks)
        password = (settings.data_dir / "admin-password.txt").read_text().strip()
        client.post("/api/v1/sign-in", json={"username": "admin", "password": password})
        body = {"old": password, "new": "a password for measuring"}
        client.post("/api/v1/sign-in/password", json=body)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return Crowd(settings, school, tokens, cookie)


def give_tokens(database: Database, vault: Vault, kiosks: Sequence[uuid.UUID]) -> list[str]:
    """Give invented kiosks what a claim would: a device token and a gallery data key."""
    tokens = []
    with database.transaction() as db:
        for kiosk_id in kiosks:
            kiosk = db.get_one(Kiosk, kiosk_id)
            tokens.append(uuid.uuid4().hex)
            kiosk.token_hash = hashlib.sha256(tokens[-1].encode()).digest()
            key = sealing.make_data_key()
            sealed = vault.seal(key, purpose=DATA_KEY_PURPOSE, context=kiosk.wire_id)
            kiosk.data_key_key_id, kiosk.data_key = sealed.key_id, sealed.data
            db.add(kiosk)
    return tokens


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(settings: Settings, checkout: Path = HERE) -> Iterator[int]:
    """Run a server process with the code of a checkout on this data; gives its port."""
    port = free_port()
    named = {
        "DATA_DIR": str(settings.data_dir),
        "TIMEZONE": settings.school.timezone,
        "PORT": str(port),
        "BROKER_PORT": str(free_port()),
        "LOG_LEVEL": "error",
    }
    if settings.database_url is not None:
        named["DATABASE_URL"] = settings.database_url.get_secret_value()
    env = os.environ | {f"ROLLCALL_SERVER_{name}": value for name, value in named.items()}
    env |= {"ML_SERVICE_URL": str(settings.ml_service_url), "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-P", "-m", "server.main", "serve"]
    child = subprocess.Popen(
        command, env=env, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, child)
        yield port
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(20)


def _wait_for(port: int, child: subprocess.Popen[bytes], deadline_s: float = 240.0) -> None:
    deadline = time.monotonic() + deadline_s
    while child.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
        except OSError:
            continue
        finally:
            connection.close()
        return
    raise SystemExit("the server did not start")


def ask_together(port: int, asks: Sequence[Ask], timeout_s: float = 120.0) -> list[Answer]:
    """Send all requests at the same moment, each on a separate connection."""
    answers = [Answer(0, timeout_s)] * len(asks)
    gate = threading.Barrier(len(asks) + 1)

    def run(number: int, ask: Ask) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        gate.wait()
        before = time.perf_counter()
        try:
            connection.request("GET", ask.path, headers=ask.headers)
            answer = connection.getresponse()
            answer.read()
        except OSError:
            return
        finally:
            connection.close()
        answers[number] = Answer(answer.status, time.perf_counter() - before)

    threads = [threading.Thread(target=run, args=each) for each in enumerate(asks)]
    for thread in threads:
        thread.start()
    gate.wait()
    for thread in threads:
        thread.join()
    return answers


def _row(name: str, what: str, answers: Sequence[Answer]) -> str:
    counts = Counter(answer.status for answer in answers)
    times = sorted(answer.took_s for answer in answers)
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
    return (
        f"| {name} | {what} | {len(answers)} | {statuses} | {times[len(times) // 2]:.2f}"
        f" | {times[-1]:.2f} |"
    )


def _measure(name: str, crowd: Crowd, checkout: Path, readers: int) -> None:
    """Restart the server before each round: every kiosk reconnects at once."""
    rounds = {
        "gallery, changed": crowd.galleries(),
        "gallery, nothing new": crowd.galleries(since=10**6),
        "configuration": crowd.configurations(),
        "one register": crowd.readers(readers),
        "gallery, with page between": [
            *crowd.galleries(since=10**6),
            Ask("/lessons", {"Cookie": crowd.cookie}),
        ],
        "gallery, with /health between": [*crowd.galleries(since=10**6), Ask("/health", {})],
    }
    for what, asks in rounds.items():
        with serving(crowd.settings, checkout) as port:
            answers = ask_together(port, asks)
        between = "between" in what
        sys.stdout.write(_row(name, what, answers[-1:] if between else answers) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kiosks", type=int, default=200)
    parser.add_argument("--readers", type=int, default=75)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--checkout", type=Path, action="append", default=[])
    parser.add_argument("--database", choices=["SQLite", "PostgreSQL"], action="append")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    size = Size(people=options.people, lessons=options.kiosks, kiosks=options.kiosks)
    print("| code | round | requests | statuses | p50 s | longest s |")
    print("|---|---|---|---|---|---|")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-many-")))
        for url in (None, stack.enter_context(private_postgres())):
            kind = "SQLite" if url is None else "PostgreSQL"
            if kind not in (options.database or [kind]):
                continue
            crowd = make_crowd(_settings(folder / kind, url), size)
            for checkout in (*options.checkout, HERE):
                own = _copy(crowd, folder / f"{kind}-{checkout.name}")
                _measure(f"{kind}, {checkout.name}", own, checkout, options.readers)


def _settings(folder: Path, url: str | None) -> Settings:
    return load_settings(
        data_dir=folder,
        database_url=None if url is None else SecretStr(_copied_database(url, "filled")),
        ml_service_url="http://127.0.0.1:9",
        timezone=noon_zone(datetime.now(UTC)),
    )


def _copy(crowd: Crowd, folder: Path) -> Crowd:
    """Copy data folder and database, so that each checkout starts from the same."""
    shutil.copytree(crowd.settings.data_dir, folder)
    changed: dict[str, object] = {"data_dir": folder}
    if crowd.settings.database_url is not None:
        url = crowd.settings.database_url.get_secret_value()
        name = folder.name.lower().replace("-", "_")
        changed["database_url"] = SecretStr(_copied_database(url, name))
    settings = crowd.settings.model_copy(update=changed)
    return Crowd(settings, crowd.school, crowd.tokens, crowd.cookie)


def _copied_database(url: str, name: str) -> str:
    """Create a PostgreSQL database as a copy of another; returns its URL."""
    base, _, template = url.rpartition("/")
    source = "template1" if template == "postgres" else template
    admin = f"{base}/postgres".replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"'.encode())
    return f"{base}/{name}"


if __name__ == "__main__":
    main()
