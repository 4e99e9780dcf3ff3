"""How full the server's disk is, as /health and the first page say it."""

import shutil
from dataclasses import dataclass
from enum import StrEnum

from server.config import Settings
from server.db.engine import Database
from server.web.translations import Translator

_MIB = 1024 * 1024
#: SQLite cannot write its log into less.
_FULL_BELOW_BYTES = _MIB


class DiskState(StrEnum):
    """Whether there is room to save what comes in."""

    OK = "ok"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True)
class Disk:
    """The disk of the data folder, and what the database said of its disk.

    Attributes:
        state: of the worse of the two. The free space of PostgreSQL's disk is not known here:
            it is full when PostgreSQL refused a write for that reason.
        free_mib: free space for the server's account where the data folder is, MiB.
    """

    state: DiskState
    free_mib: int

    def sentence(self, t: Translator) -> str | None:
        """Say what is wrong and what to do; None: nothing is."""
        return None if self.state is DiskState.OK else t(f"disk.{self.state}", free=self.free_mib)


def disk_of(database: Database, settings: Settings) -> Disk:
    """Look at the disk; may wait for a slow network drive."""
    free_bytes = shutil.disk_usage(settings.data_dir).free
    is_full = database.was_full_lately or free_bytes < _FULL_BELOW_BYTES
    is_low = free_bytes < settings.disk_low_bytes
    state = DiskState.FULL if is_full else DiskState.LOW if is_low else DiskState.OK
    return Disk(state, free_bytes // _MIB)
