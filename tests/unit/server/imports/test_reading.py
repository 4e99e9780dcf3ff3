"""Files as schools have them, and files that nobody should have: rows, or one plain sentence."""

import io
import zipfile
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imports.archives import unpacked
from server.imports.reading import read_rows
from server.imports.sheets import (
    MOST_COLUMNS,
    MOST_UNPACKED_BYTES,
    ReadOptions,
    Sheet,
    UnreadableFileError,
    column_letters,
)
from server.imports.text_files import ENCODINGS, SEPARATORS
from tests.support.workbooks import DATE_STYLE, packed, parts, rows_of, workbook

PEOPLE = "Nummer;Vorname;Nachname\r\n007;Zoë;Müller\r\n0123456789012345678;José;Núñez\r\n"
READ = [("007", "Zoë", "Müller"), ("0123456789012345678", "José", "Núñez")]


def cells(data: bytes, **options: str) -> list[tuple[str, ...]]:
    return [row.cells for row in read_rows(data, ReadOptions(**options)).rows]


def problem(data: bytes, **options: str) -> Any:
    with pytest.raises(UnreadableFileError) as refused:
        read_rows(data, ReadOptions(**options))
    assert refused.value.message.endswith(".")
    return refused.value.details["problem"]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("cp1252", "windows-1252"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encoding_and_separator_are_found(encoding: str, found: str, separator: str) -> None:
    sheet = read_rows(PEOPLE.replace(";", separator).encode(encoding))
    assert (sheet.encoding, sheet.separator) == (found, separator)
    assert sheet.header == ("Nummer", "Vorname", "Nachname")
    assert [row.cells for row in sheet.rows] == READ
    assert [row.number for row in sheet.rows] == [2, 3]
    assert not sheet.is_cut


def test_arabic_of_windows_is_found_and_a_wrong_guess_can_be_corrected() -> None:
    text = "رقم الطالب;الاسم;اسم العائلة\n1;محمد;الأحمد\n2;فاطمة;العلي\n"
    assert read_rows(text.encode("cp1256")).encoding == "windows-1256"
    assert cells("a;b\nż;ź\n".encode("cp1250"), encoding="windows-1250") == [("ż", "ź")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a,b\n"Line one\nline two",x\n', [("Line one\nline two", "x")]),
        ('a,b\n"say ""hi""",x\n', [('say "hi"', "x")]),
        ("a;b\n=1+1;@SUM(A1)\n", [("=1+1", "@SUM(A1)")]),
        ("sep=;\na;b,c\n1;2,5\n", [("1", "2,5")]),
        ("a,b\r1,2\r3,4\r", [("1", "2"), ("3", "4")]),
        ("a;b\n\n;\n1;2\n", [("1", "2")]),
        ("Name\nRoom, left\n", [("Room, left",)]),
        ("Last name;First name\nO'Brien;D'Arcy, Anne\n", [("O'Brien", "D'Arcy, Anne")]),
    ],
)
def test_text_stays_as_it_was_written(text: str, expected: list[tuple[str, ...]]) -> None:
    assert cells(text.encode()) == expected


def test_numbers_that_lost_their_digits_in_a_text_file_are_marked() -> None:
    sheet = read_rows(b"a;b;c\n1.23E+12;1,2E+05;1E5\n")
    assert sheet.rows[0].rounded == {0, 1}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("windows-1253", "\u0393\u03b9\u03ce\u03c1\u03b3\u03bf\u03c2"),
        ("windows-1254", "\u015eule"),
        ("windows-1255", "\u05d3\u05d5\u05d3"),
        ("macintosh", "Zo\u00eb"),
    ],
)
def test_further_encodings_can_be_chosen(encoding: str, name: str) -> None:
    data = f"a;b\n1;{name}\n".encode(ENCODINGS[encoding])
    assert cells(data, encoding=encoding) == [("1", name)]


def test_row_numbers_are_those_of_a_spreadsheet() -> None:
    sheet = read_rows(b'a,b\n"one\ntwo",x\n\n3,4\n')
    assert [row.number for row in sheet.rows] == [2, 4]


