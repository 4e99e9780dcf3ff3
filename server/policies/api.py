"""The policy: the JSON API."""

from fastapi import APIRouter

from server.db.session import ReadSessionDep, SessionDep
from server.policies import service
from server.policies.schemas import SchoolPolicy
from server.web.access import AdminDep, SignedInDep

router = APIRouter(prefix="/api/v1/policy", tags=["policy"])


@router.get("")
def read_policy(_: SignedInDep, session: ReadSessionDep) -> SchoolPolicy:
    """The policy in force."""
    return service.current_policy(session)


@router.put("")
def set_policy(body: SchoolPolicy, principal: AdminDep, session: SessionDep) -> SchoolPolicy:
    """Put a new version in force; the number in the body is ignored."""
    return service.set_policy(session, body, actor=principal.actor)
