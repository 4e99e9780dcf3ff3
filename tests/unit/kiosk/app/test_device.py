"""A claimed kiosk takes over the policy that its server sends, and keeps it over a restart."""

import queue
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiosk.app.device import (
    DOWNLOAD_JOB,
    EARLIER_JOB,
    SCANS_JOB,
    STATUS_JOB,
    Device,
    DeviceHooks,
)
from kiosk.app.onboarding import Identity
from kiosk.config import load_settings
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.domain.sightings import SightingKind
from kiosk.domain.timetable import Timetable
from kiosk.storage.identity import Keys
from kiosk.sync.clock import ClockHardware, SystemClock
from kiosk.sync.http import ServerClient
from kiosk.vision.handover import ScanGrounds
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.shadow import FusedScan
from protocol.v1.messages import (
    Ack,
    ConfigDocument,
    EventKind,
    KioskPolicy,
    NetworkChoice,
    RecognitionPolicy,
)
from protocol.v1.sealing import make_sealing_key, sealing_public_text
from protocol.v1.statements import sign_ack
from tests.fakes.face_models import Face
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.scans import NEXT_ID
from tests.fakes.school import (
    DIMENSION,
    KIOSK_ID,
    MODEL_ID,
    SERVER_KEY,
    SIGNING_KEY,
    claim_response,
    config,
    tombstone,
    upsert,
)
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
    folder: Path,
    url: str,
    heard: list[Timetable],
    *,
    machine: ClockHardware | None = None,
    **changed: Any,
) -> Iterator[Device]:
    """Yield a device that downloads only when the test says so."""
    clock = SystemClock(machine=machine)
    settings = load_settings(data_dir=folder, **changed)
    hooks = DeviceHooks(heard.append, on_revoked=lambda: None, send_status=lambda: None)
    device = Device(settings, IDENTITY, ServerClient(url, clock), clock, hooks)
    with closing(device.outbox), closing(device.gallery), closing(device.changeover):
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


def test_policy_says_how_long_delivered_events_are_kept(
    tmp_path: Path, url: str, school: SchoolServer
) -> None:
    policy = school.config.policy
    kept = policy.model_copy(update={"kiosk": KioskPolicy(keeps_events_days=7)})
    school.config = school.config.model_copy(update={"policy": kept})
    with device(tmp_path, url, []) as kiosk:
        before = kiosk.outbox.keeps_days
        kiosk.downloader.download()
        assert (before, kiosk.outbox.keeps_days) == (30, 7)
    with device(tmp_path, NOBODY, []) as restarted:
        assert restarted.outbox.keeps_days == 7


def test_technicians_number_of_frames_replaces_the_policys(tmp_path: Path, url: str) -> None:
    with device(tmp_path, url, [], min_frames=6) as kiosk:
        kiosk.downloader.download()
        assert frames_needed(kiosk) == 6


CHANGE = NetworkChoice(current=MODEL_ID, next=NEXT_ID, collects_scans=True)


def collect_scan(kiosk: Device) -> None:
    """Put a template there that waits for the server, as after a clear scan."""
    evidence = MatchEvidence(0.31, 0.2, 0.5, 0.9, MODEL_ID)
    draft = EventDraft(EventKind.SEEN, kiosk._clock.reading(), "s1", "p1", 1, evidence)
    stored = kiosk.watched.append(draft)
    values = np.array([0.5, -0.25, 1.0], np.float32)
    scan = FusedScan(1, MODEL_ID, ScanGrounds("p1", 0.31, 0.39), NEXT_ID, values, 5)
    kiosk.changeover.collector.fused(scan)
    kiosk.changeover.collector.marked(1, stored.event_id, draft, -2.0)
    kiosk.changeover.collector.settle()


def held(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "scans.db")) as db:
        count: int = db.execute("SELECT count(*) FROM scan").fetchone()[0]
    return count


