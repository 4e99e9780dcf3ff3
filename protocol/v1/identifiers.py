"""Identifiers that sort by the time they were made (UUIDv7, RFC 9562)."""

import secrets
import time
import uuid
from datetime import UTC, datetime

_MAX_UNIX_MS = (1 << 48) - 1


def uuid7(*, unix_ms: int | None = None) -> uuid.UUID:
    """Return a new UUIDv7.

    Args:
        unix_ms: milliseconds since 1970 (UTC), 0 to 2**48 - 1; now when left out. A clock
            before 1970 counts as 1970: ids stay unique by their 74 random bits.
    """
    now_ms = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    moment = min(max(now_ms, 0), _MAX_UNIX_MS)
    random_a, random_b = secrets.randbits(12), secrets.randbits(62)
    return uuid.UUID(int=moment << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b)


def made_at(identifier: uuid.UUID) -> datetime:
    """Return when a UUIDv7 was made, by its maker's clock (UTC, milliseconds).

    Raises:
        ValueError: the identifier is of another version, or past the year 9999.
    """
    if identifier.version != 7:
        raise ValueError(f"{identifier} is not a UUIDv7")
    unix_ms = identifier.int >> 80
    try:
        return datetime.fromtimestamp(unix_ms / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError) as exc:
        raise ValueError(f"{identifier} was made past the year 9999") from exc
