"""Events that a kiosk lost: nobody is absent because of them, and later lessons settle."""

import uuid
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlmodel import select

from protocol.v1.messages import Ack
from server.attendance import sequence
from server.attendance.quarantine_decisions import Decision, accept
from server.attendance.register import AttendanceStatus
from server.attendance.service import register_of
from server.attendance.watermarks import settle_watermark
from server.db.types import now
from server.errors import ConflictError
from server.kiosks import lost_spans
from server.kiosks.lost_spans import Bounds, Closing, Loss
from server.kiosks.placements import close_watermark
from server.kiosks.runs import Run
from server.kiosks.tables import Kiosk, KioskProgress, LostSpan
from server.timetable.lessons import LessonPlan, create_lesson
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration
DECISION = Closing("the card broke", "system")


def minute(school: School, number: float) -> datetime:
    return school.starts_at + timedelta(minutes=number)


def spans(school: School) -> list[LostSpan]:
    with school.database.reading() as db:
        return list(db.exec(select(LostSpan).order_by(LostSpan.first)))  # type: ignore[arg-type]


def reported(school: School, device: SimulatedKiosk) -> datetime:
    """Let the kiosk have sent everything of the lesson; returns a moment after it."""
    afterwards = school.ends_at + timedelta(hours=1)
    school.send(device, synced_through=afterwards, at=afterwards)
    return afterwards


def later_lesson(school: School) -> uuid.UUID:
    """A lesson of the same course in the same room, two hours later."""
    starts_at = school.starts_at + timedelta(hours=2)
    plan = LessonPlan(
        school.course_id, school.room_id, starts_at, starts_at + timedelta(minutes=45)
    )
    with school.database.transaction() as db:
        return create_lesson(db, plan, zone=school.settings.zone, at=now(), actor="system").id


def test_gap_event_closes_its_numbers_and_takes_one_itself(school: School) -> None:
    device = school.kiosk()
    events = device.events(6, minute(school, 0))
    ack = school.send(device, events[0], events[5], device.gap(minute(school, 1), 2, 5))
    assert (ack.stored_through, ack.stored_beyond, ack.refused) == (7, (), ())
    assert [row.seq for row in school.stored(device)] == [1, 6, 7]
    (span,) = spans(school)
    assert (span.first, span.last, span.missing, span.reason) == (2, 5, 4, "damaged")
    assert span.event_id == school.stored(device)[-1].id
    assert (span.from_at, span.through_at) == (
        school.stored(device)[0].counted_at,
        school.stored(device)[1].counted_at,
    )


def test_stated_bounds_count(school: School) -> None:
    device = school.kiosk()
    device.events(3, minute(school, 0))
    bounds = {"from_at": minute(school, 1), "through_at": minute(school, 2)}
    school.send(device, device.gap(minute(school, 3), 1, 3, **bounds))
    (span,) = spans(school)
    assert span.through_at - span.from_at == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("stated", "counted"),
    [((5, 6), (1, 6)), ((-2, -1), (-2, 3)), ((-60 * 24 * 900, 2), (1, 2))],
)
def test_stated_bounds_that_cannot_be_do_not_count(
    school: School, stated: tuple[int, int], counted: tuple[int, int]
) -> None:
    device = school.kiosk()
    first = device.event(minute(school, 1))
    device.seq += 1
    third = device.event(minute(school, 3))
    bounds = dict(zip(("from_at", "through_at"), map(partial(minute, school), stated), strict=True))
    school.send(device, first, third, device.gap(minute(school, 4), 2, 2, **bounds))
    (span,) = spans(school)
    for found, expected in zip((span.from_at, span.through_at), counted, strict=True):
        assert abs(found - minute(school, expected)) < timedelta(seconds=1)


def test_span_without_neighbours_reaches_back_before_a_second_claim(school: School) -> None:
    unseen, device = school.person(), school.kiosk()
    device.events(3, minute(school, 1))
    evening = school.ends_at + timedelta(hours=6)
    school.claim(device, school.code_for(school.id_of(device)), at=evening)
    gap = device.gap(evening + timedelta(minutes=1), 1, 3)
    afterwards = evening + timedelta(minutes=2)
    school.send(device, gap, synced_through=afterwards, at=afterwards)
    assert spans(school)[0].from_at < school.starts_at
    assert school.mark(unseen, afterwards).status == AttendanceStatus.PENDING


