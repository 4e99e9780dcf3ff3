"""Contestants take turns at each frame, and are compared on the frames that both could do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from scripts.bench import peer_opencv
from scripts.bench.turns import Contestant, NotRun, Ratio, ratio_of, take_turns

if TYPE_CHECKING:
    from pathlib import Path

    from models.stages.images import BGRImage

FRAMES = [np.full((2, 2, 3), value, np.uint8) for value in range(6)]


class Clock:
    """Stands still but for the work of contestants."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.seen: list[str] = []

    def contestant(self, name: str, cost_s: float, blind_to: int = -1) -> Contestant:
        def look(frame: BGRImage) -> bool:
            self.seen.append(name)
            self.now_s += cost_s
            return int(frame[0, 0, 0]) != blind_to

        return Contestant(name, look)


def test_everyone_looks_at_each_frame_and_begins_in_turn() -> None:
    clock = Clock()
    two = [clock.contestant("a", 0.001), clock.contestant("b", 0.003, blind_to=4)]

    times = take_turns(two, FRAMES, warm_up=1, clock=lambda: clock.now_s)

    assert "".join(clock.seen) == "ab" + "abbaabbaabba"
    np.testing.assert_allclose(times[:, 0], [1] * 6)
    np.testing.assert_allclose(times[:, 1], [3, 3, 3, 3, np.nan, 3])


def test_the_ratio_counts_frames_that_both_could_do() -> None:
    others = np.array([1.0, 2.0, 4.0, np.nan, 1.0])

    found = ratio_of(np.array([2.0, 4.0, 8.0, 9.0, np.nan]), others)

    assert found == Ratio(2.0, 2.0, 2.0, 3)
    assert ratio_of(np.full(5, np.nan), others) is None


def test_a_peer_without_its_files_is_named_as_not_run(tmp_path: Path) -> None:
    found = peer_opencv.open_peer((640, 480), 10, tmp_path)

    assert isinstance(found, NotRun)
    assert "face_detection_yunet_2023mar.onnx is missing" in found.reason


def test_opencvs_own_classes_go_all_the_way(
    shared_models: Path, sface_source: Path, assets: Path
) -> None:
    assert sface_source.is_file()
    found = peer_opencv.open_peer((640, 480), 10, shared_models)

    assert isinstance(found, Contestant)
    photo = cv2.imread(str(assets / "photos" / "person-3-a.jpg"))
    if photo is None:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    frame = np.zeros((480, 640, 3), np.uint8)
    assert not found.look(frame)
    frame[90:390, 170:470] = cv2.resize(photo, (300, 300))
    assert found.look(frame)
