"""Time each page of the server, with 1,000 people, 50 sessions and 10 kiosks on SQLite.

    .venv/bin/python -m scripts.bench.pages [--people 1000] [--sessions 50] [--kiosks 10]

Each page is fetched over the application's own interface, so rendering, queries, middleware and
the session lookup are in it, and no network is. Prints a Markdown table.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from scripts.invented_school import School, Size, fill
from server.app import create_app
from server.config import load_settings

LIMIT_MS = 100.0


@dataclass(frozen=True)
class Timing:
    """One row of the table; times in milliseconds."""

    page: str
    p50_ms: float
    p95_ms: float
    queries: int
    kib: float


def paths(school: School) -> dict[str, str]:
    """Every page by name."""
    person, course, session = school.people[0], school.courses[0], school.sessions[0]
    running = school.sessions[len(school.sessions) // 2]
    return {
        "today": "/",
        "sessions": "/sessions",
        "register, over": f"/sessions/{session}",
        "register, running": f"/sessions/{running}",
        "register, live part": f"/sessions/{running}/live",
        "people": "/people",
        "people, page 10": "/people?page=10",
        "person": f"/people/{person}",
        "enrol": f"/people/{person}/enrol",
        "courses": "/courses",
        "course": f"/courses/{course}",
        "rooms": "/rooms",
        "kiosks": "/kiosks",
        "kiosk": f"/kiosks/{school.kiosks[0]}",
        "audit": "/audit",
        "users": "/users",
        "sign-in page": "/password",
    }


def measure(app: FastAPI, client: TestClient, page: str, path: str, repeat: int) -> Timing:
    """Fetch one page again and again."""
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    client.get(path)
    event.listen(app.state.database.engine, "before_cursor_execute", count)
    answer = client.get(path)
    event.remove(app.state.database.engine, "before_cursor_execute", count)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    times = sorted(_timed(lambda: client.get(path)) for _ in range(repeat))
    return Timing(
        page=page,
        p50_ms=statistics.median(times),
        p95_ms=times[int(len(times) * 0.95)],
        queries=counted[0],
        kib=len(answer.content) / 1024,
    )


def _timed(step: Callable[[], object]) -> float:
    before = time.perf_counter()
    step()
    return (time.perf_counter() - before) * 1000


def main() -> int:
    """Fill a server and print the table; 1 when a page is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--kiosks", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    size = Size(people=options.people, sessions=options.sessions, kiosks=options.kiosks)
    with tempfile.TemporaryDirectory(prefix="rollcall-pages-") as folder:
        timings = _run(Path(folder), size, options.repeat)
    print("| page | p50 ms | p95 ms | statements | KiB |")
    print("|---|---|---|---|---|")
    for one in timings:
        print(
            f"| {one.page} | {one.p50_ms:.1f} | {one.p95_ms:.1f} | {one.queries} | {one.kib:.0f} |"
        )
    slow = [one.page for one in timings if one.p50_ms > LIMIT_MS]
    if slow:
        sys.stderr.write(f"over {LIMIT_MS:.0f} ms: {', '.join(slow)}\n")
    return 1 if slow else 0


def _run(folder: Path, size: Size, repeat: int) -> list[Timing]:
    settings = load_settings(data_dir=folder / "data", ml_service_url="http://127.0.0.1:9")
    app = create_app(settings)
    with TestClient(app, headers={"X-Requested-With": "rollcall"}) as client:
        school = fill(app.state.database, app.state.vault, size, datetime.now(UTC))
        password = (settings.data_dir / "admin-password.txt").read_text().strip()
        client.post("/api/v1/session", json={"username": "admin", "password": password})
        chosen = "a password for measuring"
        client.post("/api/v1/session/password", json={"old": password, "new": chosen})
        return [measure(app, client, page, path, repeat) for page, path in paths(school).items()]


if __name__ == "__main__":
    sys.exit(main())
