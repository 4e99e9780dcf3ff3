"""Time each page, before and after a change, with a small or a large school on SQLite.

    .venv/bin/python -m scripts.bench.pages [--people 1000] [--events 0] [--term]
        [--before CHECKOUT]

The pages are asked of real server processes over the loopback, by turns, of the server of each
checkout in turn, so that everything that disturbs meets all of them. CPU is that of all threads of
the server process for one request, the median. The first request of a page, which compiles its
template and its queries, is left out. Statements are counted in this process, on the same data.
Prints a Markdown table.
"""

import argparse
import http.client
import logging
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

import server.migrations
from scripts.bench.large_school import enlarge
from scripts.bench.many import give_tokens
from scripts.bench.noon import noon_zone
from scripts.bench.server_cpu import Running, serving
from scripts.bench.term import add_term
from scripts.invented_attendance import STUDENT
from scripts.invented_jobs import add_jobs
from scripts.invented_school import School, Size, fill
from server.app import create_app
from server.config import Settings, load_settings
from server.db.engine import Database
from server.policies.scopes import PolicyPlace, Scope
from server.policies.service import set_own
from server.web.state import services_of

LIMIT_MS = 200.0
_SLOW_MS = 400.0
_FEW = 3


@dataclass
class Times:
    """Times of one page of one server, milliseconds.

    Attributes:
        cpu: of the server process, for each request.
        wall: from the question to the whole answer.
    """

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        """The 95th percentile of the wall times."""
        return sorted(self.wall)[int(len(self.wall) * 0.95)]

    def cells(self) -> str:
        """The cells of the table."""
        cpu, wall = statistics.median(self.cpu), statistics.median(self.wall)
        return f"{cpu:.1f} | {wall:.1f} | {self.p95:.1f}"


@dataclass
class Page:
    """One row of the table.

    Attributes:
        headers: who asks.
        times: one for each server.
    """

    name: str
    path: str
    headers: dict[str, str]
    statements: int = 0
    kib: float = 0.0
    times: list[Times] = field(default_factory=list)

    def row(self) -> str:
        """The row in Markdown."""
        cells = " | ".join(one.cells() for one in self.times)
        return f"| {self.name} | {cells} | {self.statements} | {self.kib:.0f} |"


@dataclass(frozen=True)
class Filled:
    """A filled school.

    Attributes:
        cookie: of an admin who is signed in.
        token: of a kiosk that is claimed.
        gallery: path of what is new in its gallery: nothing.
    """

    settings: Settings
    school: School
    cookie: str
    token: str
    gallery: str

    def pages(self) -> list[Page]:
        """Return what is asked."""
        person, kiosk = {"Cookie": self.cookie}, {"Authorization": f"Device {self.token}"}
        found = [Page(name, path, person) for name, path in paths(self.school).items()]
        found.append(Page("sync/config", "/api/v1/sync/config", kiosk))
        found.append(Page("sync/gallery, nothing new", self.gallery, kiosk))
        return found


