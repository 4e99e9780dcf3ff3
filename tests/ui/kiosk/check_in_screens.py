"""States of check-in without a face, and a desk that answers the screen as the kiosk does."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtTest import QTest

from kiosk.domain.screens import (
    AskPin,
    CodeProblem,
    CodeRefused,
    ConfirmName,
    NotRecognised,
    NotRecognisedReason,
    PinPurpose,
    Ready,
    RollCall,
    RollMark,
    RollRow,
    RunningLesson,
    Screen,
    Welcome,
)
from kiosk.ui.check_in_callbacks import CheckInCallbacks
from kiosk.ui.shell import KioskWindow
from protocol.v1.messages import ArrivalStatus, Fallback

AT = datetime(2026, 11, 23, 8, 6, tzinfo=UTC)
LESSON = RunningLesson("Maths 10B", AT - timedelta(minutes=6), AT + timedelta(minutes=44))
WAYS = (Fallback.QR, Fallback.CARD, Fallback.PIN, Fallback.TEACHER)
SHOWN = (Fallback.QR, Fallback.CARD)
PIN = "482170"
MARKS = (RollMark.NONE, RollMark.PRESENT, RollMark.LATE)
ROWS = tuple(
    RollRow(f"p{n}", f"Student-{n} K.", MARKS[n % 3], needs_teacher=n in (0, 3)) for n in range(64)
)
ROLL = RollCall(LESSON, "Mr Okafor", ROWS)
LONG_ROLL = RollCall(
    RunningLesson("Environmental systems and societies", LESSON.starts_at, LESSON.ends_at),
    "Maximiliane-Antoinette W.",
    tuple(replace(row, display_name="Maximiliane-Antoinette W.") for row in ROWS),
)
READY = Ready("Room 12", LESSON, WAYS)
SCREENS: dict[str, Screen] = {
    "ready-ways": READY,
    "ready-ways-no-lesson": Ready("Room 12", None, WAYS),
    **{f"ready-{way.value}": Ready("Room 12", LESSON, (way,)) for way in WAYS},
    **{f"not-recognised-{r.value}": NotRecognised(r, WAYS) for r in NotRecognisedReason},
    **{f"not-recognised-by-{way.value}": NotRecognised(ways=(way,)) for way in WAYS},
    **{f"code-{problem.value}": CodeRefused(problem, WAYS) for problem in CodeProblem},
    "code-no-ways": CodeRefused(CodeProblem.USED),
    **{f"pin-{purpose.value}": AskPin(purpose, SHOWN) for purpose in PinPurpose},
    **{
        f"pin-after-{problem.value}": AskPin(PinPurpose.LOOK_ALIKE, SHOWN, problem, 30, n + 1)
        for n, problem in enumerate(CodeProblem)
    },
    "confirm-name": ConfirmName("Amina K."),
    "confirm-long-name": ConfirmName("Maximiliane-Antoinette W."),
    "roll-call": ROLL,
    "roll-call-long": LONG_ROLL,
    "roll-call-unsaved": replace(ROLL, is_unsaved=True),
    "roll-call-few": replace(ROLL, rows=ROWS[:3]),
    "roll-call-nobody": replace(ROLL, rows=()),
    "roll-call-no-lesson": RollCall(None, "Mr Okafor"),
}


@dataclass
class Calls:
    """What the screen reported, in order: (name, value)."""

    made: list[tuple[str, object]] = field(default_factory=list)

    def named(self, name: str) -> list[object]:
        return [value for one, value in self.made if one == name]

    def callbacks(self) -> CheckInCallbacks:
        return CheckInCallbacks(
            open_pin=lambda: self.made.append(("open_pin", None)),
            open_roll_call=lambda: self.made.append(("open_roll_call", None)),
            enter_pin=lambda pin: self.made.append(("enter_pin", pin)),
            touch=lambda: self.made.append(("touch", None)),
            answer_name=lambda is_yes: self.made.append(("answer_name", is_yes)),
            tap_student=lambda *tapped: self.made.append(("tap_student", tapped)),
            close=lambda: self.made.append(("close", None)),
        )


@dataclass
class Desk:
    """Answers the screen with the next state, as the kiosk's own desk does for right PINs."""

    screen: Screen = READY
    post: Callable[[Screen], None] = lambda _screen: None

    def start(self, window: KioskWindow, screen: Screen) -> None:
        self.post = window.post_screen
        self._show(screen)

    def callbacks(self) -> CheckInCallbacks:
        return CheckInCallbacks(
            open_pin=lambda: self._show(AskPin(PinPurpose.CHECK_IN, SHOWN)),
            open_roll_call=lambda: self._show(AskPin(PinPurpose.UNLOCK, SHOWN)),
            enter_pin=self._enter,
            answer_name=lambda is_yes: self._show(WELCOME if is_yes else READY),
            tap_student=self._mark,
            close=lambda: self._show(READY),
        )

    def _show(self, screen: Screen) -> None:
        self.screen = screen
        self.post(screen)

    def _enter(self, pin: str) -> None:
        if not isinstance(self.screen, AskPin):
            return
        if pin != PIN:
            attempt = self.screen.attempt + 1
            self._show(replace(self.screen, problem=CodeProblem.WRONG_PIN, attempt=attempt))
        elif self.screen.purpose is PinPurpose.UNLOCK:
            self._show(ROLL)
        elif self.screen.purpose is PinPurpose.CHECK_IN:
            self._show(ConfirmName("Amina K."))
        else:
            self._show(WELCOME)

    def _mark(self, person_id: str, seen: str) -> None:
        assert isinstance(self.screen, RollCall)
        rows = tuple(
            replace(row, mark=MARKS[(MARKS.index(row.mark) + 1) % 3], needs_teacher=False)
            if row.person_id == person_id
            else row
            for row in self.screen.rows
        )
        self._show(replace(self.screen, rows=rows))


WELCOME = Welcome("Amina K.", ArrivalStatus.PRESENT)


def swipe_up(window: KioskWindow, length_px: int) -> None:
    """Move a finger over the list, as far up as that."""
    x, y = window.view.width() // 2, window.view.height() * 3 // 4
    QTest.mousePress(window.view, Qt.MouseButton.LeftButton, pos=QPoint(x, y))
    for moved in range(0, length_px + 1, 10):
        QTest.mouseMove(window.view, QPoint(x, y - moved))
        QCoreApplication.processEvents()
    QTest.mouseRelease(window.view, Qt.MouseButton.LeftButton, pos=QPoint(x, y - length_px))
