"""What the desk asks for at the moment: a PIN, a name, or the roll."""

import math
from dataclasses import dataclass, replace

from kiosk.domain.arrivals import DoorArrival
from kiosk.domain.screens import CodeProblem, PinPurpose
from protocol.v1.messages import Holder

PAD_S = 20.0
NAME_S = 10.0
ROLL_S = 60.0
"""A pad, a name or the roll closes after so long without a touch."""
LOOK_ALIKE_S = 60.0
"""A face waits for its second factor so long at most: the mark has the time of the face."""
ANSWER_S = 2.0
"""The answer to one person is on screen for so long before the next one's card is taken."""
HELD_S = NAME_S + ANSWER_S + 1.0
"""What was held up while the desk was busy is taken so long after, at most."""
READ_S = 3.0
"""A face's pad is on screen so long at least, so that its person can read it and touch it."""
TURNED_AWAY_S = 4.0
"""It is said for so long that a card was turned away because another one waits."""


@dataclass(frozen=True, slots=True)
class PadState:
    """A PIN is asked for.

    Attributes:
        purpose: what for.
        until_s: it closes then, monotonic.
        holder: whose card was read; None where any will do.
        arrival: of the face that asks for a second factor.
        others: who that face is easily confused with.
        last_s: it closes then, whatever is touched, monotonic.
        read_s: from then on the pad of a face closes for the next people, monotonic; never once
            it was touched.
    """

    purpose: PinPurpose
    until_s: float
    problem: CodeProblem | None = None
    attempt: int = 0
    holder: Holder | None = None
    is_unlocking: bool = False
    arrival: DoorArrival | None = None
    others: frozenset[str] = frozenset()
    last_s: float = math.inf
    read_s: float = math.inf

    def open_until(self, until_s: float) -> "PadState":
        """Return the pad as it stays open until then, or as long as it may."""
        return replace(self, until_s=min(until_s, self.last_s))

    def touched(self, until_s: float) -> "PadState":
        """Return the pad as its person uses it: it does not close for others any more."""
        return replace(self, until_s=min(until_s, self.last_s), read_s=math.inf)

    def giving_way(self, now_s: float) -> "PadState":
        """Return the pad as it closes for the next people, once it could be read."""
        return replace(self, until_s=min(self.until_s, max(now_s, self.read_s)))


@dataclass(frozen=True, slots=True)
class NameState:
    """A PIN was right; the person is asked whether the name is theirs."""

    holder: Holder
    until_s: float


@dataclass(frozen=True, slots=True)
class RollState:
    """A teacher takes the roll of a lesson; None: no lesson is open here."""

    teacher: Holder
    lesson_id: str | None
    until_s: float
    is_unsaved: bool = False


def purpose_of(pad: PadState) -> PinPurpose:
    """What the pad is for, whichever card was read meanwhile."""
    if pad.is_unlocking:
        return PinPurpose.UNLOCK
    if pad.arrival is None:
        return PinPurpose.CHECK_IN
    return PinPurpose.LOOK_ALIKE if pad.arrival.grounds.is_proven else PinPurpose.UNSURE


@dataclass(frozen=True, slots=True)
class HeldText:
    """What was held up, or typed by a card reader, while the desk was busy with another person."""

    text: str
    at_s: float
    is_typed: bool


def wait_key(pad: PadState) -> str:
    """Whose wrong PINs in a row are counted: of one person, or of this pad."""
    if pad.holder is not None:
        return f"holder:{pad.holder.id}"
    if pad.arrival is not None:
        return f"holder:{pad.arrival.person_id}"
    return pad.purpose.value
