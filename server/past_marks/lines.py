"""What becomes of a row: the line of the register that it means, and what stands there already."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.attendance.codes.code_list import Code, CodeList
from server.attendance.codes.service import codes_of
from server.attendance.decisions.past_marks import LineKey, PastWord, texts_of
from server.attendance.register import ATTENDED, Judgement, minutes_late
from server.attendance.service import registers_of
from server.db.types import new_id, now
from server.imports.findings import RowError, RowOutcome, ValueChange
from server.past_marks.reading import PastMark
from server.past_marks.survey import FoundRow, LessonKey
from server.people.folding import fold
from server.timetable.past_lessons import Objection, PastChecks, PastPlan
from server.timetable.patterns.weekly import monday
from server.timetable.roster import covers, listings
from server.timetable.service import LessonView, lesson_views
from server.timetable.tables import Course, Lesson, Room, RosterEntry

Place = TypeVar("Place", Course, Room)
_MOMENT = timedelta(microseconds=1)
#: The column that each objection is about.
_COLUMNS = {"ends_before_start": "ends", "lesson_too_long": "ends", "clash_room": "room"}


@dataclass(frozen=True)
class LineOutcome:
    """What becomes of a row.

    Attributes:
        word: what is added to the line; None: nothing.
        view: of the lesson.
        plan: what the lesson follows from where it is to be added; None: it is there.
    """

    outcome: RowOutcome
    view: LessonView
    plan: PastPlan | None
    word: PastWord | None = None
    changes: tuple[ValueChange, ...] = ()


class KnownLines:
    """The lessons of some rows with the lines of some people.

    Lessons that are to be added have lines too: what their registers would say is derived in the
    same way, from the roster of their day, reported absences and what kiosks saw in the room.
    """

    def __init__(
        self,
        db: Session,
        rows: Sequence[FoundRow],
        people: Collection[uuid.UUID],
        *,
        zone: ZoneInfo,
        lock: bool,
    ) -> None:
        self._at = now()
        self._codes: CodeList = codes_of(db)
        self._plans: dict[uuid.UUID, PastPlan] = {}
        self._objections: dict[LessonKey, Objection] = {}
        self._views = _existing(db, rows, lock=lock)
        self._plan(db, rows, zone)
        every = [view for views in self._views.values() for view in views]
        self._lines: dict[LineKey, Judgement] = {}
        self._minutes_late: dict[LineKey, int | None] = {}
        for key, line, minutes in _lines(db, every, people):
            self._lines[key], self._minutes_late[key] = line, minutes
        ids = [view.lesson.id for view in every if view.lesson.id not in self._plans]
        self._texts = texts_of(db, ids, people)
        courses = {view.course.id for view in every}
        of_these = col(RosterEntry.course_id).in_(courses) & col(RosterEntry.person_id).in_(people)
        self._listings = listings(db, of_these)

    def outcome(self, found: FoundRow, person_id: uuid.UUID, reason: str) -> LineOutcome:
        """Return what becomes of a row.

        Args:
            found: the row.
            person_id: whose line it means.
            reason: what a correction would give as its reason.

        Raises:
            RowError: the line stays as it is.
        """
        view = self._view(found)
        lesson_id, mark = view.lesson.id, found.row.mark
        line = self._lines.get((lesson_id, person_id))
        if line is None:
            raise self._not_listed(view, person_id, found.row.day)
        is_open = self._is_open(line, mark)
        remark, changes = self._remark((lesson_id, person_id), mark)
        plan = self._plans.get(lesson_id)
        if is_open:
            code_id, minutes = mark.code.id, mark.minutes_late
            word = PastWord(lesson_id, person_id, code_id, reason, remark, minutes)
            return LineOutcome(RowOutcome.NEW, view, plan, word)
        self._refuse_other_reason((lesson_id, person_id), line, mark)
        minutes = self._new_minutes((lesson_id, person_id), mark)
        if not remark and minutes is None:
            return LineOutcome(RowOutcome.UNCHANGED, view, plan)
        if minutes is not None:
            changes = (*changes, ValueChange("minutes_late", "", str(minutes)))
        word = PastWord(lesson_id, person_id, None, "", remark, minutes)
        return LineOutcome(RowOutcome.CHANGED, view, plan, word, changes)

    def _view(self, found: FoundRow) -> LessonView:
        """Return the lesson of a row.

        Raises:
            RowError: there is none that can have marks.
        """
        if objection := self._objections.get(found.key):
            column = _COLUMNS.get(objection.problem, "date")
            name = objection.name
            raise RowError(objection.problem, column, course=name, name=name)
        views = self._views.get(found.key, [])
        held = [view for view in views if not view.is_cancelled]
        views = held or views
        if len(views) > 1 and found.row.room is not None:
            views = [view for view in views if view.room.id == found.row.room.id]
        if len(views) != 1:
            raise RowError("which_room" if views else "no_lesson", "room" if views else "starts")
        if views[0].is_cancelled:
            raise RowError("lesson_cancelled", "date")
        if views[0].lesson.ends_at > self._at:
            raise RowError("not_over", "date")
        return views[0]

    def _is_open(self, line: Judgement, mark: PastMark) -> bool:
        """Whether a row decides its line; false where the line says the same already.

        Raises:
            RowError: it says something else, or a person should look at it.
        """
        code = self._codes.get(mark.code.id)
        if code is None or code.retired_at is not None:
            raise RowError("status", "status", value=mark.code.name or mark.code.letter)
        shown = self._codes.shown_on(line)
        if shown is None:
            if line.doubtful:
                raise RowError("doubtful", "status")
            return True
        if shown.id != code.id:
            raise _standing(line, shown)
        return False

    def _refuse_other_reason(self, key: LineKey, line: Judgement, mark: PastMark) -> None:
        stands = self._texts.reasons.get(key, "")
        known = {fold(one) for one in (stands, stands.rpartition(" (")[0]) if one}
        is_same = fold(mark.reason) in known
        if mark.reason and line.is_corrected and not is_same:
            raise RowError("reason_stands", "reason")

    def _new_minutes(self, key: LineKey, mark: PastMark) -> int | None:
        """Return the minutes late that a row adds to a late line; None where it adds none.

        Raises:
            RowError: there are other ones, of a file or because a kiosk saw the student.
        """
        stand = self._minutes_late.get(key)
        if mark.minutes_late is None or mark.minutes_late == stand:
            return None
        if stand is not None:
            raise RowError("minutes_late_stand", "minutes_late", count=str(stand))
        return mark.minutes_late

    def _not_listed(self, view: LessonView, person_id: uuid.UUID, day: date) -> RowError:
        """Return why the register of a lesson does not list a student.

        A roster with an earlier first day helps only where none covers the day yet.
        """
        entries = self._listings.get(view.course.id, ())
        if any(one.person_id == person_id and covers(one, day) for one in entries):
            return RowError("register_older", "student_number")
        return RowError("not_on_roster", "student_number", day=day.isoformat())

    def _remark(self, key: LineKey, mark: PastMark) -> tuple[str, tuple[ValueChange, ...]]:
        """Return the remark that a row adds; empty where it adds none.

        Raises:
            RowError: there is another one.
        """
        stands = self._texts.remarks.get(key, "")
        if not mark.remark or stands == mark.remark:
            return "", ()
        if stands:
            raise RowError("remark_stands", "remark")
        return mark.remark, (ValueChange("remark", "", mark.remark),)

    def _plan(self, db: Session, rows: Sequence[FoundRow], zone: ZoneInfo) -> None:
        """Make the lessons that are to be added, where nothing speaks against them."""
        plans = {one.key: one.plan for one in rows if one.plan and one.key not in self._views}
        if not plans:
            return
        checks = PastChecks(db, list(plans.values()), zone=zone, at=self._at)
        courses = _by_id(db, Course, {plan.course_id for plan in plans.values()})
        rooms = _by_id(db, Room, {plan.room_id for plan in plans.values()})
        for key, plan in plans.items():
            if objection := checks.objection(plan):
                self._objections[key] = objection
            elif plan.course_id in courses and plan.room_id in rooms:
                lesson = _lesson(plan, zone)
                view = LessonView(lesson, courses[plan.course_id], rooms[plan.room_id])
                self._views[key], self._plans[lesson.id] = [view], plan


def _standing(line: Judgement, shown: Code) -> RowError:
    """Return why a row does not change a line that says something else."""
    if not line.is_corrected and line.derived in ATTENDED:
        return RowError(f"kiosk_{line.derived}", "status")
    if shown.name:
        return RowError("stands_code", "status", code=shown.name)
    return RowError(f"stands_{shown.category}", "status")


def _existing(
    db: Session, rows: Sequence[FoundRow], *, lock: bool
) -> dict[LessonKey, list[LessonView]]:
    """Return the lessons that are there, and lock them where lines will be added."""
    if not rows:
        return {}
    keys = {one.key for one in rows}
    starts = [starts_at for _course, starts_at in keys]
    query = lesson_views(
        db,
        courses={course for course, _starts in keys},
        after=min(starts),
        before=max(starts) + _MOMENT,
    )
    found: dict[LessonKey, list[LessonView]] = {}
    for view in query:
        key = (view.lesson.course_id, view.lesson.starts_at)
        if key in keys:
            found.setdefault(key, []).append(view)
    if lock:
        ids = [view.lesson.id for views in found.values() for view in views]
        locked = select(Lesson.id).where(col(Lesson.id).in_(ids)).order_by(col(Lesson.id))
        db.exec(locked.with_for_update()).all()
    return found


def _lines(
    db: Session, views: Iterable[LessonView], people: Collection[uuid.UUID]
) -> Iterator[tuple[LineKey, Judgement, int | None]]:
    """Yield the lines of some people with how many minutes late they came.

    A week at a time: a longer span has more events.
    """
    weeks: dict[date, list[LessonView]] = {}
    for view in views:
        weeks.setdefault(monday(view.lesson.day), []).append(view)
    wanted = set(people)
    for some in weeks.values():
        for register in registers_of(db, some, at=now()):
            for line in register.lines:
                if line.person.id in wanted:
                    minutes = minutes_late(line.mark, register.window)
                    yield (register.view.lesson.id, line.person.id), line.mark, minutes


def _lesson(plan: PastPlan, zone: ZoneInfo) -> Lesson:
    return Lesson(
        id=new_id(),
        course_id=plan.course_id,
        room_id=plan.room_id,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        time_zone=zone.key,
        created_at=now(),
    )


def _by_id(
    db: Session, table: type[Place], ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, Place]:
    return {one.id: one for one in db.exec(select(table).where(col(table.id).in_(ids)))}
