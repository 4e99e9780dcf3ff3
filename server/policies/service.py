"""Read and change the policy. What kiosks get of it has the protocol's own schema."""

import uuid
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from protocol.v1.policy import KioskPolicy, LivenessLevel
from server.audit.service import record
from server.db.types import now
from server.errors import ConflictError, InvalidError
from server.policies.effective import NONE, Own, PolicySet, write_own
from server.policies.schemas import OwnInput, SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope, may_differ
from server.policies.tables import PolicyVersion
from server.policies.timeline import PolicyTimeline, forget_timeline, policies_of
from server.timetable import service as timetable

__all__ = ["PolicyTimeline"]
_NEWEST = select(PolicyVersion).order_by(col(PolicyVersion.version).desc()).limit(1)
#: Rooms and courses that may have settings of their own: every version says them all.
MOST_PLACES = 300


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
    return current_policies(db).school


def current_policies(db: Session) -> PolicySet:
    """Return the policy in force with what rooms and courses have of their own."""
    return policies_of(_newest(db))


def policy_at(db: Session, version: int) -> SchoolPolicy:
    """Return one version; the first one for a number that never existed."""
    return policies_at(db, version).school


def policies_at(db: Session, version: int) -> PolicySet:
    """Return the same with what rooms and courses had of their own."""
    row = db.get(PolicyVersion, version)
    return policies_of(row or db.get_one(PolicyVersion, 0))


@dataclass(frozen=True)
class Version:
    """One version of the policy and the one before it.

    Attributes:
        policies: as they were put in force.
        before: what they took the place of.
        place: the room or course whose settings changed; None: the school's changed.
        created_by: who.
        created_at: when, UTC.
    """

    policies: PolicySet
    before: PolicySet
    place: PolicyPlace | None
    created_by: str
    created_at: datetime


def versions(
    db: Session, *, place: PolicyPlace | None = None, limit: int, offset: int = 0
) -> tuple[list[Version], int]:
    """Return versions with the one before each, newest first; and how many there are.

    Args:
        db: the caller's.
        place: only those that changed this room or course; None: all.
        limit: at most so many.
        offset: after so many.
    """
    # The first version changed nothing.
    wanted = col(PolicyVersion.version) > 0
    if place is not None:
        wanted &= (col(PolicyVersion.scope) == place.scope) & (
            col(PolicyVersion.scope_id) == place.id
        )
    query = select(PolicyVersion).where(wanted).order_by(col(PolicyVersion.version).desc())
    rows = db.exec(query.limit(limit).offset(offset)).all()
    numbers = [row.version - 1 for row in rows]
    earlier = db.exec(select(PolicyVersion).where(col(PolicyVersion.version).in_(numbers))).all()
    before = {row.version + 1: policies_of(row) for row in earlier}
    found = [
        Version(
            policies_of(row), before[row.version], place_of(row), row.created_by, row.created_at
        )
        for row in rows
    ]
    return found, db.exec(select(func.count()).select_from(PolicyVersion).where(wanted)).one()


def place_of(row: PolicyVersion) -> PolicyPlace | None:
    """Return the room or course that a version changed; None where it changed the school's."""
    return PolicyPlace(Scope(row.scope), row.scope_id) if row.scope_id is not None else None


class DatedVersion(NamedTuple):
    """A version without what it says: its number, since when, and what it changed.

    Attributes:
        scope_id: the room or course whose settings changed; None: the school's changed.
    """

    version: int
    since: datetime
    scope_id: uuid.UUID | None


def version_dates(db: Session) -> list[DatedVersion]:
    """Return every version, newest first, without the documents."""
    query = select(PolicyVersion.version, PolicyVersion.created_at, PolicyVersion.scope_id)
    rows = db.exec(query.order_by(col(PolicyVersion.version).desc()))
    return [DatedVersion(*row) for row in rows]


