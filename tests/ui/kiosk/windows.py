"""What the window tests show, and how they look into a window."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from PySide6.QtQuick import QQuickItem

from kiosk.domain.health import (
    CameraHealth,
    Health,
    LinkHealth,
    RecognitionHealth,
    RecognitionState,
)
from kiosk.domain.identity import IdentityFault
from kiosk.domain.links import LinkSecurity
from kiosk.domain.screens import (
    Elsewhere,
    Looking,
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    Ready,
    RunningLesson,
    Screen,
    SettingUp,
    SetupStage,
    Welcome,
)
from kiosk.domain.sightings import Hint
from kiosk.ui.check_in_callbacks import CheckInCallbacks
from kiosk.ui.shell import KioskWindow, ShellSettings
from protocol.v1.messages import ArrivalStatus, ClockSource, Direction

NOW = datetime(2026, 11, 23, 8, 6, tzinfo=UTC)
LESSON = RunningLesson("Maths 10B", NOW - timedelta(minutes=6), NOW + timedelta(minutes=44))
LONG_LESSON = RunningLesson("Environmental systems and societies", LESSON.starts_at, LESSON.ends_at)
WELL = Health(
    server=LinkHealth.UP,
    broker=LinkHealth.UP,
    templates=28,
    camera=CameraHealth.OK,
    clock=ClockSource.NTP,
)
MODELLESS = replace(
    WELL,
    recognition=RecognitionState(
        RecognitionHealth.MODEL_MISSING, "blazeface-full-range", "rollcall-models install"
    ),
)
TROUBLED = Health(offline_since=NOW, waiting=128, refused=2, camera=CameraHealth.FROZEN)
FAULTS = [fault for fault in IdentityFault if fault is not IdentityFault.NONE]
LINKED = (SetupStage.COMPARE_WORDS, SetupStage.UNTRUSTED)
LONG_WORDS = ("wrestle", "umbrella", "scissors", "mushroom", "hospital", "question")
LONG_ADDRESS = "https://rollcall.north-campus.school.example:8443"
_MARK = Welcome("Maximiliane-Antoinette W.", ArrivalStatus.LATE, 125)
_HERE = replace(_MARK, already_marked=True, direction=Direction.IN)
_GONE = replace(_HERE, direction=Direction.OUT, offers=Direction.IN)
LEAVING: dict[str, Screen] = {
    "welcome-again-leaving": replace(_HERE, offers=Direction.OUT),
    "goodbye": _GONE,
    "goodbye-first": replace(_GONE, already_marked=False),
    "goodbye-again": replace(_GONE, is_recorded=False),
    "goodbye-without-not-me": replace(_GONE, can_undo=False),
    "staying": replace(_HERE, is_changed=True),
}
SCREENS: dict[str, Screen] = {
    "ready": Ready("Room 12", LESSON),
    "ready-long": Ready("Laboratory of natural sciences 3", LONG_LESSON),
    "ready-none": Ready("Room 12", None),
    "looking": Looking(0.5),
    **{f"looking-{hint.value}": Looking(0.5, hint) for hint in Hint},
    "welcome": Welcome("Amina K.", ArrivalStatus.PRESENT),
    "welcome-late": Welcome("Maximiliane-Antoinette W.", ArrivalStatus.LATE, 125),
    "welcome-again": Welcome("Amina K.", ArrivalStatus.PRESENT, already_marked=True),
    **LEAVING,
    "elsewhere": Elsewhere("Amina K.", "Science lab 3"),
    "not-recognised": NotRecognised(),
    "other-way": NotRecognised(NotRecognisedReason.OTHER_WAY),
    **{f"notice-{reason.value}": Notice(reason) for reason in NoticeReason},
    **{f"setup-{stage.value}": SettingUp(stage) for stage in SetupStage if stage not in LINKED},
    "setup-words": SettingUp(SetupStage.COMPARE_WORDS, words=LONG_WORDS),
    "setup-words-elsewhere": SettingUp(
        SetupStage.COMPARE_WORDS, words=LONG_WORDS, address=LONG_ADDRESS
    ),
    "setup-connecting-elsewhere": SettingUp(SetupStage.CLAIMING, address=LONG_ADDRESS),
    **{
        f"untrusted-{link.value}": SettingUp(SetupStage.UNTRUSTED, link=link)
        for link in LinkSecurity
        if link.is_fault
    },
    **{f"again-{fault.value}": SettingUp(SetupStage.NEEDS_CLAIM_CODE, fault) for fault in FAULTS},
    **{f"refused-{fault.value}": SettingUp(SetupStage.CLAIM_REFUSED, fault) for fault in FAULTS},
    "storage-file": SettingUp(SetupStage.STORAGE_FAULT, file="outbox.db.reserve"),
}


@dataclass
class Seconds:
    """A monotonic clock that a test turns."""

    now_s: float = 50.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Touched:
    """What people did at the screen."""

    not_me_count: int = 0
    directions: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    words: list[bool] = field(default_factory=list)
    claims_open: list[bool] = field(default_factory=list)
    check_in: CheckInCallbacks = field(default_factory=CheckInCallbacks)

    def on_direction(self, event_id: str) -> None:
        self.directions.append(event_id)

    def on_not_me(self, _event_id: str) -> None:
        self.not_me_count += 1


OpenWindow = Callable[[ShellSettings], KioskWindow]


def still(
    language: str = "en", size: tuple[int, int] = (800, 480), **more: object
) -> ShellSettings:
    """A window without animations."""
    settings = {"is_fullscreen": False, "is_animated": False, "zone": ZoneInfo("UTC"), **more}
    return ShellSettings(language=language, width_px=size[0], height_px=size[1], **settings)  # type: ignore[arg-type]


def visible_items(item: QQuickItem) -> Iterator[QQuickItem]:
    """Everything drawn inside an item, at any depth."""
    for child in item.childItems():
        if child.isVisible() and child.opacity() > 0:
            yield child
            yield from visible_items(child)
