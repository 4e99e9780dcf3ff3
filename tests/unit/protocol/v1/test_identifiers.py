"""Identifiers: UUIDv7 by RFC 9562."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.identifiers import made_at, uuid7


@given(st.integers(-(2**60), 2**60))
def test_identifier_is_a_version_7_uuid_at_any_clock(unix_ms: int) -> None:
    made = uuid7(unix_ms=unix_ms)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_identifiers_sort_by_time(one: int, other: int) -> None:
    early, late = sorted((one, other))
    assert early == late or uuid7(unix_ms=early) < uuid7(unix_ms=late)


def test_example_of_the_rfc_has_its_time() -> None:
    example = uuid.UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    assert made_at(example) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


@pytest.mark.parametrize("identifier", [uuid.uuid4(), uuid7(unix_ms=2**48 - 1)])
def test_time_of_what_has_none_is_an_error(identifier: uuid.UUID) -> None:
    with pytest.raises(ValueError, match=r"UUIDv7|9999"):
        made_at(identifier)


def test_two_identifiers_of_one_millisecond_differ() -> None:
    assert len({uuid7(unix_ms=1) for _ in range(1000)}) == 1000
