"""Renders every kiosk screen offscreen into PNG files, in both shapes, themes and languages.

    python scripts/screens.py                      the pictures of the documentation
    python scripts/screens.py --all --out pics  every screen in every shape, theme and language

The face in the camera picture is drawn here; no photograph is used.
"""

import argparse
import hashlib
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QGuiApplication,
    QImage,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
)

from kiosk.domain.health import (
    AcceleratorState,
    CameraHealth,
    CameraMounting,
    DiskHealth,
    Health,
    LinkHealth,
    RecognitionHealth,
    RecognitionState,
)
from kiosk.domain.identity import IdentityFault
from kiosk.domain.links import LinkSecurity
from kiosk.domain.liveness import Motion
from kiosk.domain.networks import NetworkState
from kiosk.domain.ports import BGRImage, Frame
from kiosk.domain.screens import (
    AskPin,
    Elsewhere,
    Looking,
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    ProveAlive,
    Ready,
    RunningLesson,
    Screen,
    SettingUp,
    SetupStage,
    Welcome,
)
from kiosk.domain.sightings import Hint
from kiosk.ui.shell import KioskWindow, ShellCallbacks, ShellSettings, build_application
from protocol.v1.messages import ArrivalStatus, ClockSource, Direction
from protocol.v1.trust import six_words
from scripts.screens_check_in import WAYS, check_in_states
from scripts.screens_commissioning import COMMISSIONING_STATES, show_commissioning
from scripts.screens_technician import TECHNICIAN_STATES, show_technician

NOW = datetime(2026, 9, 14, 9, 6, tzinfo=UTC)
SIZES = {"landscape": (800, 480), "portrait": (1080, 1920)}
DOCUMENTED = (
    "ready-landscape-light-en",
    "looking-landscape-light-en",
    "welcome-landscape-light-en",
    "welcome-again-landscape-light-en",
    "welcome-leaving-landscape-light-en",
    "goodbye-landscape-light-en",
    "welcome-late-landscape-dark-en",
    "welcome-chinese-landscape-light-en",
    "welcome-thai-landscape-light-en",
    "elsewhere-landscape-light-en",
    "elsewhere-long-landscape-light-en",
    "not-recognised-landscape-light-en",
    "other-way-landscape-light-en",
    "ready-camera-gone-landscape-dark-en",
    "ready-model-missing-landscape-light-en",
    "ready-upside-down-landscape-light-en",
    "prove-turn_left-landscape-light-en",
    "prove-look_up-landscape-light-en",
    "prove-open_mouth-landscape-light-en",
    "prove-blink-portrait-dark-ar",
    "pin-unsure-landscape-light-en",
    "unsure-landscape-light-en",
    "claim-landscape-light-en",
    "claim-words-landscape-light-en",
    "claim-words-portrait-dark-ar",
    "ready-link-plain-landscape-light-en",
    "claim-again-signing_key_lost-landscape-light-en",
    "storage-fault-landscape-light-en",
    "ready-server-unknown_kiosk-landscape-light-en",
    "ready-landscape-light-ar",
    "welcome-late-landscape-dark-ar",
    "ready-portrait-dark-en",
    "welcome-portrait-light-en",
    "looking-hint-portrait-light-ar",
    "pin-landscape-light-en",
    "pin-portrait-dark-ar",
    "pin-wait-landscape-light-en",
    "confirm-name-landscape-light-en",
    "code-used-landscape-light-en",
    "not-recognised-portrait-dark-ar",
    "roll-call-landscape-light-en",
    "roll-call-portrait-dark-ar",
    "technician-landscape-light-en",
    "commission-landscape-light-en",
    "commission-failed-landscape-light-en",
    "commission-testing-portrait-dark-ar",
    "technician-landscape-dark-ar",
    "technician-pin-landscape-dark-en",
    "technician-wifi-landscape-light-en",
    "technician-wifi-password-portrait-dark-ar",
    "technician-logs-landscape-light-en",
    "technician-logs-warnings-landscape-dark-ar",
    "technician-camera-kept-landscape-light-en",
)
LANGUAGES = ("en", "ar")
NAMES = {"chinese": "欧阳慕雪", "korean": "김민준 이.", "thai": "ณัฐฐินันท์ ศ."}
LONG_ROOM = (
    "Laboratory of natural sciences and environmental technology in the north building,"
    " second floor, behind the library"
)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WELL = Health(
    server=LinkHealth.UP,
    broker=LinkHealth.UP,
    templates=28,
    camera=CameraHealth.OK,
    clock=ClockSource.NTP,
)
OFFLINE = Health(
    offline_since=NOW - timedelta(minutes=34),
    waiting=12,
    templates=28,
    camera=CameraHealth.OK,
    clock=ClockSource.UNSYNCED,
    disk=DiskHealth.OK,
)
MODELLESS = replace(
    WELL,
    recognition=RecognitionState(
        RecognitionHealth.MODEL_MISSING, "blazeface-full-range", "rollcall-models install"
    ),
)
TECHNICIANS_KIOSK = replace(
    WELL, waiting=12, network=NetworkState("sface-2021dec"), accelerator=AcceleratorState("cpu")
)
UPSIDE_DOWN = replace(WELL, mounting=CameraMounting(180, 180))
ON_ITS_SIDE = replace(OFFLINE, mounting=CameraMounting(90, 90))
SIX_WORDS = six_words(hashlib.sha256(b"a school").hexdigest())
RECORDS = {
    **{
        f"link-{link.value}": replace(
            WELL if link is LinkSecurity.PLAIN else OFFLINE, server_link=link
        )
        for link in LinkSecurity
        if link.is_fault or link is LinkSecurity.PLAIN
    },
    "broker-plain": replace(WELL, broker_link=LinkSecurity.PLAIN_REFUSED),
    "broker-certificate": replace(WELL, broker_link=LinkSecurity.EXPIRED),
    **{
        f"server-{link.value}": replace(WELL, server=link, broker=LinkHealth.DOWN, waiting=12)
        for link in (
            LinkHealth.REFUSED,
            LinkHealth.FOREIGN,
            LinkHealth.REDIRECTED,
            LinkHealth.OTHER_SERVER,
            LinkHealth.UNKNOWN_KIOSK,
        )
    },
    **{f"disk-{disk.value}": replace(WELL, disk=disk) for disk in DiskHealth},
    "records-lost": replace(WELL, disk=DiskHealth.RECOVERED, lost=23, set_aside=7),
    "clock-off": replace(WELL, clock=ClockSource.SERVER, clock_offset_ms=20 * 60_000),
    "clock-unset": replace(WELL, clock=ClockSource.UNSYNCED),
    "disk-and-clock": replace(
        OFFLINE, disk=DiskHealth.NEARLY_FULL, waiting=812, clock=ClockSource.UNSYNCED
    ),
    "outbox-and-clock": replace(
        WELL,
        server=LinkHealth.FOREIGN,
        broker=LinkHealth.DOWN,
        disk=DiskHealth.OUTBOX_NEARLY_FULL,
        waiting=161_204,
        clock=ClockSource.SERVER,
        clock_offset_ms=-26 * 60_000,
    ),
    "renewed": replace(WELL, renewed=("gallery",), clock_offset_ms=3 * 3_600_000),
}
BROKEN = Health(
    server=LinkHealth.UP,
    broker=LinkHealth.UP,
    templates=28,
    camera=CameraHealth.GONE,
    clock=ClockSource.NTP,
    disk=DiskHealth.FULL,
)


