"""What a server does with a kiosk's events, in a few lines: a model to test the outbox against."""

from protocol.v1.events import Ack, AttendanceEvent
from protocol.v1.messages import EventRefusal, GapSpan, RawEvent
from protocol.v1.signing import verify_event
from tests.unit.kiosk.storage.drafts import SIGNER, ack


class ModelServer:
    """Holds one event a number; refuses another one of the same number, or of the same id.

    Attributes:
        by_seq: ids of the events, by number.
        forked: ids of events that were refused as forks; they are listed for a person.
        gaps: spans that the kiosk stated as gone.
    """

    def __init__(self) -> None:
        self.by_seq: dict[int, str] = {}
        self.quarantine: set[int] = set()
        self.forked: set[str] = set()
        self.gaps: list[GapSpan] = []
        self.heard_s = 0.0

    def take(self, batch: list[RawEvent], *, future: bool = False) -> list[EventRefusal]:
        """Take a batch in; return what is refused."""
        events = [verify_event(raw, SIGNER.key.public_key()) for raw in batch]
        judged = [(event, self._reason(event, future=future)) for event in events]
        return [
            EventRefusal(id=event.id, seq=event.seq, reason=reason)
            for event, reason in judged
            if reason
        ]

    def _reason(self, event: AttendanceEvent, *, future: bool) -> str:
        if self.by_seq.get(event.seq) == event.id:
            return ""
        if event.id in self.by_seq.values():
            self.quarantine.add(event.seq)
            return "reused_id"
        if event.seq in self.by_seq:
            self.forked.add(event.id)
            return "fork"
        self.by_seq[event.seq] = event.id
        if event.gap is not None:
            self.gaps.append(event.gap)
        return "future" if future else ""

    @property
    def held(self) -> set[int]:
        """The numbers in its keeping."""
        closed = {seq for gap in self.gaps for seq in range(gap.first, gap.last + 1)}
        return self.by_seq.keys() | self.quarantine | closed

    def ack(self, refused: list[EventRefusal] | None = None) -> Ack:
        """Say what it holds; each ack is a second newer than the one before."""
        held = self.held
        through = 0
        while through + 1 in held:
            through += 1
        runs = [(seq, seq) for seq in sorted(held) if seq > through]
        self.heard_s += 1
        return ack(through, *(refused or []), beyond=runs[:64], after_s=self.heard_s)

    def backup(self) -> tuple[dict[int, str], list[GapSpan]]:
        """What `restore` needs."""
        return dict(self.by_seq), list(self.gaps)

    def restore(self, backup: dict[int, str], gaps: list[GapSpan]) -> None:
        """Become what it was at a backup."""
        self.by_seq, self.gaps = dict(backup), list(gaps)
        self.quarantine.clear()
