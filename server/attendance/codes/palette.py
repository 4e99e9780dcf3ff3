"""The colours that codes may have, and the symbol of each status: never a colour alone."""

from enum import StrEnum

from server.attendance.register import AttendanceStatus


class Colour(StrEnum):
    """A colour whose text can be read on its ground, in the light and the dark design."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    BLUE = "blue"
    GREY = "grey"


#: The tone of the design system that shows a colour.
TONES = {
    Colour.GREEN: "ok",
    Colour.AMBER: "warn",
    Colour.RED: "bad",
    Colour.BLUE: "info",
    Colour.GREY: "quiet",
}
#: Tone and symbol of each status; of a code, the colour is the school's.
STATUS_TONES = {
    AttendanceStatus.PRESENT: ("ok", "check"),
    AttendanceStatus.LATE: ("warn", "clock"),
    AttendanceStatus.EXPECTED: ("quiet", "lesson"),
    AttendanceStatus.PENDING: ("info", "clock"),
    AttendanceStatus.NOT_SEEN: ("warn", "question"),
    AttendanceStatus.ABSENT: ("bad", "cross"),
    AttendanceStatus.EXCUSED: ("quiet", "shield"),
    AttendanceStatus.LEFT_EARLY: ("info", "leave"),
}
