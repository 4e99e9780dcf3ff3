"""What the desk needs of the attendant."""

from typing import Protocol

from kiosk.domain.arrivals import DoorArrival
from kiosk.domain.display import Display
from kiosk.domain.screens import Screen
from kiosk.domain.timetable import Lesson, Timetable


class Door(Protocol):
    """What the desk needs of the attendant."""

    @property
    def timetable(self) -> Timetable:
        """The configuration in force."""
        ...

    def check_in(self, arrival: DoorArrival) -> None:
        """Mark a person, or say why not."""
        ...

    @property
    def display(self) -> Display:
        """What the desk covers while it is open."""
        ...

    def duplicate_window_s(self, lesson: Lesson | None) -> float:
        """How long a second scan is a repeat."""
        ...

    def show_result(self, screen: Screen, track_id: int, person_id: str = "") -> None:
        """Show an answer that marks nobody."""
        ...
