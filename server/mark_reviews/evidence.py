"""What an event says about how sure the kiosk was. Pure, no database."""

import json
from dataclasses import dataclass
from typing import Any

#: A distance above this share of the limit is only just good enough.
NEAR_LIMIT = 0.9
#: A margin below so many times the school's smallest one is small.
SMALL_MARGIN = 2.0


@dataclass(frozen=True)
class MarkEvidence:
    """How sure the kiosk was about a face.

    Attributes:
        is_near_limit: the face matched only just.
        is_close: another person was nearly as similar.
        is_undecided: the check could not decide whether the face was live.
        second: method of the second factor that confirmed the mark; empty without one.
    """

    is_near_limit: bool
    is_close: bool
    is_undecided: bool
    second: str

    @property
    def words(self) -> list[str]:
        """The keys of the sentences that say it, after `marks.evidence.`; never empty."""
        said = {
            "near_limit": self.is_near_limit,
            "close": self.is_close,
            "undecided": self.is_undecided,
        }
        return [key for key, applies in said.items() if applies] or ["clear"]


def evidence_of(body: str, *, small_margin: float) -> MarkEvidence:
    """Read what an event says; what a kiosk sent may be anything.

    Args:
        body: the event's JSON.
        small_margin: a margin below it is small, on the scale of distances.
    """
    said: dict[str, Any] = json.loads(body)
    distance, limit = _number(said.get("distance")), _number(said.get("threshold"))
    margin, liveness = _number(said.get("margin")), said.get("liveness")
    return MarkEvidence(
        is_near_limit=None not in (distance, limit) and distance > NEAR_LIMIT * limit,
        is_close=margin is not None and margin < small_margin,
        is_undecided=isinstance(liveness, dict) and liveness.get("verdict") == "undecided",
        second=str(said.get("second") or ""),
    )


def _number(value: object) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else None
