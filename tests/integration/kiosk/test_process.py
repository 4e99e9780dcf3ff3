"""The kiosk as a process: starts, claims itself, replays, ends; a small real server answers."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.domain.camera_turn import CameraTurn, KeptTurn
from kiosk.storage.camera_turn import CameraTurnFile
from kiosk.storage.files import private_folder
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from tests.fakes.kiosk_clock import ManualClock
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.fakes.school import (
    DATA_KEY,
    DEVICE_TOKEN,
    KEY_ID,
    KIOSK_ID,
    MODEL_ID,
    SIGNING_KEY,
    revocation,
    upsert,
)
from tests.support.processes import BIN, Process
from tests.support.traces import traces
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("assets")]

NOBODY = "http://127.0.0.1:1"
KIOSK = str(BIN / "rollcall-kiosk")


@pytest.fixture
def school() -> SchoolServer:
    school = SchoolServer()
    school.upserts = [upsert(1), upsert(2)]
    return school


@pytest.fixture
def url(school: SchoolServer) -> Iterator[str]:
    with serving(school) as url:
        yield url


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of an empty corridor."""
    folder = tmp_path / "clip"
    folder.mkdir()
    chance = np.random.default_rng(1)
    for number in range(20):
        picture = chance.integers(90, 110, (480, 640, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:03}.png"), picture)
    return folder


class Kiosks:
    """Starts kiosk processes on one data folder and leaves none behind."""

    def __init__(self, folder: Path, clip: Path) -> None:
        self.folder = folder
        self.clip = clip
        self.started: list[Process] = []

    def start(self, url: str, **settings: str) -> Process:
        env = {
            "ROLLCALL_KIOSK_DATA_DIR": str(self.folder / "kiosk"),
            "ROLLCALL_KIOSK_SERVER_URL": url,
            "ROLLCALL_KIOSK_CLAIM_CODE": CLAIM_CODE,
            "ROLLCALL_KIOSK_CAMERA": f"replay:{self.clip}",
            "ROLLCALL_KIOSK_CAMERA_FPS": "20",
            "ROLLCALL_KIOSK_HEADLESS": "true",
            "ROLLCALL_KIOSK_FULLSCREEN": "false",
            "ROLLCALL_KIOSK_SYNC_INTERVAL_S": "1",
            **settings,
        }
        process = Process([KIOSK], self.folder / "kiosk.log", env)
        self.started.append(process)
        return process.start(lambda: True)


@pytest.fixture
def kiosks(tmp_path: Path, clip: Path) -> Iterator[Kiosks]:
    kiosks = Kiosks(tmp_path, clip)
    yield kiosks
    for process in kiosks.started:
        process.kill()


def _wait_for(process: Process, words: str) -> None:
    wait_until(lambda: words in process.log, what=words, timeout_s=40)


def test_kiosk_claims_itself_replays_the_clip_and_ends(
    kiosks: Kiosks, url: str, school: SchoolServer, tmp_path: Path
) -> None:
    process = kiosks.start(
        url,
        ROLLCALL_KIOSK_EXIT_AFTER_REPLAY="true",
        ROLLCALL_KIOSK_SCREENSHOTS_DIR=str(tmp_path / "screens"),
    )

    assert process.wait(60) == 0, process.log
    assert school.claims == 1
    assert school.config_hits[0] == 200
    assert "2 templates" in process.log
    assert (tmp_path / "screens" / "ready.png").exists()
    names = [person.display_name for person in school.config.people]
    assert [word for word in [*names, DEVICE_TOKEN, CLAIM_CODE] if word in process.log] == []


def test_sigterm_ends_the_kiosk_within_two_seconds(kiosks: Kiosks, url: str) -> None:
    process = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(process, "The door is open")
    began_s = time.monotonic()

    status = process.stop(10)

    assert status == 0, process.log
    assert time.monotonic() - began_s < 2
    assert "Traceback" not in process.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_kiosk_that_waits_for_the_server_can_be_ended(
    kiosks: Kiosks, number: signal.Signals
) -> None:
    process = kiosks.start(NOBODY)
    _wait_for(process, "The claim waits for the server")

    process._signal(number, wait=False)

    assert process.wait(3) == 0


def test_kiosk_killed_and_started_again_needs_no_code_and_no_server(
    kiosks: Kiosks, url: str, school: SchoolServer
) -> None:
    first = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(first, "The door is open")
    first.kill()
    first.log_path.write_text("")
    school.broken_status = 503
    second = kiosks.start(
        url, ROLLCALL_KIOSK_CLAIM_CODE="USED0000", ROLLCALL_KIOSK_REPLAY_LOOP="true"
    )

    _wait_for(second, "The door is open: R12")
    assert school.claims == 1


def test_replay_that_cannot_begin_ends_with_its_own_status(kiosks: Kiosks) -> None:
    process = kiosks.start(
        NOBODY,
        ROLLCALL_KIOSK_EXIT_AFTER_REPLAY="true",
        ROLLCALL_KIOSK_EXIT_TIMEOUT_S="2",
    )

    assert process.wait(20) == 4, process.log


@pytest.mark.parametrize("kind", ["clip", "folder"])
def test_clip_that_cannot_be_read_ends_the_kiosk(
    kiosks: Kiosks, url: str, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "broken").mkdir()
    picture = tmp_path / "broken" / "0.png"
    picture.write_bytes(b"no picture")
    process = kiosks.start(
        url,
        ROLLCALL_KIOSK_CAMERA=f"replay:{picture if kind == 'clip' else picture.parent}",
        ROLLCALL_KIOSK_EXIT_AFTER_REPLAY="true",
        ROLLCALL_KIOSK_EXIT_TIMEOUT_S="5",
    )

    assert process.wait(60) == 4, process.log
    assert "camera is gone" in process.log
    assert "clip unreadable" in process.log


def test_one_bad_picture_does_not_keep_a_folder_from_its_end(
    kiosks: Kiosks, url: str, clip: Path
) -> None:
    (clip / "007.png").write_bytes(b"no picture")
    process = kiosks.start(url, ROLLCALL_KIOSK_EXIT_AFTER_REPLAY="true")

    assert process.wait(60) == 0, process.log
    assert process.log.count("clip picture unreadable, skipped") == 1
    assert "camera is gone" not in process.log


def test_second_process_on_the_same_folder_is_turned_away(kiosks: Kiosks, url: str) -> None:
    first = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(first, "The door is open")
    second = kiosks.start(url)

    assert second.wait(20) == 2
    assert "another kiosk process" in second.log


def test_revoked_kiosk_destroys_what_it_was_given_and_ends(
    kiosks: Kiosks, url: str, school: SchoolServer, tmp_path: Path
) -> None:
    process = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(process, "The door is open")
    names = [person.display_name for person in school.config.people]
    secrets: list[str | bytes] = [*names, DEVICE_TOKEN, DATA_KEY]
    found_while_it_ran = traces(tmp_path / "kiosk", secrets)
    school.revocation = revocation()

    assert process.wait(20) == 5, process.log
    assert not (tmp_path / "kiosk" / "identity" / "claim.json").exists()
    assert not (tmp_path / "kiosk" / "config.json").exists()
    assert (tmp_path / "kiosk" / "identity" / "signing.key").exists()
    assert found_while_it_ran == []
    sealed = [entry.sealed for entry in school.upserts]
    assert traces(tmp_path / "kiosk", [*secrets, *sealed]) == []


def test_kiosk_that_is_revoked_while_it_runs_keeps_no_template(
    kiosks: Kiosks, url: str, school: SchoolServer, tmp_path: Path
) -> None:
    process = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(process, "2 templates")
    school.revocation = revocation()

    assert process.wait(20) == 5, process.log
    assert _held_templates(tmp_path / "kiosk", school) == []
    assert _people_in_gallery(tmp_path / "kiosk") == ()


def test_kiosk_that_was_revoked_while_it_was_off_keeps_no_template(
    kiosks: Kiosks, url: str, school: SchoolServer, tmp_path: Path
) -> None:
    first = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(first, "2 templates")
    first.kill()
    held = _held_templates(tmp_path / "kiosk", school)
    school.revocation = revocation()
    second = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")

    assert second.wait(30) == 5, second.log
    assert held == ["t1", "t2"]
    assert _held_templates(tmp_path / "kiosk", school) == []
    assert _people_in_gallery(tmp_path / "kiosk") == ()


def test_kiosk_that_the_server_does_not_know_goes_on_and_takes_a_new_claim(
    kiosks: Kiosks, url: str, school: SchoolServer, tmp_path: Path
) -> None:
    process = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(process, "2 templates")
    _wait_for(process, "The door is open")
    school.knows_kiosk = False
    _wait_for(process, "server does not know this kiosk, everything is kept")
    kept = _held_templates(tmp_path / "kiosk", school)
    env = {"ROLLCALL_KIOSK_DATA_DIR": str(tmp_path / "kiosk"), "ROLLCALL_KIOSK_SERVER_URL": url}
    command = [KIOSK, "claim", "--code", CLAIM_CODE]
    subprocess.run(command, env=env, capture_output=True, check=True)

    _wait_for(process, "kiosk has a new claim, starting again")
    after = "starting again"
    wait_until(
        lambda: "The door is open" in process.log.split(after)[1], what="it serves", timeout_s=40
    )
    assert kept == ["t1", "t2"]
    assert school.claims == 2
    assert process.stop(10) == 0, process.log


def _held_templates(folder: Path, school: SchoolServer) -> list[str]:
    """Return the ids of the school's templates whose sealed text is in any file of the kiosk."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    stored = b"".join(path.read_bytes() for path in files)
    return [entry.template_id for entry in school.upserts if entry.sealed.encode() in stored]


def _people_in_gallery(folder: Path) -> tuple[str, ...]:
    """Open the gallery with the key that the kiosk had; return the people it still knows."""
    keys = GalleryKeys(KIOSK_ID, KEY_ID, DATA_KEY, SIGNING_KEY)
    with closing(SQLiteGallery(folder / "gallery.db", keys, ManualClock())) as gallery:
        return gallery.snapshot(MODEL_ID).person_ids


def test_camera_setting_that_makes_no_sense_is_one_sentence(kiosks: Kiosks, url: str) -> None:
    process = kiosks.start(url, ROLLCALL_KIOSK_CAMERA="replay:nowhere.avi")

    assert process.wait(20) == 2
    assert "nowhere.avi" in process.log
    assert "Traceback" not in process.log


def test_a_turn_chosen_on_the_screen_counts_until_the_settings_change(
    kiosks: Kiosks, url: str, tmp_path: Path
) -> None:
    chosen = KeptTurn(CameraTurn(180), CameraTurn())
    CameraTurnFile(private_folder(tmp_path / "kiosk") / "camera.json").save(chosen)
    first = kiosks.start(url, ROLLCALL_KIOSK_REPLAY_LOOP="true")
    _wait_for(first, "camera turn of the screen used rotation=180 mirrored=False")
    _wait_for(first, "The door is open")
    first.kill()
    second = kiosks.start(url, ROLLCALL_KIOSK_CAMERA_ROTATION="90")
    _wait_for(second, "camera turn of the screen dropped, the settings changed since")


def test_systemd_hears_ready_and_heartbeats(kiosks: Kiosks, url: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        process = kiosks.start(
            url,
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC="400000",
            ROLLCALL_KIOSK_REPLAY_LOOP="true",
        )
        heard = [systemd.recv(100) for _ in range(3)]
        process.stop(5)

    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_help_lists_every_setting() -> None:
    said = subprocess.run([KIOSK, "--help"], capture_output=True, text=True, check=True).stdout

    assert "ROLLCALL_KIOSK_EXIT_AFTER_REPLAY" in said
    assert "rollcall-kiosk run --config" in said


def test_kiosk_without_its_models_runs_on_and_takes_them_when_they_come(
    kiosks: Kiosks, url: str, school: SchoolServer, tmp_path: Path, assets: Path
) -> None:
    fetched = tmp_path / "assets"
    process = kiosks.start(url, ROLLCALL_ASSETS=str(fetched), ROLLCALL_KIOSK_EXIT_AFTER_REPLAY="1")
    _wait_for(process, "run rollcall-models install blazeface-full-range to get it")
    downloads = len(school.config_hits)
    wait_until(lambda: len(school.config_hits) > downloads, what="sync goes on", timeout_s=20)
    fetched.symlink_to(assets)

    assert process.wait(60) == 0, process.log
    assert process.log.count("Recognition is off") == 1
    assert "Recognition works again" in process.log
    assert "Traceback" not in process.log