@pytest.mark.parametrize(
    "data", ["a;b\nx;ä".encode()[:-1], b"a;b\n1;2\n3"], ids=["in a letter", "in a row"]
)
def test_half_a_file_is_noticed(data: bytes) -> None:
    assert read_rows(data).is_cut


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf", "file_empty"),
        (b"\n \r\n", "file_empty"),
        (b"a;b\n", "file_no_rows"),
        (b"a;b\n;;\n", "file_no_rows"),
        (b";;\n1;2\n", "file_no_header"),
        (b"a;A\n1;2\n", "file_same_names"),
        (b'a,b\n"1,2\n', "file_quotes"),
        (b'a,b\n"1"x,2\n', "file_quotes"),
        (b"a,b\n1,\x002\n" + b"1,2\n" * 20, "sheet_kind"),
        (bytes(range(256)) * 20, "sheet_kind"),
        (b"\x7fELF\x02\x01\x01" + bytes(50), "sheet_kind"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500), "file_old"),
        (b"PK\x03\x04 and no more", "workbook_damaged"),
        (b"a,b\n" + b"1," * MOST_COLUMNS + b"\n", "file_columns"),
        (b"a,b\n" + b"x" * 3000 + b",2\n", "file_cell"),
        (b"a,b\n" + b"x" * 200_000 + b",2\n", "file_cell"),
        (b"a\n" + b"1\n" * 100_001, "file_rows"),
        (b"\xff\xfe" + b"\x00\xd8a\x00" * 5, "file_encoding"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(data: bytes, expected: str) -> None:
    assert problem(data) == expected


def test_a_wrong_choice_gets_a_sentence() -> None:
    assert problem("a;b\nä;ö\n".encode("cp1252"), encoding="utf-8") == "file_encoding"
    assert problem(workbook(rows_of(["a"], ["1"])), sheet="None") == "file_no_sheet"


def test_numbers_and_dates_of_a_workbook_become_text() -> None:
    date = f'<row r="3"><c r="A3" s="{DATE_STYLE}"><v>40179</v></c></row>'
    rows = rows_of(["Number", "Name", "Share"], [123, "=cmd|' /C calc'!A0", 0.5]) + date
    sheet = read_rows(workbook(rows, rows_of(["x"], ["y"])))
    assert [row.cells for row in sheet.rows] == [
        ("123", "=cmd|' /C calc'!A0", "0.5"),
        ("2010-01-01",),
    ]
    assert (sheet.sheets, sheet.sheet) == (("People", "Other"), "People")


def test_leading_zeros_of_a_workbook_stay_and_rounded_numbers_are_marked() -> None:
    data = workbook(rows_of(["Number"], ["007"], [1234567890123456], [123456789012345]))
    assert [(row.cells, row.rounded) for row in read_rows(data).rows] == [
        (("007",), frozenset()),
        (("1234567890123456",), frozenset({0})),
        (("123456789012345",), frozenset()),
    ]


def test_another_sheet_can_be_chosen() -> None:
    data = workbook(rows_of(["a"], ["1"]), rows_of(["b"], ["2"]))
    assert cells(data, sheet="Other") == [("2",)]


def test_saved_result_of_a_formula_is_text_and_nothing_is_evaluated() -> None:
    rows = rows_of(["a", "b"]) + '<row r="2"><c r="A2"><f>1+1</f><v>7</v></c></row>'
    assert cells(workbook(rows)) == [("7",)]


def test_cells_that_are_only_formatted_do_not_make_a_sheet_large() -> None:
    rows = rows_of(["a"], ["1"]) + '<row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert cells(workbook(rows)) == [("1",)]


def test_zip_bombs_are_refused_by_what_they_declare_and_by_what_they_hold() -> None:
    files: dict[str, str | bytes] = {**parts(rows_of(["a"], ["1"]))}
    bomb = bytes(MOST_UNPACKED_BYTES + 1)
    declared = packed(files | {"xl/worksheets/s1.xml": bomb})
    assert len(declared) < 1_000_000
    assert problem(declared) == "file_unpacks"
    many: dict[str, str | bytes] = {f"x{number}": b"" for number in range(2001)}
    assert problem(packed(files | many)) == "file_unpacks"
    hidden = bytearray(declared)
    with zipfile.ZipFile(io.BytesIO(declared)) as archive:
        size = archive.getinfo("xl/worksheets/s1.xml").file_size.to_bytes(4, "little")
    lied = bytes(hidden).replace(size, (10).to_bytes(4, "little"))
    assert problem(lied) == "workbook_damaged"


def test_entries_with_a_password_or_of_the_same_name_are_refused() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("xl/workbook.xml", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("xl/workbook.xml", "2")
    assert problem(data.getvalue()) == "workbook_damaged"
    with pytest.raises(UnreadableFileError):
        unpacked(
            packed({"a": "x"}).replace(
                b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
            ),
            lambda _: True,
        )


def test_letters_of_columns() -> None:
    assert [column_letters(at) for at in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


_pieces = st.sampled_from(
    [",", ";", "\t", '"', "\n", "\r", "é", "a", "0", "=", " ", "\x00", "\x0b"]
)


def read_or_refused(data: bytes, encoding: str = "") -> Sheet | None:
    """Return the rows, None where our own error says why there are none."""
    with suppress(UnreadableFileError):
        return read_rows(data, ReadOptions(encoding))
    return None


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(_pieces, max_size=60).map("".join).map(str.encode),
        st.lists(_pieces, max_size=60).map("".join).map(lambda text: text.encode("utf-16")),
    ),
    st.sampled_from(["", *ENCODINGS]),
)
def test_any_bytes_give_rows_or_our_own_error(data: bytes, encoding: str) -> None:
    sheet = read_or_refused(data, encoding)
    assert sheet is None or (sheet.rows and len(set(sheet.header)) == len(sheet.header))


_GOOD = workbook(rows_of(["Number", "Name"], ["007", "Zoë"], [12, "Müller"]))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(_GOOD) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(_GOOD)),
)
def test_a_damaged_workbook_gives_rows_or_our_own_error(
    changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(_GOOD)
    for at, value in changes:
        data[at] = value
    assert all(
        sheet is None or sheet.rows
        for sheet in map(read_or_refused, (bytes(data), bytes(data[:length])))
    )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_xml_in_a_sheet_gives_rows_or_our_own_error(rows: str) -> None:
    sheet = read_or_refused(workbook(rows.encode("utf-8", "ignore").decode()))
    assert sheet is None or sheet.rows
