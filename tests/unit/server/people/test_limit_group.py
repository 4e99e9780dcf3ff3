"""Which limits apply to a person of whom only the year of birth is known."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import LimitGroup
from server.people.limit_group import limit_group

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
UNKNOWN = st.sampled_from(LimitGroup)
AGES = {LimitGroup.CHILD: 0, LimitGroup.TEEN: 13, LimitGroup.ADULT: 18}


@pytest.mark.parametrize(
    ("year", "group"),
    [(2007, "adult"), (2008, "teen"), (2012, "teen"), (2013, "child"), (2026, "child")],
)
def test_the_birthday_counts_as_not_reached(year: int, group: str) -> None:
    assert limit_group(year, date(2026, 11, 26), LimitGroup.ADULT) == group


@given(born=st.dates(date(1900, 1, 1), date(2100, 12, 31)), day=DAYS, unknown=UNKNOWN)
def test_nobody_counts_as_older_than_they_are(born: date, day: date, unknown: LimitGroup) -> None:
    group = limit_group(born.year, day, unknown)
    had_birthday = (day.month, day.day) >= (born.month, born.day)
    age = day.year - born.year - (0 if had_birthday else 1)
    assert group is LimitGroup.CHILD or age >= AGES[group]


@given(year=st.integers(1900, 2100), day=DAYS, unknown=UNKNOWN)
def test_a_year_never_makes_anybody_younger(year: int, day: date, unknown: LimitGroup) -> None:
    later = day + timedelta(days=366)
    assert AGES[limit_group(year, day, unknown)] <= AGES[limit_group(year, later, unknown)]


@given(day=DAYS, unknown=UNKNOWN)
def test_without_a_year_the_policy_decides(day: date, unknown: LimitGroup) -> None:
    assert limit_group(None, day, unknown) is unknown
