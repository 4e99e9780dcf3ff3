"""Tell two devices with one identity from one device whose disk was restored: pure rules.

Each device's events form one chain: every event names the hash of the one that its device made
before it, even where it jumps to another number. A device that was restored from a backup starts
a second chain at an older event, and the first one ends. Two devices keep both growing. So the
chains are followed from the first sign of a second one, and it is certain that two devices write
when two chains have events of the same time: one ends after the other began, both ways.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from pydantic import BaseModel, Field

_MAX_CHAINS = 8
_MAX_REFUSED = 400
_MAX_LOOSE = 200


class SeenEvent(BaseModel):
    """An event that a kiosk signed, as a link of a chain.

    Attributes:
        prev_hash: of the event that its device made before it.
        hash: its own.
        event_id: stays the same where the kiosk gives the event another number.
        made_at: None where the kiosk did not know the time.
        departs: it does not follow the event that is stored under the number before, or its
            number is taken.
        is_refused: its number is taken, so its device sends it again under another one.
    """

    prev_hash: str
    hash: str
    event_id: str
    made_at: datetime | None
    departs: bool = False
    is_refused: bool = False


class DeviceChain(BaseModel):
    """What one device wrote since a second chain was first seen.

    Attributes:
        tip: hash of its newest event.
        first_at: time of its oldest event with a known time.
        last_at: time of its newest.
        refused: ids of events that its device sends again under other numbers, newest last.
    """

    tip: str
    first_at: datetime | None = None
    last_at: datetime | None = None
    refused: list[str] = Field(default_factory=list)

    def spans(self, at: datetime | None) -> None:
        """Note that the device was there at a moment."""
        if at is not None:
            self.first_at = at if self.first_at is None else min(self.first_at, at)
            self.last_at = at if self.last_at is None else max(self.last_at, at)

    def take(self, event: SeenEvent) -> None:
        """Add the next event."""
        self.tip = event.hash
        self.spans(event.made_at)
        if event.is_refused:
            self.refused = [*self.refused, event.event_id][-_MAX_REFUSED:]


@dataclass(frozen=True)
class Head:
    """What a watermark says about its device's newest event.

    Attributes:
        hash: of that event.
        made_at: when the watermark was made; None where the kiosk did not know the time.
        differs: the server holds another event under that number.
    """

    hash: str
    made_at: datetime | None
    differs: bool


class Chains(BaseModel):
    """The chains of one kiosk. One chain is the usual case, and then nothing is kept.

    Attributes:
        chains: the one that was stored first, and each that was found beside it.
        loose: events whose predecessor has not come yet.
    """

    chains: list[DeviceChain]
    loose: list[SeenEvent] = Field(default_factory=list)

    @classmethod
    def after(cls, tip: str, at: datetime | None) -> "Chains":
        """Begin with the one chain that is known, from its newest event."""
        return cls(chains=[DeviceChain(tip=tip, first_at=at, last_at=at)])

    @property
    def is_single(self) -> bool:
        """Whether there is no sign of a second chain."""
        return len(self.chains) == 1

    @property
    def forked_since(self) -> datetime | None:
        """When two chains began to grow at the same time; None: no two have."""
        found = [_both_grow_since(one, other) for one, other in combinations(self.chains, 2)]
        return min((at for at in found if at is not None), default=None)

    def take_events(self, events: Iterable[SeenEvent]) -> None:
        """Follow the chains through events in the order of their numbers, none seen before."""
        for event in events:
            self._take(event)
            self._join_loose()
        self.loose = self.loose[-_MAX_LOOSE:]
        self._merge()

    def take_head(self, head: Head) -> None:
        """Note which chain a watermark stands on."""
        own = self._with_tip(head.hash)
        if own is not None:
            own.spans(head.made_at)
        elif head.differs:
            self._add(DeviceChain(tip=head.hash, first_at=head.made_at, last_at=head.made_at))

    def _take(self, event: SeenEvent) -> None:
        own = self._with_tip(event.prev_hash) or self._sent_again(event)
        if own is not None:
            own.take(event)
        elif event.departs:
            chain = DeviceChain(tip=event.prev_hash)
            chain.take(event)
            self._add(chain)
        else:
            self.loose.append(event)

    def _join_loose(self) -> None:
        """Events may come in any order: take those whose predecessor has come now."""
        while found := [one for one in self.loose if self._with_tip(one.prev_hash)]:
            event = found[0]
            self.loose.remove(event)
            self._take(event)

    def _with_tip(self, digest: str) -> DeviceChain | None:
        return next((one for one in self.chains if one.tip == digest), None)

    def _sent_again(self, event: SeenEvent) -> DeviceChain | None:
        """The chain that an event belongs to that was refused under another number before."""
        return next((one for one in self.chains if event.event_id in one.refused), None)

    def _add(self, chain: DeviceChain) -> None:
        self.chains.append(chain)
        if len(self.chains) > _MAX_CHAINS:
            known = [one for one in self.chains[1:] if one.last_at is not None]
            self.chains.remove(min(known, key=_last, default=self.chains[1]))

    def _merge(self) -> None:
        """Two chains with one tip are one: a watermark came before the events it speaks of."""
        merged: dict[str, DeviceChain] = {}
        for chain in self.chains:
            own = merged.setdefault(chain.tip, chain)
            if own is not chain:
                own.spans(chain.first_at)
                own.spans(chain.last_at)
                own.refused = [*own.refused, *chain.refused][-_MAX_REFUSED:]
        self.chains = list(merged.values())


def _last(chain: DeviceChain) -> datetime:
    assert chain.last_at is not None
    return chain.last_at


def _both_grow_since(one: DeviceChain, other: DeviceChain) -> datetime | None:
    """Return since when both devices are at work; None where one may have followed the other.

    The second began before the first one's newest event, and went on after it. A spare disk that
    was put in for a while and taken out again lies between two events of the first.
    """
    if one.first_at is None or one.last_at is None:
        return None
    if other.first_at is None or other.last_at is None:
        return None
    if one.first_at > other.first_at:
        one, other = other, one
    assert one.last_at is not None
    assert other.last_at is not None
    assert other.first_at is not None
    return other.first_at if other.first_at < one.last_at < other.last_at else None
