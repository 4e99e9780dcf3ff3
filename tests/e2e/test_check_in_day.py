"""A day at the door without a network: every way to check in, by touch, card reader and camera.

Server, broker and two kiosks are processes. The kiosks' windows stand on virtual displays; fingers
and card reader are xdotool's. A second window with the same screen, offscreen, says where a button
is and what it looks like; a tap waits until the real screen looks so.
"""

import logging
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImage
from PySide6.QtQuick import QQuickItem
from pytestqt.qtbot import QtBot

from kiosk.domain.screens import (
    AskPin,
    CodeProblem,
    ConfirmName,
    PinPurpose,
    Ready,
    RollCall,
    RollMark,
    RollRow,
    RunningLesson,
    Screen,
    Welcome,
)
from kiosk.ui.shell import KioskWindow
from protocol.v1.messages import ArrivalStatus, Fallback, HolderKind
from server.config import load_settings
from server.credentials import service
from server.credentials.codes import code_for
from server.credentials.service import HolderRef
from server.db.engine import Database
from server.db.types import now
from server.db.vault import open_vault
from tests.integration.kiosk.real_school import PASSWORD, RealSchool, real_school
from tests.support.processes import BIN, Process
from tests.support.virtual_display import VirtualDisplay, virtual_display
from tests.support.waiting import wait_until
from tests.ui.kiosk.conftest import clock, open_window, touched
from tests.ui.kiosk.windows import OpenWindow, still, visible_items

__all__ = ["clock", "open_window", "touched"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not shutil.which("Xvfb"), reason="needs Xvfb and xdotool"),
]
logger = logging.getLogger(__name__)
wait_for = partial(wait_until, timeout_s=60)
FPS, SIZE_PX = 10, (640, 480)
WAYS = (Fallback.QR, Fallback.CARD, Fallback.PIN, Fallback.TEACHER)
SHOWN = (Fallback.QR, Fallback.CARD)
CARD = "04A22499FF"
SAME = 12.0
"""Mean difference of two pictures of one button, of 255: letters are smoothed a little apart."""
BGRImage = NDArray[np.uint8]


def write_film(path: Path, code: str = "") -> Path:
    """A grey room; with a code, a phone is held up in it."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE_PX)
    grey = np.full((SIZE_PX[1], SIZE_PX[0], 3), 130, np.uint8)
    held = grey.copy()
    if code:
        rows = np.array([list(row) for row in segno.make(code, error="m").matrix_iter(border=4)])
        picture = np.kron(np.where(rows, 0, 255), np.ones((5, 5))).astype(np.uint8)
        height, width = picture.shape
        held[40 : 40 + height, 150 : 150 + width] = picture[:, :, None]
    for frame in [*[held] * 4 * FPS, *[grey] * FPS]:
        writer.write(frame)
    writer.release()
    return path


class Twin:
    """The same screen in a window of the test."""

    def __init__(self, window: KioskWindow) -> None:
        self._window = window

    def button(self, screen: Screen, name: str) -> tuple[slice, slice, BGRImage]:
        """Return where a button is, as rows and columns, and how it looks."""
        self._window.post_screen(screen)
        QCoreApplication.processEvents()
        picture = pixels_of(self._window.view.grabWindow())
        item = next(
            one
            for one in visible_items(self._window.view.contentItem())
            if one.objectName() == name
        )
        rows, columns = place_of(item)
        return rows, columns, picture[rows, columns]


def place_of(item: QQuickItem) -> tuple[slice, slice]:
    left_top = item.mapToScene(item.boundingRect().topLeft())
    left, top = round(left_top.x()), round(left_top.y())
    return slice(top, top + round(item.height())), slice(left, left + round(item.width()))


def pixels_of(image: QImage) -> BGRImage:
    shown = image.convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(shown.constBits(), np.uint8)
    return rows.reshape(shown.height(), shown.width(), 4)[:, :, :3].copy()


@dataclass
class Door:
    """A kiosk on a virtual display, with a finger and a card reader before it."""

    kiosk: Process
    display: VirtualDisplay
    twin: Twin
    taps: int = field(default=0)
    since_s: float = 0.0

    def begin(self) -> None:
        """Count taps and seconds from now on."""
        self.taps, self.since_s = 0, monotonic()

    def tell(self, way: str) -> None:
        """Log what a way took; docs/measurements/check-in.md holds a table of it."""
        seconds = monotonic() - self.since_s
        logger.info("%s: %d taps, %.1f s", way, self.taps, seconds)

    def start(self, film: Path) -> None:
        self.kiosk.env = {**self.kiosk.env, "ROLLCALL_KIOSK_CAMERA": f"replay:{film}"}
        self.kiosk.log_path.touch()
        opened = self.kiosk.log.count("The door is open")
        self.kiosk.start(lambda: self.kiosk.log.count("The door is open") > opened)

    def shows(self, screen: Screen, name: str) -> None:
        """Wait until a button is on the real screen as on the twin's."""
        rows, columns, wanted = self.twin.button(screen, name)

        def looks_so() -> bool:
            shown = self.display.pixels()[rows, columns].astype(np.int16)
            return float(np.abs(shown - wanted).mean()) < SAME

        wait_for(looks_so, what=f"{name} of {type(screen).__name__}")

    def tap(self, screen: Screen, *names: str) -> None:
        for name in names:
            self.shows(screen, name)
            rows, columns, _ = self.twin.button(screen, name)
            middle = (columns.start + columns.stop) // 2, (rows.start + rows.stop) // 2
            self.display.tap(*middle)
            self.taps += 1

    def type_pin(self, pin: str, pad: AskPin) -> None:
        self.shows(pad, "dots")  # empty: the PIN before was judged
        self.tap(pad, *(f"pin-{digit}" for digit in pin))


