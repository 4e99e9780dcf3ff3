import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.health import CameraHealth
from kiosk.domain.ports import BGRImage
from kiosk.vision.camera import Camera, CameraDeadlines, CameraReport
from kiosk.vision.capture import Capture, CaptureProcess
from kiosk.vision.picture_health import PictureLimits
from kiosk.vision.spec import SourceOptions, SourceSpec, parse_spec
from kiosk.vision.turning import turned
from tests.fakes.capture import CLIP, LIVE, ScriptedCapture, noise

if TYPE_CHECKING:
    from kiosk.domain.ports import Frame

QUICK = CameraDeadlines(report_s=0.02, frame_s=0.05, open_s=0.1, retry_s=0.01, retry_max_s=0.02)
FUSSY = CameraDeadlines(bad_picture_s=0.0, retry_s=0.01, retry_max_s=0.02)
PATIENT = CameraDeadlines(report_s=30.0, frame_s=30.0, open_s=30.0, retry_s=0.01, retry_max_s=0.02)
LIMITS = PictureLimits(patience_s=2.0)
WAIT_S = 30.0


class Watched:
    """A camera whose captures come from the test and whose reports and frames can be waited for."""

    def __init__(
        self,
        spec: SourceSpec,
        deadlines: CameraDeadlines,
        *first_pictures: BGRImage,
        starters: int = 1,
    ) -> None:
        self._first_pictures = first_pictures
        self.captures: queue.Queue[ScriptedCapture] = queue.Queue()
        self.reports: queue.Queue[CameraReport] = queue.Queue()
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.camera = Camera(
            spec, deadlines=deadlines, limits=LIMITS, open_capture=self._open_capture
        )
        self.camera.subscribe(on_frame=self.frames.put, on_report=self.reports.put)
        self._start_from(starters)

    def _start_from(self, count: int) -> None:
        """Start the camera from so many threads at once."""
        gate = threading.Barrier(count)

        def start() -> None:
            gate.wait(WAIT_S)
            self.camera.start()

        threads = [threading.Thread(target=start) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)

    def _open_capture(self, _spec: SourceSpec) -> Capture:
        capture = ScriptedCapture()
        for index, picture in enumerate(self._first_pictures):
            capture.give(picture, index / 30)
        self._first_pictures = ()
        self.captures.put(capture)
        return capture

    def opened(self) -> ScriptedCapture:
        return self.captures.get(timeout=WAIT_S)

    def said(self) -> CameraHealth:
        return self.reports.get(timeout=WAIT_S).health


@pytest.fixture
def live() -> Iterator[Watched]:
    watched = Watched(LIVE, PATIENT)
    yield watched
    watched.camera.stop()


@pytest.fixture
def hurried() -> Iterator[Watched]:
    watched = Watched(LIVE, QUICK, noise(1))
    yield watched
    watched.camera.stop()


@pytest.fixture
def fussy() -> Iterator[Watched]:
    watched = Watched(LIVE, FUSSY)
    yield watched
    watched.camera.stop()


def test_a_camera_that_gives_a_frame_is_well(live: Watched) -> None:
    assert live.camera.report().health is CameraHealth.STARTING
    live.opened().give(noise(1), 0.0)
    assert live.said() is CameraHealth.OK
    frame = live.camera.latest()
    assert frame is not None
    assert frame.index == 0


def test_a_vanished_camera_is_reported_and_opened_again(live: Watched) -> None:
    first = live.opened()
    first.give(noise(1), 0.0)
    first.fail("unplugged")
    assert [live.said(), live.said()] == [CameraHealth.OK, CameraHealth.GONE]
    assert live.camera.report().detail == "unplugged"
    second = live.opened()
    assert first.is_closed
    second.give(noise(2), 1.0)
    assert live.said() is CameraHealth.OK


def test_frames_count_on_over_a_new_opening(live: Watched) -> None:
    first = live.opened()
    first.give(noise(1), 0.0)
    first.fail("unplugged")
    live.opened().give(noise(2), 1.0)
    indexes = [live.frames.get(timeout=WAIT_S).index for _ in range(2)]
    assert indexes == [0, 1]


