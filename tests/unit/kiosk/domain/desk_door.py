"""A door with PINs, cards and codes: five students, two of whom look alike, and a teacher."""

import base64
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.credentials import CredentialBook
from kiosk.domain.desk import Desk
from kiosk.domain.liveness import LivenessReading, LivenessVerdict
from kiosk.domain.screens import AskPin, CodeProblem, CodeRefused, RollCall, RollMark, Screen
from kiosk.domain.sightings import Sighting
from kiosk.domain.timetable import Timetable
from kiosk.errors import DiskFullError
from protocol.v1.checkin import (
    card_hash,
    make_check_in_code,
    make_printed_card,
    pin_base,
    pin_verifier,
)
from protocol.v1.messages import (
    CardEntry,
    CardKind,
    CredentialDocument,
    Fallback,
    Holder,
    HolderKind,
    LivenessLevel,
    WrappedKey,
)
from tests.unit.kiosk.domain.door import LESSON, TIMETABLE, Door, recognition

ANA, ANN, CEM, DOV, EVA, TEACHER = (str(uuid.UUID(int=number)) for number in range(1, 7))
STUDENTS = (ANA, ANN, CEM, DOV)
NAMES = {ANA: "Ana Lee", ANN: "Ann Lee", CEM: "Cem Oz", DOV: "Dov Katz", EVA: "Eva Roy"}
PINS = {ANA: "100001", ANN: "100002", CEM: "100003", EVA: "100005", TEACHER: "900000"}
CARDS = {CEM: "04A2:99FF", TEACHER: "7777"}
PRINTED = {DOV: make_printed_card(), ANA: make_printed_card()}
SERVER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PIN_KEY, CARD_KEY, SALT = bytes([1]) * 32, bytes([2]) * 32, bytes(16)
ALL = frozenset(Fallback) - {Fallback.CARD_ALONE}

cached_base = cache(pin_base)


class MemoryCodes:
    """Implements the domain's UsedCodes."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.is_disk_full = False

    def use(self, code_id: str, _until: datetime) -> bool:
        if self.is_disk_full:
            raise DiskFullError("no space left")
        is_new = code_id not in self.used
        self.used.add(code_id)
        return is_new


def holder(holder_id: str) -> Holder:
    pin = PINS.get(holder_id)
    cards = [CardEntry(hash=card_hash(CARDS[holder_id], CARD_KEY))] if holder_id in CARDS else []
    if holder_id in PRINTED:
        hashed = card_hash(PRINTED[holder_id], CARD_KEY)
        cards.append(CardEntry(hash=hashed, kind=CardKind.PRINTED))
    return Holder(
        id=holder_id,
        kind=HolderKind.STAFF if holder_id == TEACHER else HolderKind.PERSON,
        name="Mrs Okafor" if holder_id == TEACHER else "",
        pin=pin_verifier(cached_base(pin, SALT), PIN_KEY, holder_id) if pin else None,
        cards=tuple(cards),
    )


def book(
    holders: Iterable[str] = (*STUDENTS, EVA, TEACHER), used: tuple[str, ...] = ()
) -> CredentialBook:
    key = WrappedKey(key_id="k", wrapped="")
    document = CredentialDocument(
        version="1",
        kiosk_id="kiosk-1",
        pin_salt=base64.b64encode(SALT).decode(),
        pin_key=key,
        card_key=key,
        holders=tuple(holder(one) for one in holders),
        used_codes=used,
    )
    return CredentialBook(document, PIN_KEY, CARD_KEY)


def timetable(ways: frozenset[Fallback] = ALL) -> Timetable:
    """The students are due now; Eva is a student of the school who is not."""
    return replace(
        TIMETABLE,
        lessons=(replace(LESSON, roster=frozenset(STUDENTS)),),
        display_names=NAMES,
        fallbacks=ways,
        look_alikes=frozenset({frozenset({ANA, ANN})}),
    )


class DeskDoor(Door):
    """Drives an attendant by PIN, card, code and taps."""

    def __init__(self, ways: frozenset[Fallback] = ALL, *, minutes: float = 0) -> None:
        super().__init__(timetable(ways), minutes=minutes)
        self.codes = MemoryCodes()
        self.attendant.equip(book(), SERVER.public_key(), self.codes)

    @property
    def desk(self) -> Desk:
        return self.attendant.desk

    def open_pin(self) -> Screen:
        return self.attendant.act(Desk.open_pin)

    def open_roll_call(self) -> Screen:
        return self.attendant.act(Desk.open_roll_call)

    def pin(self, pin: str) -> Screen:
        return self.attendant.act(lambda desk: desk.enter_pin(pin))

    def says(self, *, is_yes: bool) -> Screen:
        return self.attendant.act(lambda desk: desk.answer_name(is_yes=is_yes))

    def scans(self, text: str) -> Screen:
        return self.attendant.act(lambda desk: desk.scan(text))

    def swipes(self, text: str) -> Screen:
        return self.attendant.act(lambda desk: desk.swipe(text))

    def taps(self, person_id: str, seen: RollMark | None = None) -> Screen:
        """Tap a row, as it stands on the screen unless another state is given."""
        mark = seen or self.row(person_id)
        return self.attendant.act(lambda desk: desk.tap_student(person_id, mark))

    def row(self, person_id: str) -> RollMark:
        screen = self.attendant.screen
        rows = screen.rows if isinstance(screen, RollCall) else ()
        return next((row.mark for row in rows if row.person_id == person_id), RollMark.NONE)

    def unsure(self, person_id: str, level: LivenessLevel = LivenessLevel.PASSIVE) -> Screen:
        """A face comes that the liveness check could not decide about."""
        reading = LivenessReading(LivenessVerdict.UNDECIDED, 0.4, level)
        found = replace(recognition(person_id), liveness=reading)
        at_s = self.clock.monotonic_s()
        return self.attendant.handle(Sighting.recognised(self.new_track(), at_s, found))

    def closes(self) -> Screen:
        return self.attendant.act(Desk.close)

    def code(self, holder_id: str, ago_s: float = 0) -> str:
        at = self.clock.at.timestamp() - ago_s
        moment = datetime.fromtimestamp(at, tz=self.clock.at.tzinfo)
        return make_check_in_code(uuid.UUID(holder_id), moment, SERVER)

    def events(self) -> list[tuple[str, str, str, str | None]]:
        """Kind, person, method and what was shown, of each event."""
        return [
            (one.kind.value, one.person_id, one.method.value, one.shown and one.shown.value)
            for one in self.outbox.drafts
        ]


def problem(screen: Screen) -> CodeProblem | None:
    assert isinstance(screen, AskPin | CodeRefused), screen
    return screen.problem


def unlocked(door: DeskDoor) -> RollCall:
    door.open_roll_call()
    screen = door.pin(PINS[TEACHER])
    assert isinstance(screen, RollCall)
    return screen


def marks(screen: Screen) -> dict[str, str]:
    assert isinstance(screen, RollCall)
    return {row.person_id: row.mark.value for row in screen.rows}


def asked(screen: Screen) -> set[str]:
    """Return the people that the roll asks the teacher about."""
    assert isinstance(screen, RollCall)
    return {row.person_id for row in screen.rows if row.needs_teacher}
