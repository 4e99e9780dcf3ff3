"""Header: the room and the time of day."""

from dataclasses import dataclass
from datetime import datetime

from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter


@dataclass(frozen=True, slots=True)
class PlaceView:
    """What the header says."""

    room: str = ""
    clock: str = ""


class PlacePresenter(ViewPresenter[PlaceView]):
    """Keeps the room's name and the clock on every screen."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(PlaceView(), words)

    def show_room(self, room_name: str) -> None:
        """Say which room this is."""
        self.replace(PlaceView(room_name, self.current.clock))

    def show_time(self, at: datetime) -> None:
        """Say what time it is (aware)."""
        self.replace(PlaceView(self.current.room, self._words.time(at)))