def test_a_hung_camera_is_reported_before_it_is_opened_again(hurried: Watched) -> None:
    first = hurried.opened()
    assert [hurried.said(), hurried.said()] == [CameraHealth.OK, CameraHealth.GONE]
    hurried.opened()
    assert first.is_closed


def test_a_camera_that_never_starts_is_reported() -> None:
    silent = Watched(LIVE, QUICK)
    first = silent.opened()
    said = silent.said()
    silent.opened()
    silent.camera.stop()
    assert said is CameraHealth.GONE
    assert first.is_closed


def test_a_black_camera_is_reported_and_opened_again(fussy: Watched) -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    first = fussy.opened()
    first.give(noise(1), 0.0)
    first.give(black, 0.1)
    first.give(black, 2.2)
    assert [fussy.said(), fussy.said()] == [CameraHealth.OK, CameraHealth.BLACK]
    second = fussy.opened()
    second.give(noise(2), 3.0)
    second.give(noise(3), 3.1)
    assert fussy.said() is CameraHealth.OK


def test_a_frozen_camera_stays_reported_until_its_picture_moves(fussy: Watched) -> None:
    first = fussy.opened()
    for at_s in (0.0, 0.1, 2.2):
        first.give(noise(1), at_s)
    assert [fussy.said(), fussy.said()] == [CameraHealth.OK, CameraHealth.FROZEN]
    second = fussy.opened()
    second.give(noise(1), 3.0)
    fussy.frames.get(timeout=WAIT_S)
    second.give(noise(2), 3.1)
    assert fussy.said() is CameraHealth.OK
    assert fussy.reports.empty()


def test_a_clip_may_stand_still_and_says_when_it_is_over() -> None:
    watched = Watched(CLIP, PATIENT)
    capture = watched.opened()
    for at_s in (0.0, 5.0, 10.0):
        capture.give(np.zeros((48, 64, 3), np.uint8), at_s)
    capture.end()
    said = [watched.said(), watched.said()]
    watched.camera.stop()
    assert said == [CameraHealth.OK, CameraHealth.FINISHED]
    assert watched.captures.empty()


def test_skipped_pictures_are_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="kiosk.vision.camera")
    watched = Watched(CLIP, PATIENT)
    capture = watched.opened()
    for number in range(3):
        capture.skipped_count = number
        capture.give(noise(number), float(number))
        watched.frames.get(timeout=WAIT_S)
    capture.end()
    said = [watched.said(), watched.said()]
    watched.camera.stop()
    assert said == [CameraHealth.OK, CameraHealth.FINISHED]
    assert [record.getMessage() for record in caplog.records] == [
        "clip picture unreadable, skipped",
        "clip finished skipped=2",
    ]


def test_a_waiting_reader_gets_only_newer_frames(live: Watched) -> None:
    capture = live.opened()
    capture.give(noise(1), 0.0)
    first = live.camera.wait_newer(-1, WAIT_S)
    assert first is not None
    assert live.camera.wait_newer(first.index, 0.0) is None
    capture.give(noise(2), 0.1)
    second = live.camera.wait_newer(first.index, WAIT_S)
    assert second is not None
    assert second.index == 1


def test_stopping_ends_the_wait_of_a_reader(live: Watched) -> None:
    live.camera.stop()
    assert live.camera.wait_newer(-1, WAIT_S) is None


def test_a_camera_log_has_one_line_for_the_fault_and_one_for_its_end(
    live: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="kiosk.vision.camera")
    first = live.opened()
    first.give(noise(1), 0.0)
    first.fail("unplugged")
    live.opened().fail("still unplugged")
    live.opened().give(noise(2), 1.0)
    said = [live.said() for _ in range(3)]
    assert said == [CameraHealth.OK, CameraHealth.GONE, CameraHealth.OK]
    live.camera.stop()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


@pytest.fixture
def looping(tmp_path: Path) -> SourceSpec:
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), noise(number))
    return parse_spec(f"replay:{tmp_path}", SourceOptions(replay_fps=50.0, is_looped=True))


