"""Write rows as XLSX while they are read: nothing lies in a temporary file or as a whole in memory.

Every text is an inline string, so no cell can be a formula. XlsxWriter would keep the rows in a
plain temporary file or all of them in memory; the part of the format that we need is small.
Source: ECMA-376, part 1, sections 18.3 (sheets) and 18.8 (styles).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from server.reports.archive_pipe import ArchivePipe
from server.reports.csv_file import plain_text
from server.web.formulas import starts_formula

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from server.reports.cells import Cell

#: Source: Excel specifications and limits.
MOST_ROWS = 1_048_576
_LONGEST_TEXT = 32_767
_LONGEST_NAME = 31
_ROWS_AT_A_TIME = 500
#: Of `_STYLES`; the last one says "text" to who edits the cell, as an apostrophe does in CSV.
_HEAD_STYLE, _SHARE_STYLE, _TEXT_STYLE = 1, 2, 3
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf/>'
    '<xf fontId="1" applyFont="1"/><xf numFmtId="10" applyNumberFormat="1"/>'
    '<xf quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


@dataclass(frozen=True)
class ExportSheet:
    """A sheet to write.

    Attributes:
        name: of its tab.
        rows: each is written when it comes; the first is the head.
        is_mirrored: whether the first column is on the right.
    """

    name: str
    rows: Iterable[Sequence[Cell]]
    is_mirrored: bool = False


def xlsx_pieces(sheets: Sequence[ExportSheet]) -> Iterator[bytes]:
    """Return the bytes of a workbook piece by piece."""
    pipe = ArchivePipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, text in _frame(sheets).items():
            archive.writestr(name, text)
        for number, sheet in enumerate(sheets, 1):
            with archive.open(f"xl/worksheets/sheet{number}.xml", "w", force_zip64=True) as file:
                for text in _sheet(sheet):
                    file.write(text.encode("utf-8", "replace"))
                    if data := pipe.take():
                        yield data
    yield pipe.take()


def _sheet(sheet: ExportSheet) -> Iterator[str]:
    right = ' rightToLeft="1"' if sheet.is_mirrored else ""
    yield (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"{right}>'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        '</sheetView></sheetViews><sheetFormatPr defaultColWidth="16"/><sheetData>'
    )
    kept: list[str] = []
    for number, row in enumerate(sheet.rows):
        if number == MOST_ROWS:
            break
        kept.append(f"<row>{''.join(_cell(one, is_head=number == 0) for one in row)}</row>")
        if len(kept) == _ROWS_AT_A_TIME:
            yield "".join(kept)
            kept.clear()
    yield "".join(kept) + "</sheetData></worksheet>"


def _cell(cell: Cell, *, is_head: bool) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if isinstance(cell, str):
        plain = _valid(plain_text(cell))[:_LONGEST_TEXT]
        number = _HEAD_STYLE if is_head else _TEXT_STYLE if starts_formula(plain) else 0
        style, text = f' s="{number}"' if number else "", escape(plain)
        return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{text}</t></is></c>'
    style = f' s="{_SHARE_STYLE}"' if isinstance(cell, float) else ""
    return f"<c{style}><v>{cell!r}</v></c>"


def _valid(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return "".join(char for char in text if char not in "\ufffe\uffff")


def _frame(sheets: Sequence[ExportSheet]) -> dict[str, str]:
    """Return the files of a workbook beside its sheets."""
    numbers = range(1, len(sheets) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{one}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for one in numbers
    )
    links = "".join(
        f'<Relationship Id="rId{one}" Type="{_REL}/worksheet" Target="worksheets/sheet{one}.xml"/>'
        for one in numbers
    )
    tabs = "".join(
        f'<sheet name="{_tab(sheet.name)}" sheetId="{one}" r:id="rId{one}"/>'
        for one, sheet in zip(numbers, sheets, strict=True)
    )
    return {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        f"{overrides}</Types>",
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship'
        f' Id="rId1" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_REL}">'
        f"<sheets>{tabs}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'{links}<Relationship Id="rId0" Type="{_REL}/styles" Target="styles.xml"/>'
        "</Relationships>",
        "xl/styles.xml": _STYLES,
    }


def _tab(name: str) -> str:
    """Return a name that a tab may have."""
    plain = "".join(char for char in plain_text(name) if char not in "[]:*?/\\'")
    return escape(plain[:_LONGEST_NAME] or "1", {'"': "&quot;"})
