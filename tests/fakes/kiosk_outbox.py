"""An outbox for domain tests: keeps drafts in memory, and can fail like a full disk."""

from kiosk.domain.events import EventDraft, RecordedEvent
from kiosk.errors import DiskFullError


class MemoryOutbox:
    """Implements the domain's Outbox."""

    def __init__(self) -> None:
        self.drafts: list[EventDraft] = []
        self.is_disk_full = False

    def append(self, draft: EventDraft) -> RecordedEvent:
        if self.is_disk_full:
            raise DiskFullError("no space left")
        self.drafts.append(draft)
        return RecordedEvent(f"event-{len(self.drafts)}", len(self.drafts))
