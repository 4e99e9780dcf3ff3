from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.errors import CameraError
from kiosk.vision.spec import SourceKind, SourceOptions, SourceSpec, has_gstreamer, parse_spec

OPTIONS = SourceOptions()
WITH_GSTREAMER = "  Video I/O:\n    GStreamer:                   YES (1.22.0)\n"
WITHOUT_GSTREAMER = "  Video I/O:\n    GStreamer:                   NO\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ("setting", "kind", "target"),
    [
        ("0", SourceKind.CAMERA_INDEX, "0"),
        (" 2 ", SourceKind.CAMERA_INDEX, "2"),
        ("/dev/video1", SourceKind.V4L2_PATH, "/dev/video1"),
    ],
)
def test_a_camera_setting_names_its_kind(setting: str, kind: SourceKind, target: str) -> None:
    spec = parse_spec(setting, OPTIONS)
    assert (spec.kind, spec.target, spec.is_replay) == (kind, target, False)


def test_a_pipeline_is_taken_where_opencv_has_gstreamer() -> None:
    spec = parse_spec("v4l2src ! appsink", OPTIONS, build_information=WITH_GSTREAMER)
    assert spec.kind is SourceKind.GSTREAMER


def test_a_pipeline_is_refused_in_words_where_opencv_lacks_gstreamer() -> None:
    with pytest.raises(CameraError, match="built without GStreamer"):
        parse_spec("v4l2src ! appsink", OPTIONS, build_information=WITHOUT_GSTREAMER)


def test_the_answer_about_gstreamer_comes_from_this_opencv() -> None:
    assert has_gstreamer() == (
        "YES" in cv2.getBuildInformation().split("GStreamer:")[1].splitlines()[0]
    )


@pytest.mark.parametrize("prefix", ["", "replay:"])
def test_a_folder_of_images_is_a_replay(folder: Path, prefix: str) -> None:
    spec = parse_spec(f"{prefix}{folder}", OPTIONS)
    assert (spec.kind, spec.is_replay) == (SourceKind.REPLAY_FOLDER, True)


def test_a_file_is_a_replay(folder: Path) -> None:
    assert parse_spec(f"replay:{folder / 'a.png'}", OPTIONS).kind is SourceKind.REPLAY_VIDEO


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="holds no images"):
        parse_spec(f"replay:{tmp_path}", OPTIONS)


@pytest.mark.parametrize("setting", ["", "webcam", "replay:nowhere.mp4", "-1"])
def test_nonsense_is_refused_in_words(setting: str) -> None:
    with pytest.raises(CameraError, match="neither a camera nor a clip"):
        parse_spec(setting, OPTIONS)


def test_a_spec_survives_the_way_to_the_capture_process(folder: Path) -> None:
    spec = parse_spec(str(folder), SourceOptions(replay_fps=12.5, is_looped=True))
    assert SourceSpec.from_json(spec.to_json()) == spec
