"""The register's rules, first by example, then for everything hypothesis can think of."""

import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import AttendancePolicy, window_of
from server.attendance.register import (
    CORRECTABLE,
    AttendanceStatus,
    Decisions,
    Judgement,
    KioskWatch,
    RegisterEvent,
    Ruling,
    count_statuses,
    derive_register,
    minutes_late,
)

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
END = START + timedelta(minutes=45)
POLICY = AttendancePolicy(opens_before_min=15, late_after_min=5, absent_grace_min=10)
WINDOW = window_of(START, END, POLICY)
ADA, BEN, CHI = (uuid.UUID(int=number) for number in (1, 2, 3))
DOOR, BACK = uuid.UUID(int=100), uuid.UUID(int=101)
DURING = START + timedelta(minutes=20)
AFTERWARDS = END + timedelta(hours=1)
Watermarks = dict[uuid.UUID, datetime | None]
REPORTED: Watermarks = {DOOR: END + timedelta(minutes=1)}


def seen(minute: float, person: uuid.UUID | None = ADA, **fields: object) -> RegisterEvent:
    values: dict[str, object] = {
        "event_id": uuid.uuid4(),
        "kiosk_id": DOOR,
        "person_id": person,
        "counted_at": START + timedelta(minutes=minute),
        "kind": "seen",
        "method": "face",
    }
    return RegisterEvent(**(values | fields))  # type: ignore[arg-type]


def not_me(of: RegisterEvent, minute: float = 1) -> RegisterEvent:
    return seen(minute, None, kind="not_me", refers_to=of.event_id, kiosk_id=of.kiosk_id)


def line(
    *sightings: RegisterEvent,
    at: datetime = DURING,
    watermarks: Watermarks | None = None,
    rulings: tuple[Ruling, ...] = (),
) -> Judgement:
    watches = watching(REPORTED if watermarks is None else watermarks)
    (mark,) = derive_register(
        [ADA], sightings, WINDOW, watches=watches, decided=Decisions(rulings), at=at
    )
    return mark


def watching(watermarks: Watermarks) -> list[KioskWatch]:
    return [KioskWatch(kiosk, END, through) for kiosk, through in watermarks.items()]


def ruling(status: str, at: datetime, number: int = 1) -> Ruling:
    return Ruling(at, uuid.UUID(int=number), ADA, status)


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        (-15.1, "expected"),
        (-15, "present"),
        (0, "present"),
        (5, "present"),
        (5.1, "late"),
        (44.9, "late"),
        (45, "expected"),
    ],
)
def test_first_sighting_in_the_window_decides(minute: float, expected: str) -> None:
    assert line(seen(minute)).status == expected


def test_later_sightings_change_nothing_but_the_last_time() -> None:
    mark = line(seen(30), seen(1), seen(12))
    assert mark.status == AttendanceStatus.PRESENT
    assert mark.first_seen_at == START + timedelta(minutes=1)
    assert mark.last_seen_at == START + timedelta(minutes=30)


def test_not_me_takes_back_the_mark_it_refers_to() -> None:
    wrong = seen(1)
    assert line(wrong, not_me(wrong)).status == AttendanceStatus.EXPECTED


def test_not_me_leaves_another_sighting_alone() -> None:
    wrong = seen(1)
    mark = line(wrong, not_me(wrong), seen(8))
    assert mark.status == AttendanceStatus.LATE


def test_not_me_of_another_kiosk_takes_nothing_back() -> None:
    mine = seen(1)
    foreign = seen(2, None, kind="not_me", refers_to=mine.event_id, kiosk_id=BACK)
    assert line(mine, foreign).status == AttendanceStatus.PRESENT


def test_kinds_of_a_newer_kiosk_mark_nobody() -> None:
    assert line(seen(1, kind="walked_past")).status == AttendanceStatus.EXPECTED


