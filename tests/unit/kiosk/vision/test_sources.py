from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.errors import CameraError
from kiosk.vision.sources import Pacer, ReplayFrameSource, open_frame_source
from kiosk.vision.spec import SourceOptions, SourceSpec, parse_spec


class StepClock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waits_s: list[float] = []

    def read(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds


def replay(path: Path, clock: StepClock, options: SourceOptions) -> ReplayFrameSource:
    spec = parse_spec(f"replay:{path}", options)
    fps = options.replay_fps or 10.0
    return ReplayFrameSource(spec, pacer=Pacer(fps, monotonic_s=clock.read, wait=clock.wait))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for level in (10, 80, 150, 220):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, level in (("b.png", 90), ("a.png", 30)):
        cv2.imwrite(str(tmp_path / name), np.full((6, 8, 3), level, np.uint8))
    cv2.imwrite(str(tmp_path / "c.png"), np.full((6, 8), 200, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def levels(source: ReplayFrameSource, count: int) -> list[int]:
    frames = [source.read() for _ in range(count)]
    return [round(float(frame.frame_bgr.mean())) for frame in frames if frame is not None]


def test_a_clip_gives_its_frames_in_order_and_then_its_end(clip: Path) -> None:
    source = replay(clip, StepClock(), SourceOptions())
    assert levels(source, 4) == pytest.approx([10, 80, 150, 220], abs=4)
    assert source.read() is None
    source.close()


def test_a_clip_keeps_its_own_pace(clip: Path) -> None:
    clock = StepClock()
    source = replay(clip, clock, SourceOptions())
    levels(source, 4)
    assert clock.waits_s == pytest.approx([0.1, 0.1, 0.1])


def test_frames_carry_the_moment_they_were_due_and_count_up(clip: Path) -> None:
    source = replay(clip, StepClock(), SourceOptions(replay_fps=20.0))
    frames = [source.read() for _ in range(3)]
    assert [frame.index for frame in frames if frame] == [0, 1, 2]
    assert [frame.captured_at_s for frame in frames if frame] == pytest.approx([100, 100.05, 100.1])


def test_a_slow_reader_is_not_hurried_afterwards() -> None:
    clock = StepClock()
    pacer = Pacer(10.0, monotonic_s=clock.read, wait=clock.wait)
    pacer.wait_until_due()
    clock.now_s += 5.0
    pacer.wait_until_due()
    pacer.wait_until_due()
    pacer.wait_until_due()
    assert clock.waits_s == pytest.approx([0.1])


def test_a_looped_clip_begins_again(clip: Path) -> None:
    source = replay(clip, StepClock(), SourceOptions(is_looped=True))
    assert levels(source, 6) == pytest.approx([10, 80, 150, 220, 10, 80], abs=4)


def test_a_folder_replays_its_images_by_name_and_turns_grey_into_colour(folder: Path) -> None:
    source = replay(folder, StepClock(), SourceOptions())
    assert levels(source, 3) == [30, 90, 200]
    assert source.read() is None


def test_a_damaged_image_is_named(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"not a picture")
    source = replay(folder, StepClock(), SourceOptions())
    with pytest.raises(CameraError, match=r"a\.png is not an image"):
        source.read()


def test_a_file_that_is_no_video_is_refused(folder: Path) -> None:
    with pytest.raises(CameraError, match=r"notes\.txt cannot be read as a video"):
        open_frame_source(parse_spec(f"replay:{folder / 'notes.txt'}", SourceOptions()))


def test_a_camera_that_is_not_there_is_an_error() -> None:
    spec: SourceSpec = parse_spec("/dev/video-that-is-not-there", SourceOptions())
    with pytest.raises(CameraError, match="cannot be opened"):
        open_frame_source(spec)
