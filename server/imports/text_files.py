"""Read a text file of rows: its encoding and separator are guessed where nobody chose them."""

import codecs
import csv
import io
import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from server.imports.sheets import (
    LONGEST_CELL,
    ReadOptions,
    Sheet,
    SheetBuilder,
    SheetRow,
    UnreadableFileError,
    empty_file,
)

#: What a person may choose, by the name that pages show.
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "windows-1252": "cp1252",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1255": "cp1255",
    "windows-1256": "cp1256",
    "macintosh": "mac-roman",
}
#: Encodings that a file shows: others are guessed, and may be wrong.
CERTAIN_ENCODINGS = frozenset({"", "utf-8", "utf-16-le", "utf-16-be"})
SEPARATORS = (",", ";", "\t")
#: How spreadsheet programs write a long number; its digits are lost.
_EXPONENT = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Encodings of one byte for each character of scripts without Latin letters.
_OTHER_SCRIPTS = ("windows-1256", "windows-1251")
_LATIN = "windows-1252"
_HIGH_WORD = re.compile(rb"(?<![A-Za-z\x80-\xff])[\x80-\xff]{2,}(?![A-Za-z\x80-\xff])")
_MIXED_WORD = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
#: Enough to guess by; what guesses takes longer than in proportion to the text.
_SAMPLE = 4096
_SAMPLE_ROWS = 20
#: A text of two bytes for each character has a NUL in about every second one.
_MANY_NULS = 0.2
_MOST_CONTROL = 0.01


def read_text_file(data: bytes, options: ReadOptions) -> Sheet:
    """Return the rows of a text file.

    Raises:
        UnreadableFileError: it is no text, or not one of rows.
    """
    if options.encoding not in ("", *ENCODINGS) or options.separator not in ("", *SEPARATORS):
        raise UnreadableFileError(
            "Choose one of the encodings and separators of the list.", problem="file_option"
        )
    encoding = options.encoding or guess_encoding(data)
    text, is_cut = decoded(data, encoding)
    text, stated = _without_statement(text)
    if not text.strip():
        raise empty_file()
    separator = options.separator or stated or _separator_of(text[:_SAMPLE])
    builder = SheetBuilder()
    for row in _rows(text, separator):
        builder.add(row)
    done = builder.checked()
    last = done.rows[-1]
    is_short = len(last.cells) < len(done.header) and not text.endswith(("\n", "\r"))
    return Sheet(
        done.header, done.rows, encoding=encoding, separator=separator, is_cut=is_cut or is_short
    )


def guess_encoding(data: bytes) -> str:
    """Return the encoding of a text, one of `ENCODINGS`: what it shows, else what is likely."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    sample = data[:_SAMPLE]
    if b"\0" in sample:
        return _two_bytes(sample)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return _single_byte(data)
    return "utf-8"


def _two_bytes(sample: bytes) -> str:
    first, second = sample[::2].count(0), sample[1::2].count(0)
    if max(first, second) < len(sample) / 2 * _MANY_NULS or min(first, second) > 0:
        raise no_text()
    return "utf-16-be" if first > second else "utf-16-le"


def _single_byte(data: bytes) -> str:
    """Guess an encoding of one byte for each character.

    In names of Latin letters, bytes beyond ASCII stand between letters of ASCII; in other scripts
    they make whole words. Encodings of Latin letters look alike, so the commonest one is taken.
    """
    telling = [line for line in data[: 64 * _SAMPLE].splitlines() if not line.isascii()]
    sample = b"\n".join(telling)[:_SAMPLE]
    if len(_HIGH_WORD.findall(sample)) <= len(_MIXED_WORD.findall(sample)):
        return _LATIN
    names = {ENCODINGS[name]: name for name in _OTHER_SCRIPTS}
    best = from_bytes(sample, cp_isolation=list(names)).best()
    return names.get(best.encoding, _LATIN) if best is not None else _LATIN


def decoded(data: bytes, encoding: str) -> tuple[str, bool]:
    """Return the text, and whether its last character is cut off.

    Raises:
        UnreadableFileError: it is no text in this encoding.
    """
    for mark, name in _BOMS:
        if name == encoding and data.startswith(mark):
            data = data[len(mark) :]
    decoder = codecs.getincrementaldecoder(ENCODINGS[encoding])()
    try:
        text = decoder.decode(data)
    except UnicodeDecodeError as exc:
        raise UnreadableFileError(
            "The file has bytes that are no text in this encoding. Save it as CSV UTF-8.",
            problem="file_encoding",
        ) from exc
    start = text[:_SAMPLE]
    control = sum(char < " " and char not in "\t\r\n" for char in start)
    if "\0" in text or control > len(start) * _MOST_CONTROL:
        raise no_text()
    return text, bool(decoder.getstate()[0])


def no_text() -> UnreadableFileError:
    """Return the error for a file that holds something else than rows of text."""
    return UnreadableFileError(
        "This is neither a CSV file nor an Excel workbook (.xlsx). Save it as one of these.",
        problem="sheet_kind",
    )


def _without_statement(text: str) -> tuple[str, str]:
    """Return the text without Excel's first line `sep=;`, and the separator that it states."""
    line, _, rest = text.partition("\n")
    word = line.strip("\r").casefold()
    for separator in SEPARATORS:
        if word == f"sep={separator}":
            return rest, separator
    return text, ""


def _separator_of(sample: str) -> str:
    """Guess the separator: the one with which the first rows are as wide as the header."""
    try:
        sniffed = csv.Sniffer().sniff(sample, "".join(SEPARATORS)).delimiter
    except csv.Error:
        sniffed = ""
    scores = {one: _fit(sample, one) for one in SEPARATORS}
    if not any(width > 1 for _, width in scores.values()):
        return next((one for one in SEPARATORS if one not in sample), SEPARATORS[0])
    wide = {one: score for one, score in scores.items() if score[1] > 1}
    return max(wide, key=lambda one: (wide[one], one == sniffed))


def _fit(sample: str, separator: str) -> tuple[float, int]:
    """Return the share of rows that are as wide as the header, and its width."""
    lines = sample.splitlines(keepends=True)[:_SAMPLE_ROWS]
    widths = [len(row) for row in csv.reader(lines, delimiter=separator)]
    return widths.count(widths[0]) / len(widths), widths[0]


def _rows(text: str, separator: str) -> Iterator[SheetRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            texts = tuple(cell.strip() for cell in cells)
            rounded = frozenset(at for at, text in enumerate(texts) if _EXPONENT.fullmatch(text))
            yield SheetRow(number, texts, rounded)
    except csv.Error as exc:
        raise _broken(exc, number + 1) from exc


def _broken(error: csv.Error, row: int) -> UnreadableFileError:
    if "field limit" in str(error):
        return UnreadableFileError(
            f"Row {row} has a cell with more than {LONGEST_CELL} characters. Shorten it.",
            problem="file_cell",
            row=row,
            most=LONGEST_CELL,
        )
    return UnreadableFileError(
        f"A quotation mark in row {row} is not closed, or in the wrong place. The file may be"
        " incomplete: export it again.",
        problem="file_quotes",
        row=row,
    )
