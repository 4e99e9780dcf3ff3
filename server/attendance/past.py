"""Changes of the past: the one way to alter registers of lessons that have started.

Each is previewed line by line, needs a reason, and is kept with who made it and when.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from server.attendance.assignment import judged_lessons
from server.attendance.past_kinds import (
    MOST_LESSONS,
    AnyChange,
    LessonChange,
    PolicyChange,
    RosterChange,
)
from server.attendance.register import AttendanceStatus
from server.attendance.service import Register, registers_of
from server.attendance.sources import with_neighbours
from server.attendance.tables import PastChange
from server.audit.service import record
from server.changes.service import note
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.errors import ConflictError, InvalidError
from server.people.tables import Person
from server.policies.tables import Rejudgement
from server.policies.timeline import PolicyTimeline
from server.timetable import lessons as planning
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.lessons import LessonPlan
from server.timetable.roster import ListedPerson, RosterDates
from server.timetable.service import LessonView
from server.timetable.tables import RosterEntry

#: The order of every list of changes: the newest first.
ORDER = ListOrder(
    (col(PastChange.made_at), col(PastChange.id)), (datetime, uuid.UUID), is_descending=True
)


@dataclass(frozen=True)
class LineChange:
    """One line of a register that would change; None where there is no line."""

    view: LessonView
    person: ListedPerson
    before: AttendanceStatus | None
    after: AttendanceStatus | None


@dataclass(frozen=True)
class Preview:
    """What a change of the past would do.

    Attributes:
        lines: that would change, by lesson and name.
        fingerprint: of change and lines; a confirmation names the preview it was given for.
    """

    lines: tuple[LineChange, ...]
    fingerprint: str


@dataclass(frozen=True)
class Confirmation:
    """Who makes a change of the past, why, and which preview they saw."""

    actor: str
    reason: str
    fingerprint: str


def preview(db: Session, change: AnyChange, *, zone: ZoneInfo, at: datetime) -> Preview:
    """Work out which lines would change; nothing is kept.

    Raises:
        NotFoundError: something it names does not exist.
        InvalidError, ConflictError: it cannot be made.
    """
    views = _affected(db, change, at)
    before = registers_of(db, views, at=at)
    trial = db.begin_nested()
    try:
        _apply(db, change, uuid.uuid4(), zone=zone, at=at, is_trial=True)
        db.flush()
        ids = [view.lesson.id for view in views]
        fresh = {view.lesson.id: view for view in timetable.lesson_views(db, ids=ids)}
        after = registers_of(db, [fresh[one] for one in ids], at=at)
    finally:
        trial.rollback()
    lines = tuple(differences(before, after))
    return Preview(lines, _fingerprint(change, lines))


def make(
    db: Session,
    change: AnyChange,
    confirmation: Confirmation,
    *,
    zone: ZoneInfo,
    at: datetime,
) -> PastChange:
    """Make a change of the past, as it was previewed.

    Raises:
        ConflictError: the registers have changed since the preview.
        NotFoundError, InvalidError: as for the preview.
    """
    if isinstance(change, LessonChange):
        timetable.lock_timetable(db)
    found = preview(db, change, zone=zone, at=at)
    if found.fingerprint != confirmation.fingerprint:
        raise ConflictError(
            "The registers have changed since the preview. Check the lines again.",
            problem="preview_old",
        )
    row = PastChange(
        kind=change.kind,
        document=change.model_dump(mode="json"),
        lines_changed=len(found.lines),
        reason=confirmation.reason,
        made_by=confirmation.actor,
        made_at=at,
    )
    db.add(row)
    db.flush()
    _apply(db, change, row.id, zone=zone, at=at)
    details = {"kind": change.kind, "change": str(row.id), "lines": len(found.lines)}
    if isinstance(change, RosterChange):
        details["person"] = str(change.person_id)
    record(db, actor=confirmation.actor, action="past.change", subject="registers", details=details)
    return row


def past_changes(db: Session, *, limit: int, offset: int) -> tuple[Sequence[PastChange], int]:
    """Return changes of the past, newest first, and how many there are."""
    query = select(PastChange).order_by(*ORDER.by()).limit(limit).offset(offset)
    return db.exec(query).all(), db.exec(select(func.count()).select_from(PastChange)).one()


def past_changes_part(db: Session, wanted: PartWanted) -> Part[tuple[PastChange]]:
    """Return a part of the same list."""
    return read_part(db, select(PastChange), ORDER, wanted)


def _affected(db: Session, change: AnyChange, at: datetime) -> list[LessonView]:
    """Return the lessons whose registers the change may touch, by start."""
    match change:
        case PolicyChange():
            views = timetable.lesson_views(db, ids=change.lesson_ids)
            if len(views) != len(set(change.lesson_ids)):
                timetable.found_or_404(None, "lesson")
            _refuse_unstarted(views, at)
            return views
        case RosterChange():
            timetable.course_of(db, change.course_id)
            views = timetable.lesson_views(db, courses=[change.course_id], before=at)
        case LessonChange():
            timetable.room_of(db, change.room_id)
            views = [timetable.lesson_view(db, change.lesson_id)]
            _refuse_unstarted(views, at)
            there = timetable.lesson_views(
                db, after=change.starts_at, before=change.ends_at, room_ids=[change.room_id]
            )
            views += [view for view in there if view.lesson.id != change.lesson_id]
    if len(views) > MOST_LESSONS:
        raise InvalidError(
            f"This would touch more than {MOST_LESSONS} lessons. Choose a shorter time.",
            problem="too_many",
        )
    if not views:
        return []
    return [one.view for one in with_neighbours(db, judged_lessons(db, views))]


def _refuse_unstarted(views: Sequence[LessonView], at: datetime) -> None:
    if any(view.lesson.starts_at > at for view in views):
        raise InvalidError("This lesson has not started. Edit it instead.", problem="not_started")


def _apply(
    db: Session,
    change: AnyChange,
    change_id: uuid.UUID,
    *,
    zone: ZoneInfo,
    at: datetime,
    is_trial: bool = False,
) -> None:
    match change:
        case PolicyChange():
            PolicyTimeline(db).policy(change.policy_version)
            if is_trial:
                db.add(_trial_change(change_id, at))
                db.flush()
            views = timetable.lesson_views(db, ids=change.lesson_ids)
            note(db, timetable.touched_by(*(view.lesson for view in views)))
            for lesson_id in change.lesson_ids:
                db.add(
                    Rejudgement(
                        lesson_id=lesson_id,
                        policy_version=change.policy_version,
                        change_id=change_id,
                        made_at=at,
                    )
                )
        case RosterChange():
            _apply_roster(db, change)
        case LessonChange():
            _apply_lesson(db, change, zone=zone, at=at)
    db.flush()


def _trial_change(change_id: uuid.UUID, at: datetime) -> PastChange:
    return PastChange(
        id=change_id,
        kind="policy",
        document={},
        lines_changed=0,
        reason="preview",
        made_by="system",
        made_at=at,
    )


def _apply_roster(db: Session, change: RosterChange) -> None:
    dates = RosterDates(change.from_date, change.until_date)
    locked = db.get(Person, change.person_id, with_for_update=True, populate_existing=True)
    person = timetable.found_or_404(locked, "person")
    if person.erased_at is not None and change.entry_id is None:
        raise InvalidError("The data of this person was erased.", problem="erased")
    roster.refuse_overlap(db, change.course_id, change.person_id, dates, besides=change.entry_id)
    roster.refuse_full(db, change.course_id, dates, besides=change.entry_id)
    if change.entry_id is None:
        entry = RosterEntry(course_id=change.course_id, person_id=change.person_id)
    else:
        entry = roster.entry_of(db, change.course_id, change.entry_id)
        if entry.person_id != change.person_id:
            raise InvalidError("This entry is another person's.", problem="entry")
        roster.leave_groups(db, entry)
    entry.from_date, entry.until_date = dates.from_date, dates.until_date
    entry.counts_after = None
    db.add(entry)
    timetable.bump_version(db, roster.touched_by(entry))


def _apply_lesson(db: Session, change: LessonChange, *, zone: ZoneInfo, at: datetime) -> None:
    lesson = timetable.lesson_view(db, change.lesson_id).lesson
    plan = LessonPlan(
        lesson.course_id, change.room_id, change.starts_at, change.ends_at, allow_double=True
    ).in_whole_seconds()
    if plan.starts_at > at:
        raise InvalidError(
            "A lesson that has started cannot start later than now.", problem="later"
        )
    planning.check_plan(db, plan, zone=zone, at=at, besides=lesson.id)
    planning.apply_plan(db, lesson, plan, zone=zone)


def differences(before: Sequence[Register], after: Sequence[Register]) -> list[LineChange]:
    """Return the lines in which two readings of the same registers differ, by lesson and name."""
    found = []
    for old, new in zip(before, after, strict=True):
        was = {line.person.id: line for line in old.lines}
        is_now = {line.person.id: line for line in new.lines}
        for person_id in {**was, **is_now}:
            line, changed = was.get(person_id), is_now.get(person_id)
            one = line.mark.status if line else None
            other = changed.mark.status if changed else None
            known = line or changed
            if one != other and known is not None:
                found.append(LineChange(new.view, known.person, one, other))
    found.sort(key=_line_order)
    return found


def _line_order(one: LineChange) -> tuple[datetime, uuid.UUID, bytes, uuid.UUID]:
    """Return what sorts lines by lesson and name; lessons that start together stay apart."""
    return one.view.lesson.starts_at, one.view.lesson.id, one.person.sort_key, one.person.id


def _fingerprint(change: AnyChange, lines: Sequence[LineChange]) -> str:
    rows = [(str(one.view.lesson.id), str(one.person.id), one.before, one.after) for one in lines]
    text = f"{change.model_dump_json()}|{sorted(map(repr, rows))}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
