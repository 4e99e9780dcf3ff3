"""What a kiosk keeps while its school changes the network: counts, and templates of clear scans."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kiosk.app.scans import ScanAwareGallery, ScanCollector
from kiosk.app.shadow_counts import ShadowTally
from kiosk.domain.clock import Clock
from kiosk.domain.timetable import Timetable
from kiosk.errors import StorageError
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from kiosk.storage.scans import SQLiteScans
from kiosk.storage.shadow_counts import ShadowCountsFile
from kiosk.sync.scans import ScanSender, ScanTarget
from kiosk.vision.shadow import ShadowHooks
from protocol.v1.messages import ClaimResponse

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChangeoverLinks:
    """What a changeover asks and tells.

    Attributes:
        target: the server that templates go to.
        clock: of this kiosk.
        is_event_waiting: see `ScanSender`.
    """

    target: ScanTarget
    clock: Clock
    is_event_waiting: Callable[[str], bool] = lambda _event_id: False


class Changeover:
    """The files of a change of network, and what fills and empties them.

    Args:
        folder: the data folder.
        gallery: the templates that the server sent.
        keys: of this kiosk.
        claim: waiting templates of another claim are deleted.
        links: see `ChangeoverLinks`.

    Attributes:
        tally: how the next network compares.
        collector: makes templates of clear scans.
        gallery: as the downloader is to see it.
        was_renewed: the file of waiting templates was damaged and made anew.

    Raises:
        StorageError: a file can neither be opened nor made anew.
    """

    def __init__(
        self,
        folder: Path,
        gallery: SQLiteGallery,
        keys: GalleryKeys,
        claim: ClaimResponse,
        links: ChangeoverLinks,
    ) -> None:
        claimed_at = claim.server_time.isoformat(timespec="milliseconds")
        owner = f"{claim.kiosk_id}/{keys.key_id}/{claimed_at}"
        self._scans = SQLiteScans(folder / "scans.db", owner)
        self.tally = ShadowTally(ShadowCountsFile(folder / "shadow.json"), links.clock)
        self.collector = ScanCollector(self._scans, gallery, keys, links.clock)
        self.gallery = ScanAwareGallery(gallery, self.collector)
        self.was_renewed = self._scans.was_renewed
        self._sender = ScanSender(
            self._scans, links.target, links.clock, is_event_waiting=links.is_event_waiting
        )

    def follow(self, timetable: Timetable) -> None:
        """Go on with the school's change, begin one, or end it; asked with each configuration."""
        if not timetable.room_name:
            return
        self.tally.follow(timetable.network)
        try:
            self.collector.follow(timetable)
        except StorageError as exc:
            logger.warning("waiting scan templates not deleted: %s", exc)

    def hooks(self) -> ShadowHooks:
        """Return who hears of the comparison."""
        return ShadowHooks(on_outcome=self.tally.add, on_scan=self.collector.fused)

    def hand_over(self) -> None:
        """Store what is ready, then send what waits."""
        try:
            self.collector.settle()
        except StorageError as exc:
            logger.warning("scan templates not stored: %s", exc)
            return
        self._sender.send()

    def wipe(self) -> None:
        """Delete everything: the server does not know this kiosk any more.

        Raises:
            StorageError: the disk refuses.
        """
        self.tally.follow(None)
        self.collector.wipe()

    def close(self) -> None:
        """Store the counts and close the files; may be called twice."""
        self.tally.save()
        self._scans.close()
