"""Sample files: one of each kind, which can be imported as it is."""

import base64
import io
import zipfile
from datetime import date

from starlette.responses import Response

from server.imports.kinds import KindName, kind_of
from server.imports.words import sample_file
from server.web.translations import Translator

#: A grey picture of 8 pixels by 8, as JPEG.
_PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmB"
    "anGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABf/E"
    "ABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8ASf/Z"
)
_PHOTOS = ("00123.jpg", "00124.jpg", "00124_2.jpg", "00125/front.jpg", "00125/left.jpg")


def sample_answer(t: Translator, kind: KindName, today: date) -> Response:
    """Answer with the sample file of a kind, its columns in the reader's language."""
    if kind is KindName.PHOTOS:
        return _answer(zip_of({name: _picture(at) for at, name in enumerate(_PHOTOS)}), kind)
    found = sample_file(t, kind_of(kind, today))
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Response(found, media_type="text/csv", headers=headers)


def _answer(found: bytes, kind: KindName) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{kind}.zip"'}
    return Response(found, media_type="application/zip", headers=headers)


def _picture(number: int) -> bytes:
    """Return the picture with a comment, so that no two are the same file."""
    comment = b"sample %d" % number
    return _PICTURE[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + _PICTURE[2:]


def zip_of(files: dict[str, bytes]) -> bytes:
    """Return a zip with these files, by their paths."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return found.getvalue()
