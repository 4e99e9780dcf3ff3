"""Find the time zone that a calendar names: by IANA, by Windows, or with a prefix of a program."""

from collections.abc import Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from server.imports.findings import RowError

_LONGEST_SHOWN = 60


class Zones:
    """The time zones of one file.

    Args:
        school: the zone of times that name none.
        stated: IANA names by what the file calls its zones.
    """

    def __init__(self, school: ZoneInfo, stated: Mapping[str, str]) -> None:
        self.school = school
        self._stated = stated

    def find(self, name: str) -> ZoneInfo:
        """Return the zone of a name.

        Raises:
            RowError: nobody knows it. What the file says about it is not used.
        """
        for one in (name, self._stated.get(name, "")):
            plain = _without_prefix(one.strip())
            plain = WINDOWS_TO_OLSON.get(plain, plain)
            if plain in _names():
                return ZoneInfo(plain)
        raise RowError("calendar_zone", value=name[:_LONGEST_SHOWN])


def _without_prefix(name: str) -> str:
    """Return Europe/Berlin of /mozilla.org/20050126_1/Europe/Berlin."""
    if not name.startswith("/"):
        return name
    parts = name.split("/")
    ends = ("/".join(parts[-size:]) for size in (3, 2, 1))
    return next((one for one in ends if one in _names()), name)


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
