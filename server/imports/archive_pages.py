"""The page's upload of archives: the script of the form sends them a piece at a time."""

import uuid
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import File, Form, Request, UploadFile
from starlette.responses import JSONResponse, Response

from server.db.dependencies import DatabaseDep
from server.errors import ServerError
from server.imports import service, uploads
from server.imports.pieces import PIECE_BYTES
from server.imports.schemas import ArchiveCreate
from server.imports.tables import ImportState
from server.imports.visible import VISIBLE
from server.web.access import OfficeDep
from server.web.pages import request_translator
from server.web.problems import problem_text
from server.web.routes import FILE_BODY, GuardedRouter
from server.web.state import get_services

router = GuardedRouter(prefix="/imports", include_in_schema=False, dependencies=[VISIBLE])


@router.post("/archives")
def announce(
    request: Request,
    principal: OfficeDep,
    database: DatabaseDep,
    form: Annotated[ArchiveCreate, Form()],
) -> Response:
    """Begin an upload; the script learns where to go and how large pieces are."""

    def begin() -> dict[str, Any]:
        with database.transaction() as db:
            run = uploads.announce(db, form.announced(), actor=principal.actor)
            return {"address": f"/imports/{run.id}", "piece_bytes": PIECE_BYTES}

    return _told(request, begin)


@router.post("/{import_id}/pieces/{number}", dependencies=[FILE_BODY])
def take_piece(
    request: Request,
    import_id: uuid.UUID,
    number: int,
    principal: OfficeDep,
    database: DatabaseDep,
    piece: Annotated[UploadFile, File()],
) -> Response:
    """Keep a piece. The dry run starts after the last one: there are no columns to choose."""

    def take() -> dict[str, Any]:
        data = piece.file.read(PIECE_BYTES + 1)
        actor, vault = principal.actor, get_services(request).vault
        run = uploads.take_piece(database, vault, import_id, number, data, actor=actor)
        if run.state == ImportState.UPLOADED:
            with database.transaction() as db:
                service.begin_check(db, run.id, {}, actor=actor, role=principal.role)
        return {"is_complete": run.state != ImportState.UPLOADING}

    return _told(request, take)


def _told(request: Request, do: Callable[[], dict[str, Any]]) -> Response:
    """Answer the script; where something is refused, with the words that the page shows."""
    try:
        return JSONResponse(do())
    except ServerError as exc:
        words = problem_text(request_translator(request), exc)
        return JSONResponse({"problem": words}, status_code=exc.status_code)