class Day:
    """The school of the day, and what was handed out."""

    def __init__(self, school: RealSchool, folder: Path) -> None:
        self.school, self.folder = school, folder
        self.settings = load_settings(data_dir=folder / "server")
        self.pins: dict[str, str] = {}

    def ready(self) -> Ready:
        running = RunningLesson("Biology", *self._times())
        return Ready("R12", running, WAYS)

    def _times(self) -> tuple[Any, Any]:
        at = now()
        return at - timedelta(minutes=1), at + timedelta(minutes=40)

    def hand_out(self) -> None:
        people, school = self.school.people, self.school
        for person in people[:2]:
            self.pins[person] = school.post(f"/people/{person}/credentials/pin", {})["pin"]
        school.post(f"/people/{people[1]}/credentials/cards", {"number": CARD})
        account = school.get("/sign-in")["account_id"]
        self.with_database(partial(self._teacher_pin, account))

    def _teacher_pin(self, account: str, db: Any, vault: Any) -> None:
        holder = HolderRef(HolderKind.STAFF, uuid.UUID(account))
        service.issue_pin(db, vault, holder, actor="system")
        self.pins["teacher"] = service.show_pin(db, vault, holder, actor="system")

    def code(self, person: str) -> str:
        holder = HolderRef(HolderKind.PERSON, uuid.UUID(person))
        found: list[str] = []
        self.with_database(lambda db, vault: found.append(code_for(db, vault, holder, now())))
        return found[0]

    def with_database(self, work: Callable[[Any, Any], None]) -> None:
        database = Database(self.settings.sqlalchemy_url)
        with database.transaction() as db:
            work(db, open_vault(self.settings))
        database.close()

    def register(self) -> list[tuple[str, str | None, int]]:
        """Status, method and replays of each student, in the order of admission."""
        rows = {
            row["person_id"]: row
            for row in self.school.get(f"/lessons/{self.school.lesson_id}/register")["rows"]
        }
        found = [rows[person] for person in self.school.people]
        return [(row["status"], row["method"], row["replays"]) for row in found]


def roll(people: Sequence[str], marks: dict[str, RollMark]) -> RollCall:
    """Return the roll as the kiosk shows it; only the row that is tapped must be right."""
    rows = tuple(
        RollRow(person, f"Given{number} F.", marks.get(person, RollMark.NONE))
        for number, person in enumerate(people)
    )
    at = now()
    return RollCall(RunningLesson("Biology", at, at), "admin", rows)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with real_school(tmp_path, students=6) as school:
        yield Day(school, tmp_path)


@pytest.fixture
def doors(day: Day, open_window: OpenWindow, tmp_path: Path, qtbot: QtBot) -> Iterator[list[Door]]:
    """Two kiosks beside the two doors of the room; both are claimed and know who is due."""
    del qtbot
    school = day.school
    room = school.get("/rooms")
    other = school.post("/kiosks", {"name": "Back door", "room_id": room_id(room)})
    day.hand_out()
    twin = Twin(open_window(still()))
    with ExitStack() as opened:
        found = []
        for name, code in (("front", school.claim_code), ("back", other["claim_code"])):
            folder = tmp_path / name
            display = opened.enter_context(virtual_display(folder))
            kiosk = Process(
                [str(BIN / "rollcall-kiosk")],
                folder / "kiosk.log",
                {
                    **display.env,
                    "ROLLCALL_KIOSK_DATA_DIR": str(folder / "data"),
                    "ROLLCALL_KIOSK_SERVER_URL": school.url,
                    "ROLLCALL_KIOSK_CLAIM_CODE": code,
                    "ROLLCALL_KIOSK_REPLAY_LOOP": "true",
                    "ROLLCALL_KIOSK_FULLSCREEN": "false",
                    "ROLLCALL_KIOSK_THEME": "light",
                    "ROLLCALL_KIOSK_WIDTH_PX": "800",
                    "ROLLCALL_KIOSK_HEIGHT_PX": "480",
                },
            )
            opened.callback(kiosk.kill)
            opened.callback(kiosk.stop)
            found.append(Door(kiosk, display, twin))
        yield found


