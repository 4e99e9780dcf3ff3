"""State what a kiosk's configuration costs the server, and that two checkouts build the same.

    .venv/bin/python -m scripts.bench.configuration [--kiosks 200] [--checkout FOLDER]

Fills invented schools in SQLite: one with 200 people and a lesson in each room, one with 2,000
people and five lessons a day in each room, and the latter with half a year of past lessons.
Builds and encodes the document of every kiosk, one after another. `--checkout` adds a row for the
code in another checkout. Prints a Markdown table; ends with an error where documents differ.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from scripts.invented_school import School, Size, fill
from server.config import Settings, load_settings
from server.db.engine import Database
from server.db.types import new_id
from server.db.vault import open_vault
from server.migrations.runner import upgrade
from server.timetable.tables import Lesson

HERE = Path(__file__).resolve().parents[2]
PAST_DAYS, LESSONS_A_DAY = 180, 6


@dataclass(frozen=True)
class Cost:
    """What one checkout says of all documents of a school; see `one_configuration`.

    Attributes:
        build_ms: computing for one document, encoding included; median of all kiosks.
        size_bytes: of one document, median.
        digest: of all documents without their versions.
    """

    build_ms: float
    size_bytes: float
    digest: str


def fill_school(settings: Settings, size: Size, at: datetime) -> School:
    """Fill a new database, in a folder that is made for it."""
    settings.data_dir.mkdir()
    database = Database(settings.sqlalchemy_url)
    upgrade(database)
    school = fill(database, open_vault(settings), size, at)
    database.close()
    return school


def add_past(settings: Settings, school: School, at: datetime) -> None:
    """Add the lessons of past days, to which nobody came."""
    places = [
        (at - timedelta(days=day) + turn * timedelta(minutes=55), room_id)
        for day in range(1, PAST_DAYS + 1)
        for turn in range(LESSONS_A_DAY)
        for room_id in school.rooms
    ]
    rows = [
        {
            "id": new_id(),
            "course_id": school.courses[number % len(school.courses)],
            "room_id": room_id,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=45),
            "time_zone": "UTC",
            "created_at": at,
        }
        for number, (starts_at, room_id) in enumerate(places)
    ]
    database = Database(settings.sqlalchemy_url)
    with database.transaction() as db:
        db.execute(insert(Lesson), rows)
    database.close()


def cost_of(settings: Settings, at: datetime, checkout: Path) -> Cost:
    """Measure the code of a checkout in a process of its own."""
    script = HERE / "scripts" / "bench" / "one_configuration.py"
    said = subprocess.run(
        [sys.executable, "-P", script, settings.sqlalchemy_url, at.isoformat()],
        env=os.environ | {"PYTHONPATH": str(checkout)},
        cwd=checkout,
        check=True,
        capture_output=True,
    )
    found = json.loads(said.stdout)
    return Cost(median(found["costs_ms"]), median(found["sizes"]), found["digest"])


def _compare(name: str, settings: Settings, at: datetime, checkouts: Sequence[Path]) -> None:
    costs = {checkout.name: cost_of(settings, at, checkout) for checkout in checkouts}
    for code, cost in costs.items():
        print(f"| {name} | {code} | {cost.build_ms:.1f} | {cost.size_bytes / 1000:.0f} |")
    if len({cost.digest for cost in costs.values()}) > 1:
        raise SystemExit("the documents of these checkouts differ")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kiosks", type=int, default=200)
    parser.add_argument("--checkout", type=Path, action="append", default=[])
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    checkouts, rooms, at = (*options.checkout, HERE), options.kiosks, datetime.now(UTC)
    print("| school | code | one document, ms of computing | its size, kB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="rollcall-configuration-") as folder:
        small = load_settings(data_dir=Path(folder, "small"))
        large = load_settings(data_dir=Path(folder, "large"))
        fill_school(small, Size(people=200, lessons=rooms, kiosks=rooms), at)
        _compare("200 people, a lesson in each room", small, at, checkouts)
        school = fill_school(large, Size(people=2000, lessons=5 * rooms, kiosks=rooms), at)
        _compare("2,000 people, 5 lessons in each room", large, at, checkouts)
        add_past(large, school, at)
        past = PAST_DAYS * LESSONS_A_DAY * rooms
        _compare(f"the same with {past:,} past lessons", large, at, checkouts)


if __name__ == "__main__":
    main()