def test_scans_wait_over_a_restart_and_go_when_their_event_is_there(
    tmp_path: Path, url: str, school: SchoolServer
) -> None:
    school.config = document("c1", 4).model_copy(update={"network": CHANGE})
    with device(tmp_path, url, []) as kiosk:
        kiosk.downloader.download()
        collect_scan(kiosk)
        assert held(tmp_path) == 1
    with device(tmp_path, url, []) as restarted:
        assert held(tmp_path) == 1
        restarted.changeover.hand_over()
        assert (held(tmp_path), school.scans) == (1, {})
        restarted.outbox.sent(1)
        stored = Ack(kiosk_id=KIOSK_ID, stored_through=1, server_time=datetime.now(UTC))
        restarted.outbox.settle(sign_ack(stored, SERVER_KEY))
        restarted.changeover.hand_over()
        assert (held(tmp_path), len(school.scans)) == (0, 1)


@pytest.mark.parametrize("choice", [None, NetworkChoice(current=NEXT_ID)])
def test_the_end_of_the_change_leaves_no_scan(
    tmp_path: Path, url: str, school: SchoolServer, choice: NetworkChoice | None
) -> None:
    school.config = document("c1", 4).model_copy(update={"network": CHANGE})
    with device(tmp_path, url, []) as kiosk:
        kiosk.downloader.download()
        collect_scan(kiosk)
        assert held(tmp_path) == 1
        school.config = document("c2", 4).model_copy(update={"network": choice})
        kiosk.downloader.download()
        assert held(tmp_path) == 0
        assert not (tmp_path / "shadow.json").exists()


def test_a_revoked_kiosk_keeps_neither_templates_nor_scans(
    tmp_path: Path, url: str, school: SchoolServer
) -> None:
    school.config = document("c1", 4).model_copy(update={"network": CHANGE})
    with device(tmp_path, url, []) as kiosk:
        kiosk.downloader.download()
        collect_scan(kiosk)
        kiosk.wipe()
        assert held(tmp_path) == 0
        assert kiosk.gallery.size == 0
        collect_scan(kiosk)
        assert held(tmp_path) == 0


def test_an_erased_person_leaves_no_scan(tmp_path: Path, url: str, school: SchoolServer) -> None:
    school.config = document("c1", 4).model_copy(update={"network": CHANGE})
    with device(tmp_path, url, []) as kiosk:
        kiosk.downloader.download()
        collect_scan(kiosk)
        school.tombstones = [tombstone(1, 2, "erased")]
        kiosk.downloader.download()
        assert held(tmp_path) == 0
        assert [erasure.person_id for erasure in school.erasures] == ["p1"]


def test_the_device_knows_when_its_server_last_answered(tmp_path: Path, url: str) -> None:
    with device(tmp_path, NOBODY, []) as alone:
        alone.downloader.download()
        assert alone.silent_s is None
    with device(tmp_path, url, []) as kiosk:
        kiosk.downloader.download()
        assert kiosk.silent_s is not None
        assert kiosk.silent_s >= 0


def test_sync_now_runs_every_job_without_its_interval(tmp_path: Path, url: str) -> None:
    with device(tmp_path, url, []) as kiosk, closing(ReadyJobs(kiosk)) as jobs:
        jobs.all_ran_once()
        kiosk.sync_now()
        jobs.all_ran_once()


class ReadyJobs:
    """The device's jobs, replaced by ones that note that they ran."""

    def __init__(self, device: Device) -> None:
        self._scheduler = device.scheduler
        self._ran: queue.Queue[str] = queue.Queue()
        for name in (DOWNLOAD_JOB, SCANS_JOB, EARLIER_JOB, STATUS_JOB):
            self._scheduler.every(name, 3600.0, partial(self._ran.put, name))
        self._scheduler.start()

    def all_ran_once(self) -> None:
        ran = {self._ran.get(timeout=30) for _ in range(4)}
        assert ran == {DOWNLOAD_JOB, SCANS_JOB, EARLIER_JOB, STATUS_JOB}

    def close(self) -> None:
        self._scheduler.stop()