def set_policy(
    db: Session, policy: SchoolPolicy, *, actor: str, source: str | None = None
) -> SchoolPolicy:
    """Put a new version in force and record who did; returns it with its number.

    What rooms and courses have of their own stays.

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
    wanted = policies_of(before).with_school(policy)
    version = _add(db, before, wanted, actor=actor)
    details = {"version": version} | ({"from": source} if source else {})
    record(db, actor=actor, action="policy.set", subject="policy", details=details)
    return policy.model_copy(update={"version": version})


def set_own(db: Session, place: PolicyPlace, own: Own, *, actor: str) -> PolicySet:
    """Give a room or a course these own settings, and no others, as a new version.

    Without any, the room or course follows the school again. Where nothing changes, there is no
    new version.

    Raises:
        NotFoundError: there is no such room or course.
        InvalidError: one of them holds for the whole school or is out of bounds, or too many rooms
            and courses have settings of their own.
        ConflictError: another person set a policy at the same moment.
    """
    refuse_unknown_place(db, place)
    before = _newest(db)
    policies = policies_of(before)
    checked = checked_own(place.scope, own)
    if checked == policies.own_of(place):
        return policies
    wanted = policies.with_own(place, checked)
    if len(wanted.own) > max(MOST_PLACES, len(policies.own)):
        raise InvalidError(
            f"At most {MOST_PLACES} rooms and courses may have their own settings.",
            problem="policy_places",
        )
    version = _add(db, before, wanted, actor=actor, place=place)
    action = "policy.set_own" if checked else "policy.remove_own"
    record(db, actor=actor, action=action, subject=place.subject, details={"version": version})
    school = policies.school.model_copy(update={"version": version})
    return PolicySet(school, wanted.own)


def refuse_unknown_place(db: Session, place: PolicyPlace) -> None:
    """Refuse a room or course that does not exist.

    Raises:
        NotFoundError: it does not.
    """
    if place.scope is Scope.ROOM:
        timetable.room_of(db, place.id)
    else:
        timetable.course_of(db, place.id)


def checked_own(scope: Scope, own: Own) -> Own:
    """Return settings as they are stored.

    Raises:
        InvalidError: one of them holds for the whole school, or is out of bounds.
    """
    for group, values in own.items():
        for name in values:
            if not may_differ(scope, group, name):
                raise InvalidError(
                    f"The setting {name} holds for the whole school.", problem="policy_scope"
                )
    try:
        checked = OwnInput.model_validate({key: dict(one) for key, one in own.items()})
    except ValidationError as exc:
        raise _bounds_error() from exc
    document: dict[str, dict[str, Any]] = checked.model_dump(mode="json", exclude_unset=True)
    return {group: values for group, values in document.items() if values} or NONE


def _add(
    db: Session,
    before: PolicyVersion,
    wanted: PolicySet,
    *,
    actor: str,
    place: PolicyPlace | None = None,
) -> int:
    """Add the version after another one; returns its number."""
    document = wanted.school.model_dump(mode="json", exclude={"version"})
    row = PolicyVersion(
        version=before.version + 1,
        document=document | ({"own": write_own(wanted)} if wanted.own else {}),
        created_by=actor,
        # A clock that was set back must not put a version in force before the one it follows.
        created_at=max(now(), before.created_at),
        scope=place.scope if place else Scope.SCHOOL,
        scope_id=place.id if place else None,
    )
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError(
            "Another person changed the policy meanwhile.", problem="policy_overtaken"
        ) from exc
    forget_timeline(db)
    return row.version


def _bounds_error() -> InvalidError:
    return InvalidError("The policy is out of its bounds.", problem="policy_bounds")


def is_sound(policy: SchoolPolicy) -> bool:
    """Whether strangers are not taken more easily for those who are not due."""
    return policy.recognition.wide_fpir <= policy.recognition.roster_fpir


def _refuse_unsound(policy: SchoolPolicy) -> None:
    try:
        SchoolPolicy.model_validate(policy.model_dump(mode="json"))
    except ValidationError as exc:
        raise _bounds_error() from exc
    if not is_sound(policy):
        raise InvalidError(
            "The limit outside the roster (wide_fpir) must be at least as strict as the one for the"
            " roster.",
            problem="policy_wide",
        )


def _newest(db: Session) -> PolicyVersion:
    return db.exec(_NEWEST).one()
