"""Locks for the things that one process at a time may do: starting up, and chains of rows."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from server.db.private import private_folder
from server.errors import ConfigurationError

#: Advisory lock numbers on PostgreSQL, one per thing that is serialised.
MIGRATION_LOCK = 7_265_001
AUDIT_LOCK = 7_265_002
GALLERY_LOCK = 7_265_003
FIRST_ACCOUNT_LOCK = 7_265_004
SIGN_IN_LOCK = 7_265_005
CLAIM_LOCK = 7_265_006
CREDENTIAL_LOCK = 7_265_007
BROKER_ACCOUNTS_LOCK = 7_265_008
#: Taken after all others: it is the last thing that a transaction does.
SCHOOL_CHANGES_LOCK = 7_265_029
#: Taken before all others, so before the timetable's version and the audit trail.
TIMETABLE_LOCK = 7_265_028

_STARTUP, _SERVING, _SOLE = "startup.lock", "serving.lock", "sole-server.lock"


@contextmanager
def startup_lock(data_dir: Path) -> Iterator[None]:
    """Let one process of this data folder start at a time: keys, migrations, first account."""
    private_folder(data_dir)
    with (data_dir / _STARTUP).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def serving_lock(data_dir: Path) -> Iterator[None]:
    """Say that a server runs on this data folder. Several may."""
    private_folder(data_dir)
    with (data_dir / _SERVING).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def sole_server_lock(data_dir: Path) -> Iterator[None]:
    """Be the only server of this data folder that asks to be; ends with the process at the latest.

    Raises:
        ConfigurationError: another one is.
    """
    private_folder(data_dir)
    with (data_dir / _SOLE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise ConfigurationError(
                "Another server runs on this data folder, and the embedded broker works with one"
                " server only. Stop the other one, or use Mosquitto: install the package mosquitto"
                " and restart the broker, or set ROLLCALL_SERVER_BROKER=mosquitto where it runs"
                " already."
            ) from exc
        yield


@contextmanager
def alone(data_dir: Path) -> Iterator[bool]:
    """Keep servers from starting; yields whether none runs and none starts."""
    private_folder(data_dir)
    with (data_dir / _STARTUP).open("w") as starting, (data_dir / _SERVING).open("w") as serving:
        try:
            for file in (starting, serving):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def lock_until_commit(db: Session, number: int) -> None:
    """Serialise the rest of this transaction against others that take the same lock.

    On SQLite there is nothing to do: a transaction that writes is alone already.
    """
    if db.get_bind().dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})
