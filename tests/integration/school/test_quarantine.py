"""Decisions about quarantined events: each enters the record once, or stays out for good."""

import json
import uuid
from datetime import timedelta

import pytest

from protocol.v1 import signing
from protocol.v1.messages import RawEvent, UnsignedEvent
from server.attendance.ingest import store_kept
from server.attendance.quarantine import due_events
from server.attendance.quarantine_decisions import Decision, accept, accept_all, discard
from server.attendance.quarantine_listing import (
    PAGE,
    QuarantineFilter,
    count_undecided,
    list_quarantine,
    undecided_groups,
)
from server.attendance.tables import QuarantinedEvent
from server.attendance.tasks import QuarantineUpkeep
from server.attendance.verification import Delivery
from server.audit.service import recent
from server.db.types import now
from server.errors import ConflictError, NotFoundError
from server.kiosks import claiming
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School


def decision(reason: str = "The clock was wrong.") -> Decision:
    return Decision("account:1", reason, now())


def decide(school: School, row: QuarantinedEvent, word: str = "accept") -> None:
    with school.database.transaction() as db:
        {"accept": accept, "discard": discard}[word](db, row.id, decision())


def old(school: School, device: SimulatedKiosk, **fields: object) -> RawEvent:
    return device.event(school.starts_at - timedelta(days=300), **fields)


def forked(school: School, device: SimulatedKiosk, person: uuid.UUID) -> RawEvent:
    """An event of a clone whose number another event has."""
    clone = SimulatedKiosk(kiosk_id=device.kiosk_id, key=device.key)
    school.send(device, device.event(now()))
    event = clone.event(now(), person_id=person, lesson_id=school.lesson_id)
    assert school.send(clone, event).refused[0].reason == "fork"
    return event


