"""Read and change the policy. Its schema is the protocol's, so a kiosk gets what is kept."""

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


def set_policy(session: Session, policy: Policy, *, actor: str) -> Policy:
    """Put a new version in force; returns it with its number."""
    version = current_policy(session).version + 1
    document = policy.model_dump(mode="json", exclude={"version"})
    session.add(PolicyVersion(version=version, document=document, created_by=actor))
    session.flush()
    return policy.model_copy(update={"version": version})
