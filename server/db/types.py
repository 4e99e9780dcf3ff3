"""Column types and identifiers shared by every table."""

import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import DateTime, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

#: Answers that are kept for each type.
_KEPT = 2048


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time: aware in Python, UTC in the database, whichever database it is.

    SQLite drops the offset, so it is put back on the way out. Naive values are refused.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC on the way in."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a point in time needs a zone")
        return value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Return what writes a moment; for SQLite as SQLAlchemy does, in less time."""
        return _sqlite_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Attach UTC on the way out."""
        del dialect
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


def _sqlite_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a point in time needs a zone")
    # Without the offset, which SQLAlchemy leaves out too.
    return value.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


class KnownMoment(UTCDateTime):
    """A point in time that is read again and again, as those of the lessons of a day are.

    For `type_coerce` in a statement. SQLite's text is read once for equal texts, which does not pay
    where most are different.
    """

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what reads a stored moment."""
        return _remembering(super().result_processor(dialect, coltype), dialect)


class KnownUuid(Uuid[uuid.UUID]):
    """Ids that are read again and again, see `KnownMoment`."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what reads a stored id."""
        read = super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]
        return _remembering(read, dialect)


def _remembering(
    read: Callable[[Any], Any] | None, dialect: Dialect
) -> Callable[[Any], Any] | None:
    """Return the same, with its newest answers kept: they follow from the text alone."""
    return lru_cache(_KEPT)(read) if read and dialect.name == "sqlite" else read


def now() -> datetime:
    """The current time, aware, UTC, in whole microseconds."""
    return datetime.now(UTC)


def new_id() -> uuid.UUID:
    """Make a UUIDv7: unique, and ordered by the time it was made.

    Source: RFC 9562 section 5.7.
    """
    stamp_ms = time.time_ns() // 1_000_000
    value = (stamp_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


def utc_field(*, index: bool = False, nullable: bool = False, default_now: bool = False) -> Any:
    """A SQLModel field holding a point in time."""
    options: dict[str, Any] = {"sa_type": UTCDateTime, "index": index, "nullable": nullable}
    if default_now:
        return Field(default_factory=now, **options)
    return Field(default=None, **options) if nullable else Field(**options)
