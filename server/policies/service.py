"""Read and change the policy. What kiosks get of it has the protocol's own schema."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from server.audit.service import record
from server.errors import ConflictError, InvalidError
from server.policies.schemas import SchoolPolicy
from server.policies.tables import PolicyVersion


def current_policy(db: Session) -> SchoolPolicy:
    """The policy in force; the defaults, as version 0, where nobody has set one."""
    query = select(PolicyVersion).order_by(col(PolicyVersion.version).desc()).limit(1)
    latest = db.exec(query).first()
    if latest is None:
        return SchoolPolicy()
    return _policy_of(latest)


def policy_at(db: Session, version: int) -> SchoolPolicy:
    """A version there was; the defaults for one there never was."""
    row = db.get(PolicyVersion, version)
    return SchoolPolicy() if row is None else _policy_of(row)


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


def versions(db: Session, limit: int) -> list[Version]:
    """The newest versions, newest first."""
    query = select(PolicyVersion).order_by(col(PolicyVersion.version).desc()).limit(limit + 1)
    rows = db.exec(query).all()
    policies = [_policy_of(row) for row in rows]
    older = [*policies[1:], SchoolPolicy()]
    return [
        Version(policy, before, row.created_by, row.created_at)
        for row, policy, before in zip(rows[:limit], policies, older, strict=False)
    ]


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
        InvalidError: it is out of bounds, or easier for those who are not due.
        ConflictError: somebody else did at the same moment.
    """
    _refuse_unsound(policy)
    version = current_policy(db).version + 1
    document = policy.model_dump(mode="json", exclude={"version"})
    try:
        with db.begin_nested():
            db.add(PolicyVersion(version=version, document=document, created_by=actor))
            db.flush()
    except IntegrityError as exc:
        raise ConflictError("Somebody else has changed the policy meanwhile.") from exc
    details = {"version": version} | ({"from": source} if source else {})
    record(db, actor=actor, action="policy.set", subject="policy", details=details)
    return policy.model_copy(update={"version": version})


def is_sound(policy: SchoolPolicy) -> bool:
    """Whether strangers are not taken more easily for those who are not due."""
    return policy.recognition.wide_fpir <= policy.recognition.roster_fpir


def _refuse_unsound(policy: SchoolPolicy) -> None:
    try:
        SchoolPolicy.model_validate(policy.model_dump(mode="json"))
    except ValidationError as exc:
        raise InvalidError("The policy is out of its bounds.") from exc
    if not is_sound(policy):
        raise InvalidError("Whoever is not due must not be easier to be taken for: wide_fpir.")


def _policy_of(row: PolicyVersion) -> SchoolPolicy:
    return SchoolPolicy.model_validate(row.document | {"version": row.version})
