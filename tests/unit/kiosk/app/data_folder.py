"""A claimed kiosk's data folder, what can happen to a file of it, and a start on it."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from kiosk.app.board import Eyes, HealthBoard
from kiosk.app.device import Device, DeviceHooks
from kiosk.app.onboarding import server_client
from kiosk.app.startup import Startup
from kiosk.app.status_command import status
from kiosk.config import Settings, load_settings
from kiosk.domain.health import CameraHealth, Health, RecognitionState
from kiosk.domain.identity import IdentityFault
from kiosk.domain.screens import Screen, SettingUp, SetupStage, Welcome
from kiosk.domain.sightings import Recognition, Sighting
from kiosk.errors import StorageError
from kiosk.storage.identity import IdentityStore
from kiosk.storage.shadow_counts import ShadowCountsFile
from kiosk.sync.clock import SystemClock
from protocol.v1 import signing
from protocol.v1.messages import ShadowCounts, Status
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer
from tests.fakes.school import MODEL_ID, config, upsert

NOBODY_UID = 65534
_STOPPING_STAGES = (SetupStage.NEEDS_CLAIM_CODE, SetupStage.STORAGE_FAULT)


def school_with_a_running_lesson() -> SchoolServer:
    """A server with two enrolled people whose lesson runs now."""
    school = SchoolServer()
    school.upserts = [upsert(1), upsert(2)]
    now = datetime.now(UTC)
    times = {"starts_at": now - timedelta(minutes=1), "ends_at": now + timedelta(minutes=40)}
    document = config()
    lessons = tuple(lesson.model_copy(update=times) for lesson in document.lessons)
    school.config = document.model_copy(update={"lessons": lessons, "elsewhere": ()})
    return school


@dataclass
class Visit:
    """What a start of the kiosk on a data folder showed and did.

    Attributes:
        screens: of the start, in order.
        answer: to a person who comes, where the door opened.
        health: before the download, where the door opened.
        report: for the server, likewise.
        waiting: events left after delivery.
        last_seq: the newest number.
    """

    screens: list[Screen] = field(default_factory=list)
    answer: Screen | None = None
    health: Health = field(default_factory=Health)
    report: Status | None = None
    waiting: int = 0
    refused: int = 0
    last_seq: int = 0

    @property
    def fault(self) -> IdentityFault:
        """Why a code is asked for."""
        return self._last.fault

    @property
    def stage(self) -> SetupStage:
        """Where the start ended."""
        return self._last.stage

    @property
    def file(self) -> str:
        """The file that the disk refuses."""
        return self._last.file

    @property
    def is_welcome(self) -> bool:
        """Whether a person was told that the mark is recorded."""
        return isinstance(self.answer, Welcome)

    @property
    def _last(self) -> SettingUp:
        last = self.screens[-1]
        assert isinstance(last, SettingUp)
        return last


def settings_for(folder: Path, url: str, *, code: str | None = None) -> Settings:
    return load_settings(
        data_dir=folder, server_url=url, mqtt=False, claim_code=code, key_keeper="file"
    )


class Start:
    """One start of the kiosk's own composition, without window and camera."""

    def __init__(self, folder: Path, url: str, *, code: str | None = None) -> None:
        self.visit = Visit()
        self._stop = threading.Event()
        self._clock = SystemClock()
        self._settings = settings_for(folder, url, code=code)
        self._client = server_client(self._settings, self._clock)
        self.startup = Startup(
            self._settings, self._clock, self._client, stop=self._stop, on_screen=self._show
        )

    def run(self, act: Callable[[Device], None] | None = None) -> Visit:
        """Start, let one person come, deliver; ends where a person is needed."""
        hooks = DeviceHooks(lambda _timetable: None, lambda: None, lambda: None)
        try:
            self.startup.lock()
            identity = self.startup.claimed()
            device = None if identity is None else self.startup.opened(identity, hooks)
            if device is not None:
                with closing(device.outbox), closing(device.gallery), closing(device.changeover):
                    (act or self._serve)(device)
        finally:
            self.startup.release()
        return self.visit

    def _show(self, screen: Screen) -> None:
        self.visit.screens.append(screen)
        if isinstance(screen, SettingUp) and screen.stage in _STOPPING_STAGES:
            self._stop.set()

    def _serve(self, device: Device) -> None:
        visit = self.visit
        board = HealthBoard(self._clock, device, _eyes(), lambda _health: None)
        board.refresh()
        visit.health, visit.report = board.health, board.status()
        assert device.downloader.download()
        visit.answer = greet(device, self._clock, "p2")
        device.uploader.turn([])
        visit.waiting, visit.refused = device.outbox.waiting, device.outbox.refused
        visit.last_seq = device.outbox.last_seq


