import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("bad", ["a.png", "b.png", "c.png"])
@pytest.mark.parametrize("content", [b"not a picture", b"", None], ids=["text", "empty", "gone"])
def test_an_image_that_cannot_be_read_is_left_out(
    folder: Path, bad: str, content: bytes | None
) -> None:
    source = replay(folder, StepClock(), SourceOptions())
    _spoil(folder / bad, content)

    wanted = {"a.png": 30, "b.png": 90, "c.png": 200}
    assert levels(source, 2) == [level for name, level in wanted.items() if name != bad]
    assert source.read() is None
    assert source.skipped_count == 1


def test_a_looped_folder_leaves_a_bad_image_out_each_time(folder: Path) -> None:
    (folder / "b.png").write_bytes(b"not a picture")
    source = replay(folder, StepClock(), SourceOptions(is_looped=True))

    assert levels(source, 6) == [30, 200, 30, 200, 30, 200]


@pytest.mark.parametrize("is_looped", [False, True])
def test_a_folder_without_one_readable_image_is_an_error(folder: Path, is_looped: bool) -> None:
    for path in folder.glob("*.png"):
        path.write_bytes(b"not a picture")
    source = replay(folder, StepClock(), SourceOptions(is_looped=is_looped))

    with pytest.raises(CameraError, match=r"no picture of .* can be read"):
        source.read()


def _spoil(path: Path, content: bytes | None) -> None:
    path.unlink() if content is None else path.write_bytes(content)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """120 frames of a moving pattern, in MPEG-4: a decoder that finds damage reports it."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (320, 240))
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    for number in range(120):
        writer.write(cv2.resize(np.roll(noise, number, axis=1), (320, 240)))
    writer.release()
    return path.read_bytes()


@given(start=st.floats(0.05, 0.8), share=st.floats(0.0, 0.15), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_damaged_stretch_costs_about_as_many_frames_as_it_is_long(
    long_clip: bytes, start: float, share: float, seed: int
) -> None:
    damaged = bytearray(long_clip)
    first, length = int(len(damaged) * start), int(len(damaged) * share)
    kind = seed % 2
    noise = np.random.default_rng(seed).integers(0, 255, length, dtype=np.uint8)
    damaged[first : first + length] = bytes(length) if kind else bytes(noise)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        path.write_bytes(damaged)
        source = replay(path, StepClock(), SourceOptions())
        frames = list(iter(source.read, None))
        source.close()
    # A keyframe comes every twelve frames; what follows a damaged one may be lost up to the next.
    assert len(frames) >= 120 * (1 - share) - 30


def test_frames_are_read_on_after_a_damaged_stretch(long_clip: bytes, tmp_path: Path) -> None:
    damaged = bytearray(long_clip)
    first, length = len(damaged) // 30, len(damaged) // 10
    damaged[first : first + length] = bytes(length)
    path = tmp_path / "clip.mp4"
    path.write_bytes(damaged)
    source = replay(path, StepClock(), SourceOptions())

    frames = list(iter(source.read, None))

    assert 90 <= len(frames) < 120
    assert source.skipped_count == 120 - len(frames)


def test_a_file_that_is_no_video_is_refused(folder: Path) -> None:
    with pytest.raises(CameraError, match=r"notes\.txt cannot be read as a video"):
        open_frame_source(parse_spec(f"replay:{folder / 'notes.txt'}", SourceOptions()))


def test_a_camera_that_is_not_there_is_an_error() -> None:
    spec: SourceSpec = parse_spec("/dev/video-that-is-not-there", SourceOptions())
    with pytest.raises(CameraError, match="cannot be opened"):
        open_frame_source(spec)
