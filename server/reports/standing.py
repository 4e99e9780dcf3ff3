"""What the statuses of a register count as in reports: pure rules, no database, no clock."""

from dataclasses import dataclass
from enum import StrEnum

from server.attendance.register import AttendanceStatus


class Standing(StrEnum):
    """What one line of a register counts as."""

    IN_TIME = "in_time"
    LATE = "late"
    ABSENT = "absent"
    EXCUSED = "excused"
    OPEN = "open"  # nobody knows yet, or nobody has decided


#: The one place where reports learn what a status means.
_STANDINGS = {
    AttendanceStatus.PRESENT: Standing.IN_TIME,
    AttendanceStatus.LATE: Standing.LATE,
    AttendanceStatus.ABSENT: Standing.ABSENT,
    AttendanceStatus.EXCUSED: Standing.EXCUSED,
    AttendanceStatus.LEFT_EARLY: Standing.IN_TIME,
    AttendanceStatus.EXPECTED: Standing.OPEN,
    AttendanceStatus.PENDING: Standing.OPEN,
    AttendanceStatus.NOT_SEEN: Standing.OPEN,
}
_CAME = {Standing.IN_TIME, Standing.LATE}


def standing_of(status: AttendanceStatus, is_counted: bool | None = None) -> Standing:
    """Return what a line counts as.

    Args:
        status: of the line. Who was not seen is undecided until a person confirms the register.
        is_counted: whether the school's code on the line counts as attended; None without a code.
    """
    usual = _STANDINGS[status]
    if is_counted is None or is_counted == (usual in _CAME):
        return usual
    return Standing.IN_TIME if is_counted else Standing.ABSENT


def status_key(status: str) -> str:
    """Return the key of the words for a status."""
    return f"attendance.status.{status}"


@dataclass
class LineCounts:
    """How many lines of each kind. Lines of cancelled lessons are in `cancelled` alone.

    Attributes:
        in_time: came, and not late.
        open: pending or undecided.
        cancelled: the lesson was cancelled, so the line counts for nothing.
    """

    in_time: int = 0
    late: int = 0
    absent: int = 0
    excused: int = 0
    open: int = 0
    cancelled: int = 0

    def add_counts(self, other: "LineCounts") -> None:
        """Add the lines of others."""
        self.in_time += other.in_time
        self.late += other.late
        self.absent += other.absent
        self.excused += other.excused
        self.open += other.open
        self.cancelled += other.cancelled

    def add(self, standing: Standing | None) -> None:
        """Count one line; None: its lesson was cancelled."""
        name = "cancelled" if standing is None else standing.value
        setattr(self, name, getattr(self, name) + 1)

    @property
    def attended(self) -> int:
        """How many came, late ones included."""
        return self.in_time + self.late

    @property
    def judged(self) -> int:
        """How many count for the rate: attended, or absent without an excuse."""
        return self.attended + self.absent

    @property
    def lines(self) -> int:
        """How many lines of lessons that took place."""
        return self.judged + self.excused + self.open

    @property
    def rate(self) -> float | None:
        """Share of judged lines that were attended, 0 to 1; None where none is judged."""
        return self.attended / self.judged if self.judged else None

    @property
    def rate_text(self) -> str:
        """The rate in percent, rounded down to a tenth so that nobody under a limit seems there."""
        if not self.judged:
            return "\u2013"
        return f"{(1000 * self.attended // self.judged) / 10} %"

    def is_under(self, percent: int, least: int) -> bool:
        """Whether the rate is under a limit, with enough lines judged. Whole numbers only."""
        return self.judged >= max(1, least) and 100 * self.attended < percent * self.judged
