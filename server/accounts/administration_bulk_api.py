"""Many accounts changed at once: the JSON API."""

import uuid
from typing import Annotated

from pydantic import Field

from server.accounts.administration_bulk import disable_many
from server.db.dependencies import DBDep
from server.web.access import AdminDep
from server.web.many_schemas import ManyRead, many_read
from server.web.routes import GuardedRouter
from server.web.state import ForgetIneligibleDep
from server.web.strict import StrictInput

router = GuardedRouter(prefix="/api/v1/accounts/bulk", tags=["accounts"])
_MOST = 500


class BulkDisable(StrictInput):
    """The accounts to disable."""

    account_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=_MOST)]


@router.post("/disable")
def disable_several(
    body: BulkDisable, principal: AdminDep, db: DBDep, forget: ForgetIneligibleDep
) -> ManyRead:
    """Sign several accounts out everywhere and let them in no more; says who was skipped."""
    return many_read(disable_many(db, body.account_ids, principal=principal, forget=forget))
