"""API tokens read guardians with a scope of their own alone."""

from server.web.principal import Role
from server.web.scopes import SCOPES_OF_ROLE, TokenScope, is_allowed

ROUTE = "GET /api/v1/people/{person_id}/guardians"


def test_no_other_scope_reads_guardians() -> None:
    others = set(TokenScope) - {TokenScope.GUARDIANS_READ}
    assert not is_allowed(ROUTE, others)
    assert is_allowed(ROUTE, {TokenScope.GUARDIANS_READ})


def test_only_office_and_administrators_can_give_it() -> None:
    roles = {role for role, scopes in SCOPES_OF_ROLE.items() if TokenScope.GUARDIANS_READ in scopes}
    assert roles == {Role.ADMIN, Role.OFFICE}
