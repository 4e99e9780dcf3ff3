"""The window as the rest of the kiosk uses it: states in, touches out, from any thread."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import QCoreApplication, QPointF, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtQuick import QQuickItem
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kiosk.domain.ports import BGRImage, Frame
from kiosk.domain.screens import SettingUp, SetupStage, Welcome
from kiosk.ui.shell import KioskWindow, ShellRules
from kiosk.vision.camera import Camera, CameraDeadlines
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.picture_health import PictureLimits
from kiosk.vision.worker import RecognitionSettings, RecognitionWorker
from models.stages.detect import Detection
from protocol.v1.messages import ArrivalStatus
from tests.fakes.capture import LIVE, ScriptedCapture, noise
from tests.fakes.face_models import ListGallery, ScriptedModels, vector
from tests.ui.kiosk.windows import (
    SCREENS,
    OpenWindow,
    Seconds,
    Touched,
    still,
    visible_items,
)


def find(window: KioskWindow, name: str) -> QQuickItem | None:
    QCoreApplication.processEvents()  # lets the scene take its places
    items = visible_items(window.view.contentItem())
    return next((item for item in items if item.objectName() == name), None)


def middle_of(item: QQuickItem) -> QPointF:
    return item.mapToScene(QPointF(item.width() / 2, item.height() / 2))


def tap(window: KioskWindow, name: str) -> None:
    item = find(window, name)
    assert item is not None
    window.view.grabWindow()  # columns place their items when the scene is drawn
    tap_at(window, middle_of(item))


def tap_at(window: KioskWindow, middle: QPointF) -> None:
    QTest.mouseClick(window.view, Qt.MouseButton.LeftButton, pos=middle.toPoint())


def test_not_me_reaches_the_kiosk_while_it_is_offered(
    open_window: OpenWindow, touched: Touched, clock: Seconds
) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["welcome"])
    clock.now_s += 4.9
    button = find(window, "notMe")
    assert button is not None
    middle = middle_of(button)
    tap_at(window, middle)
    tap_at(window, middle)
    assert touched.not_me_count == 1


def test_not_me_is_gone_after_five_seconds(
    open_window: OpenWindow, touched: Touched, clock: Seconds
) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["welcome"])
    button = find(window, "notMe")
    assert button is not None
    middle = middle_of(button)
    clock.now_s += 5.1
    window.shell.tick()
    tap_at(window, middle)
    assert touched.not_me_count == 0
    assert find(window, "notMe") is None


def test_a_claim_code_is_typed_on_the_screen(open_window: OpenWindow, touched: Touched) -> None:
    window = open_window(still())
    window.post_screen(SettingUp(SetupStage.NEEDS_CLAIM_CODE))
    for letter in "7KQ2M9TZ":
        tap(window, f"key{letter}")
    tap(window, "erase")
    tap(window, "keyX")
    tap(window, "connect")
    assert touched.codes == ["7KQ2M9TX"]


def test_claiming_with_a_code_from_the_settings_shows_no_keypad(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(SettingUp(SetupStage.CLAIMING))
    assert window.shell.screen == "loading"
    assert window.shell.answer_presenter.current.title == "Connecting…"
    window.post_screen(SettingUp(SetupStage.CLAIM_REFUSED))
    assert find(window, "keyA") is not None


def test_a_claim_code_is_typed_on_a_keyboard(open_window: OpenWindow, touched: Touched) -> None:
    window = open_window(still())
    window.post_screen(SettingUp(SetupStage.NEEDS_CLAIM_CODE))
    QCoreApplication.processEvents()
    for letter in "7KQ2 M9TZ":
        QTest.keyClick(window.view, Qt.Key(ord(letter)))
    QTest.keyClick(window.view, Qt.Key.Key_Backspace)
    QTest.keyClick(window.view, Qt.Key.Key_X)
    QTest.keyClick(window.view, Qt.Key.Key_Return)
    assert touched.codes == ["7KQ2M9TX"]


def test_a_code_that_is_not_complete_goes_nowhere(
    open_window: OpenWindow, touched: Touched
) -> None:
    window = open_window(still("ar", (1080, 1920)))
    window.post_screen(SettingUp(SetupStage.NEEDS_CLAIM_CODE))
    tap(window, "key7")
    tap(window, "connect")
    assert touched.codes == []


def test_states_may_come_from_any_thread(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(still())
    with qtbot.waitSignal(window.shell.screen_changed):
        poster = threading.Thread(target=window.post_screen, args=(SCREENS["elsewhere"],))
        poster.start()
        poster.join()
    assert window.shell.screen == "elsewhere"


def test_the_same_state_again_does_not_offer_not_me_anew(
    open_window: OpenWindow, clock: Seconds
) -> None:
    window = open_window(still())
    mark = Welcome("Amina K.", ArrivalStatus.PRESENT)
    window.post_screen(mark)
    clock.now_s += 5.1
    window.post_screen(mark)
    window.shell.tick()
    assert not window.shell.welcome_presenter.current.can_undo


def test_quit_from_another_thread_ends_the_event_loop(
    open_window: OpenWindow, qtbot: QtBot
) -> None:
    window = open_window(still())
    QTimer.singleShot(0, lambda: threading.Thread(target=window.quit).start())
    application = QCoreApplication.instance()
    assert application is not None
    assert application.exec() == 0


def test_each_screen_is_saved_the_first_time_it_is_shown(
    open_window: OpenWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window(still(screenshots_dir=tmp_path / "shots"))
    window.post_screen(SCREENS["ready"])
    before_the_picture = {path.name for path in (tmp_path / "shots").iterdir()}
    with qtbot.waitSignal(window.shell.feed_object.frame_ready):
        window.post_frame(Frame(noise(1), 0.0, 0))
    for name in ("welcome", "ready", "not-recognised", "welcome-late"):
        window.post_screen(SCREENS[name])
    saved = {path.name for path in (tmp_path / "shots").iterdir()}
    camera = QImage(str(tmp_path / "shots" / "ready.png")).copy(40, 200, 20, 20)
    assert len({camera.pixel(x, y) for x in range(20) for y in range(20)}) > 20
    assert "ready.png" not in before_the_picture
    assert {"ready.png", "welcome.png", "not_recognised.png"} <= saved
    assert QImage(str(tmp_path / "shots" / "welcome.png")).width() == 800


class BlockedModels(ScriptedModels):
    """Models that never come back from their first frame until the test lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        self.entered.set()
        self.released.wait()
        return super().detect(frame_bgr)