@dataclass(frozen=True)
class Shot:
    """One picture: a state of the screen and of the device."""

    name: str
    screen: Screen
    health: Health = WELL
    code: str = ""


def _leaving(name: str) -> Iterator[Shot]:
    """Coming and leaving, where the policy asks for it."""
    here = Welcome(name, ArrivalStatus.PRESENT, already_marked=True, direction=Direction.IN)
    yield Shot("welcome-leaving", replace(here, offers=Direction.OUT))
    gone = replace(here, direction=Direction.OUT, offers=Direction.IN)
    yield Shot("goodbye", gone)
    late = replace(gone, already_marked=False, status=ArrivalStatus.LATE, late_min=36)
    yield Shot("goodbye-first", late)
    yield Shot("staying", replace(here, is_changed=True))


def shots(language: str) -> Iterator[Shot]:
    """Every screen worth looking at, with names in the language's own script."""
    is_arabic = language == "ar"
    room = "قاعة 12" if is_arabic else "Room 12"
    other_room = "قاعة 14" if is_arabic else "R14"
    title = "الرياضيات 10 ب" if is_arabic else "Mathematics 10B"
    name = "ليلى م." if is_arabic else "Amina K."
    lesson = RunningLesson(title, NOW - timedelta(minutes=6), NOW + timedelta(minutes=44))
    yield Shot("ready", Ready(room, lesson, WAYS))
    yield Shot("ready-no-lesson", Ready(room, None), OFFLINE)
    yield Shot("ready-camera-gone", Ready(room, lesson), BROKEN)
    yield Shot("ready-model-missing", Ready(room, lesson), MODELLESS)
    yield Shot("ready-upside-down", Ready(room, lesson), UPSIDE_DOWN)
    yield Shot("ready-on-its-side", Ready(room, lesson), ON_ITS_SIDE)
    yield Shot("looking", Looking(0.66))
    yield Shot("looking-hint", Looking(0.2, Hint.ONE_AT_A_TIME))
    for motion in Motion:
        yield Shot(f"prove-{motion.value}", ProveAlive(motion, 0.7))
    yield Shot("welcome", Welcome(name, ArrivalStatus.PRESENT))
    yield Shot("welcome-again", Welcome(name, ArrivalStatus.PRESENT, already_marked=True))
    yield Shot("not-me", NotRecognised(NotRecognisedReason.NOT_ME, WAYS))
    yield Shot("welcome-late", Welcome(name, ArrivalStatus.LATE, 6), OFFLINE)
    yield from _leaving(name)
    yield Shot("elsewhere", Elsewhere(name, other_room))
    yield from shots_of_names(name)
    yield Shot("not-recognised", NotRecognised(ways=WAYS))
    yield Shot("other-way", NotRecognised(NotRecognisedReason.OTHER_WAY, WAYS))
    for state, screen, pin in check_in_states(name, lesson, is_arabic=is_arabic):
        yield Shot(state, screen, code=pin)
    yield Shot("notice", Notice(NoticeReason.NOT_ON_LIST))
    yield Shot("loading", SettingUp(SetupStage.LOADING))
    yield Shot("claim", SettingUp(SetupStage.NEEDS_CLAIM_CODE), WELL, "7KQ2")
    yield Shot("claim-connecting", SettingUp(SetupStage.CLAIMING), WELL, "7KQ2M9TX")
    yield Shot("claim-refused", SettingUp(SetupStage.CLAIM_REFUSED), WELL)
    yield Shot("claim-words", SettingUp(SetupStage.COMPARE_WORDS, words=SIX_WORDS), WELL)
    differ = SettingUp(SetupStage.WORDS_DIFFER)
    yield Shot("claim-words-differ", differ, WELL, "7KQ2M9TX")
    for link in LinkSecurity:
        if link.is_fault:
            untrusted = SettingUp(SetupStage.UNTRUSTED, link=link)
            yield Shot(f"claim-untrusted-{link.value}", untrusted, WELL, "7KQ2M9TX")
    yield from fault_shots()
    for name, health in RECORDS.items():
        yield Shot(f"ready-{name}", Ready(room, lesson), health)
    for name in (*COMMISSIONING_STATES, *TECHNICIAN_STATES):
        yield Shot(name, Ready(room, lesson), TECHNICIANS_KIOSK)


