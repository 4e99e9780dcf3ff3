"""Calendars of any program are read, and hostile ones end in a plain error or a wrong event."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from server.imports.calendars import events, reading, text
from server.imports.calendars.entries import (
    CalendarUse,
    EntryRow,
    HolidayEntry,
    Series,
    SlotChange,
)
from server.imports.calendars.reading import CalendarFile, read_calendar
from server.imports.sheets import UnreadableFileError

BERLIN, ON = ZoneInfo("Europe/Berlin"), date(2026, 11, 28)
LESSON = "SUMMARY:BIO-9\nLOCATION:R12\nDTSTART:20261207T080000\nDTEND:20261207T084500\n"


def calendar(*events: str, before: str = "") -> bytes:
    """Return a calendar with these events, each without its first and last line."""
    body = "".join(f"BEGIN:VEVENT\n{one.strip()}\nEND:VEVENT\n" for one in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{before}{body}END:VCALENDAR\n".encode()


def read(data: bytes) -> CalendarFile:
    return read_calendar(data, BERLIN, ON)


def entries(data: bytes) -> list[Any]:
    """Return the entries of a calendar in which nothing is wrong."""
    file = read(data)
    assert file.rows.wrong == []
    return [one.entry for one in file.rows.rows if isinstance(one, EntryRow)]


def only_reason(*events: str) -> str:
    """Return why the only wrong event of a calendar is wrong."""
    (wrong,) = read(calendar(*events)).rows.wrong
    return wrong.reason


def test_whole_days_are_holidays_and_their_end_is_not_included() -> None:
    file = calendar(
        "SUMMARY:Herbst\\, zwei Wochen\nDTSTART;VALUE=DATE:20261012\nDTEND;VALUE=DATE:20261024",
        "SUMMARY:Tag\nDTSTART;VALUE=DATE:20261103",
    )
    assert read(file).use is CalendarUse.HOLIDAYS
    assert entries(file) == [
        HolidayEntry("Herbst, zwei Wochen", date(2026, 10, 12), date(2026, 10, 23)),
        HolidayEntry("Tag", date(2026, 11, 3), date(2026, 11, 3)),
    ]


ZONES = {
    "the school's": "DTSTART:20261207T080000\nDTEND:20261207T084500",
    "utc": "DTSTART:20261207T070000Z\nDTEND:20261207T074500Z",
    "iana": "DTSTART;TZID=Europe/London:20261207T070000\nDTEND;TZID=Europe/London:20261207T074500",
    "windows": ('DTSTART;TZID="W. Europe Standard Time":20261207T080000\nDURATION:PT45M'),
    "with a prefix": (
        "DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20261207T080000\nDURATION:PT45M"
    ),
    "stated": "DTSTART;TZID=Mine:20261207T080000\nDURATION:PT45M",
}


@pytest.mark.parametrize("name", sorted(ZONES))
def test_a_lesson_is_at_the_same_moment_in_any_zone(name: str) -> None:
    zone = "BEGIN:VTIMEZONE\nTZID:Mine\nX-LIC-LOCATION:Europe/Berlin\nEND:VTIMEZONE\n"
    event = f"SUMMARY:BIO-9\nLOCATION:R12\n{ZONES[name]}"
    (found,) = entries(calendar(event, before=zone))
    (slot,) = found.slots.values()
    assert slot.starts_at == datetime(2026, 12, 7, 7, tzinfo=UTC)
    assert (found.starts, found.ends, found.step) == (time(8), time(8, 45), 0)


def test_a_rule_keeps_the_time_of_its_zone_when_the_clocks_change() -> None:
    rule = "RRULE:FREQ=WEEKLY;UNTIL=20270426T220000Z"
    (found,) = entries(calendar(LESSON + rule))
    assert (found.step, found.starts) == (7, time(8))
    assert (min(found.slots), max(found.slots)) == (date(2026, 12, 7), date(2027, 4, 26))
    in_utc = LESSON.replace("T080000", "T070000Z").replace("T084500", "T074500Z")
    assert {one.starts for one in entries(calendar(in_utc + rule))} == {time(8), time(9)}


def test_single_events_that_are_regular_are_one_series() -> None:
    dates = [date(2026, 12, 7) + timedelta(weeks=2 * n) for n in range(5)]
    events = [LESSON.replace("20261207", f"{day:%Y%m%d}") for day in dates]
    (found,) = entries(calendar(*events, events[0]))
    assert (found.step, list(found.slots)) == (14, dates)
    odd = LESSON.replace("T080000", "T081500")
    assert sorted(one.step for one in entries(calendar(*events, odd))) == [0, 14]


def test_lessons_that_are_left_out_cancelled_and_moved_are_changes() -> None:
    series = (
        "UID:a\n"
        + LESSON
        + "RRULE:FREQ=WEEKLY;COUNT=6\nEXDATE:20261214T080000\nEXDATE;VALUE=DATE:20261221"
    )
    cancelled = "UID:a\n" + LESSON + "RECURRENCE-ID:20261228T080000\nSTATUS:CANCELLED"
    moved = (
        "UID:a\nSUMMARY:BIO-9\nLOCATION:R14\nRECURRENCE-ID:20270104T070000Z\n"
        "DTSTART:20270105T095000\nDTEND:20270105T103500"
    )
    found = entries(calendar(series, cancelled, moved))
    assert isinstance(found[0], Series)
    assert list(found[0].slots) == [date(2026, 12, 7), date(2027, 1, 11)]
    changes = [one for one in found[1:] if isinstance(one, SlotChange)]
    assert [one.before.starts_at.day for one in changes] == [14, 21, 28, 4]
    assert [one.after and one.after.room for one in changes] == [None, None, None, "R14"]


WRONG = {
    "every second": LESSON + "RRULE:FREQ=SECONDLY",
    "every month": LESSON + "RRULE:FREQ=MONTHLY;BYDAY=1MO",
    "every third week": LESSON + "RRULE:FREQ=WEEKLY;INTERVAL=3",
    "an interval of nothing": LESSON + "RRULE:FREQ=WEEKLY;INTERVAL=0",
    "a negative count": LESSON + "RRULE:FREQ=WEEKLY;COUNT=-1",
    "positions": LESSON + "RRULE:FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1",
    "no rule": LESSON + "RRULE:nonsense",
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_rule_that_is_not_weekly_is_named(name: str) -> None:
    assert only_reason(WRONG[name]) == "calendar_rule"


REFUSED = {
    "calendar_start": LESSON + "RRULE:FREQ=WEEKLY;BYDAY=TU",
    "calendar_dates": LESSON + "RDATE:20261208T080000",
    "calendar_zone": LESSON.replace("DTSTART", "DTSTART;TZID=../../etc/passwd"),
    "calendar_no_end": "SUMMARY:A\nDTSTART:20261207T080000",
    "ends_before_start": LESSON.replace("T084500", "T074500"),
    "calendar_far": LESSON.replace("DTSTART:2026", "DTSTART:9999"),
    "calendar_repeats": "SUMMARY:A\nDTSTART;VALUE=DATE:20261207\nRRULE:FREQ=YEARLY",
    "calendar_cancelled": "SUMMARY:A\nDTSTART;VALUE=DATE:20261207\nSTATUS:CANCELLED",
    "calendar_broken": LESSON.replace("LOCATION:R12", "LOCATION:Room with\nno fold here"),
    "calendar_future": ("UID:a\n" + LESSON + "RECURRENCE-ID;RANGE=THISANDFUTURE:20261214T080000"),
}


@pytest.mark.parametrize("reason", sorted(REFUSED))
def test_an_event_that_cannot_be_imported_says_why(reason: str) -> None:
    assert only_reason(REFUSED[reason]) == reason


def test_a_series_that_changes_from_a_day_on_is_refused_as_a_whole() -> None:
    file = read(calendar("UID:a\n" + LESSON + "RRULE:FREQ=WEEKLY", REFUSED["calendar_future"]))
    assert [one.reason for one in file.rows.wrong] == ["calendar_future"] * 2
    assert file.rows.rows == []


def test_a_whole_day_among_lessons_is_no_holiday() -> None:
    file = read(calendar(LESSON, "SUMMARY:Trip\nDTSTART;VALUE=DATE:20261208"))
    assert (file.use, len(file.rows.rows)) == (CalendarUse.TIMETABLE, 1)
    assert [one.reason for one in file.rows.wrong] == ["all_day_lesson"]


@pytest.mark.parametrize("rule", ["COUNT=1000000000", "INTERVAL=1", "UNTIL=20991231"])
def test_a_rule_without_an_end_gives_only_what_can_be_planned(rule: str) -> None:
    (found,) = entries(calendar(LESSON + f"RRULE:FREQ=WEEKLY;{rule}"))
    assert len(found.slots) < 120


EVERY_DAY = "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU"
FILES: dict[str, tuple[str, bytes]] = {
    "empty": ("file_empty", b" \n"),
    "no calendar": ("no_calendar", b"course;room\nBIO-9;R12\n"),
    "a workbook": ("no_calendar", b"PK\x03\x04" + bytes(range(256)) * 8),
    "no event": ("calendar_empty", calendar()),
    "half a file": ("calendar_cut", calendar(LESSON)[:-40]),
    "another end": ("calendar_cut", calendar("BEGIN:VALARM\nEND:VTODO")),
    "returns without end": ("calendar_cut", b"BEGIN:VCALENDAR" + b"\r" * 3_000_000 + b"x"),
    "deep nesting": ("no_calendar", b"BEGIN:VCALENDAR\n" * 10_000),
    "too many events": ("calendar_events", calendar(*["SUMMARY:A"] * 101)),
    "too many lines": ("calendar_large", calendar("X-A:1\n" * 5_001)),
    "too much text": ("calendar_large", calendar("UID:A\n" * 2_001)),
    "too many lessons": ("calendar_lessons", calendar(LESSON + EVERY_DAY)),
    "too many dates": (
        "calendar_lessons",
        calendar(LESSON + "EXDATE:" + ",".join(["20261207T080000"] * 201)),
    ),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_no_calendar_or_too_much_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "MOST_EVENTS", 100)
    monkeypatch.setattr(text, "_MOST_LINES", 5_000)
    monkeypatch.setattr(text, "_MOST_KEPT_CHARS", 10_000)
    monkeypatch.setattr(reading, "MOST_ROWS", 200)
    monkeypatch.setattr(events, "MOST_ROWS", 200)
    problem, data = FILES[name]
    with pytest.raises(UnreadableFileError) as refused:
        read(data)
    assert refused.value.details["problem"] == problem


UMLAUT = calendar("SUMMARY:Schulfest in der großen Aula\nDTSTART;VALUE=DATE:20261207")
TEXTS = {
    "utf-8": UMLAUT,
    "with a mark": b"\xef\xbb\xbf" + UMLAUT,
    "windows-1252": UMLAUT.decode().encode("cp1252"),
    "utf-16": UMLAUT.decode().encode("utf-16"),
    "folded within a letter": UMLAUT.replace(b"\xc3\x9f", b"\xc3\r\n \x9f"),
    "old line ends": UMLAUT.replace(b"\n", b"\r"),
    "doubled line ends": UMLAUT.replace(b"\n", b"\r\r\n"),
}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_letters_are_right_in_any_encoding(name: str) -> None:
    (found,) = entries(TEXTS[name])
    assert found.name == "Schulfest in der großen Aula"


def test_what_an_import_does_not_need_is_not_kept() -> None:
    long = "DESCRIPTION:" + "x" * 1_000_000
    alarm = "BEGIN:VALARM\nTRIGGER:-PT5M\nSUMMARY:No\nEND:VALARM"
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Evil\nBEGIN:STANDARD\nDTSTART:16010101T000000\n"
        "RRULE:FREQ=SECONDLY\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    file = calendar(f"{LESSON}{long}\nno name here\n{alarm}", before=zone)
    (event,) = text.read_text(file).events
    assert event.lines == LESSON.splitlines()
    assert len(entries(file)) == 1


SERIES = "UID:s\nSUMMARY:BIO-9\nLOCATION:R1\nDTSTART:20270104T080000\nDURATION:PT45M"
WEEKLY = f"{SERIES}\nRRULE:FREQ=WEEKLY;COUNT=4"
AT = {day: datetime(2027, 1, day, 7, tzinfo=UTC) for day in (4, 11, 12, 13, 18, 25)}


def moved(uid: str, before: int, after: int) -> str:
    """Return an event that moves the lesson of one day to another day."""
    return (
        f"UID:{uid}\nSUMMARY:BIO-9\nLOCATION:R1\nRECURRENCE-ID:202701{before:02}T080000\n"
        f"DTSTART:202701{after:02}T080000\nDURATION:PT45M"
    )


def once(uid: str, day: int) -> str:
    """Return an event of one lesson."""
    return SERIES.replace("UID:s", f"UID:{uid}").replace("20270104", f"202701{day:02}")


def starts_of(data: bytes) -> tuple[list[datetime], list[SlotChange]]:
    """Return when the lessons of a calendar start, and the changes beside them."""
    found = entries(data)
    lessons = [slot for one in found if isinstance(one, Series) for slot in one.slots.values()]
    changes = [one for one in found if isinstance(one, SlotChange)]
    return sorted(one.starts_at for one in lessons), changes


@pytest.mark.parametrize("order", [1, -1])
def test_a_moved_lesson_stays_where_another_event_takes_its_old_place(order: int) -> None:
    events = [WEEKLY, moved("s", 11, 13), once("o", 11)]
    assert starts_of(calendar(*events[::order])) == (
        [AT[day] for day in (4, 11, 13, 18, 25)],
        [],
    )


@pytest.mark.parametrize("order", [1, -1])
def test_a_lesson_moved_to_where_another_was_moved_from_takes_the_place(order: int) -> None:
    other = once("t", 13)
    events = [WEEKLY, moved("s", 11, 13), once("o", 11), other, moved("t", 13, 12)]
    lessons, changes = starts_of(calendar(*events[::order]))
    assert (lessons, changes) == ([AT[day] for day in (4, 11, 12, 13, 18, 25)], [])


def test_both_lessons_of_one_place_that_were_moved_stay() -> None:
    events = [WEEKLY, moved("s", 11, 13), once("o", 11), moved("o", 11, 12)]
    lessons, changes = starts_of(calendar(*events))
    moved_to = {change.after.starts_at for change in changes if change.after}
    assert {*lessons, *moved_to} == {AT[day] for day in (4, 12, 13, 18, 25)}


def test_events_without_an_id_do_not_replace_each_other() -> None:
    nameless = [
        moved(uid, 11, day).replace(f"UID:{uid}\n", "") for uid, day in (("a", 12), ("b", 13))
    ]
    assert starts_of(calendar(*nameless)) == ([AT[12], AT[13]], [])


@pytest.mark.parametrize(("sequences", "day", "older"), [((1, 0), 12, 3), ((0, 0), 13, 2)])
def test_the_newest_version_of_a_change_counts(
    sequences: tuple[int, int], day: int, older: int
) -> None:
    versions = [
        f"{moved('s', 11, to)}\nSEQUENCE:{number}"
        for number, to in zip(sequences, (12, 13), strict=True)
    ]
    file = read(calendar(WEEKLY, *versions))
    (wrong,) = file.rows.wrong
    assert (wrong.row, wrong.reason) == (older, "calendar_older")
    assert wrong.values == {"event": str(5 - older)}
    found = [one.entry for one in file.rows.rows if isinstance(one, EntryRow)]
    (change,) = [one for one in found if isinstance(one, SlotChange)]
    assert change.after is not None
    assert change.after.starts_at == AT[day]