def test_span_of_a_restored_server_reaches_back_before_the_first_claim_it_knows(
    school: School,
) -> None:
    unseen, device = school.person(), SimulatedKiosk()
    kiosk_id, code = school.new_kiosk()
    with school.database.transaction() as db:
        db.get_one(Kiosk, kiosk_id).created_at = school.starts_at - timedelta(days=1)
    device.kiosk_id = str(kiosk_id)
    device.events(3, minute(school, 1))
    evening = school.ends_at + timedelta(hours=6)
    school.claim(device, code, at=evening)
    afterwards = evening + timedelta(minutes=2)
    gap = device.gap(evening + timedelta(minutes=1), 1, 3)
    school.send(device, gap, synced_through=afterwards, at=afterwards)
    assert spans(school)[0].from_at < school.starts_at
    assert school.mark(unseen, afterwards).status == AttendanceStatus.PENDING


def test_event_with_a_doubtful_time_bounds_no_span(school: School) -> None:
    device = school.kiosk()
    device.seq += 1
    old = device.event(school.starts_at - timedelta(days=300))
    school.send(device, old)
    with school.database.transaction() as db:
        accept(db, school.quarantined()[0].id, Decision("system", "It was set wrong.", now()))
    school.send(device, device.gap(minute(school, 2), 1, 1))
    (span,) = spans(school)
    assert span.through_at == school.stored(device)[-1].counted_at


def test_events_that_contradict_each_other_leave_a_span_open(school: School) -> None:
    device = school.kiosk()
    later = device.event(minute(school, 5))
    device.seq += 1
    earlier = device.event(minute(school, -60))
    school.send(device, later, earlier, device.gap(minute(school, 6), 2, 2), at=minute(school, 9))
    (span,) = spans(school)
    assert (span.from_at, span.through_at) == (
        school.stored(device)[1].counted_at,
        minute(school, 9),
    )


def test_students_of_the_lesson_are_undecided_and_later_lessons_settle(school: School) -> None:
    seen, unseen = school.person(), school.person()
    device, following = school.kiosk(), later_lesson(school)
    school.send(device, device.event(minute(school, 1), person_id=seen))
    device.events(3, minute(school, 2))
    school.send(device, device.gap(minute(school, 5), 2, 4))
    afterwards = school.starts_at + timedelta(hours=4)
    school.send(device, synced_through=afterwards, at=afterwards)
    assert school.mark(seen, afterwards).status == AttendanceStatus.PRESENT
    assert school.mark(unseen, afterwards).status == AttendanceStatus.PENDING
    (waiting,) = school.register(afterwards).waiting_for
    assert (waiting.lost_events, waiting.is_forked) == (3, False)
    with school.database.reading() as db:
        settled = register_of(db, following, at=afterwards)
    assert settled.waiting_for == ()
    assert settled.counts[AttendanceStatus.NOT_SEEN] == 2


def test_a_person_closes_the_span_once(school: School) -> None:
    unseen, device = school.person(), school.kiosk()
    device.events(2, minute(school, 2))
    school.send(device, device.gap(minute(school, 5), 1, 2))
    afterwards = reported(school, device)
    (span,) = spans(school)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, school.id_of(device))
        lost_spans.close_span(db, kiosk, span.id, DECISION, now())
    assert school.mark(unseen, afterwards).status == AttendanceStatus.NOT_SEEN
    (closed,) = spans(school)
    assert (closed.closed_by, closed.close_reason) == ("system", "the card broke")
    with school.database.transaction() as db, pytest.raises(ConflictError):
        lost_spans.close_span(db, kiosk, span.id, DECISION, now())


def test_decision_not_to_wait_covers_lost_events(school: School) -> None:
    unseen, device = school.person(), school.kiosk()
    device.events(2, minute(school, 2))
    school.send(device, device.gap(minute(school, 5), 1, 2))
    afterwards = reported(school, device)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, school.id_of(device))
        began = school.starts_at - timedelta(hours=1)
        close_watermark(
            db, kiosk, from_at=began, reason="no card", actor="system", at=school.ends_at
        )
    assert school.mark(unseen, afterwards).status == AttendanceStatus.NOT_SEEN


