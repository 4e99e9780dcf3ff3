"""Runs the kiosk's liveness check of one checkout over visits that another process shows it.

A program of `liveness_visits.py`. It is started with the checkout as PYTHONPATH and a level of the
policy as its argument, and reads pickled (track id, seconds, frame, points), or None for the end of
a visit; it answers each with a pair (verdict, CPU seconds) or None while it is not decided.
"""

from __future__ import annotations

import pickle
import sys
import time
from typing import Any

import cv2

from kiosk.vision.liveness import LivenessGate
from protocol.v1.messages import LivenessLevel

MATCHED_AFTER_S = 0.3
"""A face is recognised so long after it was first seen. Source: docs/benchmarks.md."""


class Gatekeeper:
    """The check of one visit after another, as the kiosk's recogniser uses it."""

    def __init__(self, level: LivenessLevel) -> None:
        self._level = level
        self._gate = LivenessGate()
        self._begun_s: float | None = None
        self._cpu_s = 0.0

    def see(self, track: int, at_s: float, frame: Any, points: Any) -> tuple[str, float] | None:
        """Take in a frame; the verdict as soon as there is one, with the CPU seconds so far."""
        self._begun_s = at_s if self._begun_s is None else self._begun_s
        started = time.thread_time()
        self._gate.observe(track, at_s, frame, points)
        reading = None
        if at_s - self._begun_s >= MATCHED_AFTER_S - 1e-6:
            reading = self._gate.reading(track, self._level, at_s)
        self._cpu_s += time.thread_time() - started
        return (str(reading.verdict), self._cpu_s) if reading else None

    def end(self) -> None:
        """Forget the visit."""
        self._gate.keep_only([])
        self._begun_s, self._cpu_s = None, 0.0


def main() -> None:
    """Answer until the input ends."""
    cv2.setNumThreads(1)
    keeper = Gatekeeper(LivenessLevel(sys.argv[1]))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            message = pickle.load(source)  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        if message is None:
            keeper.end()
            continue
        pickle.dump(keeper.see(*message), sink)
        sink.flush()


if __name__ == "__main__":
    main()
