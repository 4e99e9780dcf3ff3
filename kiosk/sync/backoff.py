"""Waiting longer after each failure, never in step with other kiosks."""

import random


class Backoff:
    """Delays that double from ``first_s`` to ``most_s``, each shortened at random by up to half.

    Args:
        first_s: about the first delay.
        most_s: the longest delay.
        chance: source of the jitter.
    """

    def __init__(self, first_s: float, most_s: float, chance: random.Random | None = None) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance or random.SystemRandom()
        self._failures = 0

    def next_s(self) -> float:
        """How long to wait after one more failure, seconds."""
        full_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return full_s * (0.5 + self._chance.random() / 2)

    def reset(self) -> None:
        """All is well again: begin with the first delay."""
        self._failures = 0
