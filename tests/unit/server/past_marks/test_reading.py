"""What cells of past attendance mean; any text is read or refused."""

import contextlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.attendance.codes.code_list import Code, CodeList
from server.attendance.register import CORRECTABLE
from server.imports.attendance_columns import ATTENDANCE_COLUMNS
from server.imports.findings import ParsedRow, RowError
from server.imports.matching import guess
from server.past_marks.reading import MarkReader
from server.past_marks.statuses import StatusNames
from server.timetable.tables import Course, Room


def code(category: str, name: str = "", letter: str = "", **changed: Any) -> Code:
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "name": name,
        "letter": letter,
        "category": category,
        "is_attended": False,
        "needs_reason": False,
        "colour": "blue",
        "statutory_code": "",
        "position": 1,
        "is_default": False,
        "used_at": None,
        "retired_at": None,
    }
    return Code(**{**values, **changed})


DEFAULTS = [code(category, is_default=True) for category in CORRECTABLE]
OWN = [
    code("present", "On site", "/", statutory_code="P1"),
    code("excused", "Trip", "E"),
    code("absent", "Unentschuldigt", "U", needs_reason=True),
]
NAMES = StatusNames(CodeList([*DEFAULTS, *OWN]))
READER = MarkReader(
    courses={"BIO-9": Course(code="BIO-9", title="Biology")},
    rooms={"R12": Room(name="R12")},
    statuses=NAMES,
    reasons={"doctor": "Doctor"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("present", ("present", "")),
        ("ANWESEND", ("present", "")),
        ("P", ("present", "")),
        ("\u062d", ("present", "")),
        ("/", ("present", "On site")),
        ("p1", ("present", "On site")),
        ("on SITE", ("present", "On site")),
        ("versp\u00e4tet", ("late", "")),
        ("\u0645\u062a\u0623\u062e\u0631", ("late", "")),
        ("en retard", ("late", "")),
        ("Excus\u00e9e", ("excused", "")),
        ("trip", ("excused", "Trip")),
        ("unentschuldigt", ("absent", "Unentschuldigt")),
        ("Left early", ("left_early", "")),
    ],
)
def test_a_status_is_a_letter_a_name_or_a_word(text: str, expected: tuple[str, str]) -> None:
    found = NAMES.read(text)
    assert (found.category, found.name) == expected


@pytest.mark.parametrize(
    ("text", "reason"), [("E", "status_ambiguous"), ("maybe", "status"), ("...", "status")]
)
def test_other_texts_are_no_status(text: str, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        NAMES.read(text)
    assert caught.value.reason == reason


def test_retired_codes_are_not_meant() -> None:
    retired = code("absent", "Gone", "G", retired_at=object())
    with pytest.raises(RowError):
        StatusNames(CodeList([*DEFAULTS, retired])).read("Gone")


def row(**changed: str) -> ParsedRow:
    values = {"student_number": "1", "course": "BIO-9", "date": "2026-09-02", "status": "late"}
    return ParsedRow(2, values | changed)


def test_a_row_is_read() -> None:
    found = READER.read(row(starts="8:00", minutes="45", room="R12", reason=" DOCTOR"))
    assert (found.length, found.mark.reason) == (timedelta(minutes=45), "Doctor")
    assert found.starts is not None
    assert (found.starts.hour, found.ends) == (8, None)
    assert READER.read(row(minutes="000000720")).length == timedelta(hours=12)


@pytest.mark.parametrize(
    "text",
    ["0", "-5", "721", "00045999", "99999999999999999999", "9" * 5000, "4.5", "\u0664\u0665"],
    ids=lambda text: text[:12],
)
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(RowError) as caught:
        READER.read(row(minutes=text))
    assert caught.value.reason == "minutes"


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        ("late", "", None),
        ("late", "0", 0),
        ("late", "007", 7),
        ("late", "600", 600),
        ("present", "0", None),
        ("absent", "000", None),
    ],
)
def test_minutes_late_are_read(status: str, text: str, expected: int | None) -> None:
    assert READER.read(row(status=status, minutes_late=text)).mark.minutes_late == expected


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        ("late", "601", "minutes_late"),
        ("late", "-1", "minutes_late"),
        ("late", "1.5", "minutes_late"),
        ("late", "12 min", "minutes_late"),
        ("late", "\u0661\u0662", "minutes_late"),
        ("late", "9" * 5000, "minutes_late"),
        ("present", "3", "not_late"),
        ("absent", "45", "not_late"),
    ],
    ids=lambda text: text[:12],
)
def test_other_minutes_late_are_refused(status: str, text: str, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        READER.read(row(status=status, minutes_late=text))
    assert (caught.value.reason, caught.value.column) == (reason, "minutes_late")


@pytest.mark.parametrize(
    "name",
    [
        "Minutes late",
        "minutes_late",
        "Late minutes",
        "Minuten versp\u00e4tet",
        "Versp\u00e4tung (Minuten)",
        "Minutes de retard",
        "Minutos de retraso",
        "\u062f\u0642\u0627\u0626\u0642 \u0627\u0644\u062a\u0623\u062e\u064a\u0631",
    ],
)
def test_the_column_is_found_beside_the_length_of_the_lesson(name: str) -> None:
    found = guess(["Minutes", "Status", name], ATTENDANCE_COLUMNS)
    assert found == {"minutes": 0, "status": 1, "minutes_late": 2}


CELLS = st.text(max_size=20) | st.sampled_from(["2026-02-30", "10000-01-01", "24:00", "=1+1", "E"])


@settings(max_examples=50, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            (
                "student_number",
                "date",
                "status",
                "starts",
                "ends",
                "minutes",
                "room",
                "reason",
                "minutes_late",
            ),
            CELLS,
        ),
    )
)
def test_any_cells_are_read_or_refused(cells: dict[str, str]) -> None:
    with contextlib.suppress(RowError):
        READER.read(row(**cells))
