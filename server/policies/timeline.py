"""Which policy was in force when. Versions are only ever added, so an answer never changes."""

import uuid
from bisect import bisect_right
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlmodel import Session, func

from protocol.v1.policy import MOST_FRAMES
from server.db.prepared import Prepared, several, table_of
from server.errors import NotFoundError
from server.policies.effective import PolicySet, read_own
from server.policies.schemas import SchoolPolicy
from server.policies.tables import PolicyVersion, Rejudgement

#: What was read of each version, and the policies that it says: to read it again costs more than
#: to compare. A restored or rolled back database has other words under the same number.
_KNOWN: dict[int, tuple[dict[str, Any], PolicySet]] = {}
_MOST_KNOWN = 64
#: Where a session keeps its timeline.
_TIMELINE = "policy_timeline"
#: The number of policies that are tried and not kept; see `judged_by`.
_TRIED = -1

_TABLE = table_of(PolicyVersion)
_newest, _numbers = _TABLE.alias("newest"), _TABLE.alias("numbers")
_last = sqlalchemy.select(func.max(_numbers.c.version)).correlate(None).scalar_subquery()
#: When each version came into force; of the newest also what it says: most lessons need no other.
#: Joined, as SQLite would read the documents of all to reach their dates.
_DATES = Prepared(
    sqlalchemy.select(_TABLE.c.version, _TABLE.c.created_at, _newest.c.document)
    .select_from(_TABLE)
    .outerjoin(_newest, (_newest.c.version == _TABLE.c.version) & (_TABLE.c.version == _last))
    .order_by(_TABLE.c.version)
)


_CHOSEN_TABLE = table_of(Rejudgement)
_CHOSEN = Prepared(
    sqlalchemy.select(_CHOSEN_TABLE.c.lesson_id, _CHOSEN_TABLE.c.policy_version)
    .where(_CHOSEN_TABLE.c.lesson_id.in_(several("lessons")))
    .order_by(_CHOSEN_TABLE.c.made_at, _CHOSEN_TABLE.c.id)
)


class PolicyTimeline:
    """The versions of the policy by the moment they came into force."""

    @classmethod
    def of(cls, db: Session) -> "PolicyTimeline":
        """Return the timeline of a session, which reads it once; a new version starts another."""
        found: PolicyTimeline | None = db.info.get(_TIMELINE)
        if found is None:
            db.info[_TIMELINE] = found = cls(db)
        return found

    def __init__(self, db: Session) -> None:
        rows = _DATES.rows(db)
        self._versions: list[int] = [version for version, _since, _document in rows]
        self._since: list[datetime] = [since for _version, since, _document in rows]
        self._db = db
        newest, _since, document = rows[-1]
        self.current = known_policies(newest, document)
        self._read = {newest: self.current}

    def version_at(self, moment: datetime) -> int:
        """Return the number of the version in force at a moment."""
        return self._versions[max(0, bisect_right(self._since, moment) - 1)]

    def policies(self, version: int) -> PolicySet:
        """Return a version with what rooms and courses had of their own; each is read once.

        Raises:
            NotFoundError: there is no such version.
        """
        if version not in self._read:
            row = self._db.get(PolicyVersion, version)
            if row is None:
                raise NotFoundError(
                    "There is no such version of the policy.", problem="no_policy_version"
                )
            self._read[version] = policies_of(row)
        return self._read[version]

    def policy(self, version: int) -> SchoolPolicy:
        """Return the school's policy of a version.

        Raises:
            NotFoundError: there is no such version.
        """
        return self.policies(version).school


def chosen_versions(db: Session, lesson_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the version that people chose to judge a lesson again by; most lessons have none."""
    return dict(_CHOSEN.rows(db, lessons=lesson_ids))


class _Trial(PolicyTimeline):
    """As if some policies had been in force at all times."""

    def __init__(self, real: PolicyTimeline, tried: PolicySet) -> None:
        self._real = real
        self._tried = tried
        self.current = tried

    def version_at(self, moment: datetime) -> int:
        del moment
        return _TRIED

    def policies(self, version: int) -> PolicySet:
        return self._tried if version == _TRIED else self._real.policies(version)


@contextmanager
def judged_by(db: Session, tried: PolicySet) -> Iterator[None]:
    """Judge every lesson by these policies while the block runs; nothing is written.

    A lesson that people had judged again by a version of their choice keeps that version.
    """
    real = PolicyTimeline.of(db)
    db.info[_TIMELINE] = _Trial(real, tried)
    try:
        yield
    finally:
        db.info[_TIMELINE] = real


def forget_timeline(db: Session) -> None:
    """Let the session read the versions anew: there is another one."""
    db.info.pop(_TIMELINE, None)


def policies_of(row: PolicyVersion) -> PolicySet:
    """Return what a stored version says."""
    return known_policies(row.version, row.document)


def known_policies(version: int, document: dict[str, Any]) -> PolicySet:
    """Read a version. One that was read from the same words before is the same object."""
    known = _KNOWN.get(version)
    if known is None or known[0] != document:
        known = (deepcopy(document), PolicySet(_school(version, document), read_own(document)))
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[version] = known
    return known[1]


def _school(version: int, stored: dict[str, Any]) -> SchoolPolicy:
    document = deepcopy(stored)
    recognition = document.get("recognition", {})
    # Up to 30 were accepted once; with more than ten no kiosk recognised any student.
    if recognition.get("frames_to_agree", 0) > MOST_FRAMES:
        recognition["frames_to_agree"] = MOST_FRAMES
    return SchoolPolicy.model_validate(document | {"version": version})
