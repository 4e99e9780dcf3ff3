"""The names of what entries are about and of who did something, as they are now."""

import uuid
from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.imports.tables import ImportRun
from server.kiosks.tables import Kiosk
from server.people.tables import Person
from server.timetable.tables import Course, Holiday, Lesson, Room, StudentGroup, Term
from server.tokens.tables import APIToken

#: Details that hold an id, and of what.
DETAIL_KINDS = {
    "person": "person",
    "other": "person",
    "students": "person",
    "account": "account",
    "room": "room",
    "kiosk": "kiosk",
    "of": "kiosk",
    "token": "token",
    "import": "import",
}
_TABLES: dict[str, tuple[type[SQLModel], str]] = {
    "person": (Person, "display_name"),
    "account": (Account, "display_name"),
    "kiosk": (Kiosk, "name"),
    "room": (Room, "name"),
    "course": (Course, "title"),
    "term": (Term, "name"),
    "token": (APIToken, "name"),
    "holiday": (Holiday, "name"),
    "import": (ImportRun, "file_name"),
    "group": (StudentGroup, "name"),
}


def names_for(
    db: Session, entries: Iterable[AuditEntry], say_day: Callable[[date], str]
) -> dict[str, str]:
    """Return names by what the audit trail calls them, such as `person:<id>`.

    What is gone, or has no name, is left out. `say_day` puts the day of a lesson into words.
    """
    wanted: dict[str, set[uuid.UUID]] = {}
    for reference in {one for entry in entries for one in _references(entry)}:
        kind, _, identity = reference.partition(":")
        if (found := _id_of(identity)) is not None:
            wanted.setdefault(kind, set()).add(found)
    names = {
        f"{kind}:{identity}": name
        for kind, ids in wanted.items()
        if kind in _TABLES
        for identity, name in _names(db, *_TABLES[kind], ids)
    }
    return names | _lessons(db, wanted.get("lesson", set()), say_day)


def _references(entry: AuditEntry) -> Iterable[str]:
    yield entry.actor
    yield entry.subject
    for name, kind in DETAIL_KINDS.items():
        said = entry.details.get(name, "")
        yield from (f"{kind}:{one}" for one in (said if isinstance(said, list) else [said]))


def _names(
    db: Session, table: type[Any], column: str, ids: Collection[uuid.UUID]
) -> Iterable[tuple[uuid.UUID, str]]:
    query = select(col(table.id), col(getattr(table, column))).where(col(table.id).in_(ids))
    return db.exec(query).all()


def _lessons(
    db: Session, ids: Collection[uuid.UUID], say_day: Callable[[date], str]
) -> dict[str, str]:
    query = (
        select(Lesson, Course)
        .join(Course, col(Course.id) == col(Lesson.course_id))
        .where(col(Lesson.id).in_(ids))
    )
    return {
        f"lesson:{lesson.id}": f"{course.code} (\u2068{say_day(lesson.day)}\u2069)"
        for lesson, course in (db.exec(query).all() if ids else ())
    }


def _id_of(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