def paths(school: School) -> dict[str, str]:
    """Every page by name."""
    person, course, lesson = school.people[0], school.courses[0], school.lessons[0]
    running = school.lessons[len(school.lessons) // 2]
    return {
        "today": "/",
        "lessons": "/lessons",
        "lessons, register pending": "/lessons?register=pending",
        "lessons, register not taken": "/lessons?register=not_taken",
        "register, over": f"/lessons/{lesson}",
        "register, running": f"/lessons/{running}",
        "register, live part": f"/lessons/{running}/live",
        "people": "/people",
        "people, page 10": "/people?page=10",
        "person": f"/people/{person}",
        "attendance of a person": f"/people/{school.people[STUDENT]}/attendance",
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


def fill_server(settings: Settings, size: Size, events: int) -> Filled:
    """Fill an empty server: 1,000 people by its rules, more as copies of their rows."""
    app = create_app(settings)
    at = datetime.now(UTC)
    with TestClient(app, headers={"X-Requested-With": "rollcall"}) as client:
        services = services_of(app)
        first = Size(min(size.people, 1000), size.lessons, size.kiosks)
        school = fill(services.database, services.vault, first, at)
        add_jobs(services.database, school, waiting=2000)
        tokens = give_tokens(services.database, services.vault, school.kiosks)
        password = (settings.data_dir / "admin-password.txt").read_text().strip()
        client.post("/api/v1/sign-in", json={"username": "admin", "password": password})
        chosen = "a password for measuring"
        client.post("/api/v1/sign-in/password", json={"old": password, "new": chosen})
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    file = settings.data_dir / "rollcall.sqlite3"
    enlarge(file, people=size.people, events=events, at=at)
    token = tokens[size.kiosks // 2]
    return Filled(settings, school, cookie, token, _gallery(app, token))


def _gallery(app: FastAPI, token: str) -> str:
    """Download a kiosk's gallery; returns the path of what comes after it."""
    since, is_complete = 0, False
    with TestClient(app, headers={"Authorization": f"Device {token}"}) as client:
        while not is_complete:
            page = client.get(f"/api/v1/sync/gallery?since={since}&limit=200").json()
            since, is_complete = page["next"], page["complete"]
    return f"/api/v1/sync/gallery?since={since}&limit=200"


def count_statements(filled: Filled, pages: list[Page]) -> None:
    """Look at each page once, and note its size and its number of statements."""
    app = create_app(filled.settings)
    with TestClient(app) as client:
        for page in pages:
            _count(app, client, page)


def _count(app: FastAPI, client: TestClient, page: Page) -> None:
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    client.get(page.path, headers=page.headers)
    engine = services_of(app).database.engine
    event.listen(engine, "before_cursor_execute", count)
    answer = client.get(page.path, headers=page.headers)
    event.remove(engine, "before_cursor_execute", count)
    assert answer.status_code == 200, f"{page.path}: {answer.status_code}"
    page.statements, page.kib = counted[0], len(answer.content) / 1024


def add_exceptions(settings: Settings, school: School, count: int) -> None:
    """Give rooms and courses, in all `count`, attendance windows of their own."""
    places = [PolicyPlace(Scope.ROOM, one) for one in school.rooms]
    places += [PolicyPlace(Scope.COURSE, one) for one in school.courses]
    database = Database(settings.sqlalchemy_url)
    with database.transaction() as db:
        for number, place in enumerate(places[:count]):
            own = {"late_after_min": number % 9, "opens_before_min": 10 + number % 9}
            set_own(db, place, {"attendance": own}, actor="system")
    database.close()


def copied_for(filled: Filled, checkout: Path, folder: Path) -> Settings:
    """Copy the data for the server of another checkout, with the schema that it knows."""
    database_files = shutil.ignore_patterns("rollcall.sqlite3*")
    shutil.copytree(filled.settings.data_dir, folder, ignore=database_files)
    # Not as a file: to close a file ends the locks that other threads of this process have on it.
    name = "rollcall.sqlite3"
    with (
        closing(sqlite3.connect(filled.settings.data_dir / name)) as source,
        closing(sqlite3.connect(folder / name)) as copy,
    ):
        source.backup(copy)
    settings = filled.settings.model_copy(update={"data_dir": folder})
    versions = checkout / "server" / "migrations" / "versions"
    newest = max(one.name[:4] for one in versions.glob("[0-9]*.py"))
    database = Database(settings.sqlalchemy_url)
    config = Config()
    config.set_main_option("script_location", str(Path(server.migrations.__file__).parent))
    with database.engine.connect() as connection:
        # As server.migrations.runner does: tables that others refer to are made again.
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        config.attributes["connection"] = connection
        command.downgrade(config, newest)
        connection.commit()
    database.close()
    return settings


def measure(servers: list[Running], pages: list[Page], repeat: int) -> None:
    """Fetch all pages by turns, again and again, and note the times in them."""
    for turn in range(repeat + 1):
        for page in pages:
            for place, one in enumerate(servers):
                cpu_ms, wall_ms = _ask(one, page)
                if turn == 0:
                    page.times.append(Times())
                elif turn <= _FEW or not _is_slow(page.times[place]):
                    page.times[place].cpu.append(cpu_ms)
                    page.times[place].wall.append(wall_ms)


def _is_slow(times: Times) -> bool:
    return statistics.median(times.wall) > _SLOW_MS


def _ask(one: Running, page: Page) -> tuple[float, float]:
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=120)
    connection.connect()
    cpu_ms, before = one.cpu_ms, time.perf_counter()
    connection.request("GET", page.path, headers=page.headers)
    answer = connection.getresponse()
    answer.read()
    taken_ms = (time.perf_counter() - before) * 1000
    used_ms = one.cpu_ms - cpu_ms
    connection.close()
    assert answer.status == 200, f"{page.path}: {answer.status}"
    return used_ms, taken_ms


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--lessons", type=int, default=50)
    parser.add_argument("--kiosks", type=int, default=10)
    parser.add_argument("--events", type=int, default=0, help="in all, those of past lessons added")
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument(
        "--exceptions", type=int, default=0, help="rooms and courses with own settings"
    )
    parser.add_argument("--term", action="store_true", help="one student has a term of lessons")
    parser.add_argument("--before", type=Path, help="a checkout to compare with")
    return parser.parse_args()


def _print(pages: list[Page], names: list[str]) -> None:
    cells = " | ".join(f"{name}: CPU ms | p50 ms | p95 ms" for name in names)
    print(f"| page | {cells} | statements | KiB |")
    print("|---" * (3 + 3 * len(names)) + "|")
    for page in pages:
        print(page.row())


def main() -> int:
    """Fill a server and print the table; 1 when a page is over the limit."""
    options = _options()
    logging.disable(logging.WARNING)
    size = Size(people=options.people, lessons=options.lessons, kiosks=options.kiosks)
    with tempfile.TemporaryDirectory(prefix="rollcall-pages-") as folder, ExitStack() as stack:
        settings = load_settings(
            data_dir=Path(folder) / "data",
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
        )
        filled = fill_server(settings, size, options.events)
        add_exceptions(settings, filled.school, options.exceptions)
        if options.term:
            add_term(settings, filled.school)
        pages = filled.pages()
        count_statements(filled, pages)
        names, sides = ["after"], [(settings, None)]
        if options.before:
            older = copied_for(filled, options.before, Path(folder) / "before")
            names, sides = ["before", "after"], [(older, options.before), *sides]
        servers = [stack.enter_context(serving(*side)) for side in sides]
        measure(servers, pages, options.repeat)
    _print(pages, names)
    slow = [page.name for page in pages if page.times[-1].p95 > LIMIT_MS]
    if slow:
        sys.stderr.write(f"over {LIMIT_MS:.0f} ms: {', '.join(slow)}\n")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
