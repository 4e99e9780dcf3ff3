"""Find the objects that a PDF file holds in compressed streams.

A reader finds an object by its position, which may be anywhere, also in a string or in another
stream. So each `obj` of the file counts as a beginning, and what follows is read as a reader would:
strings and comments end where they end. What may be read in two ways is refused.
"""

import re
import zlib
from collections.abc import Iterator

from server.documents.refusals import damaged, unclear

_MOST_BEGINNINGS, _MOST_TOKENS, _MOST_READ_BYTES = 100_000, 1_000_000, 32 * 1024 * 1024
_MOST_OBJECT_BYTES, _PIECE_BYTES = 8 * 1024 * 1024, 65_536
# Source: ISO 32000-2, 7.2 (white space, comments), 7.3 (objects) and 7.5.7 (object streams).
_SPACE = re.compile(rb"(?:[\x00\t\n\f\r ]++|%[^\r\n]*+)*+")
#: Some readers take `obj12` for `obj 12`.
_BEGINNING = re.compile(rb"(?<!end)obj[0-9]*+")
_TOKEN = re.compile(
    rb"/[^\x00\t\n\f\r ()<>\[\]{}/%]*+|<<|>>|[\[\](]|<[0-9A-Fa-f\x00\t\n\f\r ]*+>"
    rb"|[^\x00\t\n\f\r ()<>\[\]{}/%]++"
)
_IN_STRING = re.compile(rb"\\.|[()]", re.DOTALL)
_DATA = re.compile(rb"[ \t]*+(?:\r\n|\n|\r)")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_CLOSES = {b">>": b"<<", b"]": b"["}
_FILTERS = ([b"/Filter", b"/FlateDecode"], [b"/Filter", b"[", b"/FlateDecode", b"]"])
#: Others that say how a stream is packed, and `F`, which names a file to read instead.
_PACKED = frozenset({b"/DecodeParms", b"/DP", b"/F", b"/FFilter", b"/FDecodeParms"})


class _Reader:
    """Read dictionaries of a file, no more of them in all than the limits allow."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._tokens, self._bytes = _MOST_TOKENS, _MOST_READ_BYTES

    def dictionary(self, at: int) -> tuple[list[bytes], int]:
        """Return the tokens of a dictionary whose `<<` ends here, and where it ends."""
        tokens, opened = [], [b"<<"]
        while opened:
            token, at = self._token(at)
            tokens.append(token)
            if token in (b"<<", b"["):
                opened.append(token)
            elif token in _CLOSES and opened.pop() != _CLOSES[token]:
                raise unclear()
        return tokens, at

    def past_space(self, at: int) -> int:
        """Return where white space and comments end."""
        found = _SPACE.match(self._content, at)
        end = found.end() if found else at
        self._count(end - at)
        return end

    def _token(self, at: int) -> tuple[bytes, int]:
        at = self.past_space(at)
        found = _TOKEN.match(self._content, at)
        if found is None:
            raise unclear()
        token, end = found[0], found.end()
        self._count(end - at)
        if token == b"(":
            return token, self._past_string(end)
        if token.startswith(b"/"):
            token = _ESCAPED.sub(lambda one: bytes([int(one[1], 16)]), token)
        return token, end

    def _past_string(self, at: int) -> int:
        depth, before = 1, at
        for found in _IN_STRING.finditer(self._content, at):
            self._count(found.end() - before)
            before = found.end()
            depth += {b"(": 1, b")": -1}.get(found[0], 0)
            if not depth:
                return before
        raise unclear()

    def _count(self, size: int) -> None:
        self._tokens -= 1
        self._bytes -= size
        if self._tokens < 0 or self._bytes < 0:
            raise unclear()


def object_streams(content: bytes) -> Iterator[bytes]:
    """Return what each object stream of a PDF file holds, unpacked.

    Raises:
        UnsupportedMediaError: one is packed in another way, or too large, or the file is built in
            a way that readers may understand differently.
    """
    reader, left = _Reader(content), _MOST_OBJECT_BYTES
    for number, beginning in enumerate(_BEGINNING.finditer(content)):
        if number > _MOST_BEGINNINGS:
            raise unclear()
        start = reader.past_space(beginning.end())
        if not content.startswith(b"<<", start):
            continue
        tokens, end = reader.dictionary(start + 2)
        end = reader.past_space(end)
        if content.startswith(b"stream", end) and _is_packed(tokens):
            found = _DATA.match(content, end + len(b"stream"))
            if found is None:
                raise unclear()
            objects = _inflated(content, found.end(), left)
            left -= len(objects)
            yield objects


def _is_packed(tokens: list[bytes]) -> bool:
    """Say whether a stream with this dictionary holds compressed objects."""
    if b"/ObjStm" not in tokens and not {b"/First", b"/N"} <= set(tokens):
        return False
    if _PACKED.intersection(tokens):
        raise unclear()
    if b"/Filter" not in tokens:
        return False
    at = tokens.index(b"/Filter")
    is_known = any(tokens[at : at + len(one)] == one for one in _FILTERS)
    if tokens.count(b"/Filter") != 1 or not is_known:
        raise unclear()
    return True


def _inflated(content: bytes, start: int, most: int) -> bytes:
    """Return what a stream holds, a piece of the file at a time."""
    reader, found = zlib.decompressobj(), bytearray()
    try:
        for at in range(start, len(content), _PIECE_BYTES):
            found += reader.decompress(content[at : at + _PIECE_BYTES], most + 1 - len(found))
            if len(found) > most:
                raise unclear()
            if reader.eof:
                return bytes(found)
    except zlib.error as exc:
        raise damaged() from exc
    raise damaged()
