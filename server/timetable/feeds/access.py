"""Who has a calendar address, and how it is written."""

from typing import Annotated

from fastapi import Request

from server.config import Settings
from server.web.access import require_role
from server.web.principal import Principal, Role
from server.web.qr import server_address

TeacherDep = Annotated[Principal, require_role(Role.TEACHER)]


def address_of(request: Request, settings: Settings, secret: str) -> str:
    """Return the address that calendar programs subscribe to."""
    return f"{server_address(request, settings)}/calendar/{secret}.ics"