def test_an_accepted_event_is_in_the_record_once(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    event = old(school, device, person_id=ada)
    school.send(device, event)
    (row,) = school.quarantined()
    decide(school, row)
    school.send(device, event)
    (stored,) = school.stored(device)
    assert (stored.seq, stored.accepted_by, stored.person_id) == (1, "account:1", ada)
    assert stored.not_before is not None, "nobody vouches for its time"
    (row,) = school.quarantined()
    assert (row.decision, row.decision_reason) == ("accepted", "The clock was wrong.")
    with school.database.reading() as db:
        entry = recent(db, limit=1)[0]
    assert (entry.action, entry.subject) == ("quarantine.accept", f"quarantined_event:{row.id}")


def test_an_accepted_fork_is_in_the_record_without_a_number(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    event = forked(school, device, ada)
    decide(school, school.quarantined()[0])
    assert [row.seq for row in school.stored(device) if row.person_id == ada] == [None]
    assert school.mark(ada).status == "late"
    device.seq += 1  # the clone gives its event the next free number
    renumbered = _renumber(event, device)
    assert school.send(device, renumbered).stored_through == 2
    assert len(school.stored(device)) == 2
    assert {row.decision for row in school.quarantined()} == {"accepted", "recorded"}


def _renumber(event: RawEvent, device: SimulatedKiosk) -> RawEvent:
    draft = signing.read_event(event).model_dump() | {"seq": device.seq}
    signed = signing.sign_event(
        UnsignedEvent.model_validate(draft), prev_hash=device.head, key=device.key
    )
    return signing.to_raw(signed)


def test_a_fork_that_comes_again_under_a_free_number_needs_no_decision(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    event = forked(school, device, ada)
    device.seq += 1
    assert school.send(device, _renumber(event, device)).refused == ()
    (row,) = school.quarantined()
    assert (row.decision, row.decided_by) == ("recorded", None)


@pytest.mark.parametrize("is_renumbered", [False, True])
def test_a_discarded_event_stays_out_when_it_comes_again(
    school: School, is_renumbered: bool
) -> None:
    device, ada = school.kiosk(), school.person()
    event = forked(school, device, ada)
    decide(school, school.quarantined()[0], "discard")
    device.seq += 1
    again = _renumber(event, device) if is_renumbered else event
    ack = school.send(device, again)
    assert ack.stored_through == (2 if is_renumbered else 1)
    assert [row for row in school.stored(device) if row.person_id == ada] == []
    assert {row.decision for row in school.quarantined()} == {"discarded"}


def test_a_discarded_event_of_the_future_never_counts(school: School) -> None:
    device = school.kiosk()
    event = device.event(school.starts_at)
    delivery = Delivery(device.kiosk_id, device.batch([event]))
    school.take(delivery, at=school.starts_at - timedelta(hours=5))
    decide(school, school.quarantined()[0], "discard")
    assert QuarantineUpkeep(school.database).judge_again() == 0
    school.send(device, event)
    assert school.stored(device) == []


def _twice_in_the_future(school: School, *, is_other: bool) -> list[QuarantinedEvent]:
    """One event, or two with one id, refused twice for lying in the future; other numbers."""
    device = school.kiosk()
    event = device.event(school.starts_at)
    device.seq += 1
    again = device.event(school.ends_at, id=event["id"]) if is_other else _renumber(event, device)
    for one in (event, again):
        delivery = Delivery(device.kiosk_id, device.batch([one]))
        school.take(delivery, at=school.starts_at - timedelta(hours=5))
    return school.quarantined()


def test_discarding_covers_the_same_event_under_another_number(school: School) -> None:
    rows = _twice_in_the_future(school, is_other=False)
    decide(school, rows[0], "discard")
    assert [row.decision for row in school.quarantined()] == ["discarded"] * 2
    assert QuarantineUpkeep(school.database).judge_again() == 0
    with pytest.raises(ConflictError):
        decide(school, rows[1])


def test_another_event_of_a_discarded_id_waits_for_a_decision(school: School) -> None:
    rows = _twice_in_the_future(school, is_other=True)
    decide(school, rows[0], "discard")
    later = school.ends_at + timedelta(hours=1)
    with school.database.transaction() as db:
        assert store_kept(db, uuid.UUID(rows[0].kiosk_id), later) == 0
        assert due_events(db, uuid.UUID(rows[0].kiosk_id), later) == []
    found = {row.id: (row.decision, row.due_at, row.reason) for row in school.quarantined()}
    assert found[rows[1].id] == (None, None, "reused_id")


def test_a_decision_is_made_once(school: School) -> None:
    device = school.kiosk()
    school.send(device, old(school, device))
    (row,) = school.quarantined()
    decide(school, row)
    with pytest.raises(ConflictError):
        decide(school, row, "discard")
    with pytest.raises(NotFoundError), school.database.transaction() as db:
        discard(db, uuid.uuid4(), decision())


@pytest.mark.parametrize("change", [{"distance": 0.1}, {"signature": "A" * 86 + "=="}, {"seq": 0}])
def test_what_the_kiosk_did_not_sign_can_only_be_discarded(
    school: School, change: RawEvent
) -> None:
    device = school.kiosk()
    school.send(device, device.event(now()) | change)
    (row,) = school.quarantined()
    with pytest.raises(ConflictError):
        decide(school, row)
    decide(school, row, "discard")
    assert school.quarantined()[0].decision == "discarded"


def test_an_event_of_a_revoked_kiosk_takes_no_number(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    event = device.event(now(), person_id=ada, lesson_id=school.lesson_id)
    school.revoke(device)
    school.send(device, event)
    decide(school, school.quarantined()[0])
    assert [row.seq for row in school.stored(device)] == [None]
    assert school.progress(device).highest_seq == 0


def _claimed_anew(school: School, device: SimulatedKiosk) -> SimulatedKiosk:
    """A new device that takes a kiosk's identity with a key of its own."""
    successor = SimulatedKiosk(kiosk_id=device.kiosk_id)
    outcome = school.claim(successor, school.code_for(school.id_of(device)))
    assert isinstance(outcome, claiming.Claimed)
    return successor


@pytest.mark.parametrize("claims", [1, 2])
@pytest.mark.parametrize("is_all", [False, True])
def test_an_event_of_an_earlier_key_can_be_accepted(
    school: School, claims: int, *, is_all: bool
) -> None:
    device, ada = school.kiosk(), school.person()
    event = device.event(now(), person_id=ada, lesson_id=school.lesson_id)
    school.revoke(device)
    school.send(device, event)
    for _ in range(claims):
        newest = _claimed_anew(school, device)
    (row,) = school.quarantined()
    with school.database.transaction() as db:
        every = QuarantineFilter()
        (shown,), _ = list_quarantine(db, every, with_people=True, limit=PAGE, offset=0)
        if is_all:
            assert accept_all(db, school.id_of(device), row.reason, decision()) == 1
        else:
            accept(db, row.id, decision())
    assert shown.readable.obstacle == ""
    assert school.mark(ada).status == "late"
    assert school.send(newest, newest.event(now())).stored_through == 1


def test_an_accepted_event_of_an_earlier_key_may_be_as_old_as_the_claim_of_that_key(
    school: School,
) -> None:
    device, ada = school.kiosk(), school.person()
    unset = {"source": "unsynced", "boot_id": "boot-a", "uptime_s": 100}
    event = device.event(now(), person_id=ada, lesson_id=school.lesson_id, clock=unset)
    school.revoke(device)
    school.send(device, event)
    newest = _claimed_anew(school, device)
    school.send(newest, newest.event(now()))
    decide(school, school.quarantined()[0])
    (old_one,) = [row for row in school.stored(device) if row.person_id == ada]
    assert old_one.not_before is not None
    assert old_one.not_before < school.starts_at - timedelta(days=199)


def test_an_event_of_a_key_that_this_kiosk_never_had_can_only_be_discarded(school: School) -> None:
    device, stranger = school.kiosk(), school.kiosk()
    _claimed_anew(school, stranger)
    event = SimulatedKiosk(kiosk_id=device.kiosk_id, key=stranger.key).event(now())
    _claimed_anew(school, device)
    school.send(device, event)
    with pytest.raises(ConflictError):
        decide(school, school.quarantined()[0])


def test_another_event_with_a_known_id_can_be_accepted(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    first = device.event(now())
    second = device.event(now(), id=first["id"], person_id=ada)
    assert school.send(device, first, second).refused[0].reason == "reused_id"
    decide(school, school.quarantined()[0])
    kept = school.stored(device)
    assert len(kept) == 2
    assert len({row.id for row in kept}) == 2
    assert json.loads(kept[1].body)["id"] == first["id"]


def test_all_of_one_kiosk_and_reason_are_accepted_together(school: School) -> None:
    device, other = school.kiosk(), school.kiosk()
    school.send(device, *(old(school, device) for _ in range(5)))
    school.send(device, device.event(now() + timedelta(days=1)))
    school.send(other, old(school, other))
    with school.database.transaction() as db:
        kiosk_id = uuid.UUID(device.kiosk_id)
        assert accept_all(db, kiosk_id, "before_claim", decision()) == 5
        assert accept_all(db, kiosk_id, "before_claim", decision()) == 0
    assert len(school.stored(device)) == 5
    with school.database.reading() as db:
        assert count_undecided(db) == 2
        assert count_undecided(db, is_due_later=True) == 1
        assert count_undecided(db, kiosk_id=uuid.UUID(other.kiosk_id)) == 1
        assert [group.count for group in undecided_groups(db)] == [1, 1]
        decided = QuarantineFilter(is_decided=True)
        assert list_quarantine(db, decided, with_people=True, limit=1, offset=0)[1] == 5


def test_a_long_list_comes_in_pages(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    for _ in range(2):
        batch = [old(school, device, person_id=ada) for _ in range(PAGE // 2 + 1)]
        school.send(device, *batch)
    with school.database.reading() as db:
        every = QuarantineFilter()
        first, total = list_quarantine(db, every, with_people=True, limit=PAGE, offset=0)
        second, _ = list_quarantine(db, every, with_people=False, limit=PAGE, offset=PAGE)
        assert total == len(first) + len(second)
        assert [item.person.id for item in first if item.person] == [ada] * PAGE
        assert [item.person for item in second] == [None, None]
    assert not {item.row.id for item in first} & {item.row.id for item in second}
