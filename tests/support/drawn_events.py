"""Events as a property test draws them: every kind that a register may be made of."""

import uuid
from datetime import timedelta

from hypothesis import strategies as st
from sqlmodel import Session

from protocol.v1.messages import EventKind
from server.attendance.tables import StoredEvent
from server.credentials.tables import CodeUse
from server.db.types import new_id
from server.db.vault import Vault
from tests.support.register_world import World, build


def build_two_rooms(db: Session, vault: Vault) -> World:
    """Two rooms with a kiosk each, four lessons, two of them at the same time in both rooms."""
    world = build(db, vault)
    world.kiosk(world.rooms[1], at=world.noon - timedelta(days=7))
    world.lesson(world.courses[1], world.rooms[1], world.noon)
    world.lesson(world.courses[0], world.rooms[1], world.noon + timedelta(minutes=45))
    return world


PLAIN_EVENT = {
    "kind": "seen",
    "is_corrected": False,
    "uncertain_from": None,
    "micro": 0,
    "refers": 0,
    "received": 110,
    "kiosk": 1,
    "person": 0,
    "lesson": 2,
    "minute": 1,
}


@st.composite
def drawn_events(draw: st.DrawFn) -> dict[str, object]:
    """What an event says; numbers stand for kiosks, people and lessons of the world."""
    return {
        "kiosk": draw(st.integers(0, 1)),
        "person": draw(st.none() | st.integers(0, 3)),
        "lesson": draw(st.sampled_from([None, "gone", 0, 1, 2, 3])),
        "minute": draw(st.integers(-50, 100)),
        "micro": draw(st.sampled_from([0, 0, 999, 1000])),
        "kind": draw(st.sampled_from(["seen", "seen", "seen", "roll_call", "not_me", "other"])),
        "is_corrected": draw(st.sampled_from([False, False, False, True])),
        "uncertain_from": draw(st.sampled_from([None, None, None, -60, 0, 30])),
        "refers": draw(st.integers(0, 9)),
        "shown": draw(st.sampled_from([None, "present", "late"])),
        "code": draw(st.sampled_from([None, None, None, "a", "b"])),
        "direction": draw(st.sampled_from([None, "in", "out", "out", "invented"])),
        # Before what it says happened: the kiosk's clock was ahead.
        "received": draw(st.sampled_from([110, 110, 110, -20, 0, 5, 46, 5000])),
    }


def store_events(world: World, drawn: list[dict[str, object]]) -> None:
    stored: list[StoredEvent] = []
    for seq, one in enumerate(drawn, 1000):
        at = world.noon + timedelta(
            minutes=int(str(one["minute"])), microseconds=int(str(one["micro"]))
        )
        start = one["uncertain_from"]
        lesson, person = one["lesson"], one["person"]
        earlier = stored[int(str(one["refers"])) % len(stored)] if stored else None
        is_objection = one["kind"] == EventKind.NOT_ME
        stored.append(
            StoredEvent(
                kiosk_id=earlier.kiosk_id
                if earlier and is_objection
                else world.kiosks[int(str(one["kiosk"]))],
                id=new_id(),
                seq=seq,
                occurred_at=at,
                counted_at=at,
                received_at=world.noon + timedelta(minutes=int(str(one["received"]))),
                lesson_id=new_id()
                if lesson == "gone"
                else lesson
                if lesson is None
                else world.lessons[int(str(lesson))],
                person_id=None if person is None else world.people[int(str(person))],
                kind=str(one["kind"]),
                method="qr" if one.get("code") else "face",
                shown_status=None if one.get("shown") is None else str(one.get("shown")),
                direction=None if one.get("direction") is None else str(one.get("direction")),
                refers_to=earlier.id if earlier and is_objection else None,
                clock_source="ntp",
                is_time_corrected=bool(one["is_corrected"]),
                not_before=None
                if start is None
                else world.noon + timedelta(minutes=int(str(start))),
                hash=uuid.uuid4().hex * 2,
                body="{}",
            )
        )
    world.db.add_all(stored)
    world.db.add_all(
        CodeUse(
            code_id=str(one.get("code")),
            kiosk_id=event.kiosk_id,
            event_id=event.id,
            person_id=event.person_id,
            counted_at=event.counted_at,
            received_at=event.received_at,
        )
        for one, event in zip(drawn, stored, strict=True)
        if one.get("code") and event.kind == EventKind.SEEN
    )
    world.db.flush()
