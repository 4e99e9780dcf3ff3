"""Read an uploaded file, whatever it is, into rows of text."""

from server.imports.sheets import ReadOptions, Sheet, UnreadableFileError, empty_file
from server.imports.text_files import read_text_file
from server.imports.workbooks import read_workbook

_ZIP = b"PK"
#: Compound files: old workbooks, and new ones with a password.
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")


def read_rows(data: bytes, options: ReadOptions | None = None) -> Sheet:
    """Return the rows of a CSV file or an Excel workbook.

    Everything is text: leading zeros and long numbers stay, and no formula is evaluated.

    Args:
        data: the whole file.
        options: what a person chose; the rest is guessed.

    Raises:
        UnreadableFileError: it cannot be read; the sentence says why and what to do.
    """
    asked = options or ReadOptions()
    if not data:
        raise empty_file()
    if data.startswith(_ZIP):
        return read_workbook(data, asked.sheet)
    if data.startswith(_COMPOUND):
        raise UnreadableFileError(
            "This is an old Excel file (.xls), or it has a password. Save it as .xlsx without one.",
            problem="file_old",
        )
    return read_text_file(data, asked)
