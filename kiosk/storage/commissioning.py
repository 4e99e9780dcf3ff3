"""The acceptance test on disk: how far it is, and signed reports that wait for the server."""

import logging
from pathlib import Path

from kiosk.domain.commissioning import CommissionProgress
from kiosk.errors import CorruptStoreError, StorageError
from kiosk.storage.failures import translated
from kiosk.storage.files import clear_place, private_folder, read_if_there, write_private
from protocol.v1.commissioning import CommissionReport, CommissionStep
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import Instant, parse_message
from protocol.v1.messages import Message

logger = logging.getLogger(__name__)

_PROGRESS = "progress.json"
_REPORT = "report-"
_REFUSED = ".refused"
MOST_REPORTS = 10
"""Reports that wait; a further one takes the place of the oldest."""


class _KeptProgress(Message):
    report_id: str
    kiosk_id: str
    room: str
    started_at: Instant
    steps: tuple[CommissionStep, ...] = ()


class CommissioningFiles:
    """A private folder; each file is wholly the old or wholly the new one after a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, kiosk_id: str) -> CommissionProgress | None:
        """Return how far the test of this kiosk is; None: none was begun, or it is unreadable."""
        try:
            raw = read_if_there(self._folder / _PROGRESS)
            kept = None if raw is None else parse_message(_KeptProgress, raw)
        except (CorruptStoreError, ProtocolError):
            logger.warning("progress of the commissioning unreadable, starting again")
            return None
        if kept is None or kept.kiosk_id != kiosk_id:
            return None
        return CommissionProgress(
            kept.report_id, kept.kiosk_id, kept.room, kept.started_at, kept.steps
        )

    def save(self, progress: CommissionProgress) -> None:
        """Store how far it is.

        Raises:
            StorageError: the disk refuses; what was stored before stays.
        """
        kept = _KeptProgress(
            report_id=progress.report_id,
            kiosk_id=progress.kiosk_id,
            room=progress.room,
            started_at=progress.started_at,
            steps=progress.steps,
        )
        write_private(private_folder(self._folder) / _PROGRESS, kept.to_json())

    def forget(self) -> None:
        """End the test: its report is stored, or it begins anew.

        Raises:
            StorageError: the disk refuses.
        """
        clear_place(self._folder / _PROGRESS)

    def keep_report(self, report: CommissionReport) -> None:
        """Store a signed report until the server has it.

        Raises:
            StorageError: the disk refuses.
        """
        write_private(private_folder(self._folder) / f"{_REPORT}{report.id}.json", report.to_json())
        for old in self._names()[:-MOST_REPORTS]:
            logger.warning("commissioning report dropped, too many wait file=%s", old.name)
            clear_place(old)

    def reports(self) -> list[CommissionReport]:
        """Return the reports that wait, oldest first; one that is damaged is left out."""
        found = []
        for path in self._names():
            try:
                raw = read_if_there(path)
                if raw is not None:
                    found.append(parse_message(CommissionReport, raw))
            except (StorageError, ProtocolError):
                logger.warning("commissioning report unreadable, skipped file=%s", path.name)
        return found

    def drop_report(self, report_id: str) -> None:
        """Delete a report that the server has.

        Raises:
            StorageError: the disk refuses.
        """
        clear_place(self._path(report_id))

    def set_report_aside(self, report_id: str) -> None:
        """Keep a report that the server refused, without sending it again.

        Raises:
            StorageError: the disk refuses.
        """
        path = self._path(report_id)
        with translated(path):
            path.replace(path.with_name(path.name + _REFUSED))

    def _path(self, report_id: str) -> Path:
        return self._folder / f"{_REPORT}{report_id}.json"

    def _names(self) -> list[Path]:
        """Return the files of reports, oldest first: their ids begin with the time."""
        return sorted(self._folder.glob(f"{_REPORT}*.json"))
