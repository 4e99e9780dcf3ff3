"""Deny by default: the guards that endpoints declare. routes.py checks that each has one."""

from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant

from server.errors import (
    CodeDueError,
    ForbiddenError,
    MissingScopeError,
    NotSignedInError,
    PasswordChangeDueError,
    SecondFactorDueError,
    SignInUnfinishedError,
    TokenRefusedError,
    TwoSignInsError,
)
from server.logs import act_by_token
from server.web.cookies import SIGN_IN_COOKIE
from server.web.principal import Principal, Role, SignInStep, TokenGrant
from server.web.scopes import ROUTE_SCOPES, TokenScope, is_allowed
from server.web.state import get_services

_GUARDS: set[Any] = set()
_UNFINISHED: dict[SignInStep, type[SignInUnfinishedError]] = {
    SignInStep.CODE: CodeDueError,
    SignInStep.PASSWORD: PasswordChangeDueError,
    SignInStep.SECOND_FACTOR: SecondFactorDueError,
}

_PROGRAM_PATHS = "/api/v1/"
_SCHEME = "bearer"

#: Asked before the body is read and again as a dependency, so it must be cheap the second time.
Guard = Callable[[Request], Any]


def access_guard(dependency: Guard) -> Guard:
    """Mark a dependency as one that decides who may call (for example a device token check).

    It needs nothing but the request, since it is asked before the body is read.
    """
    _GUARDS.add(dependency)
    return dependency


def current_principal(request: Request) -> Principal | None:
    """Who is signed in, or None. Looked up once per request."""
    if not hasattr(request.state, "principal"):
        request.state.principal = _look_up(request)
    principal: Principal | None = request.state.principal
    return principal


def _look_up(request: Request) -> Principal | None:
    cookie = request.cookies.get(SIGN_IN_COOKIE, "")
    services = get_services(request)
    if (token := token_of(request)) is None:
        return services.authenticate(cookie) if cookie else None
    if cookie:
        raise TwoSignInsError
    return services.authenticate_token(token, services.cookies.address_mark(request))


def token_of(request: Request) -> str | None:
    """Return the API token of a request; None where it has none, or is for a page."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    is_token = scheme.lower() == _SCHEME and request.url.path.startswith(_PROGRAM_PATHS)
    return token.strip() if is_token else None


async def principal_soon(request: Request) -> Principal | None:
    """The same, with a thread only where the database must be asked."""
    if not hasattr(request.state, "principal"):
        recalled = get_services(request).recall(request.cookies.get(SIGN_IN_COOKIE, ""))
        if recalled is None or token_of(request) is not None:
            return await run_in_threadpool(current_principal, request)
        request.state.principal = recalled
    principal: Principal | None = request.state.principal
    return principal


def forget_unless_known(request: Request) -> None:
    """Let the rest of a failed request do without knowing who asks, unless that is known already.

    Asking again could fail as the request did, and then there would be no page to say so.
    """
    if not hasattr(request.state, "principal"):
        request.state.principal = None


def require_role(*roles: Role, during: Collection[SignInStep] = ()) -> Any:
    """Allow accounts of these roles, and admins. Returns the `Principal` to the endpoint.

    A sign-in that still lacks a step is refused, whatever its role, unless the endpoint names that
    step: only the endpoints that complete a sign-in, or end it, do.

    Usage: `principal: Annotated[Principal, require_role(Role.OFFICE)]`.
    """
    allowed = {Role.ADMIN, *roles}

    @access_guard
    async def check(request: Request) -> Principal:
        principal = await principal_soon(request)
        if principal is None:
            raise NotSignedInError
        if principal.step is not None and principal.step not in during:
            raise _UNFINISHED[principal.step]
        if principal.role not in allowed:
            raise ForbiddenError
        if principal.token is not None:
            _refuse_beyond(request, principal.token)
        act_by_token(str(principal.token.token_id) if principal.token else "")
        return principal

    return Depends(check)


def _refuse_beyond(request: Request, token: TokenGrant) -> None:
    """Refuse what the scopes of an API token do not cover.

    Raises:
        MissingScopeError: names the scope.
        TokenRefusedError: no scope covers it.
    """
    route = f"{request.method} {request.scope['route'].path}"
    if is_allowed(route, token.scopes):
        return
    if (scope := ROUTE_SCOPES.get(route)) is None:
        raise TokenRefusedError
    require_scope(token, scope)


def require_scope(token: TokenGrant, scope: TokenScope) -> None:
    """Refuse an API token without a scope, for what a route gives beyond its own scope.

    Raises:
        MissingScopeError: names the scope.
    """
    if scope in token.scopes:
        return
    error = MissingScopeError(
        f"This API token lacks the scope {scope}.", problem="missing_scope", scope=scope
    )
    error.challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
    raise error


@access_guard
async def _anyone(_request: Request) -> None:
    """Say that an endpoint is open on purpose."""


#: `dependencies=[PUBLIC]` on an endpoint that needs no sign-in.
PUBLIC = Depends(_anyone)

AdminDep = Annotated[Principal, require_role()]
OfficeDep = Annotated[Principal, require_role(Role.OFFICE)]
SignedInDep = Annotated[Principal, require_role(*Role)]
#: The steps of a sign-in, and the way out of it at any of them.
CodeStepDep = Annotated[Principal, require_role(*Role, during=(SignInStep.CODE,))]
PasswordStepDep = Annotated[Principal, require_role(*Role, during=(SignInStep.PASSWORD,))]
SecondFactorStepDep = Annotated[Principal, require_role(*Role, during=(SignInStep.SECOND_FACTOR,))]
AnyStepDep = Annotated[Principal, require_role(*Role, during=tuple(SignInStep))]


def guards_of(dependant: Dependant) -> list[Guard]:
    """Return the guards of an endpoint, each once, in the order in which they are asked."""
    found = [one for inner in dependant.dependencies for one in guards_of(inner)]
    if dependant.call is not None and dependant.call in _GUARDS:
        found.append(dependant.call)
    return list(dict.fromkeys(found))


def is_open_to_anyone(guards: Sequence[Guard]) -> bool:
    """Whether these guards let everybody in."""
    return all(guard is _anyone for guard in guards)
