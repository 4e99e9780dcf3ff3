"""Every route against every role and every unfinished sign-in.

`route_roles.toml` says who may use which route. A new route fails until it is written there, so the
table is complete by construction; what it says is then checked for each caller.
"""

import tomllib
import uuid
from inspect import iscoroutine
from itertools import product
from pathlib import Path

import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import Mount

from server.app import ROUTERS, create_app
from server.config import load_settings
from server.errors import ForbiddenError, NotSignedInError
from server.kiosks.device import current_kiosk
from server.web.access import Guard, guards_of
from server.web.principal import Principal, Role, SignInStep

TABLE: dict[str, str] = tomllib.loads(Path(__file__).with_name("route_roles.toml").read_text())
ROUTES = {
    f"{method} {route.path}": route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}
CALLERS = tuple(product(Role, (None, *SignInStep)))
OPEN, DEVICE = "anyone", "device"


def test_the_table_names_every_route_and_no_other() -> None:
    assert sorted(ROUTES) == sorted(TABLE)


def test_the_application_serves_them_as_they_are_and_no_route_beside_them(tmp_path: Path) -> None:
    app = create_app(load_settings(data_dir=tmp_path))
    *served, static = app.routes
    # The same objects: the framework would build a route of an included router once more, at the
    # first request that comes near it.
    assert list(map(id, served)) == [id(route) for router in ROUTERS for route in router.routes]
    assert (type(static), getattr(static, "path", "")) == (Mount, "/static")


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_route_lets_in_whom_the_table_names_and_nobody_else(name: str) -> None:
    guards = guards_of(ROUTES[name].dependant)
    assert (guards == [current_kiosk]) is (TABLE[name] == DEVICE)
    asked = [] if TABLE[name] == DEVICE else guards
    let_in = [one for one in CALLERS if asked and is_let_in(asked, *one)]
    assert let_in == [one for one in CALLERS if is_named(TABLE[name], *one)]
    assert not asked or is_let_in(asked, None, None) is (TABLE[name] == OPEN)


def is_named(words: str, role: Role, step: SignInStep | None) -> bool:
    """Whether the table lets a caller in."""
    if words in (OPEN, DEVICE):
        return words == OPEN
    roles, _, during = words.partition(", also at ")
    allowed = set(Role) if roles == "everyone" else {Role.ADMIN, *map(Role, roles.split())}
    return role in allowed and (step is None or step in during.split())


def is_let_in(guards: list[Guard], role: Role | None, step: SignInStep | None) -> bool:
    """Ask the guards of a route in the name of a caller; no role: nobody is signed in."""
    request = Request({"type": "http", "headers": []})
    request.state.principal = role and Principal(uuid.UUID(int=1), "A person", role, step)
    try:
        for guard in guards:
            finish(guard(request))
    except (ForbiddenError, NotSignedInError):
        return False
    return True


def finish(answer: object) -> None:
    """Run the coroutine of a guard that is one. It has nothing to wait for: the caller is known."""
    if iscoroutine(answer):
        with pytest.raises(StopIteration):
            answer.send(None)
