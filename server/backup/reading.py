"""Open backups, with the key that fits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from server.backup.dump import DATABASE
from server.backup.errors import BackupError
from server.backup.records import RecordReader
from server.backup.recovery_key import RecoveryKey
from server.backup.sealed_file import SealedReader

#: Finds a key by its id; None: it is not known.
FindKey = Callable[[str], RecoveryKey | None]


@contextmanager
def opened(path: Path, find_key: FindKey) -> Iterator[RecordReader]:
    """Open the backup of a database, at its first row.

    Raises:
        BackupError: it cannot be read, or its key is another one.
    """
    with path.open("rb") as file:
        reader = SealedReader(file, find_key)
        if reader.head.kind != DATABASE:
            raise BackupError(f"{path} holds the keys of a server, not its database.")
        yield RecordReader(reader)
