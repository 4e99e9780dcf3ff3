"""Which lessons a reported absence covers: pure rules, no database, no clock."""

import uuid
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import NamedTuple


class ReportedAbsence(NamedTuple):
    """That a person was reported absent in one lesson."""

    person_id: uuid.UUID
    is_excused: bool


class LessonTimes(NamedTuple):
    """When a lesson takes place.

    Attributes:
        day: its date at the school.
        starts: its time of day at the school.
        ends_at: its end, UTC.
    """

    day: date
    starts: time
    ends_at: datetime


class AbsenceSpan(NamedTuple):
    """The part of a report and its withdrawal that decides which lessons it covers.

    Attributes:
        counts_after: it covers no lesson that ended by then; None: past ones too.
        is_withdrawn: whether it was withdrawn.
        ends_after: the withdrawal leaves lessons that ended by then; None: it leaves none.
    """

    person_id: uuid.UUID
    first_day: date
    last_day: date
    from_time: time | None
    until_time: time | None
    is_excused: bool
    counts_after: datetime | None = None
    is_withdrawn: bool = False
    ends_after: datetime | None = None

    def covers(self, lesson: LessonTimes) -> bool:
        """Return whether the person was reported absent when the lesson begins."""
        if not self.first_day <= lesson.day <= self.last_day:
            return False
        if self.from_time is not None and lesson.starts < self.from_time:
            return False
        if self.until_time is not None and lesson.starts >= self.until_time:
            return False
        return _is_after(lesson, self.counts_after) and not self._is_withdrawn_for(lesson)

    def _is_withdrawn_for(self, lesson: LessonTimes) -> bool:
        return self.is_withdrawn and _is_after(lesson, self.ends_after)


def reported_in(spans: Iterable[AbsenceSpan], lesson: LessonTimes) -> list[ReportedAbsence]:
    """Return what was reported for one lesson; their order and repeats mean nothing."""
    return [ReportedAbsence(one.person_id, one.is_excused) for one in spans if one.covers(lesson)]


def _is_after(lesson: LessonTimes, moment: datetime | None) -> bool:
    return moment is None or lesson.ends_at > moment