def test_gap_event_marks_nobody(school: School) -> None:
    person, device = school.person(), school.kiosk()
    device.event(minute(school, 0))
    words = {"person_id": person, "lesson_id": school.lesson_id}
    school.send(device, device.gap(minute(school, 1), 1, 1, **words))
    assert school.mark(person).first_seen_at is None


@pytest.mark.parametrize(("first", "last"), [(2, 9), (3, 3), (2, 1)])
def test_gap_of_the_future_or_upside_down_is_refused(school: School, first: int, last: int) -> None:
    device = school.kiosk()
    device.event(now())
    device.event(now())
    ack = school.send(device, device.gap(now(), first, last))
    assert [one.reason for one in ack.refused] == ["malformed"]
    assert spans(school) == []
    assert [(run.first, run.last) for run in ack.stored_beyond] == [(3, 3)]


def test_numbers_that_are_here_are_not_lost(school: School) -> None:
    device = school.kiosk()
    events = device.events(5, now())
    school.send(device, events[0], events[2])
    school.send(device, device.gap(now(), 1, 5))
    (span,) = spans(school)
    assert (span.first, span.last, span.missing) == (1, 5, 3)
    again = school.send(device, device.gap(now(), 1, 6))
    assert again.stored_through == 7
    assert len(spans(school)) == 1


def test_hostile_kiosk_fills_no_table_with_spans(school: School) -> None:
    device = school.kiosk()
    events = []
    for _ in range(lost_spans.MOST_OPEN + 20):
        device.seq += 1
        events.append(device.gap(now(), device.seq, device.seq))
    for start in range(0, len(events), 60):
        school.send(device, *events[start : start + 60])
    found = spans(school)
    assert len(found) == lost_spans.MOST_OPEN
    assert sum(one.missing for one in found) == lost_spans.MOST_OPEN + 20


def test_lost_events_that_are_found_close_their_span(school: School) -> None:
    device = school.kiosk()
    events = device.events(2, minute(school, 1))
    school.send(device, device.gap(minute(school, 2), 1, 2))
    school.send(device, events[0])
    assert [one.missing for one in spans(school)] == [1]
    school.send(device, *events)
    (span,) = spans(school)
    assert (span.missing, span.close_reason) == (0, lost_spans.FOUND)
    assert len(school.stored(device)) == 3


def test_span_stays_open_when_other_events_than_its_own_arrive(school: School) -> None:
    device = school.kiosk()
    old = device.event(school.starts_at - timedelta(days=300))
    assert school.send(device, old).refused[0].reason == "before_claim"
    (lost,) = device.events(1, minute(school, 1))
    school.send(device, device.gap(minute(school, 2), 1, 2))
    with school.database.transaction() as db:
        decision = Decision("system", "The clock was wrong.", now())
        accept(db, school.quarantined()[0].id, decision)
    assert [(one.missing, one.closed_at) for one in spans(school)] == [(1, None)]
    school.send(device, lost)
    assert [one.close_reason for one in spans(school)] == [lost_spans.FOUND]


def test_a_number_was_lost_with_the_first_span_only(school: School) -> None:
    device = school.kiosk()
    events = device.events(2, minute(school, 1))
    school.send(device, device.gap(minute(school, 2), 1, 1))
    school.send(device, device.gap(minute(school, 3), 1, 2))
    school.send(device, events[0])
    by_last = sorted(spans(school), key=lambda one: one.last)
    assert [one.close_reason for one in by_last] == [lost_spans.FOUND, None]


def test_span_that_sums_up_several_is_closed_by_people_only(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_spans, "MOST_OPEN", 1)
    device = school.kiosk()
    lost = device.events(1, minute(school, 1))
    first = device.gap(minute(school, 2), 1, 1)
    between = device.events(1, minute(school, 3))
    lost += device.events(1, minute(school, 4))
    school.send(device, first, device.gap(minute(school, 5), 4, 4))
    school.send(device, lost[0], *between)
    (span,) = spans(school)
    assert (span.first, span.last, span.missing, span.closed_at) == (1, 4, 2, None)


