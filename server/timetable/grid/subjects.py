"""Whose week the grid shows: a room, a course, a teacher or a student."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlmodel import Session, col, select

from server.accounts.tables import Account
from server.errors import ForbiddenError
from server.people.tables import Person
from server.timetable.roster import applies
from server.timetable.service import LESSON_ORDER, LessonFilter, LessonView, courses, found_or_404
from server.timetable.substitutes.service import teachers
from server.timetable.tables import Course, CourseTeacher, LessonSubstitute, Room, RosterEntry
from server.timetable.teachers import visible_courses
from server.web.principal import Principal, Role

#: How addresses name a subject.
KEY_PATTERN = r"^(room|course|teacher|student):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class SubjectKind(StrEnum):
    """What a timetable is of."""

    ROOM = "room"
    COURSE = "course"
    TEACHER = "teacher"
    STUDENT = "student"


@dataclass(frozen=True)
class Subject:
    """Whose week is shown."""

    kind: SubjectKind
    id: uuid.UUID
    name: str

    @property
    def key(self) -> str:
        """How addresses name it."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True)
class SubjectGroup:
    """The subjects of one kind that a reader may choose: pairs of key and name."""

    kind: SubjectKind
    options: list[tuple[str, str]]


def choices(db: Session, principal: Principal, today: date) -> list[SubjectGroup]:
    """Return what an account may choose; teachers see themselves and their courses."""
    own = visible_courses(db, principal, today)
    of_courses = [(one.id, f"{one.code} {one.title}") for one in courses(db, only=own)]
    if own is not None:
        return [
            _group(SubjectKind.TEACHER, [(principal.account_id, principal.display_name)]),
            _group(SubjectKind.COURSE, of_courses),
        ]
    rooms = db.exec(select(Room).order_by(col(Room.name)))
    return [
        _group(SubjectKind.ROOM, [(one.id, one.name) for one in rooms]),
        _group(SubjectKind.COURSE, of_courses),
        _group(SubjectKind.TEACHER, [(one.id, one.display_name) for one in teachers(db)]),
    ]


def subject_of(db: Session, key: str, principal: Principal, today: date) -> Subject:
    """Return the subject that an address names.

    Raises:
        NotFoundError: there is none.
        ForbiddenError: a teacher asks for more than their own week and courses.
    """
    word, _, identity = key.partition(":")
    kind, subject_id = SubjectKind(word), uuid.UUID(identity)
    own = visible_courses(db, principal, today)
    is_own = kind is SubjectKind.TEACHER and subject_id == principal.account_id
    if own is not None and not is_own and not (kind is SubjectKind.COURSE and subject_id in own):
        raise ForbiddenError
    return Subject(kind, subject_id, _name(db, kind, subject_id))


def lessons_of(db: Session, subject: Subject, which: LessonFilter) -> list[LessonView]:
    """Return a subject's lessons among those of a filter for a span, by start."""
    match subject.kind:
        case SubjectKind.ROOM:
            return _views(db, which, room_ids=[subject.id])
        case SubjectKind.COURSE:
            return _views(db, which, courses=[subject.id])
        case SubjectKind.TEACHER:
            return _taught(db, subject.id, which)
        case SubjectKind.STUDENT:
            return _attended(db, subject.id, which)


def _taught(db: Session, account_id: uuid.UUID, which: LessonFilter) -> list[LessonView]:
    rows = db.exec(select(CourseTeacher).where(CourseTeacher.account_id == account_id)).all()
    found = _views(db, which, courses={row.course_id for row in rows}, substitute=account_id)
    own = {
        view.lesson.id
        for view in found
        for row in rows
        if row.course_id == view.course.id
        and (row.from_date or date.min) <= view.lesson.day <= (row.until_date or date.max)
    }
    by_account = LessonSubstitute.account_id == account_id
    kept = own | set(db.exec(select(LessonSubstitute.lesson_id).where(by_account)))
    return [view for view in found if view.lesson.id in kept]


def _attended(db: Session, person_id: uuid.UUID, which: LessonFilter) -> list[LessonView]:
    rows = db.exec(select(RosterEntry).where(RosterEntry.person_id == person_id)).all()
    return [
        view
        for view in _views(db, which, courses={row.course_id for row in rows})
        if any(row.course_id == view.course.id and applies(row, view.lesson) for row in rows)
    ]


def _views(
    db: Session,
    which: LessonFilter,
    *,
    room_ids: Iterable[uuid.UUID] | None = None,
    courses: Iterable[uuid.UUID] | None = None,
    substitute: uuid.UUID | None = None,
) -> list[LessonView]:
    wanted = LessonFilter(
        after=which.after,
        before=which.before,
        room_ids=None if room_ids is None else list(room_ids),
        courses=None if courses is None else list(courses),
        substitute=substitute,
        is_history=True,
    )
    return [LessonView(*row) for row in db.execute(wanted.query().order_by(*LESSON_ORDER.by()))]


def _group(kind: SubjectKind, named: Iterable[tuple[uuid.UUID, str]]) -> SubjectGroup:
    return SubjectGroup(kind, [(f"{kind}:{identity}", name) for identity, name in named])


def _name(db: Session, kind: SubjectKind, subject_id: uuid.UUID) -> str:
    match kind:
        case SubjectKind.ROOM:
            return found_or_404(db.get(Room, subject_id), "room").name
        case SubjectKind.COURSE:
            course = found_or_404(db.get(Course, subject_id), "course")
            return f"{course.code} {course.title}"
        case SubjectKind.TEACHER:
            account = db.get(Account, subject_id)
            is_teacher = account is not None and account.role == Role.TEACHER
            return found_or_404(account if is_teacher else None, "account").display_name
        case SubjectKind.STUDENT:
            return found_or_404(db.get(Person, subject_id), "person").display_name
