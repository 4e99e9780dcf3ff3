"""The command that takes in the outbox of another kiosk, such as one from a rescued SD card."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TextIO

from kiosk.config import Settings
from kiosk.errors import StorageError
from kiosk.storage.adoption import SavedEvent
from kiosk.storage.earlier import keep_others
from kiosk.storage.failures import translated
from kiosk.storage.files import private_folder
from kiosk.storage.salvage import found_events
from kiosk.sync.clock import SystemClock

IMPORTED = 0
NOTHING_FOUND = 1


def import_events(settings: Settings, file: Path, output: TextIO) -> int:
    """Set the events of an outbox file aside for delivery; the file itself is not changed.

    The kiosk may run meanwhile: it delivers what it finds beside its own outbox.

    Args:
        settings: of this kiosk.
        file: an outbox, whole or damaged; its journal (`-wal`) lies beside it.
        output: gets one sentence for each kiosk whose events were found.

    Returns:
        0 when events were taken in, 1 when there are none in the file.

    Raises:
        StorageError: the file cannot be read, or the disk refuses.
    """
    if not file.is_file():
        raise StorageError(f"{file}: there is no such file")
    folder = private_folder(settings.data_dir)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        found = found_events(_copied(file, Path(temporary)))
        keep_others(folder / "outbox.db", found, SystemClock())
    if not found:
        output.write(f"No events were found in {file}.\n")
        return NOTHING_FOUND
    for kiosk_id, count in Counter(str(one.raw["kiosk_id"]) for one in found).items():
        output.write(f"{count} events of kiosk {kiosk_id}, {_times(found, kiosk_id)}.\n")
    is_claimed = (folder / "identity" / "claim.json").is_file()
    when = "now" if is_claimed else "once it is claimed"
    output.write(f"This kiosk delivers them {when}.\n")
    return IMPORTED


def _copied(file: Path, folder: Path) -> Path:
    """Copy the file and its journal: a card may be mounted read-only, and SQLite writes beside."""
    copy = folder / "outbox.db"
    with translated(file):
        for suffix in ("", "-wal"):
            part = file.with_name(file.name + suffix)
            if part.is_file():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
    return copy


def _times(found: list[SavedEvent], kiosk_id: str) -> str:
    times = [str(one.raw["occurred_at"]) for one in found if one.raw["kiosk_id"] == kiosk_id]
    return f"from {min(times)[:16].replace('T', ' ')} to {max(times)[:16].replace('T', ' ')} UTC"
