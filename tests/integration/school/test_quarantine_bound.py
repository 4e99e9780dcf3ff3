"""What nobody signed is kept up to a bound; what a kiosk signed is never lost for it."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlmodel import col, select

from kiosk.storage.verdicts import is_kept_there
from protocol.v1 import signing
from protocol.v1.messages import Ack, RawEvent
from server.attendance import quarantine_keeping as keeping
from server.attendance.metrics import Transport, count_intake
from server.attendance.quarantine_listing import (
    DROPPED_LATELY,
    full_kiosks,
    quarantine_numbers,
)
from server.attendance.tables import QuarantinedEvent, QuarantineTally
from server.attendance.verification import Delivery
from server.db.types import now
from server.migrations import runner
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School
from tests.support.examples import examples

pytestmark = pytest.mark.integration
ROWS = 4
FAR = timedelta(days=300)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_ROWS", ROWS)


def forged(device: SimulatedKiosk) -> RawEvent:
    """An event in the name of a kiosk that somebody else signed."""
    other = SimulatedKiosk(device.kiosk_id, seq=device.seq)
    return other.event(now())


def unsigned_rows(school: School, device: SimulatedKiosk) -> list[QuarantinedEvent]:
    """The rows of a kiosk that it did not sign, whatever was noted beside them."""
    public = device.key.public_key()
    rows = [row for row in school.quarantined() if row.kiosk_id == device.kiosk_id]
    return [row for row in rows if not _is_signed(row.body, public)]


def _is_signed(body: str, key: object) -> bool:
    try:
        signing.verify_event(json.loads(body), key)  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


def tally(school: School, kiosk_id: str) -> tuple[int, int, int]:
    with school.database.reading() as db:
        row = db.get_one(QuarantineTally, kiosk_id)
        return row.held, row.held_bytes, row.dropped


#: What a kiosk signs: each is recorded, or refused for another reason.
SIGNED: dict[str, Callable[[SimulatedKiosk], RawEvent]] = {
    "sound": lambda device: device.event(now()),
    "early": lambda device: device.event(now() - FAR),
    "future": lambda device: device.event(now() + FAR),
    "far": lambda device: device.renumbered(device.event(now()), device.seq + 20_000_000),
    "twin": lambda device: device.twin().event(now()),
    "newer": lambda device: device.event(now(), v=2),
}
#: What nobody vouches for.
OTHER: dict[str, Callable[[SimulatedKiosk], RawEvent]] = {
    "forged": forged,
    "changed": lambda device: device.twin().event(now()) | {"distance": 0.9},
    "elsewhere": lambda _device: SimulatedKiosk().event(now()),
    "nonsense": lambda device: {"id": "x", "kiosk_id": device.kiosk_id, "seq": device.seq},
}
batches = st.lists(
    st.lists(st.sampled_from([*SIGNED, *OTHER]), min_size=1, max_size=6), min_size=1, max_size=5
)


def _answered(acks: tuple[Ack, ...], event: RawEvent) -> bool:
    """Whether a kiosk that reads these acks believes that the server has its event."""
    named = [one for ack in acks for one in ack.refused if one.id == event["id"]]
    if named:
        return any(map(is_kept_there, named))
    return any(ack.covers(int(str(event["seq"]))) for ack in acks)


@given(plan=batches, is_revoked=st.booleans())
@examples(12)
def test_whatever_comes_signed_events_are_kept_and_the_rest_is_bounded(
    school: School, plan: list[list[str]], is_revoked: bool
) -> None:
    device = school.kiosk()
    sent: list[RawEvent] = []
    acks: tuple[Ack, ...] = ()
    for kinds in plan:
        made = [(kind, (SIGNED | OTHER)[kind](device)) for kind in kinds]
        sent += [event for kind, event in made if kind in SIGNED]
        batch = device.batch([event for _kind, event in made])
        acks = school.take(*[Delivery(device.kiosk_id, batch)] * 2).acks
        kept = _kept_hashes(school, device)
        assert all(event["hash"] in kept for event in sent)
        assert len(unsigned_rows(school, device)) <= ROWS
    if is_revoked:
        school.revoke(device)
        late = [device.event(now()) for _ in range(ROWS + 1)]
        acks = school.take(Delivery(device.kiosk_id, device.batch(late))).acks
        kept = _kept_hashes(school, device)
        assert all(event["hash"] in kept or not _answered(acks, event) for event in late)


def _kept_hashes(school: School, device: SimulatedKiosk) -> set[str | None]:
    rows = [row for row in school.quarantined() if row.kiosk_id == device.kiosk_id]
    return {one.hash for one in school.stored(device)} | {one.hash for one in rows}


def test_over_the_bound_messages_are_counted_and_the_alarm_says_so(school: School) -> None:
    device, other = school.kiosk(), school.kiosk()
    first = [forged(device) for _ in range(ROWS)]
    school.send(device, *first)
    assert tally(school, device.kiosk_id)[::2] == (ROWS, 0)
    more = [forged(device) for _ in range(3)]
    delivery = Delivery(device.kiosk_id, device.batch([*more, *first]))
    intake = school.take(delivery, Delivery(other.kiosk_id, other.batch([forged(other)])))
    assert (intake.refused, intake.dropped) == (1, 3)  # a repeat of what is kept is no further one
    assert len(intake.acks[0].refused) + len(intake.acks[1].refused) == ROWS + 4
    before = _dropped_counted()
    count_intake(intake, Transport.MQTT)
    assert _dropped_counted() - before == 3
    with school.database.reading() as db:
        assert [(one.kiosk_id, one.dropped) for one in full_kiosks(db)] == [(device.kiosk_id, 3)]
        assert full_kiosks(db, school.id_of(other)) == []
        assert quarantine_numbers(db, now()).dropped == 3
        assert quarantine_numbers(db, now() + DROPPED_LATELY).dropped == 0


def _dropped_counted() -> float:
    labels = {"outcome": "dropped", "transport": "mqtt"}
    return REGISTRY.get_sample_value("rollcall_ingest_events_total", labels) or 0.0


def test_few_large_messages_are_bounded_too(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = school.kiosk()
    monkeypatch.setattr(keeping, "MOST_BYTES", 5000)
    for mark in "abc":
        school.take(Delivery(device.kiosk_id, mark.encode() * 2000))
    rows = [row for row in school.quarantined() if row.kiosk_id == device.kiosk_id]
    assert tally(school, device.kiosk_id) == (2, sum(len(row.body) for row in rows), 1)
    assert len(rows) == 2


def test_an_unknown_kiosk_is_bounded_by_its_name(school: School) -> None:
    for number in range(ROWS + 2):
        school.take(Delivery("no-uuid", str(number).encode()))
    assert tally(school, "no-uuid")[::2] == (ROWS, 2)


def test_the_migration_counts_what_is_there(school: School) -> None:
    device = school.kiosk()
    far = device.twin()
    leap = far.renumbered(far.event(now()), 20_000_000)
    school.send(device, forged(device), forged(device), device.event(now() - FAR), leap)
    counted = tally(school, device.kiosk_id)
    with runner._exclusive_connection(school.database) as connection:
        command.downgrade(runner._config(connection), "0048")
    with runner._exclusive_connection(school.database) as connection:
        command.upgrade(runner._config(connection), "head")
    runner.check(school.database)
    assert (counted[0], tally(school, device.kiosk_id)) == (2, counted)
    with school.database.reading() as db:
        assert len(db.exec(select(col(QuarantinedEvent.id))).all()) == 4
