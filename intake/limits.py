"""What request bodies may take: memory, places and time."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
SMALL_BYTES = 4096


@dataclass(frozen=True)
class BodyLimits:
    """What bodies may take.

    Attributes:
        body_bytes: largest body.
        total_bytes: all bodies that are being read or used.
        reserved_bytes: part of `total_bytes` that only bodies of at most `SMALL_BYTES` may use.
        typical_bytes: size of a usual large body; `BodyIntake.is_full` is about such a body.
        most_reading: bodies that are read at the same time.
        grace_s: how far a body may fall behind `bytes_per_s`, seconds. A body that stalls fails
            after this time, however much of it arrived before.
        bytes_per_s: rate that a body must keep.
        window_s: the rate is measured over this time, seconds.
        settle_s: seconds without a byte that are not called slow; less than `window_s`.
        oldest_gives_way: remove the oldest body that is being read where none is slow. For bodies
            so small that an honest one arrives at once.
    """

    body_bytes: int
    total_bytes: int
    reserved_bytes: int = 0
    typical_bytes: int = 4 * MIB
    most_reading: int = 256
    grace_s: float = 10.0
    bytes_per_s: float = 16_384.0
    window_s: float = 5.0
    settle_s: float = 1.0
    oldest_gives_way: bool = False

    def room_for(self, body_bytes: int) -> int:
        """Return the memory that all bodies may fill together with one of this size, bytes."""
        return self.total_bytes - (self.reserved_bytes if body_bytes > SMALL_BYTES else 0)
