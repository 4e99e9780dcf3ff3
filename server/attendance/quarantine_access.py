"""Who reads the quarantine, and which rows a request asks for."""

import uuid
from typing import Annotated

from fastapi import Depends

from server.attendance.quarantine_listing import QuarantineFilter
from server.web.access import require_role
from server.web.principal import Principal, Role

ReaderDep = Annotated[Principal, require_role(Role.OFFICE, Role.TECHNICIAN, Role.DPO)]


def may_see_people(principal: Principal) -> bool:
    """Return whether an account may see who a quarantined event is about."""
    return principal.role != Role.TECHNICIAN


def wanted_rows(
    decided: bool = False,
    kiosk: uuid.UUID | None = None,
) -> QuarantineFilter:
    """Return which rows a request asks for."""
    return QuarantineFilter(decided, kiosk)


FilterDep = Annotated[QuarantineFilter, Depends(wanted_rows)]
