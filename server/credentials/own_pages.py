"""The page behind a person's own link: a code for the kiosk's camera, without signing in."""

from typing import Annotated

from fastapi import Path, Request
from sqlmodel import Session
from starlette.responses import Response

from protocol.v1.checkin import Fallback
from server.credentials import service
from server.credentials.codes import code_for
from server.credentials.holders import NamedHolder, named_holder
from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.errors import NotFoundError
from server.policies.service import current_policies
from server.web.access import PUBLIC
from server.web.pages import is_htmx, render
from server.web.qr import qr_picture
from server.web.routes import GuardedRouter
from server.web.state import LinkGateDep, VaultDep

router = GuardedRouter(prefix="/me", include_in_schema=False)
Token = Annotated[str, Path(max_length=200)]
# Stricter than other pages: no form and no picture but our own, and no address is passed on.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


@router.get("/{token}", dependencies=[PUBLIC])
def own_page(
    request: Request, token: Token, db: ReadDBDep, vault: VaultDep, gate: LinkGateDep
) -> Response:
    """A new code for the person of this link; htmx asks for the code alone."""
    holder = _holder(db, token)
    if holder is None:
        address = request.client.host if request.client else "unknown"
        return _calm(request, "gone", 404, gate.wait_of_wrong_link(address))
    if wait_s := gate.wait_of_link(token):
        return _calm(request, "busy", 429, wait_s)
    if not any(Fallback.QR in one.kiosk.fallbacks for one in current_policies(db).everywhere()):
        return _calm(request, "off", 404)
    code = code_for(db, vault, holder.ref, now())
    context = {"holder": holder, "token": token, "qr": qr_picture(code, "own-qr")}
    template = "own_code.html" if is_htmx(request) else "own.html"
    return _private(render(request, f"credentials/{template}", context))


def _holder(db: Session, token: str) -> NamedHolder | None:
    ref = service.holder_of_link(db, token)
    try:
        return named_holder(db, ref) if ref is not None else None
    except NotFoundError:  # erased or disabled since the link was made
        return None


def _calm(request: Request, what: str, status_code: int, wait_s: int = 0) -> Response:
    """Say in one page that there is no code; a page that shows one loads itself again for it."""
    if is_htmx(request) and status_code != 429:
        return _private(Response(status_code=204, headers={"HX-Refresh": "true"}))
    if wait_s:
        what, status_code = "busy", 429
    response = render(request, "credentials/own_none.html", {"what": what}, status_code=status_code)
    if wait_s:
        response.headers["Retry-After"] = str(wait_s)
    return _private(response)


def _private(response: Response) -> Response:
    response.headers.update(_HEADERS)
    # The name of an answer would let a browser keep a code that has ended.
    if "etag" in response.headers:
        del response.headers["etag"]
    return response