@pytest.mark.parametrize(
    ("watermarks", "expected"),
    [
        ({DOOR: END}, "not_seen"),
        ({DOOR: END - timedelta(seconds=1)}, "pending"),
        ({DOOR: None}, "pending"),
        ({DOOR: END, BACK: None}, "pending"),
        ({DOOR: END, BACK: END}, "not_seen"),
        ({}, "pending"),
    ],
)
def test_nobody_is_absent_before_every_kiosk_has_told(
    watermarks: Watermarks, expected: str
) -> None:
    assert line(at=AFTERWARDS, watermarks=watermarks).status == expected


def test_nobody_is_absent_before_the_grace_has_passed() -> None:
    just_before = WINDOW.judged_at - timedelta(seconds=1)
    assert line(at=just_before).status == AttendanceStatus.EXPECTED
    assert line(at=WINDOW.judged_at).status == AttendanceStatus.NOT_SEEN


def test_newest_correction_counts_and_the_derived_status_stays_visible() -> None:
    older = ruling("excused", DURING, 2)
    newer = ruling("absent", DURING + timedelta(minutes=1), 1)
    mark = line(seen(1), rulings=(newer, older))
    assert (mark.status, mark.derived, mark.is_corrected) == ("absent", "present", True)


def test_unsynced_clock_is_shown() -> None:
    assert line(seen(1, clock_source="unsynced")).is_clock_doubtful
    assert not line(seen(1, clock_source="rtc")).is_clock_doubtful


def test_of_two_corrections_at_one_moment_the_later_id_counts() -> None:
    one, other = ruling("excused", DURING, 1), ruling("absent", DURING, 2)
    assert line(rulings=(one, other)).status == line(rulings=(other, one)).status == "absent"


def test_kiosk_that_is_released_is_not_waited_for() -> None:
    watch = KioskWatch(DOOR, END, None, is_released=True)
    (mark,) = derive_register([ADA], [], WINDOW, watches=[watch], at=AFTERWARDS)
    assert mark.status == AttendanceStatus.NOT_SEEN


def test_kiosk_that_left_needs_to_report_only_until_then() -> None:
    left_at = START + timedelta(minutes=10)
    watch = KioskWatch(DOOR, left_at, left_at)
    (mark,) = derive_register([ADA], [], WINDOW, watches=[watch], at=AFTERWARDS)
    assert mark.status == AttendanceStatus.NOT_SEEN


@pytest.mark.parametrize(
    ("shown", "expected"), [("late", "late"), ("present", None), (None, None), ("novel", None)]
)
def test_what_the_kiosk_showed_is_said_where_it_differs(
    shown: str | None, expected: str | None
) -> None:
    assert line(seen(1, shown_status=shown)).shown_status == expected


def test_two_kiosks_may_use_one_event_id_at_one_moment() -> None:
    event_id = uuid.UUID(int=7)
    first = seen(1, event_id=event_id, kiosk_id=DOOR)
    second = seen(1, event_id=event_id, kiosk_id=BACK)
    assert line(first, second) == line(second, first)
    assert line(first, second).kiosk_id == DOOR
    assert line(first, not_me(first), second).kiosk_id == BACK


_sightings = st.lists(
    st.builds(
        RegisterEvent,
        event_id=st.integers(1, 12).map(lambda number: uuid.UUID(int=number)),
        kiosk_id=st.sampled_from([DOOR, BACK]),
        person_id=st.sampled_from([ADA, BEN, None]),
        counted_at=st.integers(-30, 70).map(lambda minute: START + timedelta(minutes=minute)),
        kind=st.sampled_from(["seen", "not_me", "roll_call", "novelty"]),
        method=st.sampled_from(["face", "qr"]),
        refers_to=st.none() | st.integers(1, 12).map(lambda number: uuid.UUID(int=number)),
    ),
    max_size=14,
    unique_by=lambda one: (one.kiosk_id, one.event_id),
)
_moments = st.integers(-60, 240).map(lambda minute: START + timedelta(minutes=minute))
_watermarks = st.dictionaries(st.sampled_from([DOOR, BACK]), st.none() | _moments)
_rulings = st.lists(
    st.builds(
        Ruling,
        made_at=_moments,
        ruling_id=st.integers(1, 9).map(lambda number: uuid.UUID(int=number)),
        person_id=st.sampled_from([ADA, BEN]),
        status=st.sampled_from([status.value for status in CORRECTABLE]),
    ),
    max_size=3,
    unique_by=lambda one: one.ruling_id,
)
ROSTER = [CHI, ADA, BEN]


