"""Change what must not come back with a restored database."""

from datetime import datetime

from sqlalchemy import Connection
from sqlmodel import Session, col, delete, update

from server.accounts.tables import SignIn
from server.audit.service import SYSTEM, record
from server.backup.records import Manifest
from server.jobs.tables import Job, JobState
from server.kiosks.gallery import start_over
from server.tokens.tables import APIToken


def settle(connection: Connection, manifest: Manifest, at: datetime) -> None:
    """Make a restored database fit to be served, in the caller's transaction.

    Sign-ins and API tokens end, as they may have been ended since the backup. Jobs are claimed by
    nobody. Kiosks download their galleries anew, because they may hold what the backup lacks.
    Events, acks and watermarks need nothing: the server's first ack after a start makes kiosks send
    again what it lacks.
    """
    with Session(connection, expire_on_commit=False) as db:
        db.exec(delete(SignIn))
        living = col(APIToken.revoked_at).is_(None)
        db.exec(update(APIToken).where(living).values(revoked_at=at))
        idle = {"state": JobState.WAITING.value, "lease_owner": None, "lease_until": None}
        db.exec(update(Job).where(col(Job.state) == JobState.RUNNING.value).values(**idle))
        start_over(db, int(at.timestamp() * 1000))
        details = {"through": manifest.made_at, "version": manifest.version}
        record(db, actor=SYSTEM, action="backup.restore", subject="database", details=details)
        db.flush()
