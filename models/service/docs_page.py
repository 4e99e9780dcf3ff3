"""`/docs`: the API's description to read and to try, from files of this package alone."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response

_STATIC = Path(__file__).parent / "static"
_ASSETS = {
    "swagger-ui-bundle.js": ("vendor/swagger-ui-bundle-5.35.0.js.gz", "text/javascript"),
    "swagger-ui.css": ("vendor/swagger-ui-5.35.0.css.gz", "text/css"),
    "docs.js": ("docs.js", "text/javascript"),
}
DOCS_PATHS = frozenset({"/docs", *(f"/docs/{name}" for name in _ASSETS)})
# Swagger UI draws its icons from data: addresses.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs() -> Response:
    """Give the page."""
    page = (_STATIC / "docs.html").read_bytes()
    return Response(page, media_type="text/html", headers=_HEADERS)


@router.get("/docs/{name}")
def docs_asset(name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """Give a file of the page."""
    if name not in _ASSETS:
        raise HTTPException(404)
    file, media_type = _ASSETS[name]
    content = (_STATIC / file).read_bytes()
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=86400"}
    if file.endswith(".gz"):
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in accept_encoding:
            headers["Content-Encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    return Response(content, media_type=media_type, headers=headers)
