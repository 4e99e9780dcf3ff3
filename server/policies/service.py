"""Read and change the policy. What kiosks get of it has the protocol's own schema."""

from bisect import bisect_right
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy
from pydantic import ValidationError
from sqlalchemy import case
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from protocol.v1.policy import MOST_FRAMES, KioskPolicy, LivenessLevel
from server.audit.service import record
from server.db.prepared import Prepared, table_of
from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.policies.schemas import SchoolPolicy
from server.policies.tables import PolicyVersion

#: What was read of each version, and the policy that it says: to read it again costs more than to
#: compare. A restored or rolled back database has other words under the same number.
_KNOWN: dict[int, tuple[dict[str, Any], SchoolPolicy]] = {}
#: Where a session keeps its timeline.
_TIMELINE = "policy_timeline"

_TABLE = table_of(PolicyVersion)
_numbers = _TABLE.alias("numbers")
_is_newest = _TABLE.c.version == sqlalchemy.select(func.max(_numbers.c.version)).scalar_subquery()
#: When each version came into force; of the newest also what it says: most lessons need no other.
_DATES = Prepared(
    sqlalchemy.select(
        _TABLE.c.version, _TABLE.c.created_at, case((_is_newest, _TABLE.c.document))
    ).order_by(_TABLE.c.version)
)
_NEWEST = select(PolicyVersion).order_by(col(PolicyVersion.version).desc()).limit(1)


def new_school_policy() -> SchoolPolicy:
    """Return what a new school starts with; the wire's defaults stay as they always were."""
    kiosk = KioskPolicy(liveness=LivenessLevel.WHEN_UNSURE)
    return SchoolPolicy(kiosk=kiosk)


def begin_policy(db: Session) -> None:
    """Complete version 0 of a school that begins now: its first account was just made.

    Nobody was ever judged by it. A school that has set a policy keeps it.
    """
    rows = db.exec(select(PolicyVersion).limit(2)).all()
    if [row.version for row in rows] != [0]:
        return
    liveness = str(new_school_policy().kiosk.liveness)
    document = deepcopy(rows[0].document)
    document["kiosk"] = {**document.get("kiosk", {}), "liveness": liveness}
    rows[0].document = document
    db.add(rows[0])


def current_policy(db: Session) -> SchoolPolicy:
    """Return the policy in force; version 0 holds the defaults of the first installation."""
    return _policy_of(_newest(db))


class PolicyTimeline:
    """Which policy was in force when. Versions are only ever added, so an answer never changes."""

    @classmethod
    def of(cls, db: Session) -> "PolicyTimeline":
        """Return the timeline of a session, which reads it once; `set_policy` starts another."""
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
        self._read = {newest: _known_policy(newest, document)}

    def version_at(self, moment: datetime) -> int:
        """Return the number of the version in force at a moment."""
        return self._versions[max(0, bisect_right(self._since, moment) - 1)]

    def policy(self, version: int) -> SchoolPolicy:
        """Return a version; each is read once.

        Raises:
            NotFoundError: there is no such version.
        """
        if version not in self._read:
            row = self._db.get(PolicyVersion, version)
            if row is None:
                raise NotFoundError(
                    "There is no such version of the policy.", problem="no_policy_version"
                )
            self._read[version] = _policy_of(row)
        return self._read[version]


def policy_at(db: Session, version: int) -> SchoolPolicy:
    """Return one version; the first one for a number that never existed."""
    row = db.get(PolicyVersion, version)
    return _policy_of(row or db.get_one(PolicyVersion, 0))


@dataclass(frozen=True)
class Version:
    """One version of the policy and the one before it.

    Attributes:
        policy: as it was put in force.
        before: what it took the place of.
        created_by: who.
        created_at: when, UTC.
    """

    policy: SchoolPolicy
    before: SchoolPolicy
    created_by: str
    created_at: datetime


def versions(db: Session, *, limit: int, offset: int = 0) -> tuple[list[Version], int]:
    """Return versions with the one before each, newest first; and how many there are."""
    query = select(PolicyVersion).order_by(col(PolicyVersion.version).desc())
    rows = db.exec(query.limit(limit + 1).offset(offset)).all()
    policies = [_policy_of(row) for row in rows]
    found = [
        Version(policy, before, row.created_by, row.created_at)
        for row, policy, before in zip(rows[:limit], policies, policies[1:], strict=False)
    ]
    # The first version changed nothing.
    return found, db.exec(select(func.count()).select_from(PolicyVersion)).one() - 1


def version_dates(db: Session) -> list[tuple[int, datetime]]:
    """Return every version's number with the moment it came into force, newest first."""
    query = select(PolicyVersion.version, PolicyVersion.created_at)
    return list(db.exec(query.order_by(col(PolicyVersion.version).desc())).all())


def set_policy(
    db: Session, policy: SchoolPolicy, *, actor: str, source: str | None = None
) -> SchoolPolicy:
    """Put a new version in force and record who did; returns it with its number.

    Args:
        db: the caller's.
        policy: its number does not matter.
        actor: who.
        source: where its values come from, if not from that person.

    Raises:
        InvalidError: it is out of bounds, or less strict for people who are not due.
        ConflictError: another person set a policy at the same moment.
    """
    _refuse_unsound(policy)
    before = _newest(db)
    version = before.version + 1
    row = PolicyVersion(
        version=version,
        document=policy.model_dump(mode="json", exclude={"version"}),
        created_by=actor,
        # A clock that was set back must not put a version in force before the one it follows.
        created_at=max(now(), before.created_at),
    )
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError(
            "Another person changed the policy meanwhile.", problem="policy_overtaken"
        ) from exc
    details = {"version": version} | ({"from": source} if source else {})
    record(db, actor=actor, action="policy.set", subject="policy", details=details)
    db.info.pop(_TIMELINE, None)
    return policy.model_copy(update={"version": version})


def is_sound(policy: SchoolPolicy) -> bool:
    """Whether strangers are not taken more easily for those who are not due."""
    return policy.recognition.wide_fpir <= policy.recognition.roster_fpir


def _refuse_unsound(policy: SchoolPolicy) -> None:
    try:
        SchoolPolicy.model_validate(policy.model_dump(mode="json"))
    except ValidationError as exc:
        raise InvalidError("The policy is out of its bounds.", problem="policy_bounds") from exc
    if not is_sound(policy):
        raise InvalidError(
            "The limit outside the roster (wide_fpir) must be at least as strict as the one for the"
            " roster.",
            problem="policy_wide",
        )


def _newest(db: Session) -> PolicyVersion:
    return db.exec(_NEWEST).one()


def _policy_of(row: PolicyVersion) -> SchoolPolicy:
    return _known_policy(row.version, row.document)


def _known_policy(version: int, document: dict[str, Any]) -> SchoolPolicy:
    """Read a version. One that was read from the same words before is the same object."""
    known = _KNOWN.get(version)
    if known is None or known[0] != document:
        _KNOWN[version] = known = (deepcopy(document), _read(version, document))
    return known[1]


def _read(version: int, stored: dict[str, Any]) -> SchoolPolicy:
    document = deepcopy(stored)
    recognition = document.get("recognition", {})
    # Up to 30 were accepted once; with more than ten no kiosk recognised any student.
    if recognition.get("frames_to_agree", 0) > MOST_FRAMES:
        recognition["frames_to_agree"] = MOST_FRAMES
    return SchoolPolicy.model_validate(document | {"version": version})