def test_numbers_that_never_arrive_are_closed_by_a_person(school: School) -> None:
    unseen, device = school.person(), school.kiosk()
    events = device.events(5, minute(school, 1))
    afterwards = school.ends_at + timedelta(hours=1)
    school.send(device, events[0], events[3], events[4], synced_through=afterwards, at=afterwards)
    assert school.mark(unseen, afterwards).status == AttendanceStatus.PENDING
    loss = Loss(Run(2, 4), Bounds(school.starts_at, school.ends_at), lost_spans.NEVER_ARRIVED, None)
    with school.database.transaction() as db:
        progress = db.get_one(KioskProgress, school.id_of(device))
        row = lost_spans.close_missing(db, progress, loss, DECISION, now())
        settle_watermark(db, progress)
        db.add(progress)
        assert (row.missing, row.closed_by) == (2, "system")
    assert school.progress(device).stored_through == 5
    assert school.mark(unseen, afterwards).status == AttendanceStatus.NOT_SEEN


def test_only_missing_numbers_can_be_closed(school: School) -> None:
    device = school.kiosk()
    school.send(device, *device.events(3, now()))
    for span in (Run(1, 2), Run(3, 9), Run(4, 4), Run(0, 2)):
        loss = Loss(span, Bounds(now(), now()), lost_spans.NEVER_ARRIVED)
        with school.database.transaction() as db:
            progress = db.get_one(KioskProgress, school.id_of(device))
            with pytest.raises(ConflictError):
                lost_spans.close_missing(db, progress, loss, DECISION, now())


def lost_runs(ack: Ack) -> list[tuple[int, int]]:
    return [(run.first, run.last) for run in ack.lost]


def test_ack_names_lost_numbers_until_their_events_are_found(school: School) -> None:
    """The other device of the identity still has them."""
    device = school.kiosk()
    events = device.events(6, minute(school, 0))
    ack = school.send(device, events[0], events[5], device.gap(minute(school, 1), 2, 5))
    assert (ack.stored_through, lost_runs(ack)) == (7, [(2, 5)])
    assert lost_runs(school.send(device, events[2])) == [(2, 2), (4, 5)]
    assert lost_runs(school.send(device, events[1], events[3], events[4])) == []
    (span,) = spans(school)
    assert (span.missing, span.close_reason) == (0, "found")


def test_lost_event_found_after_the_servers_clock_went_back_is_no_longer_lost(
    school: School,
) -> None:
    device = school.kiosk()
    first, second, third = device.events(3, minute(school, 0))
    gap = device.gap(minute(school, 1), 2, 2)
    ahead = now() + timedelta(hours=5)
    assert lost_runs(school.send(device, first, third, gap, at=ahead)) == [(2, 2)]
    assert lost_runs(school.send(device, second)) == []
    assert spans(school)[0].close_reason == "found"


def test_event_in_quarantine_is_not_named_as_lost(school: School) -> None:
    device = school.kiosk()
    first = device.event(minute(school, 0))
    later = device.event(now() + timedelta(days=1))
    third, fourth = device.events(2, minute(school, 1))
    assert school.send(device, first, later).refused[0].reason == "future"
    ack = school.send(device, fourth, device.gap(minute(school, 2), 2, 3))
    assert lost_runs(ack) == [(3, 3)]
    assert lost_runs(school.send(device, third)) == []


def test_numbers_that_an_admin_decided_about_are_not_asked_for(school: School) -> None:
    device = school.kiosk()
    first, _second, third = device.events(3, minute(school, 0))
    school.send(device, first, third, device.gap(minute(school, 1), 2, 2))
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, school.id_of(device))
        lost_spans.close_span(db, kiosk, spans(school)[0].id, DECISION, now())
    assert lost_runs(school.send(device)) == []


def test_span_ends_where_its_lost_numbers_do(school: School) -> None:
    device = school.kiosk()
    events = device.events(6, minute(school, 0))
    school.send(device, events[0], events[5], device.gap(minute(school, 1), 2, 5))
    school.send(device, events[1], events[4])
    (span,) = spans(school)
    assert (span.first, span.last, span.missing) == (3, 4, 2)


def test_ack_reads_only_so_many_numbers(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "_MOST_READ", 2)
    device = school.kiosk()
    events = device.events(10, minute(school, 0))
    school.send(device, events[0], events[9], device.gap(minute(school, 1), 2, 9))
    ack = school.send(device, events[3], events[5], events[7])
    assert lost_runs(ack) == [(2, 3), (5, 5)]
