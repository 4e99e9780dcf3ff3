"""The counts of a change of network, kept over a restart in one small file."""

import json
import logging
from pathlib import Path

from kiosk.errors import StorageError
from kiosk.storage.files import clear_place, read_if_there, write_private
from protocol.v1.messages import ShadowCounts

logger = logging.getLogger(__name__)


class ShadowCountsFile:
    """One private file with the counts, and the network that decided meanwhile; nobody's name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, current: str, following: str) -> ShadowCounts | None:
        """Return the counts of this change; None if there are none, or of another change.

        Args:
            current: card id of the network that decides.
            following: card id of the next one.
        """
        try:
            raw = read_if_there(self._path)
            if raw is None:
                return None
            kept = json.loads(raw)
            counts = ShadowCounts.model_validate(kept["counts"])
            is_ours = (kept["decided_by"], counts.model_id) == (current, following)
        except (StorageError, ValueError, KeyError, TypeError):
            logger.warning("counts of the change of network unreadable, starting again")
            return None
        return counts if is_ours else None

    def save(self, current: str, counts: ShadowCounts) -> None:
        """Replace them, wholly or not at all.

        Raises:
            StorageError: the disk refuses; the old ones stay.
        """
        kept = {"decided_by": current, "counts": counts.model_dump(mode="json")}
        write_private(self._path, json.dumps(kept).encode())

    def delete(self) -> None:
        """Forget them; the change is over.

        Raises:
            StorageError: the disk refuses.
        """
        clear_place(self._path)
