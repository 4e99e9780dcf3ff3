"""Which network recognises faces here: the school's choice, this kiosk's setting, what is open."""

from dataclasses import dataclass
from enum import StrEnum

from protocol.v1.messages import NetworkChoice


class NetworkFault(StrEnum):
    """Why a network that the school named is not open."""

    NONE = ""
    MISSING = "missing"
    DAMAGED = "damaged"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The networks of this kiosk now.

    Attributes:
        current: card id of the network that decides; empty while none is open.
        is_bundled: it is the one that comes with Rollcall, which is less accurate.
        next: card id of the network that is compared beside it; empty without a change.
        next_fault: why the next one is not open.
    """

    current: str = ""
    is_bundled: bool = False
    next: str = ""
    next_fault: NetworkFault = NetworkFault.NONE


@dataclass(frozen=True, slots=True)
class Wanted:
    """What this kiosk is to open.

    Attributes:
        embedder: reference of the network that decides; `auto` is the one of this machine.
        is_named_by_school: the school chose it, not this machine.
        next: card id of the network to compare beside it; None without a change.
        collects_scans: whether templates of the next network are made.
    """

    embedder: str
    is_named_by_school: bool = False
    next: str | None = None
    collects_scans: bool = False


def wanted_networks(setting: str, auto: str, choice: NetworkChoice | None) -> Wanted:
    """Return what to open.

    Args:
        setting: the kiosk's setting `embedder`.
        auto: the word of that setting which leaves the choice to the school.
        choice: of the school; None while it has made none.
    """
    if choice is None:
        return Wanted(setting)
    is_named = setting == auto
    following = choice.next if choice.next != choice.current else None
    return Wanted(
        choice.current if is_named else setting,
        is_named_by_school=is_named,
        next=following,
        collects_scans=choice.collects_scans and following is not None,
    )
