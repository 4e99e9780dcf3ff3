"""A claimed kiosk takes over the policy that its server sends, and keeps it over a restart."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from kiosk.app.device import Device, DeviceHooks, Identity
from kiosk.config import load_settings
from kiosk.domain.sightings import SightingKind
from kiosk.domain.timetable import Timetable
from kiosk.storage.identity import Keys
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient
from kiosk.vision.knowledge import Knowledge
from protocol.v1.messages import ConfigDocument, RecognitionPolicy
from protocol.v1.sealing import make_sealing_key, sealing_public_text
from tests.fakes.face_models import Face
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.school import DIMENSION, SIGNING_KEY, claim_response, config, upsert
from tests.fakes.scripted_door import ScriptedDoor, kinds

KEYS = Keys(SIGNING_KEY, make_sealing_key())
IDENTITY = Identity(claim_response(sealing_public_text(KEYS.sealing)), KEYS)
FACE = Face(np.full(DIMENSION, 0.5, np.float32))
NOBODY = "http://127.0.0.1:1"


def document(version: str, frames: int) -> ConfigDocument:
    return config(version, recognition=RecognitionPolicy(frames_to_agree=frames))


@pytest.fixture
def school() -> SchoolServer:
    """A server with one enrolled person and a policy of four frames."""
    school = SchoolServer()
    school.upserts = [upsert(1)]
    school.config = document("c1", 4)
    return school


@pytest.fixture
def url(school: SchoolServer) -> Iterator[str]:
    with serving(school) as url:
        yield url


@contextmanager
def device(
    folder: Path, url: str, heard: list[Timetable], *, min_frames: int | None = None
) -> Iterator[Device]:
    """Yield a device that downloads only when the test says so."""
    clock = SystemClock()
    settings = load_settings(data_dir=folder, min_frames=min_frames)
    hooks = DeviceHooks(heard.append, on_revoked=lambda: None, send_status=lambda: None)
    device = Device(settings, IDENTITY, ServerClient(url, clock), clock, hooks)
    with closing(device.outbox), closing(device.gallery):
        yield device


def frames_needed(device: Device) -> int:
    """Show the enrolled person to a new door; return the frame that recognises them."""
    door = ScriptedDoor(Knowledge(device.gallery, device.roster))
    return kinds(door.sees(FACE, frames=8)).index(SightingKind.RECOGNISED) + 1


def test_downloaded_policy_decides_how_many_frames_must_agree(tmp_path: Path, url: str) -> None:
    with device(tmp_path, url, []) as kiosk:
        assert kiosk.downloader.download()
        assert frames_needed(kiosk) == 4


@pytest.mark.parametrize("frames", [2, 7])
def test_policy_that_is_downloaded_later_replaces_the_one_in_force(
    tmp_path: Path, url: str, school: SchoolServer, frames: int
) -> None:
    heard: list[Timetable] = []
    with device(tmp_path, url, heard) as kiosk:
        kiosk.downloader.download()
        assert frames_needed(kiosk) == 4
        school.config = document("c2", frames)
        kiosk.downloader.download()
        assert frames_needed(kiosk) == frames
    assert [timetable.match_rules.min_frames for timetable in heard] == [4, frames]


def test_policy_stays_in_force_after_a_restart_without_the_server(tmp_path: Path, url: str) -> None:
    with device(tmp_path, url, []) as kiosk:
        kiosk.downloader.download()
    with device(tmp_path, NOBODY, []) as restarted:
        assert frames_needed(restarted) == 4


def test_technicians_number_of_frames_replaces_the_policys(tmp_path: Path, url: str) -> None:
    with device(tmp_path, url, [], min_frames=6) as kiosk:
        kiosk.downloader.download()
        assert frames_needed(kiosk) == 6
