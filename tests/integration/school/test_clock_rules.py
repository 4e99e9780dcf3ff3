"""Events of clocks that are wrong: none is lost, none counts twice, none makes a student absent."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from protocol.v1.messages import RawEvent, Watermark
from server.attendance.clock_corrections import learn_from_watermark
from server.attendance.register import Judgement
from server.attendance.service import register_of
from server.attendance.tables import BootClock
from server.attendance.tasks import QuarantineUpkeep
from server.attendance.verification import Delivery
from server.db.types import now
from server.kiosks import claiming
from server.kiosks.tables import Kiosk
from server.timetable.lessons import LessonPlan, create_lesson
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

LONG_AGO = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)


def unsynced(uptime_s: float, boot: str = "boot-a", **fields: object) -> dict[str, object]:
    return {"source": "unsynced", "boot_id": boot, "uptime_s": uptime_s} | fields


def trusted(uptime_s: float, boot: str = "boot-a", source: str = "ntp") -> dict[str, object]:
    return {"source": source, "boot_id": boot, "uptime_s": uptime_s}


def deliver(school: School, device: SimulatedKiosk, *events: RawEvent, at: datetime) -> None:
    school.take(Delivery(device.kiosk_id, device.batch(list(events))), at=at)


def settled(school: School, device: SimulatedKiosk, person: uuid.UUID) -> Judgement:
    """The line after the lesson, when the kiosk has reported everything."""
    later = school.ends_at + timedelta(hours=1)
    payload = device.batch([], synced_through=later)
    school.take(Delivery(device.kiosk_id, payload), at=later)
    return school.mark(person, at=later)


def during(school: School, minutes: float = 1) -> datetime:
    return school.starts_at + timedelta(minutes=minutes)


def test_first_trusted_event_dates_earlier_events_of_its_boot(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    early = device.event(LONG_AGO, person_id=ada, clock=unsynced(100))
    deliver(school, device, early, at=school.ends_at)
    first = device.event(during(school, 21), clock=trusted(100 + 20 * 60))
    deliver(school, device, first, at=school.ends_at)
    stored = school.stored(device)[0]
    assert stored.occurred_at == LONG_AGO
    assert stored.counted_at == first_moment(during(school, 1))
    assert (stored.is_time_corrected, stored.not_before) == (True, None)
    mark = settled(school, device, ada)
    assert (mark.status, mark.stated_at, mark.is_clock_doubtful) == ("present", LONG_AGO, False)


def first_moment(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_a_later_trusted_moment_does_not_change_it_again(school: School) -> None:
    device = school.kiosk()
    early = device.event(LONG_AGO, clock=unsynced(0))
    first = device.event(during(school, 10), clock=trusted(600))
    second = device.event(during(school, 40), clock=trusted(700))
    deliver(school, device, early, first, at=school.ends_at)
    deliver(school, device, second, at=school.ends_at)
    assert school.stored(device)[0].counted_at == first_moment(during(school, 0))
    with school.database.reading() as db:
        boot = db.get_one(BootClock, (uuid.UUID(device.kiosk_id), "boot-a"))
        assert boot.basis == f"event:{first['id']}"


def test_a_known_boot_dates_events_that_arrive_later(school: School) -> None:
    device = school.kiosk()
    early = device.event(LONG_AGO, clock=unsynced(0))
    first = device.event(during(school, 10), clock=trusted(600, source="server"))
    deliver(school, device, first, at=school.ends_at)
    deliver(school, device, early, at=school.ends_at)
    assert school.stored(device)[0].counted_at == first_moment(during(school, 0))


def test_a_watermark_dates_them_too(school: School) -> None:
    device = school.kiosk()
    deliver(school, device, device.event(LONG_AGO, clock=unsynced(0)), at=school.ends_at)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        unknown = watermark(device, during(school, 3), clock_source="rtc")
        ahead = watermark(device, now() + timedelta(hours=5))
        first, later = watermark(device, during(school, 1)), watermark(device, during(school, 2))
        told = [learn_from_watermark(db, kiosk, one, now()) for one in (unknown, ahead)]
        assert told == [0, 0]
        assert learn_from_watermark(db, kiosk, first, now()) == 1
        assert learn_from_watermark(db, kiosk, later, now()) == 0
    assert school.stored(device)[0].counted_at == first_moment(during(school, 0))


def watermark(device: SimulatedKiosk, at: datetime, **fields: object) -> Watermark:
    """What a kiosk says a minute after its start. Its signature is checked before it gets here."""
    return Watermark.model_validate(
        {
            "kiosk_id": device.kiosk_id,
            "through": at,
            "seq": 1,
            "head": device.head,
            "boot_id": "boot-a",
            "made_at": at,
            "uptime_s": 60,
            "clock_source": "server",
            "signature": "A" * 86 + "==",
        }
        | fields
    )


def test_another_boot_or_kiosk_dates_nothing(school: School) -> None:
    device, other = school.kiosk(), school.kiosk()
    deliver(school, device, device.event(LONG_AGO, clock=unsynced(0)), at=school.ends_at)
    second_boot = device.event(during(school), clock=trusted(5, boot="boot-b"))
    deliver(school, device, second_boot, at=school.ends_at)
    same_name = other.event(during(school), clock=trusted(5))
    deliver(school, other, same_name, at=school.ends_at)
    assert not school.stored(device)[0].is_time_corrected


@pytest.mark.parametrize(
    ("clock", "is_corrected"),
    [
        ({"source": "rtc", "boot_id": "boot-a", "uptime_s": 0}, True),
        ({"source": "rtc", "offset_ms": 0, "boot_id": "boot-a", "uptime_s": 0}, False),
        ({"source": "ntp", "boot_id": "boot-z", "uptime_s": 0}, False),
        ({"source": "unsynced", "boot_id": "boot-a", "uptime_s": 1e11}, False),
        ({"source": "unsynced", "boot_id": "boot-a", "uptime_s": 1e6}, False),
    ],
)
def test_only_a_clock_that_was_not_compared_is_corrected(
    school: School, clock: dict[str, object], is_corrected: bool
) -> None:
    device = school.kiosk()
    early = device.event(during(school), clock=clock)
    deliver(school, device, early, at=school.ends_at)
    deliver(school, device, device.event(during(school, 40), clock=trusted(60)), at=school.ends_at)
    assert school.stored(device)[0].is_time_corrected is is_corrected


def test_a_stated_offset_is_applied_and_the_original_shown(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    clock = {"source": "rtc", "offset_ms": 20 * 60_000}
    said = during(school, -18)
    deliver(school, device, device.event(said, person_id=ada, clock=clock), at=school.ends_at)
    mark = settled(school, device, ada)
    assert mark.first_seen_at == first_moment(during(school, 2))
    assert mark.stated_at == first_moment(said)


def test_a_stated_offset_decides_what_lies_in_the_future(school: School) -> None:
    device = school.kiosk()
    ahead = {"source": "rtc", "offset_ms": -3 * 3_600_000}
    at = during(school)
    deliver(school, device, device.event(at + timedelta(hours=3), clock=ahead), at=at)
    assert len(school.stored(device)) == 1


def test_an_event_before_the_claim_is_kept_for_a_decision(school: School) -> None:
    device = school.kiosk()
    before = device.event(school.starts_at - timedelta(days=201))
    ack = school.send(device, before)
    assert (ack.stored_through, ack.refused[0].reason) == (1, "before_claim")
    assert school.stored(device) == []


def test_a_new_claim_with_the_same_key_refuses_nothing_older(school: School) -> None:
    device = school.kiosk()
    waiting = device.event(school.starts_at - timedelta(days=100))
    school.claim(device, school.code_for(uuid.UUID(device.kiosk_id)), at=school.starts_at)
    assert school.send(device, waiting).refused == ()


def test_a_claim_of_the_future_proves_nothing(school: School) -> None:
    device = SimulatedKiosk()
    kiosk_id, code = school.new_kiosk()
    with school.database.transaction() as db:  # while the server's clock was a day ahead
        tomorrow = now() + timedelta(hours=23)
        claiming.claim(db, school.vault, device.claim_request(code), at=tomorrow)
    device.kiosk_id = str(kiosk_id)
    assert school.send(device, device.event(now())).refused == ()


def test_an_event_of_the_future_counts_once_the_clock_is_right(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    event = device.event(during(school), person_id=ada, lesson_id=school.lesson_id)
    wrong = during(school) - timedelta(hours=5)
    ack = school.take(Delivery(device.kiosk_id, device.batch([event])), at=wrong).acks[0]
    assert (ack.stored_through, ack.refused[0].reason) == (1, "future")
    assert school.stored(device) == []
    upkeep = QuarantineUpkeep(school.database)
    assert (upkeep.judge_again(), upkeep.judge_again()) == (1, 0)
    school.send(device, event)
    assert len(school.stored(device)) == 1
    assert settled(school, device, ada).status == "present"
    assert [row.decision for row in school.quarantined()] == ["recorded"]


def test_the_next_batch_of_the_kiosk_frees_its_events_too(school: School) -> None:
    device = school.kiosk()
    event = device.event(during(school))
    deliver(school, device, event, at=during(school) - timedelta(days=30))
    deliver(school, device, at=during(school))
    assert [row.seq for row in school.stored(device)] == [1]


def test_an_event_stays_while_it_lies_in_the_future(school: School) -> None:
    device = school.kiosk()
    event = device.event(now() + timedelta(days=1))
    school.send(device, event)
    assert QuarantineUpkeep(school.database).judge_again() == 0
    school.send(device, event)
    (row,) = school.quarantined()
    assert (row.decision, row.due_at is not None) == (None, True)


def test_an_event_of_the_future_counts_beside_one_that_took_its_number(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    clone = SimulatedKiosk(kiosk_id=device.kiosk_id, key=device.key)
    event = device.event(during(school), person_id=ada, lesson_id=school.lesson_id)
    deliver(school, device, event, at=during(school) - timedelta(hours=5))
    deliver(school, clone, clone.event(during(school)), at=during(school) - timedelta(minutes=1))
    QuarantineUpkeep(school.database).judge_again()
    assert sorted(str(row.seq) for row in school.stored(device)) == ["1", "None"]
    assert settled(school, device, ada).status == "present"


@pytest.mark.parametrize("is_named", [True, False])
def test_an_uncertain_scan_leaves_nobody_absent(school: School, is_named: bool) -> None:
    device, ada, ben = school.kiosk(), school.person(), school.person()
    named = school.lesson_id if is_named else None
    scan = device.event(LONG_AGO, person_id=ada, lesson_id=named, clock=unsynced(5))
    deliver(school, device, scan, at=school.ends_at)
    mark = settled(school, device, ada)
    assert (mark.status, mark.needs_decision) == ("pending", True)
    assert [one.occurred_at for one in mark.doubtful] == [LONG_AGO]
    assert school.mark(ben, at=school.ends_at + timedelta(hours=1)).status == "not_seen"


def test_an_uncertain_scan_touches_no_lesson_it_cannot_be_of(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    after = device.event(school.ends_at + timedelta(minutes=5))
    deliver(school, device, after, at=school.ends_at + timedelta(minutes=5))
    scan = device.event(LONG_AGO, person_id=ada, clock=unsynced(5))
    deliver(school, device, scan, at=school.ends_at + timedelta(minutes=50))
    assert settled(school, device, ada).status == "not_seen"


def test_not_me_takes_an_uncertain_scan_back(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    scan = device.event(LONG_AGO, person_id=ada, clock=unsynced(5))
    objection = device.event(LONG_AGO, kind="not_me", refers_to=scan["id"], clock=unsynced(8))
    deliver(school, device, scan, objection, at=school.ends_at)
    mark = settled(school, device, ada)
    assert (mark.status, mark.doubtful) == ("not_seen", ())


def test_a_scan_that_cannot_have_been_then_is_no_mark(school: School) -> None:
    """A clock that is hours ahead, and never set, names a lesson that has not begun."""
    device, ada = school.kiosk(), school.person()
    scan = device.event(
        during(school), person_id=ada, lesson_id=school.lesson_id, clock=unsynced(5)
    )
    deliver(school, device, scan, at=school.starts_at - timedelta(hours=3))
    mark = settled(school, device, ada)
    assert (mark.first_seen_at, mark.status) == (None, "pending")


def test_a_corrected_scan_counts_by_its_time_not_by_the_lesson_it_names(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    later = school.ends_at + timedelta(hours=1)
    with school.database.transaction() as db:
        plan = LessonPlan(school.course_id, school.room_id, later, later + timedelta(minutes=45))
        named = create_lesson(db, plan, zone=school.settings.zone, at=now(), actor="system").id
    scan = device.event(later, person_id=ada, lesson_id=named, clock=unsynced(0))
    first = device.event(during(school, 10), clock=trusted(9 * 60))
    deliver(school, device, scan, first, at=school.ends_at)
    assert settled(school, device, ada).status == "present"
    with school.database.reading() as db:
        register = register_of(db, named, at=later + timedelta(days=1))
    assert [line.mark.first_seen_at for line in register.lines] == [None]


def test_a_corrected_scan_that_fits_no_lesson_is_no_mark(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    scan = device.event(
        during(school), person_id=ada, lesson_id=school.lesson_id, clock=unsynced(0)
    )
    hours_later = device.event(school.ends_at + timedelta(hours=3), clock=trusted(10))
    deliver(school, device, scan, hours_later, at=school.ends_at + timedelta(hours=4))
    assert settled(school, device, ada).status == "not_seen"