def room_id(answer: Any) -> str:
    rows = answer["items"] if isinstance(answer, dict) else answer
    found: str = rows[0]["id"]
    return found


def test_a_day_without_a_network(day: Day, doors: list[Door]) -> None:
    front, back = doors
    prepare(day, doors)
    pin_takes_eight_taps(day, front)
    pin_after_wrong_ones_marks_nobody_who_says_no(day, back)
    card_and_pin_take_six_taps(day, front)
    teacher_takes_the_roll(day, front)

    day.school.start_broker()
    day.school.start_server()
    day.school.post("/sign-in", {"username": "admin", "password": PASSWORD})
    wanted = [
        ("present", "pin", 0),
        ("present", "card", 0),
        ("present", "qr", 1),
        ("present", "teacher", 0),
        ("late", "teacher", 0),
        ("expected", None, 0),
    ]
    wait_for(lambda: day.register() == wanted, what="the register, with the replay flagged")


def prepare(day: Day, doors: Sequence[Door]) -> None:
    """Claim the kiosks, end the network, and show one phone at both doors."""
    quiet = write_film(day.folder / "quiet.avi")
    for door in doors:
        door.start(quiet)
        log = door.kiosk
        wait_for(lambda log=log: "are in force" in log.log, what="credentials")  # type: ignore[misc]
        assert door.kiosk.stop() == 0
    film = write_film(day.folder / "phone.avi", day.code(day.school.people[2]))
    day.school.server.stop()
    day.school.broker.stop()
    for door in doors:
        door.start(film)
        # The scan would end the typing of a PIN that had begun before it.
        door.shows(Welcome("Given2 F.", ArrivalStatus.PRESENT), "name")


def pin_takes_eight_taps(day: Day, door: Door) -> None:
    person = day.school.people[0]
    door.shows(day.ready(), "pin")
    door.begin()
    door.tap(day.ready(), "pin")
    door.type_pin(day.pins[person], AskPin(PinPurpose.CHECK_IN, SHOWN))
    door.tap(ConfirmName("Given0 F."), "nameYes")
    welcome = Welcome("Given0 F.", ArrivalStatus.PRESENT)
    door.shows(welcome, "name")
    door.tell("PIN")
    assert door.taps == 8


def pin_after_wrong_ones_marks_nobody_who_says_no(day: Day, door: Door) -> None:
    wrong = next(f"{n:06d}" for n in range(9) if f"{n:06d}" not in day.pins.values())
    door.tap(day.ready(), "pin")
    door.type_pin(wrong, AskPin(PinPurpose.CHECK_IN, SHOWN))
    for attempt, pin in enumerate((wrong, day.pins[day.school.people[0]]), start=1):
        problem = CodeProblem.WRONG_PIN
        door.type_pin(pin, AskPin(PinPurpose.CHECK_IN, SHOWN, problem, 0, attempt))
    door.tap(ConfirmName("Given0 F."), "nameNo")


def card_and_pin_take_six_taps(day: Day, door: Door) -> None:
    door.shows(day.ready(), "pin")
    door.begin()
    door.display.type_card(CARD)
    door.type_pin(day.pins[day.school.people[1]], AskPin(PinPurpose.CARD))
    door.shows(Welcome("Given1 F.", ArrivalStatus.PRESENT), "name")
    door.tell("card and PIN")
    assert door.taps == 6


def teacher_takes_the_roll(day: Day, door: Door) -> None:
    """One student is present, and one late by a second tap."""
    people = day.school.people
    door.shows(day.ready(), "teacher")
    door.begin()
    door.tap(day.ready(), "teacher")
    door.type_pin(day.pins["teacher"], AskPin(PinPurpose.UNLOCK, SHOWN))
    rolls = [roll(people, {}), roll(people, {people[4]: RollMark.PRESENT})]
    door.tap(rolls[0], f"row-{people[3]}", f"row-{people[4]}")
    door.tap(rolls[1], f"row-{people[4]}")
    door.tell("roll-call of two students")
    door.tap(roll(people, {}), "done")
