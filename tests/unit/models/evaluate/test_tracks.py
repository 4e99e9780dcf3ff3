"""Clips are scanned against templates of other clips, at the limit that the calibration gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.evaluate.calibration import calibrate
from models.evaluate.dataset import DataSetError
from models.evaluate.faces import FaceReader
from models.evaluate.rules import RULES
from models.evaluate.tracks import Track, TrackDesign, read_people, read_tracks, scan_tracks
from models.store import Calibration, default_store
from tests.unit.models.evaluate.people import made_up

if TYPE_CHECKING:
    from pathlib import Path

FUSED = RULES["mirrored"]
PEOPLE = made_up([2] * 150, spread=0.5)
CLIPS = [
    Track(name, tuple(face for face in faces[start : start + 12] if face))
    for name, faces in made_up([24] * 4, spread=0.5, seed=9).faces.items()
    for start in (0, 12)
]


@pytest.fixture
def reader(assets: Path, tmp_path: Path) -> FaceReader:
    assert assets.is_dir()
    return FaceReader(default_store(), "dlib-resnet-v1-int8", tmp_path / "cache")


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(PEOPLE, FUSED, "made up", rounds=2)


def test_people_are_found_in_their_other_clip(calibration: Calibration) -> None:
    result = scan_tracks(CLIPS, PEOPLE, FUSED, TrackDesign(1, 3, draws=20), calibration)

    assert (result.people, result.clips) == (4, 8)
    assert result.missed.estimate == 0
    assert result.missed.high == pytest.approx(1 - 0.025 ** (1 / 8))
    assert result.alarms.estimate < 0.05


def test_people_who_look_alike_are_alarms_only_where_they_are_enrolled(
    calibration: Calibration,
) -> None:
    twins = [Track(f"twin-{number % 2}", CLIPS[0].faces) for number in range(4)]

    result = scan_tracks(twins, PEOPLE, FUSED, TrackDesign(1, 3, draws=20), calibration)

    assert result.alarms.estimate > 0.9
    assert result.distant_alarms.estimate < 0.05


def test_a_gallery_larger_than_the_background_is_refused(calibration: Calibration) -> None:
    design = TrackDesign(1, 3, gallery_size=151)

    with pytest.raises(DataSetError, match="larger"):
        scan_tracks(CLIPS, PEOPLE, FUSED, design, calibration)


def test_a_clip_shorter_than_the_window_is_one_scan(calibration: Calibration) -> None:
    short = [Track(track.person, track.faces[:2]) for track in CLIPS]

    result = scan_tracks(short, PEOPLE, FUSED, TrackDesign(1, 10, draws=2), calibration)

    assert 0 <= result.missed.estimate <= 1


def test_people_are_read_by_clip(tmp_path: Path) -> None:
    path = tmp_path / "people.tsv"
    path.write_text("again\tann\nbird\tben\n")

    assert read_people(path) == {"again": "ann", "bird": "ben"}


def test_a_line_without_a_person_is_refused_by_number(tmp_path: Path) -> None:
    path = tmp_path / "people.tsv"
    path.write_text("again\tann\nbird\n")

    with pytest.raises(DataSetError, match="line 2"):
        read_people(path)


def test_frames_of_a_real_clip_are_tracks(shared_faces: Path, reader: FaceReader) -> None:
    people = {"again": "one", "bird": "two"}

    found = read_tracks(shared_faces / "clips", people, reader, every=20)

    assert [track.person for track in found] == ["one", "two"]
    assert all(len(track.faces) >= 2 for track in found)


def test_a_clip_that_is_not_there_is_refused(tmp_path: Path, reader: FaceReader) -> None:
    with pytest.raises(DataSetError, match="nowhere"):
        read_tracks(tmp_path, {"nowhere": "one"}, reader)
