"""The kiosk opens the network that the school chose, with real models, and says what is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.app.parts import BUNDLED_WORDS, parts_of
from kiosk.app.sight import Sight, build_camera
from kiosk.config import load_settings
from kiosk.domain.health import Health, RecognitionHealth
from kiosk.domain.networks import NetworkFault, NetworkState
from kiosk.vision.knowledge import Knowledge
from protocol.v1.messages import NetworkChoice, PartState
from tests.fakes.face_models import ListGallery
from tests.support.dropped_network import DROPPED_ID, FILE_NAME, assets_with_network
from tests.support.waiting import wait_until

DLIB_ID = "dlib-resnet-v1"


@pytest.fixture
def installed(
    tmp_path: Path, assets: Path, shared_models: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An asset folder with MobileFaceNet, and the bundled network beside it."""
    folder = assets_with_network(tmp_path / "assets", assets, shared_models)
    monkeypatch.setenv("ROLLCALL_ASSETS", str(folder))
    return folder


@contextmanager
def sight_of(folder: Path, choice: NetworkChoice | None, setting: str = "auto") -> Iterator[Sight]:
    """A running sight in front of an empty corridor."""
    clip = folder / "clip"
    clip.mkdir(exist_ok=True)
    cv2.imwrite(str(clip / "0.png"), np.full((48, 64, 3), 90, np.uint8))
    settings = load_settings(camera=f"replay:{clip}", embedder=setting)
    gallery = ListGallery({})
    camera = build_camera(settings, lambda _frame: None)
    sight = Sight(settings, camera, Knowledge(gallery, gallery), lambda _sighting: None)
    sight.follow(choice)
    sight.start()
    try:
        yield sight
    finally:
        sight.stop()


def wait_for(sight: Sight, state: NetworkState) -> None:
    wait_until(lambda: sight.network() == state, what=f"{state}")


def recognition_part(sight: Sight) -> tuple[str, str]:
    part = parts_of(Health(recognition=sight.state()))["recognition"]
    return part.state, part.detail


def test_the_network_changes_without_a_restart(installed: Path) -> None:
    with sight_of(installed, None) as sight:
        wait_for(sight, NetworkState(DLIB_ID, is_bundled=True))
        sight.follow(NetworkChoice(current=DROPPED_ID))
        wait_for(sight, NetworkState(DROPPED_ID))
        sight.follow(NetworkChoice(current=DLIB_ID, next=DROPPED_ID))
        wait_for(sight, NetworkState(DLIB_ID, is_bundled=True, next=DROPPED_ID))
        sight.follow(NetworkChoice(current=DROPPED_ID))
        wait_for(sight, NetworkState(DROPPED_ID))


@pytest.mark.parametrize("network", ["omz-0095", "a-network-of-next-year"])
def test_a_network_that_is_not_here_is_named(installed: Path, network: str) -> None:
    with sight_of(installed, NetworkChoice(current=DLIB_ID)) as sight:
        wait_for(sight, NetworkState(DLIB_ID, is_bundled=True))
        sight.follow(NetworkChoice(current=network))
        wait_until(lambda: sight.state().is_off, what="recognition to be off")

        assert sight.state().health is RecognitionHealth.NETWORK_MISSING
        assert sight.network() == NetworkState()
        assert recognition_part(sight) == (
            PartState.FAILED,
            f"the network {network} is not installed on this kiosk:"
            f" run rollcall-models install {network}",
        )
        sight.follow(NetworkChoice(current=DROPPED_ID))
        wait_for(sight, NetworkState(DROPPED_ID))


def test_a_damaged_network_is_named(installed: Path) -> None:
    (installed / "models" / FILE_NAME).write_bytes(b"damaged")
    with sight_of(installed, NetworkChoice(current=DROPPED_ID)) as sight:
        wait_until(lambda: sight.state().is_off, what="recognition to be off")

        assert sight.state().health is RecognitionHealth.NETWORK_DAMAGED
        assert f"the network {DROPPED_ID} is damaged" in recognition_part(sight)[1]


@pytest.mark.parametrize(
    ("spoil", "fault"), [("remove", NetworkFault.MISSING), ("damage", NetworkFault.DAMAGED)]
)
def test_a_next_network_that_cannot_be_opened_leaves_the_current_one_alone(
    installed: Path, spoil: str, fault: NetworkFault
) -> None:
    file = installed / "models" / FILE_NAME
    file.unlink() if spoil == "remove" else file.write_bytes(b"damaged")
    with sight_of(installed, NetworkChoice(current=DLIB_ID, next=DROPPED_ID)) as sight:
        wait_for(sight, NetworkState(DLIB_ID, is_bundled=True, next=DROPPED_ID, next_fault=fault))

        assert not sight.state().is_off
        part = parts_of(Health(network=sight.network()))["recognition_network"]
        assert part.state == PartState.DEGRADED
        assert f"the next network {DROPPED_ID} is" in part.detail


def test_a_setting_that_names_another_network_than_the_schools_is_said(installed: Path) -> None:
    with sight_of(installed, NetworkChoice(current=DLIB_ID), setting=DROPPED_ID) as sight:
        wait_until(lambda: sight.state().is_off, what="recognition to be off")

        assert recognition_part(sight) == (
            PartState.FAILED,
            f"this kiosk recognises nobody: its settings name the network {DROPPED_ID},"
            f" the school uses {DLIB_ID}",
        )
        sight.follow(NetworkChoice(current=DROPPED_ID))
        wait_for(sight, NetworkState(DROPPED_ID))


@pytest.mark.parametrize("setting", [DLIB_ID, f"{DLIB_ID}-float16"])
def test_a_setting_that_names_the_schools_network_is_fine(installed: Path, setting: str) -> None:
    with sight_of(installed, NetworkChoice(current=DLIB_ID), setting=setting) as sight:
        wait_for(sight, NetworkState(DLIB_ID, is_bundled=True))
        assert (
            BUNDLED_WORDS in parts_of(Health(network=sight.network()))["recognition_network"].detail
        )
