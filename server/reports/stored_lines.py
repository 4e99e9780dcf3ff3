"""Lines of lessons as a prepared report keeps them: ids and statuses, compressed, no names."""

import json
import uuid
import zlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from server.attendance.register import AttendanceStatus
from server.reports.lines import LessonFacts, LineFacts


def pack(lessons: Iterable[LessonFacts]) -> bytes:
    """Write lessons."""
    rows = [
        [
            one.lesson_id.hex,
            one.course_id.hex,
            one.room_id.hex,
            one.day.isoformat(),
            one.starts_at.isoformat(),
            one.ends_at.isoformat(),
            one.is_cancelled,
            one.is_seen,
            one.is_confirmed,
            [_packed(line) for line in one.lines],
        ]
        for one in lessons
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode())


def unpack(data: bytes) -> list[LessonFacts]:
    """Read what `pack` wrote."""
    found = []
    for *ids, day, starts_at, ends_at, is_cancelled, is_seen, is_confirmed, lines in json.loads(
        zlib.decompress(data)
    ):
        lesson_id, course_id, room_id = map(uuid.UUID, ids)
        found.append(
            LessonFacts(
                lesson_id,
                course_id,
                room_id,
                date.fromisoformat(day),
                datetime.fromisoformat(starts_at),
                datetime.fromisoformat(ends_at),
                is_cancelled,
                is_seen,
                tuple(_unpacked(line) for line in lines),
                is_confirmed,
            )
        )
    return found


def _packed(line: LineFacts) -> list[Any]:
    moments = [at and at.isoformat() for at in (line.first_seen_at, line.left_at)]
    words = [line.is_corrected, line.is_counted, line.minutes_late]
    return [line.person_id.hex, line.status, *moments, *words]


def _unpacked(row: list[Any]) -> LineFacts:
    # Reports that were prepared before minutes were kept end one value earlier.
    person, status, first, left, is_corrected, is_counted, *minutes = row
    return LineFacts(
        uuid.UUID(person),
        AttendanceStatus(status),
        first and datetime.fromisoformat(first),
        left and datetime.fromisoformat(left),
        is_corrected,
        is_counted,
        *minutes,
    )
