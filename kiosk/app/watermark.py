"""The kiosk's signed word on how far its events go."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.clock import Clock, ClockReading
from kiosk.domain.recorder import Recorder
from kiosk.storage.outbox import SQLiteOutbox
from protocol.v1 import statements
from protocol.v1.messages import Watermark


@dataclass(frozen=True, slots=True)
class WatermarkSigner:
    """Makes watermarks. Safe from any thread.

    Attributes:
        kiosk_id: named in each.
        key: of the kiosk.
        clock: for the time.
        outbox: for the newest number and its hash.
        recorder: for marks that wait in memory for the disk.
        slack_s: a sighting may take so long to be recorded.
    """

    kiosk_id: str
    key: Ed25519PrivateKey
    clock: Clock
    outbox: SQLiteOutbox
    recorder: Recorder
    slack_s: float

    def watermark(self) -> Watermark | None:
        """Return a watermark for now.

        None while the time or this start of the system is not known, and while numbers are lost
        of which the server has not said yet whether it has them.
        """
        reading = self.clock.reading()
        through = self._through(reading)
        newest = self.outbox.whole_through()  # read after the time: nothing slips in between
        if through is None or newest is None or not reading.boot_id:
            return None
        unsigned = Watermark.model_construct(
            kiosk_id=self.kiosk_id,
            through=through,
            seq=newest.seq,
            head=newest.hash,
            boot_id=reading.boot_id,
            made_at=reading.best_at,
            uptime_s=round(reading.uptime_s, 3),
            clock_source=reading.source,
            signature="",
        )
        return statements.sign_watermark(unsigned, self.key)

    def _through(self, reading: ClockReading) -> datetime | None:
        """The time (UTC) up to which everything that was seen is in the outbox."""
        if not reading.is_trusted:
            return None
        recorded_at = reading.best_at - timedelta(seconds=self.slack_s)
        oldest = self.recorder.oldest_unsaved_at()
        return recorded_at if oldest is None else min(recorded_at, oldest)
