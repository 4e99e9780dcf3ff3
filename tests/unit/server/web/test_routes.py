"""The limits of bodies that the server really uses: who gets in, and what fits. In virtual time."""

import asyncio
import json
from datetime import UTC, datetime
from typing import get_type_hints

import pytest
from fastapi import UploadFile
from fastapi.routing import APIRoute

from intake.errors import BodiesFullError, BodyTooSlowError
from intake.limits import MIB, SMALL_BYTES
from protocol.v1.fields import MAX_MESSAGE_BYTES, MAX_SAFE_INTEGER
from protocol.v1.messages import (
    MAX_EVENTS_PER_BATCH,
    AttendanceEvent,
    ClockStamp,
    EventBatch,
    Liveness,
    Watermark,
)
from server.app import ROUTERS
from server.config import Settings
from server.enrollment.photo import FRAME_MAX_BYTES
from server.web.bodies import OPEN_BODY_BYTES, Bodies
from server.web.routes import BODY_BYTES, body_rules
from tests.support.senders import at_once, sender, steady, take
from tests.support.virtual_time import run_virtual

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
HONEST_BYTES = 300_000
LONGEST_KIOSK_ID = "k" * 64


async def stalled(bodies: Bodies) -> list[asyncio.Task[bytes]]:
    """What a review sent: nearly all the memory in one burst, then nothing."""
    sizes = [9 * MIB - 100_000] * 7 + [600_000]
    senders = [sender(at_once(size), then="stall") for size in sizes]
    tasks = [asyncio.create_task(take(bodies.known, one)) for one in senders]
    await asyncio.sleep(0.01)
    return tasks


def test_a_burst_that_stalls_keeps_an_honest_photo_out_for_the_window_only() -> None:
    async def scenario() -> tuple[list[str], list[bool], set[type[object]], int]:
        bodies = Bodies.of(Settings())
        tasks = await stalled(bodies)
        answers, full, passed_s = [], [], 0.0
        for at_s in (0.5, 2, 6, 10, 20):
            await asyncio.sleep(at_s - passed_s)
            passed_s = at_s
            full.append(bodies.known.is_full)
            try:
                await take(bodies.known, sender(at_once(HONEST_BYTES)))
                answers.append("read")
            except BodiesFullError:
                answers.append("full")
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        return answers, full, {type(one) for one in outcomes}, bodies.known.held_bytes

    answers, full, outcomes, held = run_virtual(scenario())

    assert answers == ["full", "full", "read", "read", "read"]
    assert full == [True, True, False, False, False]
    assert outcomes <= {BodyTooSlowError, BodiesFullError}
    assert held == 0


def test_a_phone_at_the_minimum_rate_keeps_its_place_among_stalled_bodies() -> None:
    async def scenario() -> int:
        bodies = Bodies.of(Settings())
        phone = steady(HONEST_BYTES, bytes_per_s=Settings().body_min_rate, every_s=0.9)
        reading = asyncio.create_task(take(bodies.known, sender(phone)))
        await asyncio.sleep(1.0)
        tasks = []
        for _ in range(400):
            await asyncio.sleep(0.05)
            tasks.append(asyncio.create_task(take(bodies.known, sender([], then="stall"))))
        body = await reading
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(body)

    assert run_virtual(scenario()) >= HONEST_BYTES


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, OPEN_BODY_BYTES - 1])
def test_strangers_who_fill_everything_keep_no_sign_in_out(size: int) -> None:
    async def scenario() -> set[int]:
        bodies = Bodies.of(Settings())
        tasks, read = [], set()
        for _ in range(40):
            strangers = [sender(at_once(size), then="stall") for _ in range(64)]
            tasks += [asyncio.create_task(take(bodies.open, one)) for one in strangers]
            await asyncio.sleep(0.05)
            read.add(len(await take(bodies.open, sender([(0.0, b"s" * 200)]))))
        assert len(bodies.open._reading) <= bodies.open.limits.most_reading
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return read

    assert run_virtual(scenario()) == {200}


