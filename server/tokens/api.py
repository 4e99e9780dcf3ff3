"""What an API token may do, as the program that holds it asks."""

from server.db.dependencies import ReadDBDep
from server.errors import NotFoundError
from server.tokens import service
from server.tokens.schemas import TokenRead
from server.web.access import SignedInDep
from server.web.routes import GuardedRouter
from server.web.scopes import TokenScope

router = GuardedRouter(prefix="/api/v1/token", tags=["tokens"])


@router.get("")
def read_own_token(principal: SignedInDep, db: ReadDBDep) -> TokenRead:
    """The API token of this request: its scopes, and when it expires.

    404 where the request came with the cookie of a sign-in.
    """
    if principal.token is None:
        raise NotFoundError("This request has no API token.", problem="no_token")
    token = service.get_token(db, principal.token.token_id, principal=principal)
    return TokenRead(
        id=token.id,
        name=token.name,
        role=principal.role,
        scopes=[TokenScope(one) for one in token.scopes],
        created_at=token.created_at,
        expires_at=token.expires_at,
    )
