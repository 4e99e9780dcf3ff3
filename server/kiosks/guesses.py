"""How often claim codes were guessed, so that a code ends before a guess is likely to hit it."""

import hashlib
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

CODE_LENGTH = 8
# Crockford's base 32: no I, L, O or U, so that a code survives being read out and typed.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LIFETIME = timedelta(hours=24)
#: Chance that a code is guessed before it ends, however many guess from however many addresses.
_ACCEPTED_RISK = 1e-6
#: Wrong codes that one code survives. A hundred guesses a second use it up in three hours.
GUESSES_A_CODE_SURVIVES = int(_ACCEPTED_RISK * len(CODE_ALPHABET) ** CODE_LENGTH)

ADDRESS_WINDOW = timedelta(minutes=10)
#: A school behind one address claims all its kiosks in a morning, and people mistype.
WRONG_CODES_AN_ADDRESS = 100
MOST_ADDRESSES = 1000
#: The audit trail tells of wrong codes at most this often: guessing must not fill it.
TELL_EVERY = timedelta(hours=1)
_SLOT = timedelta(minutes=1)
_SLOTS = CODE_LIFETIME // _SLOT + 1


@dataclass(frozen=True)
class WrongCode:
    """What follows from a wrong code.

    Attributes:
        wait_until: until when its address is asked to wait with more; None: it need not wait.
        untold: wrong codes that the audit trail tells of now; 0: of none, at most once an hour.
    """

    wait_until: datetime | None
    untold: int


class ClaimGuesses:
    """Counts wrong claim codes in memory, which is bounded. Safe to share between threads.

    A wrong code never keeps a right one out. What ends is a code that stood by while too many
    wrong ones came: a technician makes a new one, which works at once.

    Args:
        survives: wrong codes that one code survives.
        per_address: wrong codes of one address in ten minutes before it is asked to slow down.
        most_addresses: that are remembered; the one that was quiet longest is forgotten first.
    """

    def __init__(
        self,
        *,
        survives: int = GUESSES_A_CODE_SURVIVES,
        per_address: int = WRONG_CODES_AN_ADDRESS,
        most_addresses: int = MOST_ADDRESSES,
    ) -> None:
        self._survives = survives
        self._per_address = per_address
        self._most_addresses = most_addresses
        self._lock = threading.Lock()
        self._by_minute: deque[tuple[datetime, int]] = deque(maxlen=_SLOTS)
        self._by_address: OrderedDict[bytes, tuple[datetime, int]] = OrderedDict()
        self._told_at: datetime | None = None
        self._untold = 0

    def is_worn_out(self, issued_at: datetime) -> bool:
        """Whether a code that was issued then may have been guessed by now."""
        with self._lock:
            since = issued_at - _SLOT  # the minute that it was issued in counts
            return sum(count for start, count in self._by_minute if start > since) >= self._survives

    def note(self, address: str, at: datetime) -> WrongCode:
        """Count a wrong code."""
        with self._lock:
            self._count(at)
            untold = self._to_tell(at)
            key = hashlib.sha256(address.encode()).digest()
            start, count = self._by_address.pop(key, (at, 0))
            if not start <= at < start + ADDRESS_WINDOW:
                start, count = at, 0
            self._by_address[key] = (start, count + 1)
            if len(self._by_address) > self._most_addresses:
                self._by_address.popitem(last=False)
            is_much = count >= self._per_address
            return WrongCode(start + ADDRESS_WINDOW if is_much else None, untold)

    def _to_tell(self, at: datetime) -> int:
        self._untold += 1
        last = self._told_at
        if last is not None and last <= at < last + TELL_EVERY:
            return 0
        untold, self._untold, self._told_at = self._untold, 0, at
        return untold

    def _count(self, at: datetime) -> None:
        start, count = self._by_minute[-1] if self._by_minute else (at, 0)
        if self._by_minute and at < start + _SLOT:  # also where the clock was set back
            self._by_minute[-1] = (start, count + 1)
        else:
            self._by_minute.append((at, 1))
