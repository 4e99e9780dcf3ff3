"""The attendance window of a lesson: computed once, here, for kiosk and server alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.v1.events import ClockSource, Direction
from protocol.v1.policy import AttendancePolicy

_LARGEST_OFFSET_MS = 2**63 / 1e6
"""292 years. A larger stated offset is no measurement and is ignored.

A system clock lies between 1970 and 2262, where nanoseconds since 1970 fill 63 bits. A
battery-backed clock with a century bit may say 2199. Source: Linux, include/linux/ktime.h.
"""


class ArrivalStatus(StrEnum):
    """How an arrival inside the window counts."""

    PRESENT = "present"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class AttendanceWindow:
    """When a sighting counts for a lesson, and as what. All times UTC.

    Attributes:
        starts_at: start of the lesson.
        ends_at: end of the lesson; a sighting at this moment no longer counts.
        opens_at: first moment that counts.
        late_after: a sighting after this is late.
        closes_at: a sighting after this no longer counts; at most `ends_at`.
        judged_at: from then on a student without a sighting is no longer merely expected.
        leaving_from: from then on a check-in with a direction is assumed to be a leaving, and one
            who leaves does not leave early. Never before the start.
    """

    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    late_after: datetime
    closes_at: datetime
    judged_at: datetime
    leaving_from: datetime

    def is_open(self, at: datetime) -> bool:
        """Return whether check-in or the lesson is on: the opening included, the end excluded."""
        return self.opens_at <= whole_ms(at) < self.ends_at

    def is_running(self, at: datetime) -> bool:
        """Return whether the lesson itself is on: the start included, the end excluded."""
        return self.starts_at <= whole_ms(at) < self.ends_at

    def arrival(self, at: datetime, direction: str | None = None) -> ArrivalStatus | None:
        """Return how a sighting at this moment counts; None where it does not count.

        A person who leaves was there: for them check-in closes with the lesson.
        """
        moment = whole_ms(at)
        is_closed = moment > self.closes_at and direction != Direction.OUT
        if not self.is_open(moment) or is_closed:
            return None
        return ArrivalStatus.LATE if moment > self.late_after else ArrivalStatus.PRESENT

    @property
    def edges(self) -> Iterator[datetime]:
        """The moments from which on a sighting counts otherwise than just before.

        Sightings count by whole milliseconds, and some bounds belong to what comes before them.
        """
        for bound in (self.opens_at, self.starts_at, self.late_after, self.closes_at, self.ends_at):
            yield bound
            yield whole_ms(bound) + timedelta(milliseconds=1)

    def late_min(self, at: datetime) -> int:
        """Return whole minutes after the start, at least 1."""
        return max(1, int((at - self.starts_at).total_seconds() // 60))


def window_of(starts_at: datetime, ends_at: datetime, policy: AttendancePolicy) -> AttendanceWindow:
    """Compute the window of a lesson.

    Args:
        starts_at: start of the lesson, aware.
        ends_at: end of the lesson, aware, after the start.
        policy: in force when the lesson started.
    """
    closes_min = policy.closes_after_start_min
    closes_at = ends_at if closes_min is None else starts_at + timedelta(minutes=closes_min)
    return AttendanceWindow(
        starts_at=starts_at,
        ends_at=ends_at,
        opens_at=starts_at - timedelta(minutes=policy.opens_before_min),
        late_after=starts_at + timedelta(minutes=policy.late_after_min),
        closes_at=min(closes_at, ends_at),
        judged_at=ends_at + timedelta(minutes=policy.absent_grace_min),
        leaving_from=max(starts_at, ends_at - timedelta(minutes=policy.leaving_from_min)),
    )


def whole_ms(moment: datetime) -> datetime:
    """Cut a moment to milliseconds, as it travels in an event."""
    beyond_us = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - beyond_us) if beyond_us else moment


def corrected_time(occurred_at: datetime, source: str, offset_ms: float | None) -> datetime:
    """Return the moment an event counts at: its stated time plus the offset the kiosk measured.

    Args:
        occurred_at: as stated in the event, aware.
        source: of the kiosk's clock; where it is the server, the time is the server's already.
        offset_ms: server time minus kiosk time; None where it was never measured.
    """
    if source == ClockSource.SERVER or offset_ms is None or abs(offset_ms) > _LARGEST_OFFSET_MS:
        return whole_ms(occurred_at)
    try:
        return whole_ms(occurred_at + timedelta(milliseconds=offset_ms))
    except OverflowError:
        return whole_ms(occurred_at)
