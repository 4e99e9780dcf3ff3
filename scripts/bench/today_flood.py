"""Time pages while one kiosk floods the day: 20,000 events that came today, of one kind each.

    .venv/bin/python -m scripts.bench.today_flood [--events 20000] [--people 120]

`named`: sightings of the lesson that runs. `unnamed`: sightings of the room's own students that
name no lesson. `strangers`: of lessons and people that do not exist. `objections`: each sighting
taken back. `quarantine`: refused events. Pages are asked of the application in this process, on
SQLite; CPU is that of the process, the median, without the first request. Prints a Markdown table.
"""

import argparse
import logging
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from scripts.bench.noon import noon_zone
from scripts.bench.pages import Filled, fill_server
from scripts.invented_school import Size
from server.app import create_app
from server.config import load_settings
from server.db.types import new_id

KINDS = ("none", "named", "unnamed", "strangers", "objections", "quarantine")
_FILE = "rollcall.sqlite3"


def flood(file: Path, kind: str, count: int, at: datetime) -> tuple[str, str]:
    """Add events of the kiosk in whose room a lesson runs; returns that kiosk and the lesson."""
    with closing(sqlite3.connect(file)) as db, db:
        db.row_factory = sqlite3.Row
        lesson, kiosk, course = db.execute(
            "SELECT l.id, k.id, l.course_id FROM lessons l JOIN kiosks k ON k.room_id = l.room_id"
            " WHERE l.starts_at < ?1 AND l.ends_at > ?1 LIMIT 1",
            (_text(at),),
        ).fetchone()
        listed = db.execute("SELECT person_id FROM roster_entries WHERE course_id = ?", (course,))
        people = [one[0] for one in listed]
        if kind == "quarantine":
            _refuse(db, kiosk, count, at)
        elif kind != "none":
            _record(db, kind, count, at, (kiosk, lesson, people))
    return str(kiosk), str(lesson)


def _record(
    db: sqlite3.Connection, kind: str, count: int, at: datetime, of: tuple[str, str, list[str]]
) -> None:
    kiosk, lesson, people = of
    event = dict(db.execute("SELECT * FROM attendance_events LIMIT 1").fetchone())
    rows: list[dict[str, Any]] = []
    for number in range(count):
        moment = _text(at - timedelta(milliseconds=60 * number))
        row: dict[str, Any] = event | {"kiosk_id": kiosk, "id": new_id().hex}
        row |= {"seq": 1_000_000 + number, "person_id": people[number % len(people)]}
        row |= {"lesson_id": lesson if kind in ("named", "objections") else None}
        row |= {"occurred_at": moment, "counted_at": moment, "received_at": moment}
        row |= {"hash": f"{number:064x}", "kind": "seen", "method": "face"}
        if kind == "strangers":
            row |= {"lesson_id": new_id().hex, "person_id": new_id().hex}
        if kind == "objections" and number % 2:
            row |= {"kind": "not_me", "refers_to": rows[-1]["id"]}
        rows.append(row)
    _insert(db, "attendance_events", rows)


def _refuse(db: sqlite3.Connection, kiosk: str, count: int, at: datetime) -> None:
    row = dict.fromkeys(("due_at", "decision", "decided_by", "decided_at", "decision_reason"))
    _insert(
        db,
        "quarantined_events",
        [
            row
            | {"id": new_id().hex, "kiosk_id": str(uuid.UUID(kiosk)), "seq": number}
            | {"event_id": str(new_id()), "reason": "bad_signature", "is_authentic": False}
            | {"hash": None, "body_hash": number.to_bytes(32, "big"), "body": "{}" + " " * 900}
            | {"received_at": _text(at)}
            for number in range(count)
        ],
    )


def _insert(db: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names, marks = ", ".join(rows[0]), ", ".join("?" * len(rows[0]))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    db.executemany(statement, (tuple(row.values()) for row in rows))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def paths(kiosk: str, lesson: str) -> dict[str, str]:
    """The pages that read what a kiosk sent."""
    return {
        "today": "/",
        "lessons": "/lessons",
        "register, running": f"/lessons/{lesson}",
        "register, live part": f"/lessons/{lesson}/live",
        "kiosk": f"/kiosks/{kiosk}",
        "quarantine": "/quarantine",
        "quarantine of the kiosk, page 5": f"/quarantine?kiosk={kiosk}&page=5",
    }


def measure(filled: Filled, kind: str, options: argparse.Namespace, data: Path) -> list[str]:
    """Flood a copy of the data and ask for the pages; returns the cells of each, milliseconds."""
    shutil.copytree(filled.settings.data_dir, data, ignore=shutil.ignore_patterns(f"{_FILE}*"))
    source = filled.settings.data_dir / _FILE
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(data / _FILE)) as other:
        one.backup(other)
    kiosk, lesson = flood(data / _FILE, kind, options.events, datetime.now(UTC))
    app = create_app(filled.settings.model_copy(update={"data_dir": data}))
    cells = []
    with TestClient(app, headers={"Cookie": filled.cookie}) as client:
        for path in paths(kiosk, lesson).values():
            times = [_cpu_ms(client, path) for _ in range(options.repeat + 1)]
            cells.append(f"{statistics.median(times[1:]):.0f}")
    return cells


def _cpu_ms(client: TestClient, path: str) -> float:
    started = time.process_time()
    answer = client.get(path)
    taken = time.process_time() - started
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return taken * 1000


def main() -> int:
    """Print the table: a row for each kind, a column for each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="rollcall-flood-") as folder:
        settings = load_settings(
            data_dir=Path(folder) / "data",
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
            enrolment_workers=0,
        )
        size = Size(people=options.people, lessons=50, kiosks=10)
        filled = fill_server(settings, size, 0)
        names = list(paths("", ""))
        sys.stdout.write(f"| kind | {' | '.join(names)} |\n|---{'|---' * len(names)}|\n")
        for kind in options.kinds:
            cells = measure(filled, kind, options, Path(folder) / kind)
            sys.stdout.write(f"| {kind} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
