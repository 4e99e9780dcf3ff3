"""Waits after wrong PINs: always bounded, so that nobody can lock another person out."""

import math
from dataclasses import dataclass, field

FREE_TRIES = 3
"""So many wrong PINs in a row cost no wait."""
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 30.0
"""At one try in 30 s, a million PINs take almost a year of standing at the kiosk."""
FORGOTTEN_S = 600.0
"""A row of wrong PINs is forgotten after so long without a try."""
_MOST_ROWS = 1000


@dataclass(slots=True)
class _WrongRow:
    count: int
    last_s: float


@dataclass(slots=True)
class Waits:
    """Counts wrong PINs in a row: for the kiosk (an empty key), and for each person apart."""

    _rows: dict[str, _WrongRow] = field(default_factory=dict)

    def left_s(self, key: str, now_s: float) -> int:
        """Return how many whole seconds are left before the next try; 0: none."""
        row = self._current(key, now_s)
        if row is None or row.count < FREE_TRIES:
            return 0
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(row.count - FREE_TRIES, 8))
        return max(0, math.ceil(row.last_s + wait_s - now_s))

    def wrong(self, key: str, now_s: float) -> None:
        """Count a wrong PIN."""
        row = self._current(key, now_s)
        self._rows[key] = _WrongRow(1 if row is None else row.count + 1, now_s)
        if len(self._rows) > _MOST_ROWS:
            del self._rows[min(self._rows, key=lambda one: self._rows[one].last_s)]

    def right(self, key: str) -> None:
        """End a row: the PIN was right."""
        self._rows.pop(key, None)

    def _current(self, key: str, now_s: float) -> _WrongRow | None:
        row = self._rows.get(key)
        if row is not None and now_s - row.last_s >= FORGOTTEN_S:
            del self._rows[key]
            return None
        return row
