import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from kiosk.domain.camera_turn import TURNS_DEG, CameraTurn
from kiosk.errors import CameraError
from kiosk.vision.capture import CaptureProcess
from kiosk.vision.spec import SourceOptions, SourceSpec, parse_spec
from kiosk.vision.turning import turned
from tests.fakes.capture import LIVE

FRAME_S = 20.0
"""A deadline that a busy machine keeps; nothing waits as long."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        picture = np.full((48, 64, 3), 50 * (number + 1), np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    return tmp_path


@pytest.fixture
def looping(folder: Path) -> SourceSpec:
    return parse_spec(f"replay:{folder}", SourceOptions(replay_fps=50.0, is_looped=True))


@pytest.fixture
def capture(looping: SourceSpec) -> Iterator[CaptureProcess]:
    process = CaptureProcess(looping)
    yield process
    process.close()


def test_frames_come_out_of_the_capture_process(capture: CaptureProcess) -> None:
    first, second = capture.wait(FRAME_S), capture.wait(FRAME_S)
    assert first is not None
    assert second is not None
    assert second.index > first.index
    assert first.frame_bgr.shape == (48, 64, 3)


def test_the_last_frame_is_seen_before_the_end(folder: Path) -> None:
    spec = parse_spec(f"replay:{folder}", SourceOptions(replay_fps=100.0))
    capture = CaptureProcess(spec)
    levels = [int(frame.frame_bgr[0, 0, 0]) for frame in iter(lambda: capture.wait(FRAME_S), None)]
    capture.close()
    assert levels[-1] == 150
    assert levels == sorted(levels)


def test_the_end_is_told_apart_from_silence(folder: Path) -> None:
    capture = CaptureProcess(parse_spec(f"replay:{folder}", SourceOptions(replay_fps=100.0)))
    was_over = capture.is_over
    frames = [*iter(lambda: capture.wait(FRAME_S), None)]
    is_over = capture.is_over
    capture.close()
    assert (was_over, bool(frames), is_over) == (False, True, True)


def test_a_killed_capture_process_is_an_error_at_once(capture: CaptureProcess) -> None:
    capture.wait(FRAME_S)
    os.kill(capture.pid, signal.SIGKILL)
    with pytest.raises(CameraError, match="ended unexpectedly"):
        [*iter(lambda: capture.wait(FRAME_S), None)]


def test_a_camera_that_is_not_there_is_reported_with_its_reason() -> None:
    spec = parse_spec("/dev/video-that-is-not-there", SourceOptions())
    capture = CaptureProcess(spec)
    with pytest.raises(CameraError, match="cannot be opened"):
        capture.wait(FRAME_S)
    capture.close()


def test_a_hung_capture_gives_nothing_and_can_be_closed() -> None:
    hang = [sys.executable, "-c", "import signal; signal.pause()"]
    capture = CaptureProcess(LIVE, command=hang)
    assert capture.wait(0.05) is None
    assert not capture.is_over
    pid = capture.pid
    capture.close()
    capture.close()
    assert not psutil.pid_exists(pid)


def test_a_closed_capture_leaves_no_descriptor_behind(looping: SourceSpec) -> None:
    before = psutil.Process().num_fds()
    capture = CaptureProcess(looping)
    capture.wait(FRAME_S)
    capture.close()
    assert psutil.Process().num_fds() == before


def test_a_command_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(CameraError, match="cannot be started"):
        CaptureProcess(LIVE, command=["/nowhere/at/all"])


@pytest.mark.parametrize("name", ["kiosk.py", "cv2.py", "numpy.py", "models.py", "json.py"])
def test_a_module_in_the_working_folder_is_not_imported(
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    working = tmp_path_factory.mktemp("working")
    (working / name).write_text("raise SystemExit(9)")
    monkeypatch.chdir(working)
    capture = CaptureProcess(parse_spec(f"replay:{folder}", SourceOptions(replay_fps=100.0)))
    frame = capture.wait(FRAME_S)
    capture.close()
    assert frame is not None


def test_pictures_arrive_turned_and_with_true_sides(tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:8, :8] = 255
    mirrored_upside_down = np.ascontiguousarray(picture[::-1, ::-1][:, ::-1])
    cv2.imwrite(str(tmp_path / "a.png"), mirrored_upside_down)
    options = SourceOptions(rotation_deg=180, is_mirrored=True)
    capture = CaptureProcess(parse_spec(f"replay:{tmp_path}", options))
    frame = capture.wait(FRAME_S)
    capture.close()
    assert frame is not None
    np.testing.assert_array_equal(frame.frame_bgr, picture)


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("rotation_deg", TURNS_DEG)
def test_a_running_capture_turns_its_next_pictures(
    tmp_path: Path, rotation_deg: int, is_mirrored: bool
) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:8, :16] = 255
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    options = SourceOptions(replay_fps=50.0, is_looped=True, rotation_deg=90)
    capture = CaptureProcess(parse_spec(f"replay:{tmp_path}", options))
    first, pid = capture.wait(FRAME_S), capture.pid
    capture.turn(CameraTurn(rotation_deg, is_mirrored=is_mirrored))
    wanted = turned(picture, rotation_deg, is_mirrored=is_mirrored)
    later = (capture.wait(FRAME_S) for _ in range(50))
    is_seen = any(frame and np.array_equal(frame.frame_bgr, wanted) for frame in later)
    is_same_process = psutil.pid_exists(pid)
    capture.close()
    assert first is not None
    np.testing.assert_array_equal(first.frame_bgr, turned(picture, 90))
    assert is_seen
    assert is_same_process
