"""What the first page shows: today's lessons with live counts, and what needs attention."""

from datetime import datetime

from fastapi import Request
from sqlmodel import Session

from server.attendance import service
from server.attendance.quarantine_listing import MOST_COUNTED, quarantine_numbers
from server.attendance.register import AttendanceStatus
from server.attendance.tallies import LessonTally, tallies_between
from server.db.types import now
from server.enrollment.problems import troubles
from server.kiosks.presence import is_online
from server.kiosks.service import KioskNote, kiosk_notes
from server.kiosks.stranger_words import stranger_words
from server.kiosks.tables import KioskState
from server.timetable.local_time import day_bounds, local_date
from server.timetable.teachers import substitute_account, visible_courses
from server.web.dates import moment_words
from server.web.pages import request_translator
from server.web.principal import Principal, Role
from server.web.state import get_settings
from server.web.today_content import TodayContent, TodayLesson, Trouble
from server.web.translations import Translator

_TECHNICAL = {Role.ADMIN, Role.TECHNICIAN, Role.OFFICE}


def today_content(db: Session, principal: Principal, request: Request) -> TodayContent:
    """Put the page together."""
    settings = get_settings(request)
    at = now()
    today = local_date(at, settings.zone)
    first, last = day_bounds(today, settings.zone)
    own = visible_courses(db, principal, today)
    tallies = tallies_between(
        db, first, last, at=at, courses=own, substitute=substitute_account(principal)
    )
    t = request_translator(request)
    lessons = [_lesson(tally, at, t) for tally in tallies]
    lessons.sort(key=lambda one: _order(one, at))
    is_technical = principal.role in _TECHNICAL
    return TodayContent(
        lessons=lessons,
        troubles=_troubles(db, request, at) if is_technical else [],
    )


def _troubles(db: Session, request: Request, at: datetime) -> list[Trouble]:
    """Say what needs attention: recognition, unknown devices, decisions, then single kiosks."""
    t = request_translator(request)
    strangers = stranger_words(request, t)
    kiosks = kiosk_notes(db)
    return [
        *troubles(request, db, t),
        *([Trouble("/kiosks", strangers, "warn")] if strangers else []),
        *_quarantine(db, t, at),
        *(_two_devices(one, t) for one in kiosks if one.forked_at is not None),
        *(_lost(one, t) for one in kiosks if one.lost),
        *(_silent(one, t, request) for one in kiosks if _is_silent(one, at)),
    ]


def is_running(register: service.Register | LessonTally, at: datetime) -> bool:
    """Whether the lesson is on at a moment."""
    lesson = register.lesson if isinstance(register, LessonTally) else register.view
    return not lesson.is_cancelled and register.window.is_running(at)


def _order(lesson: TodayLesson, at: datetime) -> tuple[int, datetime]:
    """What runs comes first, then what is to come, then what is over."""
    is_ahead = lesson.starts_at > at and not lesson.is_cancelled
    turn = 0 if lesson.is_running else 1 if is_ahead else 2
    return turn, lesson.starts_at


def _lesson(tally: LessonTally, at: datetime, t: Translator) -> TodayLesson:
    lesson = tally.lesson
    return TodayLesson(
        path=f"/lessons/{lesson.id}",
        course=f"{lesson.code} {lesson.title}",
        room=lesson.room,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        is_running=is_running(tally, at),
        present=tally.attended,
        late=tally.late,
        expected=tally.expected,
        is_cancelled=lesson.is_cancelled,
        look_at=_look_at(tally.register, t) if tally.register else "",
    )


def _quarantine(db: Session, t: Translator, at: datetime) -> list[Trouble]:
    """Say how many events wait for a decision, lie in the future, or were not kept."""
    numbers = quarantine_numbers(db, at)
    found = []
    for key, count in (("waiting", numbers.waiting), ("future", numbers.future)):
        if count:
            word = "many" if count == MOST_COUNTED else "one" if count == 1 else "some"
            text = t(f"quarantine.today.{key}_{word}", count=count)
            found.append(Trouble(path="/quarantine", text=text, tone="warn"))
    if numbers.dropped:
        word = "dropped_one" if numbers.dropped == 1 else "dropped_some"
        text = t(f"quarantine.today.{word}", count=numbers.dropped)
        found.append(Trouble(path="/quarantine#full", text=text, tone="bad"))
    return found


def _look_at(register: service.Register, t: Translator) -> str:
    """Say why a person should look at the register."""
    is_counted = not register.view.is_cancelled
    twice = sum(bool(line.mark.replays) for line in register.lines) if is_counted else 0
    word = "today.code_twice_one" if twice == 1 else "today.code_twice"
    said = (_undecided(register, t), t(word, count=twice) if twice else "")
    return " · ".join(filter(None, said))


def _undecided(register: service.Register, t: Translator) -> str:
    """Say why lines wait for a person and not for a report."""
    stuck = [one for one in register.waiting_for if one.comes_to_nothing]
    if not stuck or not register.counts[AttendanceStatus.PENDING]:
        return ""
    one = stuck[0]
    words = "today.undecided_two_devices" if one.is_forked else "today.undecided_lost"
    return t(words, kiosk=one.kiosk.name)


def _two_devices(kiosk: KioskNote, t: Translator) -> Trouble:
    text = t("kiosks.two_devices_at", name=kiosk.name, room=kiosk.room)
    return Trouble(path=f"/kiosks/{kiosk.id}", text=text, tone="bad")


def _lost(kiosk: KioskNote, t: Translator) -> Trouble:
    words = "kiosks.lost_at_one" if kiosk.lost == 1 else "kiosks.lost_at"
    text = t(words, name=kiosk.name, room=kiosk.room, count=kiosk.lost)
    return Trouble(path=f"/kiosks/{kiosk.id}#lost", text=text, tone="warn")


def _is_silent(kiosk: KioskNote, at: datetime) -> bool:
    return kiosk.state == KioskState.CLAIMED and not is_online(kiosk, at)


def _silent(kiosk: KioskNote, t: Translator, request: Request) -> Trouble:
    seen = kiosk.last_seen_at
    zone = get_settings(request).zone
    when = moment_words(seen, t, zone, this_year=now().year) if seen else t("kiosks.never")
    text = t("kiosks.silent", name=kiosk.name, room=kiosk.room, at=when)
    return Trouble(path=f"/kiosks/{kiosk.id}", text=text, tone="warn")
