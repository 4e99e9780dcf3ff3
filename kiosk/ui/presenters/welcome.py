"""Welcome screen: the name, the status, and "Not me" for as long as it is offered."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from PySide6.QtCore import Signal, Slot

from kiosk.domain.screens import Welcome
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter
from protocol.v1.messages import ArrivalStatus, Direction

_BUTTONS = {Direction.IN: "welcome.stay", Direction.OUT: "welcome.leave"}


@dataclass(frozen=True, slots=True)
class WelcomeView:
    """What the Welcome screen says; ``remaining`` (1..0) is how long "Not me" is still offered.

    ``direction`` is the text of the button for leaving or staying; empty: there is none.
    """

    greeting: str = ""
    name: str = ""
    status: str = ""
    icon: str = "check"
    tone: str = "accent"
    recorded: str = ""
    not_me: str = ""
    can_undo: bool = False
    remaining: float = 0.0
    direction: str = ""
    direction_icon: str = ""


def welcome_view(screen: Welcome, words: Catalogue, at: datetime) -> WelcomeView:
    """Choose words, sign and tone for a mark shown at ``at``."""
    is_new = screen.is_changed or not screen.already_marked
    has_room = screen.offers is None  # for one more line
    status, icon, tone = _status(screen, words, at)
    return WelcomeView(
        greeting=words(_greeting(screen)),
        name=screen.display_name,
        status=status,
        icon=icon,
        tone=tone,
        recorded=words("welcome.recorded", time=words.time(at)) if is_new and has_room else "",
        not_me=words("welcome.not_me"),
        can_undo=screen.can_undo,
        remaining=1.0 if screen.can_undo else 0.0,
        direction=words(_BUTTONS[screen.offers]) if screen.offers else "",
        direction_icon="leave" if screen.offers is Direction.OUT else "check",
    )


def _greeting(screen: Welcome) -> str:
    if _is_leaving(screen):
        return "welcome.goodbye"
    if screen.is_changed:
        return "welcome.staying"
    return "welcome.again" if screen.already_marked else "welcome.greeting"


def _status(screen: Welcome, words: Catalogue, at: datetime) -> tuple[str, str, str]:
    """Return words, sign and tone; one who leaves without having come sees how that counts."""
    if _is_leaving(screen) and screen.already_marked:
        said = words("welcome.leaving_at", time=words.time(at))
        return said if screen.is_recorded else words("welcome.leaving"), "leave", "calm"
    if screen.status is ArrivalStatus.LATE:
        return words.count("welcome.late", screen.late_min), "clock", "late"
    return words("welcome.present"), "check", "accent"


def _is_leaving(screen: Welcome) -> bool:
    return screen.direction is Direction.OUT


class WelcomePresenter(ViewPresenter[WelcomeView]):
    """Shows a mark and takes its correction.

    Signals:
        direction_tapped: the person leaves now, or stays after all (id of the answer, str).
        not_me_tapped: the person says that the mark (id of the answer, str) is not theirs, in time.
    """

    not_me_tapped = Signal(str)
    direction_tapped = Signal(str)

    def __init__(
        self, words: Catalogue, *, monotonic_s: Callable[[], float], undo_s: float
    ) -> None:
        super().__init__(WelcomeView(), words)
        self._monotonic_s = monotonic_s
        self._undo_s = undo_s
        self._shown_at_s = 0.0
        self._answer_id = ""

    def offer_undo_for(self, undo_s: float) -> None:
        """From the next mark on, "Not me" is offered so long, seconds."""
        self._undo_s = undo_s

    def show(self, screen: Welcome, at: datetime) -> None:
        """Show a mark made at ``at``; the time for "Not me" starts now."""
        self._shown_at_s = self._monotonic_s()
        self._answer_id = screen.answer_id
        self.replace(welcome_view(screen, self._words, at))

    def tick(self) -> None:
        """Let time pass: the offer shrinks and then goes."""
        if not self.current.can_undo:
            return
        left = 1.0 - (self._monotonic_s() - self._shown_at_s) / max(self._undo_s, 1e-3)
        if left <= 0:
            self.replace(replace(self.current, can_undo=False, remaining=0.0))
        else:
            self.replace(replace(self.current, remaining=round(left, 2)))

    @Slot()
    def undo(self) -> None:
        """The button was tapped; counts once, and only while it is offered."""
        self.tick()
        if self.current.can_undo:
            self.replace(replace(self.current, can_undo=False, remaining=0.0, direction=""))
            self.not_me_tapped.emit(self._answer_id)

    @Slot()
    def change_direction(self) -> None:
        """The button for leaving or staying was tapped; counts once."""
        if self.current.direction:
            self.replace(replace(self.current, can_undo=False, remaining=0.0, direction=""))
            self.direction_tapped.emit(self._answer_id)
