"""CSV, XLSX and PDF of reports hold what they were given, and nothing in them is a formula."""

import csv
import io
import json
import re
import uuid
import zipfile
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET  # our own file is read

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.attendance.register import AttendanceStatus
from server.people.tables import Person
from server.reports import xlsx_file
from server.reports.csv_file import csv_pieces, plain_text
from server.reports.lines import LessonFacts, LineFacts, ReportSpan
from server.reports.register_pdf import PrintedRegister, course_register, lesson_register
from server.reports.schemas import ReportScope
from server.reports.service import Report
from server.reports.stored_lines import pack, unpack
from server.reports.xlsx_file import ExportSheet, xlsx_pieces
from server.web.formulas import without_formulas
from server.web.table_file import csv_of
from server.web.translations import translator
from tests.support.planning import BERLIN

HOSTILE = [
    '=HYPERLINK("https://evil.example","Ada")',
    "+49 170 1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "  =1+1",
    "\uff1d1+1",
    "\u202e=1+1",
    '"; DROP, "',
    "<b>&amp;</b>]]>",
    "Ada 😀",
    "x" * 200,
    "\x00\x07Ben",
]
NAMESPACE = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
texts = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(HOSTILE)
cells = texts | st.integers(-(10**9), 10**9) | st.none()