def test_users_whose_photos_fill_the_memory_leave_room_for_small_requests() -> None:
    async def scenario() -> int:
        bodies = Bodies.of(Settings())
        tasks = await stalled(bodies)
        body = await take(bodies.known, sender([(0.0, b"s" * SMALL_BYTES)]))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(body)

    assert run_virtual(scenario()) == SMALL_BYTES


def test_only_endpoints_that_take_a_file_have_the_large_limit() -> None:
    bodies = Bodies.of(Settings())

    large = {route.path for route in ROUTES if body_rules(bodies, route.dependant)[1] > BODY_BYTES}
    with_file = {
        route.path
        for route in ROUTES
        for call in (route.endpoint, *(one.call for one in route.dependant.dependencies))
        if UploadFile in get_type_hints(call).values()
    }

    assert large == with_file
    assert large == {
        "/api/v1/people/{person_id}/enrolments",
        "/people/{person_id}/enrol",
        "/api/v1/absences/{absence_id}/attachments",
        "/absences/{absence_id}/attachments",
        "/api/v1/lessons/{lesson_id}/people/{person_id}/attachments",
        "/lessons/{lesson_id}/people/{person_id}/attachments",
        "/api/v1/imports",
        "/api/v1/imports/{import_id}/pieces/{number}",
        "/imports/new",
        "/imports/{import_id}/pieces/{number}",
    }


def largest_batch() -> bytes:
    """As many events as a batch takes, each with all its fields at their longest."""
    word, identifier, real = "a" * 48, "A" * 64, -987654.1234567891
    event = AttendanceEvent(
        v=1000,
        id="01890a5d-ac96-774b-bcce-b302099a8057",
        kiosk_id=LONGEST_KIOSK_ID,
        seq=MAX_SAFE_INTEGER,
        occurred_at=datetime(2026, 11, 26, 12, 0, 0, 123_000, UTC),
        clock=ClockStamp(source=word, offset_ms=-12345678901234.123, age_s=12345678901.12345),
        lesson_id=identifier,
        person_id=identifier,
        kind=word,
        method=word,
        refers_to="01890a5d-ac96-774b-bcce-b302099a8057",
        distance=real,
        margin=real,
        threshold=real,
        quality=real,
        liveness=Liveness(verdict=word, score=real, method=word),
        model_id=identifier,
        policy_version=MAX_SAFE_INTEGER,
        shown=word,
        prev_hash="0" * 64,
        hash="0" * 64,
        signature="A" * 86 + "==",
    )
    events = (event.model_dump(mode="json"),) * MAX_EVENTS_PER_BATCH
    return EventBatch(
        kiosk_id=LONGEST_KIOSK_ID,
        events=events,
        watermark=_longest_watermark(),
        last_seq=MAX_SAFE_INTEGER,
    ).to_json()


def _longest_watermark() -> Watermark:
    at = datetime(2026, 11, 26, 12, 0, 0, 123_000, UTC)
    return Watermark(
        kiosk_id=LONGEST_KIOSK_ID,
        through=at,
        seq=MAX_SAFE_INTEGER,
        head="0" * 64,
        boot_id="A" * 64,
        made_at=at,
        uptime_s=12345678901.12345,
        clock_source="a" * 48,
        signature="A" * 86 + "==",
    )


def test_what_may_be_sent_fits_into_the_limits() -> None:
    # The longest of server/accounts/schemas.py and protocol/v1/device.py, in the widest spelling.
    sign_in = {"username": "😀" * 64, "password": "😀" * 256}
    claim = {
        "claim_code": "A" * 8,
        "signing_key": "A" * 44,
        "sealing_key": "A" * 44,
        "software_version": "😀" * 120,
        "hardware": "😀" * 120,
        "proof": "A" * 88,
    }

    assert len(json.dumps(sign_in)) < OPEN_BODY_BYTES
    assert len(json.dumps(claim)) < OPEN_BODY_BYTES
    assert len(largest_batch()) < MAX_MESSAGE_BYTES <= BODY_BYTES
    assert BODY_BYTES >= FRAME_MAX_BYTES
