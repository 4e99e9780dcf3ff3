"""The timetable in force, shared between the threads that need to know who is due."""

from kiosk.domain.clock import Clock
from kiosk.domain.matching import MatchRules
from kiosk.domain.timetable import Timetable

_FRESH_S = 1.0


class CurrentTimetable:
    """Implements the domain's RosterView; replaced as a whole by `change`."""

    def __init__(self, clock: Clock, timetable: Timetable) -> None:
        self._clock = clock
        self._timetable = timetable
        self._expected: tuple[float, frozenset[str]] | None = None

    @property
    def timetable(self) -> Timetable:
        """What is in force."""
        return self._timetable

    def change(self, timetable: Timetable) -> None:
        """Put a new timetable in force."""
        self._timetable = timetable
        self._expected = None

    def expected_now(self) -> frozenset[str]:
        """Ids of the people due here now; at most a second old."""
        now_s = self._clock.monotonic_s()
        kept = self._expected
        if kept is not None and now_s - kept[0] < _FRESH_S:
            return kept[1]
        expected = self._timetable.expected_at(self._clock.reading().best_at)
        self._expected = (now_s, expected)
        return expected

    def match_rules(self) -> MatchRules:
        """The rules in force."""
        return self._timetable.match_rules
