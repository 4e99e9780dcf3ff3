"""What people do at screen, camera and card reader reaches the attendant once the door is open."""

import pytest

from kiosk.app.attending import AttendantLoop
from kiosk.app.check_in import CheckIn, is_scanned
from kiosk.domain.configuration import MatchOverrides, timetable_from
from kiosk.domain.screens import RollMark
from protocol.v1.messages import Fallback, KioskPolicy
from tests.fakes.school import config


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ((), False),
        ((Fallback.PIN, Fallback.TEACHER), False),
        ((Fallback.QR,), True),
        ((Fallback.CARD,), True),
        ((Fallback.PIN, Fallback.CARD_ALONE), True),
    ],
)
def test_the_camera_looks_for_codes_only_where_they_are_a_way(
    ways: tuple[Fallback, ...], expected: bool
) -> None:
    assert is_scanned(ways) is expected


def test_ways_that_a_newer_server_names_are_left_out() -> None:
    document = config()
    kiosk = KioskPolicy(fallbacks=("pin", "iris", "qr"))
    policy = document.policy.model_copy(update={"kiosk": kiosk})
    timetable = timetable_from(document.model_copy(update={"policy": policy}), MatchOverrides())

    assert timetable.fallbacks == {Fallback.PIN, Fallback.QR}


class RecordedLoop(AttendantLoop):
    """A loop that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def open_pin(self) -> None:
        self.told.append("open_pin")

    def open_roll_call(self) -> None:
        self.told.append("open_roll_call")

    def enter_pin(self, pin: str) -> None:
        self.told.append(pin)

    def touch(self) -> None:
        self.told.append("touch")

    def answer_name(self, is_yes: bool) -> None:
        self.told.append(is_yes)

    def scan(self, text: str) -> None:
        self.told.append(text)

    def swipe(self, text: str) -> None:
        self.told.append(text)

    def tap_student(self, person_id: str, seen: RollMark) -> None:
        self.told.append((person_id, seen))

    def close(self) -> None:
        self.told.append("close")


def test_everything_is_passed_on_once_the_door_is_open() -> None:
    check_in, loop = CheckIn(), RecordedLoop()
    window = check_in.callbacks()
    window.swipe("too early")
    check_in.scan("too early")
    check_in.use(loop)
    window.open_pin()
    window.open_roll_call()
    window.enter_pin("482915")
    window.touch()
    window.answer_name(*[True])
    window.tap_student("p1", "none")
    window.swipe("04A224B1")
    check_in.scan("RC1:A")
    window.close()

    assert loop.told == [
        "open_pin",
        "open_roll_call",
        "482915",
        "touch",
        True,
        ("p1", RollMark.NONE),
        "04A224B1",
        "RC1:A",
        "close",
    ]
