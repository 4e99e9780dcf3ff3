"""A moment is written for SQLite as SQLAlchemy writes it, and never without its zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import DateTime, Dialect
from sqlalchemy.dialects import postgresql, sqlite

from server.db.types import UTCDateTime

_SQLITE: Dialect = sqlite.dialect()
_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
_ZONES = st.integers(min_value=-1439, max_value=1439).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
_MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=_ZONES,
)


@given(_MOMENTS)
@example(datetime(1, 1, 3, tzinfo=UTC))
@example(datetime(2026, 11, 28, 12, 0, 0, 7, tzinfo=UTC))
def test_text_for_sqlite_is_that_of_sqlalchemy(moment: datetime) -> None:
    write = UTCDateTime().bind_processor(_SQLITE)
    known = DateTime().dialect_impl(_SQLITE).bind_processor(_SQLITE)
    assert write is not None
    assert known is not None
    assert write(moment) == known(moment.astimezone(UTC))
    assert write(None) is None


@pytest.mark.parametrize("dialect", [_SQLITE, _POSTGRESQL])
def test_a_moment_without_a_zone_is_refused(dialect: Dialect) -> None:
    write = UTCDateTime().dialect_impl(dialect).bind_processor(dialect)
    assert write is not None
    with pytest.raises(ValueError, match="needs a zone"):
        write(datetime(2026, 11, 28))  # noqa: DTZ001 - that is the point