def read_csv(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data: bytes, sheet: int = 1) -> list[list[str]]:
    """Return the text of each cell; fails where any cell is a formula."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        root = ET.fromstring(archive.read(f"xl/worksheets/sheet{sheet}.xml"))
    assert not root.findall(".//m:f", NAMESPACE)
    return [
        ["".join(cell.itertext()) for cell in row.findall("m:c", NAMESPACE)]
        for row in root.findall(".//m:row", NAMESPACE)
    ]


@given(st.lists(st.lists(cells, min_size=1, max_size=4), max_size=6))
def test_what_was_written_is_read_back_and_no_text_is_a_formula(
    rows: list[list[str | int | None]],
) -> None:
    shown = [
        [
            "" if one is None else plain_text(one) if isinstance(one, str) else str(one)
            for one in row
        ]
        for row in rows
    ]
    found = read_csv(b"".join(csv_pieces(rows)))
    safe = [
        [
            without_formulas(one) if isinstance(raw, str) else one
            for one, raw in zip(*pair, strict=True)
        ]
        for pair in zip(shown, rows, strict=True)
    ]
    assert [row or [""] for row in found] == safe
    book = read_xlsx(b"".join(xlsx_pieces([ExportSheet("ExportSheet", rows)])))
    without = [[one.replace("\ufffe", "").replace("\uffff", "") for one in row] for row in shown]
    assert book == without


@given(st.lists(st.text(";|\t\n\r =+-@\"'a,\uff1d", max_size=12), min_size=1, max_size=3))
def test_no_separator_of_another_locale_starts_a_formula(row: list[str]) -> None:
    for data in (b"".join(csv_pieces([row])), csv_of([row])):
        for separator in (",", ";", "\t", "|"):
            text = io.StringIO(data.decode("utf-8-sig"), newline="")
            for cells in csv.reader(text, delimiter=separator):
                assert not [one for one in cells if re.match(r" *[=+\-@\uff1d]", one)]


def test_a_formula_behind_a_semicolon_stays_readable() -> None:
    ((cell,),) = read_csv(b"".join(csv_pieces([["Max;=HYPERLINK(1)"]])))
    assert cell == "Max;'=HYPERLINK(1)"


@pytest.mark.parametrize("text", HOSTILE[:9])
def test_text_that_looks_like_a_formula_is_marked_as_text(text: str) -> None:
    ((cell,),) = read_csv(b"".join(csv_pieces([[text]])))
    assert cell[0] in ("'", " ")
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))


def test_negative_numbers_of_ours_stay_numbers() -> None:
    assert read_csv(b"".join(csv_pieces([[-2, 0.5]]))) == [["-2", "0.5"]]


def test_a_workbook_comes_in_pieces_and_ends_at_the_last_row_of_a_sheet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", 1500)
    read: list[int] = []

    def rows() -> object:
        for number in range(2000):
            read.append(number)
            yield [number, uuid.UUID(int=number * 10**30).hex]

    pieces = xlsx_pieces([ExportSheet("Lines", rows()), ExportSheet("About [1]: *", [["a"]])])  # type: ignore[arg-type]
    first = next(pieces)
    assert len(read) < 2000
    book = first + b"".join(pieces)
    assert len(read_xlsx(book)) == 1500
    assert read_xlsx(book, 2) == [["a"]]


AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
PEOPLE = [uuid.UUID(int=number) for number in range(1, 10)]
NAMES = [
    "محمد الهاشمي",
    "Ada Lovelace",
    "=1+1",
    "Zoë 李小龙",
    "A" * 200,
    "\u202eBen\u202c",
    "Eve 😀",
    "Jo",
    "Ngũgĩ wa Thiong'o",
]


def report_of(lessons: int) -> Report:
    found, is_seen = [], True
    for number in range(lessons):
        starts_at = AT - timedelta(days=lessons - number)
        lines = tuple(
            LineFacts(person, status, starts_at, None, is_corrected=False)
            for person, status in zip(
                PEOPLE, [*AttendanceStatus, AttendanceStatus.PRESENT], strict=True
            )
        )
        end = starts_at + timedelta(minutes=45)
        found.append(
            LessonFacts(
                uuid.UUID(int=100 + number),
                uuid.UUID(int=50),
                uuid.UUID(int=51),
                starts_at.date(),
                starts_at,
                end,
                number == 1,
                is_seen,
                lines,
            )
        )
    span = ReportSpan(date(2026, 9, 1), date(2026, 11, 26), BERLIN)
    report = Report(ReportScope(span), AT, lessons=found)
    report.tally.add_all(found, AT)
    return report


def printed(lessons: int) -> PrintedRegister:
    people = {
        key: Person(
            id=key,
            student_number=f"S-{number}",
            given_name=name,
            family_name="",
            display_name=name,
            search_text="",
            sort_key=bytes([number]),
        )
        for number, (key, name) in enumerate(zip(PEOPLE, NAMES, strict=True))
    }
    return PrintedRegister("Lindenhof", "BIO-9 Biology", people, report_of(lessons), "R12")


def pages_of(data: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(data)
    try:
        return [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_printed_register_names_everybody_and_fits_on_its_page(language: str) -> None:
    (page,) = pages_of(lesson_register(printed(1), translator(language)))
    for text in ("Lovelace", "S-6", "=1+1", "Lindenhof"):
        assert text in page
    assert "A" * 200 not in page
    assert "A" * 40 in page


def test_a_grid_of_many_lessons_goes_on_on_further_pages() -> None:
    pages = pages_of(course_register(printed(30), translator("en")))
    assert len(pages) == 2
    assert all("Lovelace" in page and "P Present" in page for page in pages)


def test_kept_lines_are_read_back() -> None:
    lessons = report_of(3).lessons or []
    assert unpack(pack(lessons)) == lessons
    assert b"Lovelace" not in pack(lessons)


def test_minutes_late_are_kept_and_reports_from_before_have_none() -> None:
    (lesson,) = report_of(1).lessons or []
    lines = tuple(one._replace(minutes_late=number) for number, one in enumerate(lesson.lines))
    assert unpack(pack([lesson._replace(lines=lines)]))[0].lines == lines
    (row,) = json.loads(zlib.decompress(pack([lesson])))
    row[-1] = [line[:-1] for line in row[-1]]
    earlier = zlib.compress(json.dumps([row]).encode())
    assert unpack(earlier) == [lesson]


def test_a_printed_register_says_minutes_where_no_kiosk_saw_the_student() -> None:
    one = printed(1)
    (lesson,) = one.report.lessons or []
    lines = tuple(line._replace(first_seen_at=None, minutes_late=12) for line in lesson.lines)
    report = replace(one.report, lessons=[lesson._replace(lines=lines)])
    (page,) = pages_of(lesson_register(replace(one, report=report), translator("en")))
    assert "12 min late" in page
