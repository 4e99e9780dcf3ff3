"""What every GET of the API has in common: an ETag, and parts of lists that are plain arrays.

Lists with `next_cursor` read their parts from the database. The shorter ones are arrays: whole
without `limit`, and otherwise cut here, with the address of the next part in the `Link` header.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from types import GenericAlias
from typing import Annotated, Any, get_origin
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.dependencies.utils import get_typed_return_annotation
from starlette.responses import Response

from server.db.listing import ListOrder
from server.db.vault import Vault
from server.web.cursors import InvalidCursorError, open_cursor, seal_cursor
from server.web.etags import is_known
from server.web.list_schemas import LONGEST_CURSOR, MOST_ROWS
from server.web.state import get_services

#: What tells the rows of an array apart, the first that they have.
_ROW_NAMES = ("id", "model_id", "person_id")
_BY_NAME = ListOrder(columns=(), kinds=(str,))
_JSON = "application/json"


async def _part_of_array(
    limit: Annotated[
        int | None, Query(ge=1, le=MOST_ROWS, description="Rows at most; all without it.")
    ] = None,
    cursor: Annotated[
        str | None,
        Query(max_length=LONGEST_CURSOR, description="From the `Link` header of the part before."),
    ] = None,
) -> tuple[int | None, str | None]:
    return limit, cursor


#: The query parameters of an array that can be read in parts.
PART_OF_ARRAY = Depends(_part_of_array)


def gives_array(endpoint: Callable[..., Any]) -> bool:
    """Whether an endpoint answers with an array."""
    annotation = get_typed_return_annotation(endpoint)
    return isinstance(annotation, GenericAlias) and get_origin(annotation) is list


def as_read(request: Request, response: Response, *, is_array: bool) -> Response:
    """Cut an array to the part that is asked for, and name the answer by its content.

    304 where the client says that it has this answer. Guards and the audit trail came before. An
    endpoint that has named its answer, because it says as of when, is not named again.

    Raises:
        InvalidCursorError: the cursor is not one of this list, or its row is gone.
    """
    is_json = response.headers.get("content-type", "").startswith(_JSON)
    if response.status_code != HTTPStatus.OK or not is_json or "etag" in response.headers:
        return response
    if is_array and not request.query_params.keys().isdisjoint(("limit", "cursor")):
        response = _part(request, response, get_services(request).vault)
    etag = f'"{sha256(bytes(response.body)).hexdigest()[:32]}"'
    response.headers["ETag"] = etag
    if is_known(etag, request.headers.get("if-none-match", "")):
        kept = {
            name: response.headers[name] for name in ("ETag", "Link") if name in response.headers
        }
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
    return response


def _part(request: Request, response: Response, vault: Vault) -> Response:
    rows: list[dict[str, Any]] = json.loads(bytes(response.body))
    first, path = 0, request.url.path
    if cursor := request.query_params.get("cursor"):
        (after,) = open_cursor(vault, path, _BY_NAME, cursor)
        names = [_name_of(row) for row in rows]
        if after not in names:
            raise InvalidCursorError
        first = names.index(after) + 1
    part = rows[first : first + int(request.query_params.get("limit", MOST_ROWS))]
    found = Response(_dumped(part), media_type=_JSON)
    if part and first + len(part) < len(rows):
        query = dict(request.query_params) | {
            "cursor": seal_cursor(vault, path, (_name_of(part[-1]),))
        }
        found.headers["Link"] = f'<{path}?{urlencode(query)}>; rel="next"'
    return found


def _name_of(row: dict[str, Any]) -> str:
    return str(next(row[name] for name in _ROW_NAMES if name in row))


def _dumped(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
