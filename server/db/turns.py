"""Writers of one process take turns, in the order in which they asked."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock that is handed over in order of arrival, so that no writer waits for ever.

    SQLite has one writer at a time, and the next is the one that polls at the right moment: with
    many of them some wait until they time out. It is not re-entrant. Safe from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return len(self._waiting)

    @contextmanager
    def taken(self, wait_s: float) -> Iterator[None]:
        """Hold the turn inside the block.

        Args:
            wait_s: longest wait, seconds; 0 takes it only where it is free.

        Raises:
            TimeoutError: the turn did not come in time.
        """
        self._take(wait_s)
        try:
            yield
        finally:
            self._hand_over()

    def _take(self, wait_s: float) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(wait_s):
            return
        with self._lock:
            if mine.is_set():  # it came between the end of the wait and here
                return
            self._waiting.remove(mine)
        raise TimeoutError("another writer of this process holds the turn")

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