def greet(device: Device, clock: SystemClock, person_id: str) -> Screen:
    """Let a person come whom the camera recognises; return the answer."""
    found = Recognition(person_id, 0.3, 0.2, 0.5, 0.9, MODEL_ID)
    sighting = Sighting.recognised(1, clock.monotonic_s(), found)
    return device.attendant().handle(sighting)


def _eyes() -> Eyes:
    return Eyes(lambda: CameraHealth.OK, RecognitionState)


def claimed_folder(folder: Path, url: str) -> Path:
    """Make the folder of a kiosk that is claimed and filled and holds one event of p1."""

    def act(device: Device) -> None:
        assert device.downloader.download()
        assert isinstance(greet(device, SystemClock(), "p1"), Welcome)

    Start(folder, url, code=CLAIM_CODE).run(act)
    counts = ShadowCounts(model_id="next", since=datetime.now(UTC))
    ShadowCountsFile(folder / "shadow.json").save("current", counts)
    return folder


def said_by_status(folder: Path, url: str) -> str:
    """What the command `status` prints, its error included."""
    output = StringIO()
    try:
        status(settings_for(folder, url), output)
    except StorageError as exc:
        output.write(str(exc))
    return output.getvalue()


# -- damages -----------------------------------------------------------------------------------


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut_short(path: Path) -> None:
    content = path.read_bytes() if path.exists() else b""
    path.write_bytes(content[: len(content) // 2])


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xffno file of the kiosk " * 400)


def _other_version(path: Path) -> None:
    """What a later version of the kiosk may have written."""
    if path.suffix != ".db":
        path.write_bytes(b'{"v": 99, "format": "of another version"}')
        return
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def _other_tables(path: Path) -> None:
    """The same version number over other tables, as a development version may leave it."""
    if path.suffix != ".db":
        path.write_bytes(b'{"claim": 1, "etag": 2, "document": []}')
        return
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE state (key TEXT); PRAGMA user_version = 1;")


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "somebody's file").write_bytes(b"kept")


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _link_to_nowhere(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.with_name("not there"))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": _missing,
    "empty": _empty,
    "cut-short": _cut_short,
    "garbage": _garbage,
    "other-version": _other_version,
    "other-tables": _other_tables,
    "folder": _folder,
    "pipe": _pipe,
    "link-to-nowhere": _link_to_nowhere,
}


def contents(folder: Path, name: str) -> set[bytes]:
    """Every content that lies beside a file under its name or one that begins with it."""
    found = (folder / name).parent.glob(Path(name).name + "*")
    return {path.read_bytes() for path in found if path.is_file()}


@contextmanager
def plain_account(folder: Path) -> Iterator[None]:
    """Work as an account that file modes bind, as the kiosk's does; root is bound by none."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY_UID, NOBODY_UID, follow_symlinks=False)
    os.seteuid(NOBODY_UID)
    try:
        yield
    finally:
        os.seteuid(0)


def copied(template: Path, folder: Path) -> Path:
    """A copy of a data folder, modes kept."""
    return Path(shutil.copytree(template, folder))


def event_ids(school: SchoolServer) -> set[str | None]:
    """The people whose events the server holds."""
    return {event.person_id for event in school.events.values()}


def key_text(path: Path) -> str:
    """Public half of the signing key in a data folder."""
    kept = IdentityStore(path / "identity").kept()
    assert kept.keys is not None
    return signing.public_text(kept.keys.signing)
