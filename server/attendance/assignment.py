"""Which policy judges a lesson, and which lesson a sighting counts for."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlmodel import Session

from protocol.v1.messages import AttendanceWindow, window_of
from server.attendance.register import RegisterEvent
from server.kiosks.tables import KioskPlacement
from server.policies.timeline import PolicyTimeline, chosen_versions
from server.timetable import roster
from server.timetable.roster import ListedPerson, Listing
from server.timetable.service import LessonView
from server.timetable.tables import Lesson

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class JudgedLesson:
    """A lesson with the policy that judges it and the window that follows from it."""

    view: LessonView
    policy_version: int
    window: AttendanceWindow

    @property
    def lesson(self) -> Lesson:
        """The lesson itself."""
        return self.view.lesson


def judged_lessons(db: Session, views: Sequence[LessonView]) -> list[JudgedLesson]:
    """Find for each lesson the policy that was in force when it started, or was chosen since."""
    found = judgements(db, [view.lesson for view in views])
    return [JudgedLesson(view, *one) for view, one in zip(views, found, strict=True)]


class Timed(Protocol):
    """A lesson as far as its window depends on it."""

    @property
    def id(self) -> uuid.UUID:
        """Which one it is."""

    @property
    def course_id(self) -> uuid.UUID:
        """Whose it is."""

    @property
    def room_id(self) -> uuid.UUID:
        """Where it is."""

    @property
    def starts_at(self) -> datetime:
        """When it starts."""

    @property
    def ends_at(self) -> datetime:
        """When it ends."""


def judgements(db: Session, lessons: Sequence[Timed]) -> list[tuple[int, AttendanceWindow]]:
    """Return the policy that judges each lesson and the window that follows from it."""
    timeline = PolicyTimeline.of(db)
    chosen = chosen_versions(db, [lesson.id for lesson in lessons])
    # Many lessons of a day start and end together, and few have settings of their own.
    windows: dict[tuple[int, int, datetime, datetime], AttendanceWindow] = {}
    found = []
    for lesson in lessons:
        version = chosen.get(lesson.id, timeline.version_at(lesson.starts_at))
        policy = timeline.policies(version).at(lesson.room_id, lesson.course_id).policy
        key = version, id(policy), lesson.starts_at, lesson.ends_at
        if key not in windows:
            windows[key] = window_of(lesson.starts_at, lesson.ends_at, policy.attendance)
        found.append((version, windows[key]))
    return found


class Assignment:
    """Decides which lesson a sighting counts for."""

    def __init__(
        self,
        lessons: Sequence[JudgedLesson],
        rosters: Mapping[uuid.UUID, Sequence[tuple[Listing, ListedPerson]]],
        placements: Sequence[KioskPlacement],
    ) -> None:
        self.kiosk_ids = {placement.kiosk_id for placement in placements}
        self.first = min(one.window.opens_at for one in lessons)
        self.last = max(one.window.ends_at for one in lessons)
        self._lessons = sorted(lessons, key=_claim_order)
        self._rosters = rosters
        self._placements = placements

    @property
    def windows(self) -> dict[uuid.UUID, AttendanceWindow]:
        """The windows of the lessons at hand."""
        return {one.lesson.id: one.window for one in self._lessons}

    @property
    def course_ids(self) -> set[uuid.UUID]:
        """Whose lessons are at hand."""
        return {one.view.course.id for one in self._lessons}

    @property
    def edges(self) -> Iterator[datetime]:
        """The moments from which on a sighting may count for another lesson, or otherwise.

        Between two of them, those of one person at one kiosk that name the same lesson are alike.
        """
        for window in self.windows.values():
            yield from window.edges
        for placement in self._placements:
            yield placement.from_at
            if placement.until_at is not None:
                yield placement.until_at

    def lessons_of(
        self,
        lesson_id: uuid.UUID | None,
        event: RegisterEvent,
        windows: Mapping[uuid.UUID, AttendanceWindow],
    ) -> set[uuid.UUID]:
        """Return the lessons a sighting is listed in.

        One with a known time counts for one lesson: the one it names, else the one it fits. Where
        the server found out the time later, the kiosk named the lesson by a wrong clock, so it
        counts only if the time fits. One with an uncertain time that fits nowhere is listed in
        every lesson that it may belong to.

        Args:
            lesson_id: the lesson it names.
            event: the sighting.
            windows: of the lessons that exist among those that are named.
        """
        by_name: set[uuid.UUID] = set()
        if lesson_id is not None and lesson_id in windows:
            by_name = {lesson_id}
            is_time_known = not event.is_uncertain and not event.is_time_corrected
            if is_time_known or event.arrival_in(windows[lesson_id]) is not None:
                return by_name
        fitting = None
        if event.is_time_corrected or (not by_name and event.is_time_possible):
            fitting = self.lesson_of(event)
        if fitting is not None or not event.is_uncertain:
            return {fitting} if fitting is not None else set()
        return by_name | {one.lesson.id for one in self._lessons if self._may_be_of(event, one)}

    def lesson_of(self, event: RegisterEvent) -> uuid.UUID | None:
        """Return the lesson the sighting counts for; None where it counts for none.

        The lesson that runs comes before one whose check-in is open. A lesson that was entered
        after it had started takes nothing from those that were there before.
        """
        rooms = {
            placement.room_id
            for placement in self._placements
            if placement.kiosk_id == event.kiosk_id and _hung_at(placement, event.counted_at)
        }
        fitting = [
            one
            for one in self._lessons
            if one.view.room.id in rooms
            and event.arrival_in(one.window) is not None
            and self._is_due(event.person_id, one)
        ]
        fitting.sort(key=lambda one: (_entered_late_at(one), not _runs(one, event.counted_at)))
        return fitting[0].lesson.id if fitting else None

    def _may_be_of(self, event: RegisterEvent, one: JudgedLesson) -> bool:
        """Return whether a sighting with an uncertain time can have been in this lesson."""
        if event.not_before is None or event.received_at is None:
            return False
        first = max(event.not_before, one.window.opens_at)
        last = min(event.received_at, one.window.ends_at)
        was_there = any(
            placement.kiosk_id == event.kiosk_id
            and placement.room_id == one.view.room.id
            and placement.from_at <= last
            and (placement.until_at is None or placement.until_at > first)
            for placement in self._placements
        )
        return first <= last and was_there and self._is_due(event.person_id, one)

    def _is_due(self, person_id: uuid.UUID | None, one: JudgedLesson) -> bool:
        return any(
            person.id == person_id and roster.applies(entry, one.lesson)
            for entry, person in self._rosters.get(one.view.course.id, [])
        )


def _claim_order(one: JudgedLesson) -> tuple[datetime, datetime, uuid.UUID]:
    return one.lesson.starts_at, one.lesson.created_at, one.lesson.id


def _entered_late_at(one: JudgedLesson) -> datetime:
    """Return when a lesson was entered that had started by then; the earliest moment otherwise."""
    created_at = one.lesson.created_at
    return created_at if created_at > one.lesson.starts_at else _NEVER


def _runs(one: JudgedLesson, at: datetime) -> bool:
    return one.window.is_running(at)


def _hung_at(placement: KioskPlacement, at: datetime) -> bool:
    return placement.from_at <= at and (placement.until_at is None or at < placement.until_at)
