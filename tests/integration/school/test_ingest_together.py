"""Kiosks whose batches share a transaction fare as they would each alone."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as hooks

from protocol.v1.messages import Ack, RawEvent
from server.attendance.verification import Delivery
from server.db.types import now
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def history(school: School) -> list[tuple[SimulatedKiosk, list[RawEvent]]]:
    """Kiosks of every kind, each with what it sends next."""
    at = now()
    usual, fresh, again, forked, gap, future = (school.kiosk() for _ in range(6))
    for device in (usual, again, forked, gap):
        school.send(device, *(sent := device.events(2, at)))
        if device is again:
            repeated = sent
    twin = SimulatedKiosk(kiosk_id=forked.kiosk_id, key=forked.key)
    skipped = gap.events(3, at)
    return [
        (usual, usual.events(2, at)),
        (fresh, fresh.events(3, at)),
        (again, [*repeated, again.event(at)]),
        (forked, twin.events(2, at)),
        (gap, skipped[1:]),
        (future, [future.event(at + timedelta(days=1)), future.event(at)]),
    ]


def said(ack: Ack) -> tuple[Any, ...]:
    refused = [(one.seq, one.reason) for one in ack.refused]
    return ack.stored_through, [(one.first, one.last) for one in ack.stored_beyond], refused


def outcome(school: School, device: SimulatedKiosk, ack: Ack) -> tuple[Any, ...]:
    progress = school.progress(device)
    rows = [(row.seq, row.is_chain_torn) for row in school.stored(device)]
    return said(ack), rows, progress.highest_seq, progress.refused, progress.torn


def test_kiosks_fare_together_as_they_do_alone(school: School) -> None:
    alone = [
        outcome(school, device, school.send(device, *events)) for device, events in history(school)
    ]
    together = history(school)
    deliveries = [Delivery(one.kiosk_id, one.batch(events)) for one, events in together]
    acks = {ack.kiosk_id: ack for ack in school.take(*deliveries).acks}
    assert [outcome(school, one, acks[one.kiosk_id]) for one, _ in together] == alone


def test_usual_kiosks_cost_the_same_questions_however_many_they_are(school: School) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    def cost(count: int) -> int:
        devices = [school.kiosk() for _ in range(count)]
        for device in devices:
            school.send(device, device.event(now()))
        batches = [Delivery(one.kiosk_id, one.batch([one.event(now())])) for one in devices]
        asked.clear()
        assert school.take(*batches).stored == count
        return len(asked)

    hooks.listen(school.database.engine, "before_cursor_execute", note)
    assert cost(2) == cost(7) <= 12


def test_strange_ids_are_nobodys(school: School) -> None:
    device = school.kiosk()
    shouted = device.kiosk_id.upper()
    intake = school.take(
        Delivery(device.kiosk_id, device.batch([device.event(now())])),
        Delivery(shouted, device.batch([device.event(now())])),
        Delivery("kiosk", b"{}"),
        Delivery(str(uuid.uuid4()), b"{}"),
    )
    assert intake.stored == 1
