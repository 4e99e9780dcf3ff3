"""Refuse PDF files with parts that a reader might run, play or open.

Names are searched in all bytes, also of strings and streams, because a reader may find an object
anywhere. Names of two letters turn up in compressed pictures by chance, so they count only where
what stands beside them gives them a meaning.
"""

import re

from server.documents.pdf_streams import object_streams
from server.documents.refusals import damaged
from server.errors import UnsupportedMediaError

# Source: ISO 32000-2, 7.3.5 (names), 12.5.6 (annotations), 12.6 (actions) and 13 (multimedia).
_SPACE = rb"[\x00\t\n\f\r ]*+"
_DELIMITER = rb"(?=[\x00\t\n\f\r ()<>\[\]{}/%]|\Z)"
#: A dictionary, a reference to one, or an array of either; a comment may be before any of them.
_NUMBER = rb"[-+.0-9]++" + _SPACE
_LEADS_ON = rb"(?:\[%b)?(?:%%|<<|%b(?:%%|%b(?:%%|R)))" % (_SPACE, _NUMBER, _NUMBER)
_TAIL_BYTES = 1024


def _names(*words: str, then: bytes = b"") -> re.Pattern[bytes]:
    """Return a pattern for names; each of their characters may be written as two hex digits."""
    firsts = "".join({word[0] for word in words})
    spelled = ("".join(f"(?:{one}|#(?i:{ord(one):02x}))" for one in word) for word in words)
    # What may not follow a slash is ruled out at once: there may be millions of them.
    return re.compile(f"/(?=[{firsts}#])(?:{'|'.join(spelled)})".encode() + _DELIMITER + then)


_ENCRYPTED = _names("Encrypt")
_ACTIVE = (
    _names(
        *("JavaScript", "Launch", "SubmitForm", "ImportData", "GoToE", "GoToR", "Rendition"),
        *("EmbeddedFile", "EmbeddedFiles", "FileAttachment", "RichMedia", "XFA", "Movie", "Sound"),
        *("3DD", "3DA", "OnInstantiate", "U3D", "PRC"),
    ),
    _names("AA", "AF", "EF", then=_SPACE + _LEADS_ON),
    # Said by a reference or after a comment: nobody does so but to hide it.
    _names("Subtype", then=_SPACE + rb"(?:[%0-9]|" + _names("3D").pattern + rb")"),
)


def check_pdf(content: bytes) -> None:
    """Check that a reader only shows a PDF file.

    Raises:
        UnsupportedMediaError: it may do more, or it is damaged, encrypted or cannot be checked.
    """
    tail = content[-_TAIL_BYTES:].rstrip(b"\x00\t\n\f\r ")
    if not tail.endswith(b"%%EOF") or b"startxref" not in tail:
        raise damaged()
    if _ENCRYPTED.search(content):
        raise UnsupportedMediaError("The PDF file is encrypted.", problem="pdf_encrypted")
    if _is_active(content) or any(_is_active(one) for one in object_streams(content)):
        raise UnsupportedMediaError("The PDF file has active parts.", problem="pdf_active")


def _is_active(content: bytes) -> bool:
    return any(one.search(content) for one in _ACTIVE)
