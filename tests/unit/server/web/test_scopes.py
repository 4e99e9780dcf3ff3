"""Every route of the API says what an API token needs for it, or why it refuses one."""

import tomllib
from pathlib import Path

import pytest

from server.web.principal import Role
from server.web.scopes import ANY_TOKEN, ROUTE_SCOPES, SCOPES_OF_ROLE, WITHOUT_TOKEN, is_allowed

WHO: dict[str, str] = tomllib.loads(Path(__file__).with_name("route_roles.toml").read_text())
#: Routes of people's programs. Kiosks and devices have tokens of their own.
ROUTES = {
    name
    for name, who in WHO.items()
    if name.split()[1].startswith("/api/v1/")
    and who != "device"
    and not name.split()[1].startswith("/api/v1/devices/")
}
#: Routes that change nothing although they are no GET: their words stand in the body.
READING = {"POST /api/v1/people/search", "POST /api/v1/past-changes/preview"}


def may_call(role: Role, name: str) -> bool:
    words = WHO[name].partition(",")[0].split()
    return role is Role.ADMIN or "everyone" in words or role.value in words


def test_each_route_stands_in_one_table() -> None:
    tables = (set(ROUTE_SCOPES), set(WITHOUT_TOKEN), set(ANY_TOKEN))
    assert set().union(*tables) == ROUTES, "add the route to server/web/scopes.py"
    assert sum(map(len, tables)) == len(ROUTES)


def test_what_reads_needs_read_and_what_changes_needs_write() -> None:
    reads = {name for name in ROUTE_SCOPES if name.startswith("GET ") or name in READING}
    assert {name for name, one in ROUTE_SCOPES.items() if one.endswith(":read")} == reads


@pytest.mark.parametrize("role", Role)
def test_a_role_is_offered_the_scopes_of_the_routes_that_it_may_call(role: Role) -> None:
    usable = {scope for name, scope in ROUTE_SCOPES.items() if may_call(role, name)}
    assert SCOPES_OF_ROLE[role] == usable


def test_a_route_that_nobody_entered_refuses_every_token() -> None:
    assert not is_allowed("GET /api/v1/not-entered", frozenset(ROUTE_SCOPES.values()))


def test_accounts_and_sign_ins_take_no_token() -> None:
    closed = ("/api/v1/accounts", "/api/v1/sign-in")
    assert not [name for name in ROUTE_SCOPES if name.split()[1].startswith(closed)]
