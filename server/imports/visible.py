"""Who may see an import: only administrators see those of accounts."""

import uuid

from fastapi import Depends, Request

from server.db.dependencies import DatabaseDep
from server.imports.kinds import refuse_kind
from server.imports.service import find
from server.web.access import OfficeDep


def refuse_foreign_kind(request: Request, principal: OfficeDep, database: DatabaseDep) -> None:
    """Refuse every step of an import that the role may not work on.

    Raises:
        ForbiddenError: it may not.
        NotFoundError: there is no such import.
    """
    given = request.path_params.get("import_id")
    if given is None:
        return
    try:
        import_id = uuid.UUID(given)
    except ValueError:
        return  # the endpoint answers that this is no id
    with database.reading() as db:
        kind = find(db, import_id).kind
    refuse_kind(kind, principal.role)


VISIBLE = Depends(refuse_foreign_kind)
