"""Read and change the policy. Its schema is the protocol's, so a kiosk gets what is kept."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from protocol.v1.messages import Policy
from server.policies.tables import PolicyVersion


def current_policy(session: Session) -> Policy:
    """The policy in force; the defaults, as version 0, where nobody has set one."""
    query = select(PolicyVersion).order_by(col(PolicyVersion.version).desc()).limit(1)
    latest = session.exec(query).first()
    if latest is None:
        return Policy()
    return Policy.model_validate(latest.document | {"version": latest.version})


@dataclass(frozen=True)
class Version:
    """One version of the policy and the one before it.

    Attributes:
        policy: as it was put in force.
        before: what it took the place of.
        created_by: who.
        created_at: when, UTC.
    """

    policy: Policy
    before: Policy
    created_by: str
    created_at: datetime


def versions(session: Session, limit: int) -> list[Version]:
    """The newest versions, newest first."""
    query = select(PolicyVersion).order_by(col(PolicyVersion.version).desc()).limit(limit + 1)
    rows = session.exec(query).all()
    policies = [Policy.model_validate(row.document | {"version": row.version}) for row in rows]
    older = [*policies[1:], Policy()]
    return [
        Version(policy, before, row.created_by, row.created_at)
        for row, policy, before in zip(rows[:limit], policies, older, strict=False)
    ]


def set_policy(session: Session, policy: Policy, *, actor: str) -> Policy:
    """Put a new version in force; returns it with its number."""
    version = current_policy(session).version + 1
    document = policy.model_dump(mode="json", exclude={"version"})
    session.add(PolicyVersion(version=version, document=document, created_by=actor))
    session.flush()
    return policy.model_copy(update={"version": version})
