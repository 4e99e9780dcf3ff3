"""Names, rooms and lessons in twelve scripts, up to the longest, in every shape of the screen."""

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from kiosk.domain.screens import (
    CodeProblem,
    CodeRefused,
    ConfirmName,
    Elsewhere,
    Ready,
    RollCall,
    RollMark,
    RollRow,
    RunningLesson,
    Screen,
    SettingUp,
    SetupStage,
    Welcome,
)
from kiosk.ui.fonts import kiosk_font, missing_fonts
from protocol.v1.messages import ArrivalStatus
from protocol.v1.trust import MAX_LINK_CHARS, ClaimLink
from tests.ui.kiosk.check_in_screens import WAYS
from tests.ui.kiosk.legible import faults_of_texts
from tests.ui.kiosk.scripts_of_names import SCRIPTS, long_text, long_word, usual_name
from tests.ui.kiosk.windows import LESSON, LONG_WORDS, TROUBLED, OpenWindow, still

SIZES = [(800, 480), (480, 800), (1080, 1920), (1920, 1080)]
MIRRORED = SIZES[:2]
LATE = ArrivalStatus.LATE
_HOST = "rollcall." + ".".join(["north-campus-of-the-school"] * 20)
LONGEST_ADDRESS = f"https://{_HOST}"[: MAX_LINK_CHARS - len(ClaimLink("", "7KQ2M9TX").text())]


@pytest.fixture(autouse=True)
def _fonts(qtbot: QtBot) -> Iterator[None]:
    if missing := missing_fonts():
        pytest.skip(f"fonts are not installed, run scripts/bootstrap kiosk: {missing}")
    before = QGuiApplication.font()
    QGuiApplication.setFont(kiosk_font())
    yield
    QGuiApplication.setFont(before)


def lesson(title: str) -> RunningLesson:
    return RunningLesson(title, LESSON.starts_at, LESSON.ends_at)


def screens(script: str) -> Iterator[tuple[Screen, str]]:
    """Every screen that shows what the school wrote, and the name that must be on it."""
    text, word, usual = long_text(script), long_word(script), usual_name(script)
    yield Ready(text, lesson(text)), ""
    yield Ready(word, lesson(word)), ""
    yield Elsewhere(text, text), text
    yield Elsewhere(usual, word), usual
    yield Welcome(text, LATE, 125), text
    yield Welcome(word, LATE, 125), word
    yield Welcome(usual, LATE, 1), usual
    for name in (text, word, usual):
        yield ConfirmName(name), name
        yield Ready(name, lesson(name), WAYS), ""
        yield CodeRefused(CodeProblem.NOT_STAFF, WAYS), ""
        marks = (RollMark.LATE, RollMark.NONE, RollMark.PRESENT)
        rows = tuple(RollRow(str(n), name, marks[n % 3], needs_teacher=n < 3) for n in range(6))
        yield RollCall(lesson(name), name, rows), name


@pytest.mark.parametrize("language", ["en", "ar"])
def test_what_the_school_wrote_is_legible(open_window: OpenWindow, language: str) -> None:
    window = open_window(still(language))
    window.post_health(TROUBLED)
    faults = []
    for size in SIZES if language == "en" else MIRRORED:
        window.view.resize(*size)
        for script in SCRIPTS:
            for screen, name in screens(script):
                window.post_screen(screen)
                found = faults_of_texts(window, name)
                faults += [f"{size} {script} {type(screen).__name__}: {one}" for one in found]
    assert faults == []


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_longest_address_of_a_server_is_legible(open_window: OpenWindow, language: str) -> None:
    window = open_window(still(language))
    faults = []
    for size in SIZES:
        window.view.resize(*size)
        for stage in (SetupStage.CLAIMING, SetupStage.COMPARE_WORDS):
            asked = LONG_WORDS if stage is SetupStage.COMPARE_WORDS else ()
            window.post_screen(SettingUp(stage, words=asked, address=LONGEST_ADDRESS))
            found = faults_of_texts(window, LONGEST_ADDRESS)
            faults += [f"{size} {stage}: {fault}" for fault in found]
    assert faults == []
