"""Logs and the turn of the picture for technicians, touched, in every shape and language."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kiosk.domain.camera_turn import CameraChoice, CameraTurn, TurnKeeping
from kiosk.domain.log_lines import MOST_LETTERS, MOST_LINES, LogLevel, LogLine, NewestLines
from kiosk.domain.ports import Frame
from kiosk.domain.technician import OPEN_S, TechnicianState
from kiosk.ui.shell import KioskWindow, ShellCallbacks
from kiosk.ui.technician_callbacks import TechnicianCallbacks
from scripts.screens_technician import LINES, LOGGED, LOGGED_AT
from tests.ui.kiosk.legible import faults_of_texts, place, said, texts
from tests.ui.kiosk.test_check_in_scene import READABLE, contrast, small_keys
from tests.ui.kiosk.test_window import find, tap
from tests.ui.kiosk.windows import NOW, SCREENS, WELL, Seconds, still

LOOKS = [
    (language, size, theme)
    for language in ("en", "ar")
    for size in ((800, 480), (480, 800), (1080, 1920))
    for theme in ("light", "dark")
]
IDS = [f"{one}-{size[0]}-{theme}" for one, size, theme in LOOKS]
SETTINGS = CameraTurn(90)


@dataclass
class Kiosk:
    """Answers what the screen asks for, as the kiosk does."""

    newest: NewestLines = LOGGED
    reads: int = 0
    turns: list[CameraTurn] = field(default_factory=list)
    choice: CameraChoice = CameraChoice(SETTINGS, SETTINGS)  # noqa: RUF009 - frozen
    window: KioskWindow | None = None

    def read(self) -> None:
        self.reads += 1
        if self.window is not None:
            self.window.post_logs(self.newest)

    def tell(self) -> None:
        if self.window is not None:
            self.window.post_camera_choice(self.choice)

    def turn(self, wanted: CameraTurn) -> None:
        self.turns.append(wanted)
        self.choice = CameraChoice(wanted, SETTINGS, TurnKeeping.KEPT)
        self.tell()

    def callbacks(self) -> TechnicianCallbacks:
        return TechnicianCallbacks(
            read_logs=self.read,
            show_camera=self.tell,
            turn_camera=self.turn,
            reset_camera=lambda: self.turn(SETTINGS),
        )


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


@pytest.fixture
def window(
    qtbot: QtBot, clock: Seconds, kiosk: Kiosk, request: pytest.FixtureRequest
) -> Iterator[KioskWindow]:
    language, size, theme = getattr(request, "param", LOOKS[0])
    callbacks = ShellCallbacks(
        lambda _answer: None, lambda _code: None, on_technician=kiosk.callbacks()
    )
    built = KioskWindow(
        still(language, size, theme=theme), callbacks, now=lambda: NOW, monotonic_s=clock
    )
    kiosk.window = built
    built.show()
    built.post_health(WELL)
    built.post_screen(SCREENS["ready"])
    built.shell.technician_presenter.open()
    yield built
    kiosk.window = None
    built.close()


def shown(window: KioskWindow) -> str:
    QCoreApplication.processEvents()
    window.view.grabWindow()
    return " | ".join(said(item) for item in texts(window))


def frame_of(window: KioskWindow, width: int, height: int) -> None:
    window.post_frame(Frame(np.full((height, width, 3), 128, np.uint8), 0.0, 0))


def test_logs_open_with_the_newest_line_first(window: KioskWindow, kiosk: Kiosk) -> None:
    tap(window, "logs")
    words = shown(window)
    assert kiosk.reads == 1
    assert words.index("technician screen opened") < words.index("server not reachable")
    assert "Times: UTC" in words
    assert "09:06:39 · kiosk.app.technician" in words


def test_a_level_is_told_by_its_word(window: KioskWindow) -> None:
    tap(window, "logs")
    tap(window, "logsFilter")
    words = shown(window)
    assert "Warning" in words
    assert "Error" in words
    assert "Info" not in words


def test_a_refresh_shows_what_came_meanwhile_at_the_top(window: KioskWindow, kiosk: Kiosk) -> None:
    tap(window, "logs")
    newer = LogLine(LOGGED_AT, LogLevel.ERROR, "kiosk.test", "disk is full")
    kiosk.newest = NewestLines(LOGGED_AT, (newer, *LINES), (newer,))
    scrolled(window)
    tap(window, "logsAgain")
    assert kiosk.reads == 2
    assert "disk is full" in shown(window)


def scrolled(window: KioskWindow) -> float:
    """Move the list by a finger; return how far it went."""
    listed = find(window, "logsList")
    assert listed is not None
    area = place(listed).toRect()
    start = QPoint(area.center().x(), area.bottom() - 20)
    QTest.mousePress(window.view, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        QTest.mouseMove(window.view, QPoint(start.x(), start.y() - 25 * step))
        QCoreApplication.processEvents()
    QTest.mouseRelease(window.view, Qt.MouseButton.LeftButton, pos=QPoint(start.x(), area.top()))
    return float(listed.property("contentY"))


def test_the_list_scrolls(window: KioskWindow) -> None:
    tap(window, "logs")
    shown(window)
    assert scrolled(window) > 0


def test_an_empty_list_says_so(window: KioskWindow, kiosk: Kiosk) -> None:
    kiosk.newest = NewestLines(LOGGED_AT)
    tap(window, "logs")
    assert "There are no lines yet." in shown(window)
    tap(window, "logsFilter")
    assert "There are no warnings and no errors since the last start." in shown(window)


def test_a_full_list_of_the_longest_lines_makes_rows_only_where_they_are_seen(
    window: KioskWindow, kiosk: Kiosk
) -> None:
    """The GUI thread is not held up by rows that nobody sees."""
    long = LogLine(LOGGED_AT, LogLevel.WARNING, "kiosk.test", "wide " * (MOST_LETTERS // 5))
    kiosk.newest = NewestLines(LOGGED_AT, (long,) * MOST_LINES, (long,) * MOST_LINES)
    tap(window, "logs")
    rows = [words for words in shown(window).split(" | ") if words.startswith("wide")]
    assert 0 < len(rows) < 20
    listed = find(window, "logsList")
    assert listed is not None
    assert listed.property("count") == MOST_LINES


def test_a_page_is_left_by_its_button_and_with_the_screen(
    window: KioskWindow, clock: Seconds
) -> None:
    tap(window, "logs")
    assert find(window, "sync") is None
    tap(window, "logsBack")
    assert find(window, "sync") is not None
    tap(window, "turn")
    clock.now_s += OPEN_S - 1
    tap(window, "turn-180")
    clock.now_s += OPEN_S - 1
    window.shell.tick()
    assert find(window, "turn-180") is not None
    clock.now_s += 1
    window.shell.tick()
    assert window.shell.technician_presenter.state is TechnicianState.CLOSED
    window.shell.technician_presenter.open()
    assert find(window, "turn-180") is None
    assert find(window, "sync") is not None


def test_the_picture_is_turned_and_swapped_by_touch(window: KioskWindow, kiosk: Kiosk) -> None:
    tap(window, "turn")
    for name in ("turn-180", "turn-0", "turn-90", "turnSwap", "turnReset", "turnReset"):
        tap(window, name)
    assert kiosk.turns == [
        CameraTurn(180),
        CameraTurn(0),
        CameraTurn(90),
        CameraTurn(270, is_mirrored=True),
        CameraTurn(90),
    ]
    tap(window, "turn-0")
    assert "Saved. It stays after a restart." in shown(window)


def test_a_chosen_angle_has_a_check_mark(window: KioskWindow) -> None:
    tap(window, "turn")
    marked = [
        deg
        for deg in (0, 90, 180, 270)
        if (button := find(window, f"turn-{deg}")) is not None and button.property("chosen")
    ]
    assert marked == [90]


@pytest.mark.parametrize("shape", [(640, 480), (480, 640), (1280, 720), (720, 1280)])
@pytest.mark.parametrize("window", LOOKS[:6:2], indirect=True, ids=IDS[:6:2])
def test_the_whole_picture_is_seen_however_it_is_turned(
    window: KioskWindow, shape: tuple[int, int]
) -> None:
    tap(window, "turn")
    frame_of(window, *shape)
    shown(window)
    picture = find(window, "turnPicture")
    assert picture is not None
    seen = place(picture)
    assert seen.width() / seen.height() == pytest.approx(shape[0] / shape[1], rel=0.02)
    assert faults_of_texts(window) == []


@pytest.mark.parametrize("window", LOOKS, indirect=True, ids=IDS)
def test_every_text_is_whole_apart_and_readable(window: KioskWindow, kiosk: Kiosk) -> None:
    kiosk.newest = NewestLines(LOGGED_AT, LINES[:3], LINES[2:3])
    tap(window, "logs")
    faults = [*faults_of_texts(window), *small_keys(window, "logs"), *pale(window)]
    tap(window, "logsFilter")
    faults += [*faults_of_texts(window), *pale(window)]
    tap(window, "logsBack")
    tap(window, "turn")
    frame_of(window, 640, 480)
    for keeping in TurnKeeping:
        window.post_camera_choice(CameraChoice(CameraTurn(180), CameraTurn(), keeping))
        faults += [*faults_of_texts(window), *small_keys(window, "turn"), *pale(window)]
    assert faults == []


def pale(window: KioskWindow) -> list[str]:
    picture = window.view.grabWindow()
    return [
        f"pale: {said(one)}" for one in texts(window) if contrast(picture, place(one)) < READABLE
    ]
