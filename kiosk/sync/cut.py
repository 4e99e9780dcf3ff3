"""Cuts the links to server and broker for a while: the offline drill of an acceptance test."""

from collections.abc import Callable
from time import monotonic


class LinkCut:
    """Whether the links are cut; it ends when its time is over, whatever happens to its caller.

    Safe from any thread; it lives in memory alone, so a restart ends it too.
    """

    def __init__(self, monotonic_s: Callable[[], float] = monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._until_s = float("-inf")

    @property
    def is_on(self) -> bool:
        """Whether nothing may be sent or received now."""
        return self._monotonic_s() < self._until_s

    def begin(self, seconds: float) -> None:
        """Cut the links for so long at most."""
        self._until_s = self._monotonic_s() + seconds

    def end(self) -> None:
        """Use the links again."""
        self._until_s = float("-inf")
