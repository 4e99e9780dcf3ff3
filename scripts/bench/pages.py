"""Time each page of the server, with 1,000 people, 50 lessons of today and 10 kiosks on SQLite.

    .venv/bin/python -m scripts.bench.pages [--people 1000] [--lessons 50] [--kiosks 10]

The pages are asked of a real server process over the loopback, by turns, so that what it does now
and then (collecting garbage, housekeeping) meets each of them as in a school. The first request of
a page, which compiles its template and its queries, has a column of its own. Statements are counted
in this process, on the same data. Prints a Markdown table.
"""

import argparse
import http.client
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from scripts.bench.ml_service import wait_for
from scripts.invented_jobs import add_jobs
from scripts.invented_school import School, Size, fill
from server.app import create_app
from server.config import Settings, load_settings
from server.web.state import services_of

LIMIT_MS = 100.0


@dataclass
class Page:
    """One row of the table.

    Attributes:
        times_ms: of each request but the first.
        first_ms: of the first one after the server's start.
    """

    name: str
    path: str
    statements: int
    kib: float
    first_ms: float = 0.0
    times_ms: list[float] = field(default_factory=list)

    @property
    def p95_ms(self) -> float:
        """The 95th percentile without the first request."""
        return sorted(self.times_ms)[int(len(self.times_ms) * 0.95)]

    def row(self) -> str:
        """The row in Markdown."""
        return (
            f"| {self.name} | {self.first_ms:.1f} | {statistics.median(self.times_ms):.1f} "
            f"| {self.p95_ms:.1f} | {max(self.times_ms):.1f} | {self.statements} | {self.kib:.0f} |"
        )


def paths(school: School) -> dict[str, str]:
    """Every page by name."""
    person, course, lesson = school.people[0], school.courses[0], school.lessons[0]
    running = school.lessons[len(school.lessons) // 2]
    return {
        "today": "/",
        "lessons": "/lessons",
        "register, over": f"/lessons/{lesson}",
        "register, running": f"/lessons/{running}",
        "register, live part": f"/lessons/{running}/live",
        "people": "/people",
        "people, page 10": "/people?page=10",
        "person": f"/people/{person}",
        "enrol": f"/people/{person}/enrol",
        "courses": "/courses",
        "course": f"/courses/{course}",
        "rooms": "/rooms",
        "kiosks": "/kiosks",
        "kiosk": f"/kiosks/{school.kiosks[0]}",
        "coverage": "/people/coverage",
        "policy": "/policy",
        "accuracy": "/accuracy",
        "audit": "/audit",
        "jobs, 2,000 waiting": "/jobs",
        "users": "/users",
        "sign-in page": "/password",
    }


def fill_server(settings: Settings, size: Size) -> tuple[list[Page], str]:
    """Fill an empty server, and look at each page once.

    Returns:
        The pages without times, and the cookie of somebody who is signed in.
    """
    app = create_app(settings)
    with TestClient(app, headers={"X-Requested-With": "rollcall"}) as client:
        services = services_of(app)
        school = fill(services.database, services.vault, size, datetime.now(UTC))
        add_jobs(services.database, school, waiting=2000)
        password = (settings.data_dir / "admin-password.txt").read_text().strip()
        client.post("/api/v1/sign-in", json={"username": "admin", "password": password})
        chosen = "a password for measuring"
        client.post("/api/v1/sign-in/password", json={"old": password, "new": chosen})
        pages = [_counted(app, client, *each) for each in paths(school).items()]
        return pages, "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def _counted(app: FastAPI, client: TestClient, name: str, path: str) -> Page:
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    client.get(path)
    event.listen(services_of(app).database.engine, "before_cursor_execute", count)
    answer = client.get(path)
    event.remove(services_of(app).database.engine, "before_cursor_execute", count)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return Page(name, path, counted[0], len(answer.content) / 1024)


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """A server process with this data; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    named = {
        "DATA_DIR": str(settings.data_dir),
        "TIMEZONE": settings.timezone,
        "PORT": str(port),
        "LOG_LEVEL": "warning",
    }
    env = os.environ | {f"ROLLCALL_SERVER_{name}": value for name, value in named.items()}
    env["ML_SERVICE_URL"] = str(settings.ml_service_url)
    command = [sys.executable, "-P", "-m", "server.main", "serve"]
    child = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}", child)
        yield port
    finally:
        child.terminate()
        child.wait(30)


def measure(port: int, cookie: str, pages: list[Page], repeat: int) -> None:
    """Fetch all pages by turns, again and again, and note the times in them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for turn in range(repeat + 1):
        for page in pages:
            before = time.perf_counter()
            connection.request("GET", page.path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            taken_ms = (time.perf_counter() - before) * 1000
            assert answer.status == 200, f"{page.path}: {answer.status}"
            if turn == 0:
                page.first_ms = taken_ms
            else:
                page.times_ms.append(taken_ms)
    connection.close()


def noon_zone(at: datetime) -> str:
    """A zone in which it is about noon, so that all lessons around now are of one day."""
    return f"Etc/GMT{at.hour - 12:+d}"


def main() -> int:
    """Fill a server and print the table; 1 when a page is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--lessons", type=int, default=50)
    parser.add_argument("--kiosks", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=100)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    size = Size(people=options.people, lessons=options.lessons, kiosks=options.kiosks)
    with tempfile.TemporaryDirectory(prefix="rollcall-pages-") as folder:
        settings = load_settings(
            data_dir=Path(folder) / "data",
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
        )
        pages, cookie = fill_server(settings, size)
        with serving(settings) as port:
            measure(port, cookie, pages, options.repeat)
    print("| page | first ms | p50 ms | p95 ms | longest ms | statements | KiB |")
    print("|---|---|---|---|---|---|---|")
    for page in pages:
        print(page.row())
    slow = [page.name for page in pages if page.p95_ms > LIMIT_MS]
    if slow:
        sys.stderr.write(f"over {LIMIT_MS:.0f} ms: {', '.join(slow)}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
