"""QR codes as pictures for pages, and the address that they lead to."""

import segno
from fastapi import Request
from markupsafe import Markup

from server.config import Settings

#: Modules of light around a code. Source: ISO/IEC 18004, 9.1.
QUIET_MODULES = 4


def qr_picture(text: str, css_class: str) -> Markup:
    """Return a QR code as SVG, black on white in every theme, as cameras read nothing else well.

    Args:
        text: what it says.
        css_class: decides its size.
    """
    picture = segno.make_qr(text, error="m").svg_inline(
        border=QUIET_MODULES,
        dark="#000",
        light="#fff",
        omitsize=True,
        svgclass=css_class,
        lineclass=None,
    )
    return Markup(picture)  # noqa: S704 - segno made it of squares alone


def server_address(request: Request, settings: Settings) -> str:
    """Return scheme, host and port by which kiosks and phones reach the server."""
    if settings.public_url is not None:
        return str(settings.public_url).rstrip("/")
    return f"{request.url.scheme}://{request.url.netloc}"
