"""Workbooks as Excel shows them, and workbooks that were built to cost memory or time."""

import pytest

from server.imports import xml_parts
from server.imports.reading import read_rows
from server.imports.sheets import MOST_ROWS, SheetRow, UnreadableFileError
from tests.support.workbooks import packed, parts, rows_of, workbook

_SHEET = "xl/worksheets/s1.xml"
_LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def rows(files: dict[str, str]) -> list[SheetRow]:
    return read_rows(packed(files)).rows


def problem(data: bytes) -> object:
    with pytest.raises(UnreadableFileError) as refused:
        read_rows(data)
    return refused.value.details["problem"]


def shared(texts: str, cells: str) -> dict[str, str]:
    """Return a workbook whose cells share texts."""
    files = parts(rows_of(["Name"]) + cells)
    links = "xl/_rels/workbook.xml.rels"
    link = f'<Relationship Id="x" Type="{_LINK}/sharedStrings" Target="/xl/texts.xml"/>'
    files[links] = files[links].replace("</Relationships>", link + "</Relationships>")
    return files | {"xl/texts.xml": f"<sst>{texts}</sst>"}


def formatted(code: str, value: str) -> SheetRow:
    """Return the row of a number with a format."""
    cell = f'<row r="2"><c r="A2" s="0"><v>{value}</v></c></row>'
    files = parts(rows_of(["Number"]) + cell)
    files["xl/styles.xml"] = (
        f"<styleSheet><numFmts><numFmt numFmtId='164' formatCode='{code}'/></numFmts>"
        "<cellXfs><xf numFmtId='164'/></cellXfs></styleSheet>"
    )
    return rows(files)[0]


def test_cells_hold_a_shared_text_once() -> None:
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(2, 301))
    found = rows(shared("<si><t>Zo\u00eb </t><rPh><t>no</t></rPh></si>", cells))
    assert found[0].cells == ("Zo\u00eb",)
    assert len({id(row.cells[0]) for row in found}) == 1
    assert problem(packed(shared(f"<si><t>{'x' * 2**20}</t></si>", cells))) == "file_cell"
    assert problem(packed(shared("", cells))) == "workbook_damaged"


@pytest.mark.parametrize(
    ("code", "value", "expected", "is_unsure"),
    [
        ("00000", "123", "00123", False),
        ("00000", "1.5", "1.5", True),
        ("[Red]00000;-0", "7", "00007", False),
        ('"S"00000', "123", "123", True),
        ("00-00", "1234", "1234", True),
        ("0.00", "12.5", "12.5", False),
        ("#,##0", "1200", "1200", False),
        ("dd/mm/yyyy", "40179", "2010-01-01", False),
        ("dd/mm/yyyy", "59", "1900-02-28", False),
        ("hh:mm", "0.5", "12:00:00", False),
        ("0", "1E400", "1E400", False),
        ("0", "1.23E+3", "1230", False),
    ],
)
def test_a_number_is_what_its_format_shows(
    code: str, value: str, expected: str, is_unsure: bool
) -> None:
    row = formatted(code.replace('"', "&quot;"), value)
    assert (row.cells, 0 in row.rounded) == ((expected,), is_unsure)


def test_far_cells_cost_nothing_and_rows_beyond_the_limit_are_refused() -> None:
    far = (
        f"<row r = '{MOST_ROWS + 1}'><x-y:c  q='>' r\n=\t'B{MOST_ROWS + 1}'><v>1</v></x-y:c></row>"
    )
    files = parts(rows_of(["a"], ["1"]) + far)
    files[_SHEET] = files[_SHEET].replace("<worksheet", "<worksheet xmlns:x-y='x'")
    assert [row.number for row in rows(files)] == [2, MOST_ROWS + 1]
    assert rows(files)[1].cells == ("", "1")
    beyond = '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'
    assert problem(workbook(rows_of(["a"]) + beyond)) == "file_rows"
    wide = '<row r="2"><c r="XFD2"><v>1</v></c></row>'
    assert problem(workbook(rows_of(["a"]) + wide)) == "file_columns"


def test_a_sheet_is_found_wherever_the_workbook_says_it_is() -> None:
    files = parts(rows_of(["a"], ["1"]))
    files["_rels/s.xml"] = files.pop(_SHEET)
    links = "xl/_rels/workbook.xml.rels"
    files[links] = files[links].replace("worksheets/s1.xml", "../_rels/s.xml")
    assert rows(files)[0].cells == ("1",)
    files[links] = files[links].replace("../_rels/s.xml", "../../../etc/passwd")
    assert problem(packed(files)) == "workbook_damaged"


@pytest.mark.parametrize(
    "broken",
    [
        '<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row>',
        '<row r="99999999"/>',
        '<row r="2"><c r="AAAA2"><v>1</v></c></row>',
        '<row r="2"><c r="A2" s="-1"><v>1</v></c></row>',
    ],
)
def test_rows_and_cells_out_of_order_are_damage(broken: str) -> None:
    assert problem(workbook(rows_of(["a"]) + broken)) == "workbook_damaged"


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]>",
        "<!DOCTYPE x [<!ENTITY b SYSTEM 'file:///etc/hostname'>]>",
        "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/x'> %p;]>",
        "<!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x'>",
    ],
)
@pytest.mark.parametrize("part", [_SHEET, "xl/workbook.xml", "xl/styles.xml", "_rels/.rels"])
def test_a_part_that_declares_anything_is_refused(doctype: str, part: str) -> None:
    files = parts(rows_of(["a"], ["1"]))
    files[part] = doctype + files[part]
    assert problem(packed(files)) == "workbook_damaged"


class Counter:
    """Counts what it is given."""

    def __init__(self) -> None:
        self.calls = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.calls += 1

    def end(self, name: str) -> None:
        self.calls += 1

    def text(self, text: str) -> None:
        self.calls += 1


@pytest.mark.parametrize(
    ("data", "most_calls"),
    [
        (b"<a>" + b"<c " * 4_000_000, 1),
        (b"<a>" * 1_000_000, 64),
        (b"<a>" + b"".join(b"<n%d/>" % n for n in range(100_000)), 40_000),
        (b"<a " + b"x" * 8_000_000, 0),
        (b"<a b='" + b">" * 8_000_000, 0),
        (b"<a><!--" + b"-" + b" x" * 4_000_000, 1),
    ],
    ids=["tags", "depth", "names", "a name", "a value", "a comment"],
)
def test_xml_that_was_built_to_cost_is_given_up_early(data: bytes, most_calls: int) -> None:
    reader = Counter()
    with pytest.raises(UnreadableFileError):
        xml_parts.read_xml(data, reader)
    assert reader.calls <= most_calls


@pytest.mark.parametrize("size", [1, 2, 4])
def test_events_grow_with_the_text_and_no_faster(size: int) -> None:
    reader = Counter()
    xml_parts.read_xml(b"<a>" + b"<c>1</c>" * (100_000 * size) + b"</a>", reader)
    assert reader.calls == 300_000 * size + 2


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_parts, "_MOST_ELEMENTS", 1_000)
    assert problem(workbook(rows_of(["a"]) + "<c/>" * 1_001)) == "file_cells"
