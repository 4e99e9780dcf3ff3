"""Excel workbooks, written part by part, so that a test can break any of them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
#: What a cell of a date is formatted with: the second of the styles below.
DATE_STYLE = 1


def workbook(*sheets: str, names: Sequence[str] = ("People", "Other")) -> bytes:
    """Return a workbook of sheets, each the XML of its rows."""
    return packed(parts(*sheets, names=names))


def parts(*sheets: str, names: Sequence[str] = ("People", "Other")) -> dict[str, str]:
    """Return the files of which a workbook is made."""
    numbers = range(1, len(sheets) + 1)
    found = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
        f' Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>'
        + "".join(f'<sheet name="{names[n - 1]}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{_LINKS}/worksheet" Target="worksheets/s{n}.xml"/>'
            for n in numbers
        )
        + f'<Relationship Id="r99" Type="{_LINKS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    for number, rows in zip(numbers, sheets, strict=True):
        found[f"xl/worksheets/s{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return found


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip of these files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def rows_of(*rows: Sequence[str | float]) -> str:
    """Return the XML of rows: text as text, numbers as numbers."""
    return "".join(
        f'<row r="{number}">'
        + "".join(_cell(f"{chr(65 + at)}{number}", value) for at, value in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )


def _cell(reference: str, value: str | float) -> str:
    if isinstance(value, str):
        return f'<c r="{reference}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{reference}"><v>{value}</v></c>'
