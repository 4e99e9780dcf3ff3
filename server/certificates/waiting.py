"""For how long kiosks could hear of the next authority, whatever the server's clock did."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from server.certificates.files import write_private

#: A kiosk may be off for the summer. It must hear of a new authority before that one signs.
HANDED_OVER_AFTER = timedelta(days=90)
#: Where the present authority ends first: for so long the clock must say that its end is near. A
#: clock that is wrong is set by then.
CONFIRMED_AFTER = timedelta(days=7)
#: Between two looks no more counts: the clock may have jumped, or the server was off.
_MOST_BETWEEN_LOOKS = timedelta(days=1)


@dataclass(frozen=True)
class HandOverWait:
    """The time since the next authority was made, in which the server ran.

    Attributes:
        looked_at: the server's clock at its last look, UTC.
        counted: time between looks, at most a day each. A clock that jumps adds a day at most, and
            a server that is off adds none for most of the time.
        near_end: as `counted`, since each look found the end of the present authority near.
    """

    looked_at: datetime
    counted: timedelta = timedelta()
    near_end: timedelta = timedelta()

    def seen(self, at: datetime, *, is_near_end: bool) -> "HandOverWait":
        """Return the state after a look at this time, UTC."""
        passed = min(max(at - self.looked_at, timedelta()), _MOST_BETWEEN_LOOKS)
        near_end = self.near_end + passed if is_near_end else timedelta()
        return HandOverWait(at, self.counted + passed, near_end)

    def save(self, path: Path) -> None:
        """Write it.

        Raises:
            OSError: it cannot be written.
        """
        kept = {
            "looked_at": self.looked_at.isoformat(),
            "counted_s": self.counted.total_seconds(),
            "near_end_s": self.near_end.total_seconds(),
        }
        write_private(path, json.dumps(kept))


def load_wait(path: Path, at: datetime) -> HandOverWait:
    """Read what was saved; where there is nothing readable, counting begins at this time, UTC."""
    with suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
        kept = json.loads(path.read_text())
        looked_at = datetime.fromisoformat(kept["looked_at"])
        counted, near_end = (timedelta(seconds=kept[name]) for name in ("counted_s", "near_end_s"))
        if looked_at.tzinfo is not None:
            return HandOverWait(looked_at, counted, near_end)
    return HandOverWait(at)
