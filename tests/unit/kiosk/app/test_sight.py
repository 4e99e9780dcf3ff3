"""The settings of the camera reach it, and what is said of its mounting takes them into account."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.app.sight import Sight, build_camera
from kiosk.config import Settings, load_settings
from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.health import CameraMounting
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.mounting import MountingWatch
from kiosk.vision.turning import turned
from kiosk.vision.worker import RecognitionWorker
from tests.fakes.face_models import ListGallery, ScriptedModels

TURNS = [0, 90, 180, 270]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    cv2.imwrite(str(folder / "0.png"), np.zeros((48, 64, 3), np.uint8))
    return folder


def settings_with(clip: Path, rotation_deg: int, *, is_mirrored: bool = False) -> Settings:
    return load_settings(
        camera=f"replay:{clip}", camera_rotation=rotation_deg, camera_mirror=is_mirrored
    )


@pytest.mark.parametrize("rotation_deg", TURNS)
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_the_camera_gets_its_settings(clip: Path, rotation_deg: int, is_mirrored: bool) -> None:
    camera = build_camera(settings_with(clip, rotation_deg, is_mirrored=is_mirrored), print)

    options = camera.spec.options
    assert (options.rotation_deg, options.is_mirrored) == (rotation_deg, is_mirrored)
    assert type(camera.spec).from_json(camera.spec.to_json()) == camera.spec


@given(st.sampled_from(TURNS), st.sampled_from(TURNS), st.booleans())
def test_the_setting_that_is_named_turns_pictures_as_far_as_was_found_missing(
    clip: Path, set_deg: int, missing_deg: int, is_mirrored: bool
) -> None:
    said = mounting_of(clip, set_deg, missing_deg)
    from_camera = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)

    wanted = turned(turned(from_camera, set_deg, is_mirrored=is_mirrored), missing_deg)
    given_by_setting = turned(from_camera, said.rotation_deg, is_mirrored=is_mirrored)
    np.testing.assert_array_equal(given_by_setting, wanted)
    assert bool(said.fault) == (missing_deg != 0)


def mounting_of(clip: Path, set_deg: int, missing_deg: int) -> CameraMounting:
    """What is said with this setting when faces are found only in pictures turned further."""
    gallery = ListGallery({})
    settings = settings_with(clip, set_deg)
    camera = build_camera(settings, lambda _frame: None)
    sight = Sight(settings, camera, Knowledge(gallery, gallery), lambda _sighting: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecognitionWorker, "turn_deg", lambda _worker: missing_deg)
        return sight.mounting()


def test_a_turn_on_the_screen_ends_what_was_said_before(clip: Path) -> None:
    """Otherwise the advice would be to turn the picture back."""
    gallery = ListGallery({})
    settings = settings_with(clip, 0)
    camera = build_camera(settings, lambda _frame: None)
    sight = Sight(settings, camera, Knowledge(gallery, gallery), lambda _sighting: None)
    watch = MountingWatch(ScriptedModels())
    watch.turn_deg = 180
    sight._worker._mounting = watch
    before = sight.mounting()
    camera.turn(CameraTurn(180))
    assert before == CameraMounting(180, 180)
    assert sight.mounting() == CameraMounting(0, 180)


def test_a_turn_that_was_chosen_goes_before_the_settings(clip: Path) -> None:
    chosen = CameraTurn(270, is_mirrored=True)
    camera = build_camera(settings_with(clip, 90), lambda _frame: None, chosen)
    assert camera.spec.options.turn == chosen
