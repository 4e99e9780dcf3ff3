"""The policy: the JSON API."""

from server.db.dependencies import DBDep, ReadDBDep
from server.errors import ConflictError
from server.policies import service
from server.policies.schemas import PolicyInput, SchoolPolicy
from server.web.access import AdminDep, SignedInDep
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/api/v1/policy", tags=["policy"])


@router.get("")
def read_policy(_: SignedInDep, db: ReadDBDep) -> SchoolPolicy:
    """The policy in force."""
    return service.current_policy(db)


@router.put("")
def set_policy(body: PolicyInput, principal: AdminDep, db: DBDep) -> SchoolPolicy:
    """Put a new version in force; what the body does not name stays as it is.

    Raises:
        ConflictError: the body names a version that is no longer in force.
        InvalidError: it contradicts itself.
    """
    current = service.current_policy(db)
    if "version" in body.model_fields_set and body.version != current.version:
        raise ConflictError(
            "Another person changed the policy meanwhile.", problem="policy_overtaken"
        )
    named = body.model_dump(mode="json", exclude_unset=True)
    document = current.model_dump(mode="json")
    for group, values in named.items():
        document[group] = document[group] | values if isinstance(values, dict) else values
    wanted = SchoolPolicy.model_validate(document)
    return service.set_policy(db, wanted, actor=principal.actor)