@pytest.fixture
def opened() -> "queue.Queue[ScriptedCapture]":
    return queue.Queue()


@pytest.fixture
def camera(opened: "queue.Queue[ScriptedCapture]") -> Camera:
    def open_capture(_spec: object) -> ScriptedCapture:
        capture = ScriptedCapture()
        opened.put(capture)
        return capture

    deadlines, limits = CameraDeadlines(), PictureLimits()
    return Camera(LIVE, deadlines=deadlines, limits=limits, open_capture=open_capture)


def shown(window: KioskWindow, index: int) -> Callable[[], bool]:
    def is_shown() -> bool:
        frame = window.shell.feed_object.frame
        return frame is not None and frame.index == index

    return is_shown


def test_the_preview_goes_on_while_recognition_is_stuck(
    open_window: OpenWindow,
    qtbot: QtBot,
    camera: Camera,
    opened: "queue.Queue[ScriptedCapture]",
) -> None:
    window, models = open_window(still()), BlockedModels()
    gallery = ListGallery({"ana": vector(1.0)})
    worker = RecognitionWorker(
        camera,
        lambda: models,
        Knowledge(gallery, gallery),
        RecognitionSettings(),
        lambda _sighting: None,
    )
    camera.subscribe(on_frame=window.post_frame)
    camera.start()
    worker.start()
    capture = opened.get()
    for index in range(31):
        capture.give(noise(index), index / 30)
        qtbot.waitUntil(shown(window, index))
    assert models.entered.wait(30)
    was_blocked = not models.released.is_set() and worker.stats().frame_count == 0
    models.released.set()
    worker.stop()
    camera.stop()
    assert was_blocked
    assert window.shell.feed_object.shown_count == 31


def test_the_window_follows_the_schools_zone_and_language(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    window.post_rules(ShellRules("ar", ZoneInfo("Asia/Riyadh"), 3.0))
    view = window.shell.ready_presenter.current
    assert view.instruction == "انظر إلى الكاميرا"
    assert view.hours.startswith("\u206811:00")
    assert window.shell.mirrored


def test_a_language_that_is_not_translated_changes_nothing(open_window: OpenWindow) -> None:
    window = open_window(still("ar"))
    window.post_rules(ShellRules("tlh", ZoneInfo("UTC"), 3.0))
    assert window.shell.words.code == "ar"
