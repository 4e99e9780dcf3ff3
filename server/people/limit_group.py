"""Which limits apply to a person, from the year of birth. No database here."""

from datetime import date

from protocol.v1.messages import LimitGroup

_ADULT_FROM, _TEEN_FROM = 18, 13


def limit_group(year_of_birth: int | None, today: date, unknown: LimitGroup) -> LimitGroup:
    """Decide whose limits apply to a person on a day.

    Only the year is known, so the birthday counts as not yet reached: the person belongs to the
    younger group of that year.

    Args:
        year_of_birth: None where nobody entered it.
        today: the school's date.
        unknown: the group of people without a year of birth, by the school's policy.
    """
    if year_of_birth is None:
        return unknown
    age = today.year - year_of_birth - 1
    if age >= _ADULT_FROM:
        return LimitGroup.ADULT
    return LimitGroup.TEEN if age >= _TEEN_FROM else LimitGroup.CHILD
