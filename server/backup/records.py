"""The records inside a backup: compressed, each a JSON object with bytes beside it.

Values are written as SQLite stores them: a moment as UTC text, an id as 32 hex digits, true as 1.
So a backup of either database can be restored into either.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID

from server.backup.errors import BackupUnreadableError
from server.backup.sealed_file import SealedReader, SealedWriter

#: Fast, and photos are encrypted, so they do not shrink anyway.
_LEVEL = 1
_SIZES = struct.Struct(">II")
#: No row is larger: a piece of an archive has 1 MiB, a prepared report less.
_LARGEST = 256 * 1024 * 1024
#: Plain bytes of rows in one record.
RECORD_BYTES = 256 * 1024

Value = int | float | str | bytes | None
Row = Sequence[Value]


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself, first of all.

    Attributes:
        made_at: when its snapshot was taken, ISO 8601, UTC.
        version: of Rollcall.
        revision: of the schema.
        database: `sqlite` or `postgresql`.
        key_ids: the data keys that its photos, templates and PINs need.
        counts: rows by table.
    """

    made_at: str
    version: str
    revision: str
    database: str
    key_ids: tuple[str, ...]
    counts: dict[str, int]

    @classmethod
    def of(cls, found: Any) -> "Manifest":
        """Read one.

        Raises:
            BackupUnreadableError: a part is missing.
        """
        try:
            return cls(**{**found, "key_ids": tuple(found["key_ids"])})
        except (KeyError, TypeError) as exc:
            raise BackupUnreadableError from exc


class TableRows(NamedTuple):
    """Some rows of a table.

    Attributes:
        table: its name.
        columns: their names.
        rows: as many values each.
    """

    table: str
    columns: tuple[str, ...]
    rows: list[Row]


class RecordWriter:
    """Writes manifest, rows and end into an encrypted file."""

    def __init__(self, file: SealedWriter, manifest: Manifest) -> None:
        self._file = file
        self._zip = zlib.compressobj(_LEVEL)
        self._digest = hashlib.sha256()
        self._counts = dict.fromkeys(manifest.counts, 0)
        self._write({"manifest": asdict(manifest)})

    def add(self, part: TableRows) -> None:
        """Write some rows of a table."""
        blobs: list[bytes] = []
        rows = [[_apart(value, blobs) for value in row] for row in part.rows]
        body = {"table": part.table, "columns": part.columns, "rows": rows}
        self._write(body, b"".join(blobs))
        self._counts[part.table] += len(rows)

    def finish(self) -> str:
        """Write the end; returns the SHA-256 of all records before it, in hex."""
        digest = self._digest.hexdigest()
        self._write({"end": {"counts": self._counts, "digest": digest}})
        self._file.write(self._zip.flush())
        return digest

    def _write(self, body: dict[str, Any], blob: bytes = b"") -> None:
        text = json.dumps(body, separators=(",", ":")).encode()
        for part in (_SIZES.pack(len(text), len(blob)), text, blob):
            self._digest.update(part)
            self._file.write(self._zip.compress(part))


class RecordReader:
    """Reads manifest, rows and end, and checks that they agree.

    Attributes:
        manifest: of the backup.
    """

    def __init__(self, file: SealedReader) -> None:
        self._chunks = file.chunks()
        self._unzip = zlib.decompressobj()
        self._plain = bytearray()
        self._digest = hashlib.sha256()
        body, _ = self._next()
        self.manifest = Manifest.of(body.get("manifest"))

    def parts(self) -> Iterator[TableRows]:
        """Yield the rows of all tables.

        Raises:
            BackupUnreadableError: the file is damaged, or holds other rows than it says.
        """
        counts = dict.fromkeys(self.manifest.counts, 0)
        while True:
            digest = self._digest.hexdigest()
            body, blob = self._next()
            if "end" in body:
                expected = {"counts": counts, "digest": digest}
                if body["end"] != expected or counts != self.manifest.counts or self._has_more():
                    raise BackupUnreadableError
                return
            part = _part_of(body, blob)
            counts[part.table] = counts.get(part.table, 0) + len(part.rows)
            yield part

    def _next(self) -> tuple[dict[str, Any], bytes]:
        head = self._take(_SIZES.size)
        text_size, blob_size = _SIZES.unpack(head)
        if text_size + blob_size > _LARGEST:
            raise BackupUnreadableError
        text, blob = self._take(text_size), self._take(blob_size)
        for part in (head, text, blob):
            self._digest.update(part)
        try:
            body = json.loads(text)
        except ValueError as exc:
            raise BackupUnreadableError from exc
        if not isinstance(body, dict):
            raise BackupUnreadableError
        return body, blob

    def _take(self, size: int) -> bytes:
        while len(self._plain) < size:
            self._read_on()
        taken = bytes(self._plain[:size])
        del self._plain[:size]
        return taken

    def _read_on(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise BackupUnreadableError
        try:
            self._plain += self._unzip.decompress(chunk)
        except zlib.error as exc:
            raise BackupUnreadableError from exc

    def _has_more(self) -> bool:
        """Return whether something follows the end; reads the file to its own end."""
        rest = b"".join(self._unzip.decompress(chunk) for chunk in self._chunks)
        return bool(self._plain or rest or not self._unzip.eof)


def stored_value(value: Any) -> Value:
    """Return a value of PostgreSQL as SQLite stores it."""
    convert = _STORED.get(type(value))
    stored: Value = value if convert is None else convert(value)
    return stored


def _moment(at: datetime) -> str:
    plain = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return plain.isoformat(sep=" ", timespec="microseconds")


_STORED: dict[type, Callable[[Any], Value]] = {
    bool: int,
    UUID: lambda value: value.hex,
    datetime: _moment,
    date: date.isoformat,
    time: lambda value: value.isoformat(timespec="microseconds"),
    memoryview: bytes,
}


def in_records(
    table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Value]]
) -> Iterator[TableRows]:
    """Cut the rows of a table into records of about 256 KiB."""
    waiting: list[Row] = []
    size = 0
    for row in rows:
        waiting.append(row)
        size += sum(len(one) if isinstance(one, str | bytes) else 8 for one in row)
        if size >= RECORD_BYTES:
            yield TableRows(table, columns, waiting)
            waiting, size = [], 0
    if waiting:
        yield TableRows(table, columns, waiting)


def _apart(value: Value, blobs: list[bytes]) -> int | float | str | list[int] | None:
    if isinstance(value, bytes):
        blobs.append(value)
        return [len(value)]
    return value


def _part_of(body: dict[str, Any], blob: bytes) -> TableRows:
    at = 0

    def whole(value: Any) -> Value:
        nonlocal at
        if not isinstance(value, list):
            found: Value = value
            return found
        begin, at = at, at + int(value[0])
        return blob[begin:at]

    try:
        rows: list[Row] = [[whole(value) for value in row] for row in body["rows"]]
        return TableRows(body["table"], tuple(body["columns"]), rows)
    except (KeyError, TypeError, IndexError) as exc:
        raise BackupUnreadableError from exc
