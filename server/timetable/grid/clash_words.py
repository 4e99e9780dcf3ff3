"""Say in words with what a weekly lesson clashes."""

import uuid
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.accounts.tables import Account
from server.people.search import BY_NAME
from server.people.tables import Person
from server.timetable.patterns.clashes import Clash, ClashKind
from server.timetable.tables import Course, Room
from server.web.dates import day_words, time_words
from server.web.translations import Translator

#: Names in one sentence, and sentences in one answer.
_NAMES, _SENTENCES = 3, 8


def clash_sentences(
    db: Session, clashes: Sequence[Clash], t: Translator, zone: ZoneInfo
) -> list[str]:
    """Return one sentence for each clash, and one that counts those left out."""
    shown = clashes[:_SENTENCES]
    courses = {
        one.id: one.code
        for one in db.exec(select(Course).where(col(Course.id).in_({c.course_id for c in shown})))
    }
    rooms = {
        one.id: one.name
        for one in db.exec(select(Room).where(col(Room.id).in_({c.room_id for c in shown})))
    }
    found = [
        t(
            f"timetable.clash.{one.kind}{'' if one.lessons > 1 else '_one'}",
            course=courses[one.course_id],
            room=rooms[one.room_id],
            day=day_words(one.starts_at.astimezone(zone).date(), t),
            starts=time_words(one.starts_at, t, zone),
            ends=time_words(one.ends_at, t, zone),
            count=one.lessons,
            who=_names(db, one, t),
        )
        for one in shown
    ]
    left = len(clashes) - len(shown)
    return [*found, *([t("timetable.clash.more", count=left)] if left else [])]


def _names(db: Session, clash: Clash, t: Translator) -> str:
    match clash.kind:
        case ClashKind.TEACHER:
            names = _first(
                db.exec(select(Account.display_name).where(col(Account.id).in_(clash.who)))
            )
        case ClashKind.STUDENT:
            some = select(Person.display_name).where(col(Person.id).in_(_some(clash.who)))
            names = list(db.exec(some.order_by(*BY_NAME)))
        case _:
            return ""
    listed, left = ", ".join(names), len(clash.who) - len(names)
    return t("timetable.clash.and_more", names=listed, count=left) if left else listed


def _first(names: Iterable[str]) -> list[str]:
    return sorted(names)[:_NAMES]


def _some(ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    return sorted(ids)[:_NAMES]