def test_a_killed_capture_process_is_replaced_by_a_new_one(looping: SourceSpec) -> None:
    started: queue.Queue[CaptureProcess] = queue.Queue()

    def start(spec: SourceSpec) -> CaptureProcess:
        process = CaptureProcess(spec)
        started.put(process)
        return process

    camera = Camera(looping, deadlines=PATIENT, limits=LIMITS, open_capture=start)
    reports: queue.Queue[CameraReport] = queue.Queue()
    camera.subscribe(on_report=reports.put)
    camera.start()
    first = started.get(timeout=WAIT_S)
    said = [reports.get(timeout=WAIT_S).health]
    os.kill(first.pid, signal.SIGKILL)
    said += [reports.get(timeout=WAIT_S).health for _ in range(2)]
    second = started.get(timeout=WAIT_S)
    camera.stop()
    assert said == [CameraHealth.OK, CameraHealth.GONE, CameraHealth.OK]
    assert second.pid != first.pid


def test_a_hung_capture_process_is_killed_and_replaced() -> None:
    started: queue.Queue[CaptureProcess] = queue.Queue()
    hang = [sys.executable, "-c", "import signal; signal.pause()"]

    def start(spec: SourceSpec) -> CaptureProcess:
        process = CaptureProcess(spec, command=hang)
        started.put(process)
        return process

    camera = Camera(LIVE, deadlines=QUICK, limits=LIMITS, open_capture=start)
    camera.start()
    pids = {started.get(timeout=WAIT_S).pid for _ in range(2)}
    camera.stop()
    assert len(pids) == 2
    assert camera.report().health is CameraHealth.GONE


def test_a_camera_that_several_threads_start_at_once_is_started_once() -> None:
    watched = Watched(LIVE, PATIENT, starters=8)
    watched.opened()
    watched.camera.stop()
    assert watched.captures.empty()


def test_a_stopped_camera_stays_stopped(live: Watched) -> None:
    live.opened()
    live.camera.stop()
    live.camera.start()
    assert live.captures.empty()


def test_a_turn_reaches_the_open_capture_once_and_every_listener_at_once(live: Watched) -> None:
    heard: list[CameraTurn] = []
    live.camera.subscribe(on_turn=lambda: heard.append(live.camera.spec.options.turn))
    capture = live.opened()
    capture.give(noise(1), 0.0)
    assert live.said() is CameraHealth.OK
    live.camera.turn(CameraTurn(180))
    assert heard == [CameraTurn(180)]
    capture.give(noise(2), 0.1)
    assert capture.turns.get(timeout=WAIT_S) == CameraTurn(180)
    live.camera.stop()
    assert capture.turns.empty()


@pytest.fixture
def corner(tmp_path: Path) -> BGRImage:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:8, :16] = 255
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    return picture


def test_a_turn_is_seen_in_real_pictures_and_outlives_a_killed_capture_process(
    tmp_path: Path, corner: BGRImage
) -> None:
    started: queue.Queue[CaptureProcess] = queue.Queue()

    def start(spec: SourceSpec) -> CaptureProcess:
        process = CaptureProcess(spec)
        started.put(process)
        return process

    spec = parse_spec(f"replay:{tmp_path}", SourceOptions(replay_fps=50.0, is_looped=True))
    camera = Camera(spec, deadlines=PATIENT, limits=LIMITS, open_capture=start)
    pictures: queue.Queue[BGRImage] = queue.Queue()
    camera.subscribe(on_frame=lambda frame: pictures.put(frame.frame_bgr))
    camera.start()
    first, as_it_is = started.get(timeout=WAIT_S), pictures.get(timeout=WAIT_S)
    camera.turn(CameraTurn(90, is_mirrored=True))
    wanted = turned(corner, 90, is_mirrored=True)
    arrivals = (pictures.get(timeout=WAIT_S) for _ in range(200))
    after_turn = next(one for one in arrivals if np.array_equal(one, wanted))
    os.kill(first.pid, signal.SIGKILL)
    started.get(timeout=WAIT_S)
    killed_at = camera.latest()
    after_kill = camera.wait_newer(killed_at.index if killed_at else -1, WAIT_S)
    camera.stop()
    assert after_kill is not None
    np.testing.assert_array_equal(as_it_is, corner)
    np.testing.assert_array_equal(after_turn, wanted)
    np.testing.assert_array_equal(after_kill.frame_bgr, wanted)
