"""State what one change of a school costs a server in CPU time until all kiosks have their hints.

    .venv/bin/python -m scripts.bench.hints [--kiosks 200] [--checkout FOLDER]

Fills an invented school: a room, a kiosk and two people for each kiosk, classes of 24 with lessons
in 12 rooms each, every day. Lets the housekeeping of a server look, without thread and broker, and
makes one change after another. CPU time does not depend on what else the machine does.
`--checkout` runs the same with the code in another checkout first. Prints a Markdown table.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlalchemy import insert
from sqlmodel import Session

from scripts.bench.fleet_school import enrol, enrolled
from scripts.bench.ingest import private_postgres
from scripts.bench.noon import noon_zone
from scripts.invented_school import School, Size, fill
from server.certificates.links import Links
from server.config import Settings, load_settings
from server.db.engine import Database
from server.db.types import new_id
from server.db.vault import Vault, open_vault
from server.migrations.runner import upgrade
from server.mqtt.housekeeping import Housekeeper
from server.people.schemas import PersonCreate
from server.people.service import change_person, get_person
from server.policies.service import current_policy, set_policy
from server.timetable.lessons import LessonPlan, cancel_lesson, create_lesson
from server.timetable.roster import add_to_roster
from server.timetable.tables import Course, Lesson, RosterEntry

HERE = Path(__file__).resolve().parents[2]
CLASS, ROOMS, DAYS = 24, 12, 7


@dataclass(frozen=True)
class Filled:
    """A school whose kiosks wait for hints.

    Attributes:
        school: what is in it.
        courses: one for each class.
        lessons: of the first class, the next ones first.
    """

    school: School
    courses: list[uuid.UUID]
    lessons: list[uuid.UUID]


def fill_school(database: Database, vault: Vault, kiosks: int, at: datetime) -> Filled:
    """Fill an empty database."""
    upgrade(database)
    size = Size(people=max(2 * kiosks, CLASS), lessons=0, kiosks=kiosks)
    school = fill(database, vault, size, at)
    classes = [school.people[n : n + CLASS] for n in range(0, len(school.people), CLASS)]
    courses = [Course(id=new_id(), code=f"CLASS-{n}", title="Class") for n in range(len(classes))]
    ids = [course.id for course in courses]
    entries = [
        {"id": new_id(), "course_id": course_id, "person_id": person_id, "created_at": at}
        for course_id, people in zip(ids, classes, strict=True)
        for person_id in people
    ]
    lessons = [
        row for n, course_id in enumerate(ids) for row in _week(n, course_id, school.rooms, at)
    ]
    with database.transaction() as db:
        db.add_all(courses)
        db.flush()
        db.execute(insert(RosterEntry), entries)
        db.execute(insert(Lesson), lessons)
    first = [row["id"] for row in lessons if row["course_id"] == ids[0]]
    return Filled(school, ids, first)


def _week(
    number: int, course_id: uuid.UUID, rooms: list[uuid.UUID], at: datetime
) -> list[dict[str, Any]]:
    """The lessons of a class, one after another in each of its rooms, every day from now on."""
    begin = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return [
        {
            "id": new_id(),
            "course_id": course_id,
            "room_id": rooms[(number * ROOMS + turn) % len(rooms)],
            "starts_at": begin + timedelta(days=day, hours=turn),
            "ends_at": begin + timedelta(days=day, hours=turn, minutes=45),
            "time_zone": "UTC",
            "created_at": at,
        }
        for day in range(DAYS)
        for turn in range(ROOMS)
    ]


class Changes:
    """One change of each kind, in a transaction each."""

    def __init__(self, database: Database, vault: Vault, filled: Filled) -> None:
        self._database, self._vault, self._filled = database, vault, filled

    def named(self) -> dict[str, Callable[[], None]]:
        """Return them by what they are."""
        return {
            "a person is enrolled": self._enrol,
            "a person joins a course": self._join,
            "a lesson is cancelled": lambda: self._with(self._cancel),
            "a lesson is added": lambda: self._with(self._add),
            "a person is renamed": lambda: self._with(self._rename),
            "the policy changes": lambda: self._with(self._policy),
        }

    def _with(self, change: Callable[[Session], object]) -> None:
        with self._database.transaction() as db:
            change(db)

    def _enrol(self) -> None:
        enrol(self._database, self._vault, enrolled(self._database)[0])

    def _join(self) -> None:
        person, course = self._filled.school.people[-1], self._filled.courses[0]
        self._with(lambda db: add_to_roster(db, course, person_id=person, actor="system"))

    def _cancel(self, db: Session) -> object:
        lesson = self._filled.lessons[1]
        return cancel_lesson(db, lesson, reason="bench", actor="system", at=datetime.now(UTC))

    def _add(self, db: Session) -> object:
        at = datetime.now(UTC)
        starts_at = at.replace(minute=46, second=0, microsecond=0) + timedelta(hours=2)
        course, room = self._filled.courses[0], self._filled.school.rooms[0]
        plan = LessonPlan(course, room, starts_at, starts_at + timedelta(minutes=10))
        return create_lesson(db, plan, zone=ZoneInfo("UTC"), at=at, actor="system")

    def _rename(self, db: Session) -> object:
        person = get_person(db, self._filled.school.people[0])
        new = PersonCreate(
            student_number=person.student_number, given_name="Renamed", family_name="Person"
        )
        return change_person(db, person.id, new, actor="system")

    def _policy(self, db: Session) -> object:
        policy = current_policy(db)
        kiosk = policy.kiosk.model_copy(update={"language": "ar"})
        return set_policy(db, policy.model_copy(update={"kiosk": kiosk}), actor="system")


class NoBroker:
    """In place of the link to the broker: notes what the housekeeping publishes.

    Attributes:
        published: (topic, CPU time of this process) of each message.
    """

    def __init__(self) -> None:
        self.published: list[tuple[str, float]] = []
        self.is_connected, self.connections = True, 1

    def when_connected(self, _call: Callable[[], None]) -> None:
        """Never: it is connected."""

    def control(self, *_commands: object) -> None:
        """Accounts are not measured."""

    def publish(self, topic: str, _payload: bytes, **_options: object) -> None:
        """Note a hint."""
        self.published.append((topic, time.process_time()))


class HintRun:
    """The housekeeping of a server, without its thread, and a school that changes."""

    def __init__(self, settings: Settings, kiosks: int) -> None:
        self._database, self._vault = Database(settings.sqlalchemy_url), open_vault(settings)
        self._filled = fill_school(self._database, self._vault, kiosks, datetime.now(UTC))
        self._link, links = NoBroker(), Links.of(settings)
        link: Any = self._link
        housekeeper = Housekeeper(link, self._database, self._vault, links)
        # Its thread would do the same once a second.
        self._wake, self._look = housekeeper._wake, housekeeper._keep_hints  # noqa: SLF001

    def run(self, name: str) -> None:
        """Print a row for the start, one without a change and one for each change."""
        self._measured(name, "start: all are looked at", lambda: None)
        self._measured(name, "nothing", lambda: None)
        for what, change in Changes(self._database, self._vault, self._filled).named().items():
            self._measured(name, what, change)
        self._database.close()

    def _measured(self, name: str, what: str, change: Callable[[], None]) -> None:
        """Let the housekeeping look until nothing is left to do."""
        change()
        self._link.published.clear()
        began_s = time.process_time()
        self._wake.set()
        while self._wake.is_set():
            self._wake.clear()
            self._look()
        spent_s = time.process_time() - began_s
        hinted = {topic for topic, _at_s in self._link.published}
        last_s = max((at_s - began_s for _, at_s in self._link.published), default=0.0)
        row = f"| {name} | {what} | {spent_s:.3f} | {len(hinted)} | {last_s:.3f} |"
        sys.stdout.write(row + "\n")
        sys.stdout.flush()


def _measure(name: str, options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-hints-")))
        is_large = options.database == "PostgreSQL"
        url = stack.enter_context(private_postgres()) if is_large else None
        settings = load_settings(
            data_dir=folder / "data",
            database_url=None if url is None else SecretStr(url),
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
        )
        settings.data_dir.mkdir(mode=0o700)
        HintRun(settings, options.kiosks).run(name)


def main() -> None:
    """Measure each checkout in a process that runs its code, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kiosks", type=int, default=200)
    parser.add_argument("--checkout", type=Path, action="append", default=[])
    parser.add_argument("--database", choices=["SQLite", "PostgreSQL"], default="SQLite")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if options.only:
        _measure(options.only, options)
        return
    print("| code | change | CPU, s | kiosks hinted | CPU until the last hint, s |")
    print("|---|---|---|---|---|", flush=True)
    for checkout in (*options.checkout, HERE):
        words = [f"--kiosks={options.kiosks}", f"--database={options.database}"]
        command = [sys.executable, "-P", str(Path(__file__).resolve()), *words]
        env = os.environ | {"PYTHONPATH": str(checkout.resolve())}
        subprocess.run([*command, f"--only={checkout.resolve().name}"], env=env, check=True)


if __name__ == "__main__":
    main()
