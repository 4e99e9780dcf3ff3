"""What a worker gets of a job, what a handler answers, and what a handler is."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlmodel import Session

#: Reason of a job whose handler raised an error that nobody foresaw.
UNEXPECTED = "UNEXPECTED_ERROR"
#: Reason of a job whose worker died, or could not store the result.
WORKER_DIED = "WORKER_DIED"


@dataclass(frozen=True)
class ClaimedJob:
    """A job in a worker's hands.

    Attributes:
        id: of the row.
        kind: which handler does it.
        subject: what it concerns, as the audit trail names it.
        about: what it is about, by name.
        attempts: failures so far that were its own fault.
        revision: of this claim; the worker loses the job when the row has another one.
        correlation_id: of the request that asked for it.
        created_by: who asked for it.
        created_at: when, UTC.
    """

    id: uuid.UUID
    kind: str
    subject: str
    about: Mapping[str, str] = field(hash=False)
    attempts: int
    revision: int
    correlation_id: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class Done:
    """The work is done.

    Attributes:
        write: stores the result, in the transaction that deletes the job. Everything is rolled
            back where the job was taken over or cancelled meanwhile. Where it returns a `Later`,
            the result does not fit any more: the job is put back instead.
        outcome: one word for the metric and the log.
    """

    write: Callable[[Session], object]
    outcome: str = "done"


@dataclass(frozen=True)
class Later:
    """The work could not be done now.

    Attributes:
        reason: code, shown to admins in words.
        is_own_fault: whether it counts, which makes the next pause longer.
        may_park: whether it is parked after too many failures; if not, it is tried every hour.
        pause: how long to wait where it does not count.
        write: what to store anyway.
    """

    reason: str
    is_own_fault: bool = False
    may_park: bool = True
    pause: timedelta = timedelta(0)
    write: Callable[[Session], object] | None = None


Result = Done | Later


class JobHandler(Protocol):
    """Does one kind of job. Called from several threads."""

    kind: str

    def is_ready(self) -> bool:
        """Return whether a job would find what it needs; answers at once."""

    def run(self, job: ClaimedJob) -> Result:
        """Work on a job, outside any transaction."""

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Follow up on a job that an admin cancels, in the transaction that deletes it."""
