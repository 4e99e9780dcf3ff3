"""A technician turns the picture of a whole kiosk, whose camera has its own process."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from kiosk.app.main import KioskProcess
from kiosk.config import load_settings
from kiosk.domain.ports import BGRImage
from kiosk.domain.technician import TechnicianState
from kiosk.logs import LogRing, keep_newest_lines
from kiosk.vision.turning import turned
from tests.ui.kiosk.legible import said, texts
from tests.ui.kiosk.test_window import find, tap

NOBODY = "http://127.0.0.1:1"
WAIT_MS = 30_000
Start = Callable[..., KioskProcess]


@pytest.fixture
def picture(tmp_path: Path) -> BGRImage:
    """What the camera delivers: the left upper corner shines."""
    made = np.full((48, 64, 3), 40, np.uint8)
    made[:8, :16] = 255
    (tmp_path / "clip").mkdir()
    cv2.imwrite(str(tmp_path / "clip" / "a.png"), made)
    return made


@pytest.fixture
def ring() -> Iterator[LogRing]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    ring = keep_newest_lines()
    yield ring
    root.removeHandler(ring)
    root.setLevel(level)


def ended(kiosk: KioskProcess) -> None:
    """End it as a process ends: nothing of the technician screen runs on."""
    kiosk._window.shell.technician_presenter.close()
    kiosk.stop()


@pytest.fixture
def start(
    tmp_path: Path,
    qtbot: QtBot,
    picture: BGRImage,
    ring: LogRing,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Start]:
    """Start a kiosk without a claim, on the same data folder, with its camera open.

    The checks of the machine are left out: they take seconds and are tested elsewhere.
    """
    monkeypatch.setattr("kiosk.app.main.checks_of", lambda *_parts: list)
    running: list[KioskProcess] = []

    def build(camera_rotation: int = 0) -> KioskProcess:
        while running:
            ended(running.pop())
        kiosk = KioskProcess(
            load_settings(
                data_dir=tmp_path / "kiosk",
                server_url=NOBODY,
                key_keeper="file",
                camera=f"replay:{tmp_path / 'clip'}",
                replay_loop=True,
                replay_fps=50.0,
                fullscreen=False,
                camera_rotation=camera_rotation,
            ),
            ring.newest,
        )
        running.append(kiosk)
        kiosk.start()
        kiosk._camera.start()  # a clip waits for the models, which are not needed here
        kiosk._window.shell.technician_presenter.open()
        assert kiosk._window.shell.technician_presenter.state is TechnicianState.OPEN
        return kiosk

    yield build
    while running:
        ended(running.pop())


def is_seen(kiosk: KioskProcess, wanted: BGRImage) -> bool:
    """Whether the window draws this picture now, before it is mirrored."""
    frame = kiosk._window.shell.feed_object.frame
    return frame is not None and np.array_equal(frame.frame_bgr, wanted)


def shown(kiosk: KioskProcess) -> str:
    return " | ".join(said(item) for item in texts(kiosk._window))


def test_a_turn_is_seen_at_once_and_again_after_a_restart(
    start: Start, qtbot: QtBot, picture: BGRImage, tmp_path: Path
) -> None:
    kiosk = start()
    qtbot.waitUntil(lambda: is_seen(kiosk, picture), timeout=WAIT_MS)
    tap(kiosk._window, "turn")
    tap(kiosk._window, "turn-90")
    qtbot.waitUntil(lambda: is_seen(kiosk, turned(picture, 90)), timeout=WAIT_MS)
    tap(kiosk._window, "turnSwap")
    wanted = turned(picture, 90)[:, ::-1]
    qtbot.waitUntil(lambda: is_seen(kiosk, wanted), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "Saved. It stays after a restart." in shown(kiosk), timeout=WAIT_MS)
    kept = json.loads((tmp_path / "kiosk" / "camera.json").read_bytes())["turn"]
    assert kept["chosen"] == {"rotation_deg": 270, "is_mirrored": True}

    again = start()
    qtbot.waitUntil(lambda: is_seen(again, wanted), timeout=WAIT_MS)
    tap(again._window, "turn")
    assert "Saved. It stays after a restart." in shown(again)

    changed = start(camera_rotation=180)
    qtbot.waitUntil(lambda: is_seen(changed, turned(picture, 180)), timeout=WAIT_MS)


def test_a_damaged_choice_leaves_the_settings_and_stands_in_the_logs(
    start: Start, qtbot: QtBot, picture: BGRImage, tmp_path: Path
) -> None:
    (tmp_path / "kiosk").mkdir(mode=0o700)
    (tmp_path / "kiosk" / "camera.json").write_bytes(b"no turn")
    kiosk = start(camera_rotation=180)
    qtbot.waitUntil(lambda: is_seen(kiosk, turned(picture, 180)), timeout=WAIT_MS)
    tap(kiosk._window, "logs")
    words = shown(kiosk)
    assert "technician screen opened" in words
    tap(kiosk._window, "logsFilter")
    assert "camera turn file unreadable, using the settings" in shown(kiosk)
    tap(kiosk._window, "logsBack")
    assert find(kiosk._window, "sync") is not None
