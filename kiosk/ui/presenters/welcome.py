"""Welcome screen: the name, the status, and "Not me" for as long as it is offered."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from PySide6.QtCore import Signal, Slot

from kiosk.domain.screens import Welcome
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter
from protocol.v1.messages import ArrivalStatus


@dataclass(frozen=True, slots=True)
class WelcomeView:
    """What the Welcome screen says; ``remaining`` (1..0) is how long "Not me" is still offered."""

    greeting: str = ""
    name: str = ""
    status: str = ""
    icon: str = "check"
    tone: str = "accent"
    recorded: str = ""
    not_me: str = ""
    can_undo: bool = False
    remaining: float = 0.0


def welcome_view(screen: Welcome, words: Catalogue, at: datetime) -> WelcomeView:
    """Choose words, sign and tone for a mark shown at ``at``."""
    is_late = screen.status is ArrivalStatus.LATE
    greeting = words("welcome.again" if screen.already_marked else "welcome.greeting")
    recorded = "" if screen.already_marked else words("welcome.recorded", time=words.time(at))
    return WelcomeView(
        greeting=greeting,
        name=screen.display_name,
        status=words.count("welcome.late", screen.late_min)
        if is_late
        else words("welcome.present"),
        icon="clock" if is_late else "check",
        tone="late" if is_late else "accent",
        recorded=recorded,
        not_me=words("welcome.not_me"),
        can_undo=screen.can_undo,
        remaining=1.0 if screen.can_undo else 0.0,
    )


class WelcomePresenter(ViewPresenter[WelcomeView]):
    """Shows a mark and takes its correction.

    Signals:
        not_me_tapped: the person says that the mark (id of the answer, str) is not theirs, in time.
    """

    not_me_tapped = Signal(str)

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
            self.replace(replace(self.current, can_undo=False, remaining=0.0))
            self.not_me_tapped.emit(self._answer_id)