def _derive(
    sightings: list[RegisterEvent],
    watermarks: Watermarks,
    at: datetime,
    rulings: list[Ruling],
) -> list[Judgement]:
    watches = watching(watermarks)
    return derive_register(
        ROSTER, sightings, WINDOW, watches=watches, decided=Decisions(rulings), at=at
    )


@given(_sightings, _watermarks, _moments, _rulings, st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_change_nothing(
    sightings: list[RegisterEvent],
    watermarks: Watermarks,
    at: datetime,
    rulings: list[Ruling],
    order: random.Random,
) -> None:
    shuffled = sightings * 2
    order.shuffle(shuffled)
    expected = _derive(sightings, watermarks, at, rulings)
    assert _derive(shuffled, watermarks, at, rulings[::-1]) == expected


@given(_sightings, _watermarks, _moments, _rulings)
def test_every_person_of_the_roster_has_one_line_in_its_order(
    sightings: list[RegisterEvent],
    watermarks: Watermarks,
    at: datetime,
    rulings: list[Ruling],
) -> None:
    marks = _derive(sightings, watermarks, at, rulings)
    assert [mark.person_id for mark in marks] == ROSTER
    assert sum(count_statuses(marks).values()) == len(ROSTER)


@given(_sightings, _watermarks, _moments)
def test_absence_is_never_derived_without_every_watermark(
    sightings: list[RegisterEvent], watermarks: Watermarks, at: datetime
) -> None:
    marks = _derive(sightings, watermarks, at, [])
    everyone_told = bool(watermarks) and all(told and told >= END for told in watermarks.values())
    absent = [mark for mark in marks if mark.status == AttendanceStatus.NOT_SEEN]
    assert not absent or (everyone_told and at >= WINDOW.judged_at)


@given(_sightings, _watermarks, _moments)
def test_more_knowledge_never_turns_a_present_into_an_absent(
    sightings: list[RegisterEvent], watermarks: Watermarks, at: datetime
) -> None:
    before = {mark.person_id: mark for mark in _derive(sightings, watermarks, at, [])}
    later = _derive(sightings, {DOOR: AFTERWARDS, BACK: AFTERWARDS}, AFTERWARDS, [])
    attended = {AttendanceStatus.PRESENT, AttendanceStatus.LATE}
    assert all(
        mark.status == before[mark.person_id].status
        for mark in later
        if before[mark.person_id].status in attended
    )


@given(_sightings, _watermarks, _moments, st.data())
def test_taking_back_every_sighting_leaves_nobody_attending(
    sightings: list[RegisterEvent],
    watermarks: Watermarks,
    at: datetime,
    data: st.DataObject,
) -> None:
    taken_back = [not_me(one, data.draw(st.integers(0, 40))) for one in sightings]
    marks = _derive([*sightings, *taken_back], watermarks, at, [])
    assert all(mark.first_seen_at is None for mark in marks)


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [("late", None, 12), ("late", 20, 20), ("late", 0, 0), ("present", None, None)],
)
def test_minutes_of_a_correction_come_before_those_of_a_sighting(
    status: str, said: int | None, expected: int | None
) -> None:
    word = replace(ruling(status, END), minutes_late=said)
    assert minutes_late(line(seen(12), rulings=(word,)), WINDOW) == expected


def test_nobody_knows_how_late_a_student_was_whom_only_a_person_called_late() -> None:
    assert minutes_late(line(rulings=(ruling("late", END),)), WINDOW) is None
