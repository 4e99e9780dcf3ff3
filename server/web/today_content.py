"""What the first page shows; timetable and attendance fill it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlmodel import Session

from server.web.principal import Principal


@dataclass(frozen=True)
class TodayLesson:
    """One lesson as Today shows it.

    Attributes:
        path: its register page.
        course: code and title.
        room: name of the room.
        starts_at: UTC.
        ends_at: UTC.
        is_running: whether it runs at this moment.
        present: seen so far, late ones included.
        late: of those, late.
        expected: on the roster.
        is_cancelled: whether it counts for nothing.
        look_at: why a person should look at some of the lines, translated; "" without need.
    """

    path: str
    course: str
    room: str
    starts_at: datetime
    ends_at: datetime
    is_running: bool
    present: int
    late: int
    expected: int
    is_cancelled: bool = False
    look_at: str = ""


@dataclass(frozen=True)
class Trouble:
    """A problem that needs attention: a silent kiosk, a register not taken.

    Attributes:
        path: where to fix it.
        text: in words, translated.
        tone: warn or bad.
    """

    path: str
    text: str
    tone: str


@dataclass(frozen=True)
class TodayContent:
    """Everything on the page.

    Attributes:
        steps: a new school's first steps, for `school/steps.html`; None where they are over.
    """

    lessons: Sequence[TodayLesson]
    troubles: Sequence[Trouble]
    steps: object | None = None


#: Fills the page for the account that asks.
TodaySource = Callable[[Session, Principal, Request], TodayContent]
