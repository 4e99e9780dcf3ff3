"""Deny by default: the guards that endpoints declare, and the check that each has one."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from server.errors import (
    ConfigurationError,
    ForbiddenError,
    NotSignedInError,
    PasswordChangeDueError,
)
from server.web.principal import Principal, Role

#: Signature of what app.py installs as `app.state.authenticate`: cookie value to principal.
Authenticate = Callable[[str], Principal | None]

SIGN_IN_COOKIE = "rollcall_sign_in"
_GUARDS: set[object] = set()

#: What somebody with a one-time password may use: the API (its clients change it there), the form
#: that changes it, and the way out.
_STILL_OPEN = ("/api/", "/password", "/sign-out")

Guard = Callable[..., Any]


def access_guard(dependency: Guard) -> Guard:
    """Mark a dependency as one that decides who may call (for example a device token check)."""
    _GUARDS.add(dependency)
    return dependency


def current_principal(request: Request) -> Principal | None:
    """Who is signed in, or None. Looked up once per request."""
    if not hasattr(request.state, "principal"):
        cookie = request.cookies.get(SIGN_IN_COOKIE, "")
        request.state.principal = request.app.state.authenticate(cookie) if cookie else None
    principal: Principal | None = request.state.principal
    return principal


def forget_unless_known(request: Request) -> None:
    """Let the rest of a failed request do without knowing who asks, unless that is known already.

    Asking again could fail as the request did, and then there would be no page to say so.
    """
    if not hasattr(request.state, "principal"):
        request.state.principal = None


def require_role(*roles: Role) -> Any:
    """Allow accounts of these roles, and admins. Returns the `Principal` to the endpoint.

    Usage: `principal: Annotated[Principal, require_role(Role.OFFICE)]`.
    """
    allowed = {Role.ADMIN, *roles}

    @access_guard
    def check(request: Request) -> Principal:
        principal = current_principal(request)
        if principal is None:
            raise NotSignedInError
        if principal.role not in allowed:
            raise ForbiddenError
        if principal.must_change_password and not request.url.path.startswith(_STILL_OPEN):
            raise PasswordChangeDueError
        return principal

    return Depends(check)


@access_guard
def _anyone() -> None:
    """Say that an endpoint is open on purpose."""


#: `dependencies=[PUBLIC]` on an endpoint that needs no sign-in.
PUBLIC = Depends(_anyone)

AdminDep = Annotated[Principal, require_role()]
OfficeDep = Annotated[Principal, require_role(Role.OFFICE)]
SignedInDep = Annotated[Principal, require_role(*Role)]


def refuse_unguarded(routers: Iterable[APIRouter]) -> None:
    """Stop the start if an endpoint forgot to say who may call it.

    Raises:
        ConfigurationError: names the endpoint.
    """
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and not _is_guarded(route.dependant):
                raise ConfigurationError(f"{route.methods} {route.path} declares no access guard")


def _is_guarded(dependant: Dependant) -> bool:
    return dependant.call in _GUARDS or any(_is_guarded(d) for d in dependant.dependencies)