def fault_shots() -> Iterator[Shot]:
    """What a technician must know: lost keys, and a file that the disk refuses."""
    for fault in IdentityFault:
        if fault is not IdentityFault.NONE:
            again = SettingUp(SetupStage.NEEDS_CLAIM_CODE, fault)
            yield Shot(f"claim-again-{fault.value}", again, OFFLINE)
    yield Shot("storage-fault", SettingUp(SetupStage.STORAGE_FAULT, file="outbox.db"), OFFLINE)


def shots_of_names(name: str) -> Iterator[Shot]:
    """Names in other scripts, and the long name of a room."""
    yield Shot("elsewhere-long", Elsewhere(name, LONG_ROOM))
    for script, written in NAMES.items():
        yield Shot(f"welcome-{script}", Welcome(written, ArrivalStatus.PRESENT))


def drawn_person(width: int = 640, height: int = 480) -> BGRImage:
    """A drawn person in front of a drawn corridor, as a camera would see them: (H, W, 3) BGR."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_corridor(painter, width, height)
    _draw_bust(painter, width / 2, height)
    painter.end()
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(height, width, 4)
    return np.ascontiguousarray(pixels[:, :, :3])


def _draw_corridor(painter: QPainter, width: int, height: int) -> None:
    wall = QLinearGradient(0, 0, width, height)
    wall.setColorAt(0, QColor("#c9d3d1"))
    wall.setColorAt(1, QColor("#93a5a4"))
    painter.fillRect(0, 0, width, height, wall)
    painter.fillRect(QRectF(0, 0, 96, height), QColor("#7f9391"))
    painter.fillRect(QRectF(96, 0, 5, height), QColor("#6c807e"))
    for index in range(3):
        painter.fillRect(QRectF(480, 40 + 130 * index, 130, 105), QColor("#e4e9e2"))
        painter.fillRect(QRectF(494, 52 + 130 * index, 102, 81), QColor("#b9cbd3"))


def _draw_bust(painter: QPainter, x: float, height: float) -> None:
    painter.translate(0, 14)
    painter.setPen(QPen(QColor(0, 0, 0, 0)))
    hair, skin, shade = QColor("#2b211d"), QColor("#c88f6a"), QColor("#b57c58")
    back = QPainterPath()
    back.addEllipse(QPointF(x, 205), 108, 130)
    painter.fillPath(back, hair)
    torso = QPainterPath(QPointF(x - 215, height))
    torso.cubicTo(x - 205, 375, x - 120, 365, x - 48, 348)
    torso.lineTo(x + 48, 348)
    torso.cubicTo(x + 120, 365, x + 205, 375, x + 215, height)
    painter.fillPath(torso, QColor("#31526b"))
    painter.fillPath(_rounded(x - 40, 285, 80, 92, 36), shade)
    face = QPainterPath()
    face.addEllipse(QPointF(x, 222), 84, 108)
    painter.fillPath(face, skin)
    fringe = QPainterPath(QPointF(x - 86, 205))
    fringe.cubicTo(x - 100, 62, x + 100, 62, x + 86, 205)
    fringe.cubicTo(x + 70, 158, x + 20, 140, x - 20, 142)
    fringe.cubicTo(x - 56, 146, x - 78, 168, x - 86, 205)
    painter.fillPath(fringe, hair)
    for side in (-1, 1):
        painter.setBrush(QBrush(QColor("#f6f1ea")))
        painter.drawEllipse(QPointF(x + side * 34, 214), 14, 8.5)
        painter.setBrush(QBrush(QColor("#2c1c14")))
        painter.drawEllipse(QPointF(x + side * 34, 214), 7, 7)
        painter.fillPath(_rounded(x + side * 34 - 19, 190, 38, 6, 3), hair)
    line = QPen(QColor("#8f5a3c"), 4)
    painter.setBrush(QBrush())
    painter.setPen(line)
    painter.drawArc(QRectF(x - 13, 232, 26, 26), 200 * 16, 140 * 16)
    painter.setPen(QPen(QColor("#8a3f35"), 6))
    painter.drawArc(QRectF(x - 32, 246, 64, 44), 210 * 16, 120 * 16)


def _rounded(x: float, y: float, width: float, height: float, radius: float) -> QPainterPath:
    path = QPainterPath()
    path.addRoundedRect(QRectF(x, y, width, height), radius, radius)
    return path


def render(shot: Shot, settings: ShellSettings, path: Path, picture: BGRImage) -> None:
    """Show one state in a fresh window and save what is drawn."""
    callbacks = ShellCallbacks(on_not_me=lambda _event: None, on_claim_code=lambda _code: None)
    window = KioskWindow(settings, callbacks, now=lambda: NOW, monotonic_s=lambda: 0.0)
    window.show()
    room = next(shots(settings.language)).screen
    window.post_screen(room)
    window.post_health(shot.health)
    if shot.health.camera is CameraHealth.OK:
        quarters = shot.health.mounting.turn_deg // 90
        window.post_frame(Frame(np.ascontiguousarray(np.rot90(picture, quarters)), 0.0, 0))
    if isinstance(shot.screen, SettingUp):
        type_in(shot.code, window.shell.claim_presenter.press)
    window.post_screen(shot.screen)
    if isinstance(shot.screen, AskPin):
        type_in(shot.code, window.shell.check_in_presenter.press)
    show_technician(shot.name, window)
    show_commissioning(shot.name, window)
    for _ in range(4):
        QGuiApplication.processEvents()
    image = window.view.grabWindow()
    flat = image.convertToFormat(QImage.Format.Format_RGB888)
    flat.save(str(path), quality=0)
    window.close()


def type_in(code: str, press: Callable[[str], None]) -> None:
    """Press one key after the other."""
    for letter in code:
        press(letter)


def settings_of_all() -> Iterator[tuple[str, ShellSettings]]:
    """Every shape, theme and language, with its part of the file name."""
    for language in LANGUAGES:
        for shape, (width, height) in SIZES.items():
            for theme in THEMES:
                yield (
                    f"{shape}-{theme}-{language}",
                    ShellSettings(
                        language=language,
                        theme=theme,
                        width_px=width,
                        height_px=height,
                        is_fullscreen=False,
                        is_animated=False,
                    ),
                )


def main() -> int:
    """Render what was asked for; print each file and its size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images/kiosk"))
    parser.add_argument("--all", action="store_true", help="more than the documentation shows")
    parser.add_argument("--only", default="", help="only screens whose file name contains this")
    parser.add_argument("--font", default="", help="draw with this font family alone")
    options = parser.parse_args()
    application = build_application(sys.argv[:1])
    if options.font:
        application.setFont(QFont(options.font))
    options.out.mkdir(parents=True, exist_ok=True)
    picture = drawn_person()
    for look, settings in settings_of_all():
        for shot in shots(settings.language):
            name = f"{shot.name}-{look}"
            if options.only in name and (options.all or name in DOCUMENTED):
                path = options.out / f"{name}.png"
                render(shot, settings, path, picture)
                print(f"{path} {math.ceil(path.stat().st_size / 1000)} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
