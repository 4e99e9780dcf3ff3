"""What the desk asks for at the moment: a PIN, a name, or the roll."""

from dataclasses import dataclass

from kiosk.domain.arrivals import DoorArrival
from kiosk.domain.screens import CodeProblem, PinPurpose
from protocol.v1.messages import Holder

PAD_S = 20.0
NAME_S = 10.0
ROLL_S = 60.0
"""A pad, a name or the roll closes after so long without a touch."""


@dataclass(frozen=True, slots=True)
class PadState:
    """A PIN is asked for.

    Attributes:
        purpose: what for.
        until_s: it closes then, monotonic.
        holder: whose card was read; None where any will do.
        kind: of that card.
        arrival: of the face that asks for a second factor.
        others: who that face is easily confused with.
    """

    purpose: PinPurpose
    until_s: float
    problem: CodeProblem | None = None
    attempt: int = 0
    holder: Holder | None = None
    is_unlocking: bool = False
    arrival: DoorArrival | None = None
    others: frozenset[str] = frozenset()


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
    return PinPurpose.LOOK_ALIKE if pad.arrival is not None else PinPurpose.CHECK_IN


def wait_key(pad: PadState) -> str:
    """Whose wrong PINs in a row are counted: of one person, or of this pad."""
    if pad.holder is not None:
        return f"holder:{pad.holder.id}"
    if pad.arrival is not None:
        return f"holder:{pad.arrival.person_id}"
    return pad.purpose.value
