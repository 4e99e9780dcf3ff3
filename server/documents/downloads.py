"""Hand out a file that a person uploaded, so that no browser runs it."""

from starlette.responses import Response

from server.documents.checks import MEDIA_TYPES, DocumentKind


def download(kind: DocumentKind, content: bytes) -> Response:
    """Return a file that a browser saves and never shows as a page of ours."""
    ending = "jpg" if kind is DocumentKind.JPEG else kind.value
    headers = {
        "Content-Disposition": f'attachment; filename="attachment.{ending}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)
