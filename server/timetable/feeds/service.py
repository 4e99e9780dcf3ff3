"""Make, renew, end and look up private calendar addresses."""

import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlmodel import Session, col, delete, select

from server.accounts.tables import Account
from server.audit.service import record
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.errors import ForbiddenError
from server.timetable.feeds.tables import CalendarFeed
from server.timetable.grid.subjects import SubjectKind
from server.timetable.service import course_of
from server.web.principal import Role

if TYPE_CHECKING:
    from sqlalchemy.orm import Mapped

_SECRET_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z", re.ASCII)


@dataclass(frozen=True)
class FeedOwner:
    """Whose lessons an address shows: a teacher's account or a course."""

    kind: SubjectKind
    id: uuid.UUID

    @property
    def subject(self) -> str:
        """What the audit trail calls it."""
        return f"{'course' if self.kind is SubjectKind.COURSE else 'account'}:{self.id}"

    @classmethod
    def teacher(cls, account_id: uuid.UUID) -> "FeedOwner":
        """Return an account as the owner."""
        return cls(SubjectKind.TEACHER, account_id)

    @classmethod
    def course(cls, course_id: uuid.UUID) -> "FeedOwner":
        """Return a course as the owner."""
        return cls(SubjectKind.COURSE, course_id)


def feed_of(db: Session, owner: FeedOwner) -> CalendarFeed | None:
    """Return the address that works for an owner, if there is one.

    Raises:
        NotFoundError: there is no such course.
        ForbiddenError: the account is no teacher's.
    """
    _check(db, owner)
    feed = _stored(db, owner)
    return feed if feed is not None and _is_live(db, feed) else None


def make(db: Session, owner: FeedOwner, *, actor: str, at: datetime) -> tuple[CalendarFeed, str]:
    """Make an address, which ends the one before; returns it with its secret, kept nowhere.

    Raises:
        NotFoundError, ForbiddenError: see `feed_of`.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    was_on = feed_of(db, owner) is not None
    _delete(db, owner)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    is_course = owner.kind is SubjectKind.COURSE
    feed = CalendarFeed(
        account_id=None if is_course else owner.id,
        course_id=owner.id if is_course else None,
        secret_hash=_digest(secret),
        created_at=at,
    )
    db.add(feed)
    db.flush()
    action = "calendar.renew" if was_on else "calendar.create"
    record(db, actor=actor, action=action, subject=owner.subject)
    return feed, secret


def end(db: Session, owner: FeedOwner, *, actor: str) -> None:
    """End the address of an owner. Nothing happens where there is none.

    Raises:
        NotFoundError, ForbiddenError: see `feed_of`.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    _check(db, owner)
    _end(db, owner, actor)


def forget_feed(db: Session, account: Account, *, actor: str) -> None:
    """End the address of an account that is disabled or no longer a teacher's.

    The caller holds the sign-in lock.
    """
    if not _may_have(account):
        _end(db, FeedOwner.teacher(account.id), actor)


def find(db: Session, secret: str) -> FeedOwner | None:
    """Return whose address a secret is; None where it does not work, whatever the reason."""
    digest = _digest(secret if _SECRET.match(secret) else "")
    feed = db.exec(select(CalendarFeed).where(CalendarFeed.secret_hash == digest)).first()
    if feed is None or not _is_live(db, feed):
        return None
    if feed.course_id is not None:
        return FeedOwner.course(feed.course_id)
    return None if feed.account_id is None else FeedOwner.teacher(feed.account_id)


def _check(db: Session, owner: FeedOwner) -> None:
    if owner.kind is SubjectKind.COURSE:
        course_of(db, owner.id)
        return
    account = db.get(Account, owner.id, populate_existing=True)
    if account is None or not _may_have(account):
        raise ForbiddenError("Only teachers have a calendar address.", problem="not_a_teacher")


def _may_have(account: Account) -> bool:
    return account.is_active and account.role == Role.TEACHER


def _is_live(db: Session, feed: CalendarFeed) -> bool:
    if feed.account_id is None:
        return True
    account = db.get(Account, feed.account_id)
    if account is None or not _may_have(account):
        return False
    return account.tokens_from is None or feed.created_at > account.tokens_from


def _end(db: Session, owner: FeedOwner, actor: str) -> None:
    if _stored(db, owner) is None:
        return
    _delete(db, owner)
    record(db, actor=actor, action="calendar.end", subject=owner.subject)


def _stored(db: Session, owner: FeedOwner) -> CalendarFeed | None:
    return db.exec(select(CalendarFeed).where(_column(owner) == owner.id)).first()


def _delete(db: Session, owner: FeedOwner) -> None:
    db.exec(delete(CalendarFeed).where(_column(owner) == owner.id))
    db.flush()


def _column(owner: FeedOwner) -> "Mapped[uuid.UUID | None]":
    is_course = owner.kind is SubjectKind.COURSE
    return col(CalendarFeed.course_id if is_course else CalendarFeed.account_id)


def _digest(secret: str) -> bytes:
    """Return what is stored of a secret: 256 random bits need no salt and no slow hash."""
    return sha256(secret.encode()).digest()
