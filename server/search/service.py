"""Find what an account may see by its name, without accents and in any spelling."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session

from server.db.prepared import Prepared, table_of
from server.kiosks.tables import Kiosk
from server.people.folding import search_words, words_either_way
from server.people.search import find_people
from server.timetable.local_time import day_bounds, local_date
from server.timetable.service import lesson_views
from server.timetable.tables import Course, Room
from server.timetable.teachers import visible_courses
from server.web.principal import Principal, Role

#: Hits of one kind on the page.
MOST = 8
#: No name is longer; the rest of a longer question says nothing more.
LONGEST_WORDS = 120
_course, _room, _kiosk = table_of(Course), table_of(Room), table_of(Kiosk)
_COURSES = Prepared(
    sqlalchemy.select(_course.c.id, _course.c.code, _course.c.title).order_by(_course.c.code)
)
_ROOMS = Prepared(sqlalchemy.select(_room.c.id, _room.c.name).order_by(_room.c.name))
_KIOSKS = Prepared(
    sqlalchemy.select(_kiosk.c.id, _kiosk.c.name, _room.c.name)
    .join(_room, _room.c.id == _kiosk.c.room_id)
    .order_by(_kiosk.c.name)
)


@dataclass(frozen=True)
class Hit:
    """One thing that was found.

    Attributes:
        path: its page.
        name: what it is called.
        about: further words about it; may be empty.
        at: when it starts, of a lesson.
    """

    path: str
    name: str
    about: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class FoundKind:
    """The hits of one kind.

    Attributes:
        kind: people, lessons, courses, rooms or kiosks.
        hits: the first ones.
        total: how many there are.
    """

    kind: str
    hits: tuple[Hit, ...]
    total: int


@dataclass(frozen=True)
class Search:
    """Who asks for what, where and when."""

    principal: Principal
    words: str
    zone: ZoneInfo
    at: datetime


def search(db: Session, asked: Search) -> list[FoundKind]:
    """Return what the account may see and whose name has every word, by kind; no empty kinds."""
    role = asked.principal.role
    found = (
        kind(db, asked)
        for kind, roles in _KINDS
        if asked.words.strip() and (role is Role.ADMIN or role in roles)
    )
    return [one for one in found if one.total]


def matches(words: str, *texts: str) -> bool:
    """Return whether the texts together have every word, in one of its spellings."""
    text = " ".join(words_either_way(" ".join(texts)))
    wanted = search_words(words)
    return bool(wanted) and all(any(one in text for one in spellings) for spellings in wanted)


def _people(db: Session, asked: Search) -> FoundKind:
    people, total = find_people(db, words=asked.words, limit=MOST)
    hits = (Hit(f"/people/{one.id}", one.display_name, one.student_number) for one in people)
    return FoundKind("people", tuple(hits), total)


def _lessons(db: Session, asked: Search) -> FoundKind:
    today = local_date(asked.at, asked.zone)
    after, before = day_bounds(today, asked.zone)
    own = visible_courses(db, asked.principal, today)
    views = lesson_views(db, after=after, before=before, courses=own)
    known = {view.lesson.id: view for view in views}
    rows = (
        (key, (view.course.code, view.course.title, view.room.name)) for key, view in known.items()
    )

    def hit(key: uuid.UUID, texts: tuple[str, ...]) -> Hit:
        code, title, room = texts
        return Hit(f"/lessons/{key}", f"{code} {title}", room, known[key].lesson.starts_at)

    return _listed("lessons", asked.words, rows, hit)


def _courses(db: Session, asked: Search) -> FoundKind:
    rows = ((key, (code, title)) for key, code, title in _COURSES.rows(db))
    return _listed(
        "courses", asked.words, rows, lambda key, texts: Hit(f"/courses/{key}", texts[0], texts[1])
    )


def _rooms(db: Session, asked: Search) -> FoundKind:
    rows = ((key, (name,)) for key, name in _ROOMS.rows(db))
    return _listed(
        "rooms", asked.words, rows, lambda key, texts: Hit(f"/rooms/{key}/edit", texts[0])
    )


def _kiosks(db: Session, asked: Search) -> FoundKind:
    rows = ((key, (name, room)) for key, name, room in _KIOSKS.rows(db))
    return _listed(
        "kiosks", asked.words, rows, lambda key, texts: Hit(f"/kiosks/{key}", texts[0], texts[1])
    )


def _listed(
    kind: str,
    words: str,
    rows: Iterable[tuple[uuid.UUID, tuple[str, ...]]],
    hit: Callable[[uuid.UUID, tuple[str, ...]], Hit],
) -> FoundKind:
    found = [hit(key, texts) for key, texts in rows if matches(words, *texts)]
    return FoundKind(kind, tuple(found[:MOST]), len(found))


_KINDS: Sequence[tuple[Callable[[Session, Search], FoundKind], frozenset[Role]]] = (
    (_people, frozenset({Role.OFFICE, Role.DPO})),
    (_lessons, frozenset(Role)),
    (_courses, frozenset({Role.OFFICE})),
    (_rooms, frozenset({Role.OFFICE})),
    (_kiosks, frozenset({Role.OFFICE, Role.TECHNICIAN, Role.DPO})),
)
