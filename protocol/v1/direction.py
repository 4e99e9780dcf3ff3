"""Whether a check-in is a coming or a leaving: one rule for kiosk and server."""

from collections.abc import Iterable
from datetime import datetime

from protocol.v1.events import Direction
from protocol.v1.policy import AttendancePolicy, DirectionMode
from protocol.v1.window import AttendanceWindow, whole_ms


def asks_direction(policy: AttendancePolicy) -> bool:
    """Return whether check-ins have a direction; a word of a newer version means no."""
    return policy.direction == DirectionMode.ASK


def known_direction(word: str | None) -> Direction | None:
    """Return the direction that a word names; None for a word of a newer version."""
    return Direction(word) if word in set(Direction) else None


def assumed_direction(
    window: AttendanceWindow, policy: AttendancePolicy, at: datetime
) -> Direction | None:
    """Return the direction of a check-in at this moment; None where the policy asks for none."""
    if not asks_direction(policy):
        return None
    return Direction.OUT if whole_ms(at) >= window.leaving_from else Direction.IN


def left_at(
    window: AttendanceWindow, moves: Iterable[tuple[datetime, str | None]]
) -> datetime | None:
    """Return when a person left; None where the last direction is no leaving.

    Args:
        window: of the lesson; moves before check-in opens or after the end do not count.
        moves: when each event counts, and its direction, oldest first.
    """
    left = None
    for at, word in moves:
        direction = known_direction(word)
        if direction is not None and window.is_open(at):
            left = at if direction is Direction.OUT else None
    return left


def early_min(window: AttendanceWindow, left: datetime) -> int:
    """Return how early a person left: minutes before the end, at least 1; 0 in leaving time."""
    if whole_ms(left) >= window.leaving_from:
        return 0
    return max(1, int((window.ends_at - left).total_seconds() // 60))
