"""The text of a token: a prefix, 256 random bits and a checksum.

Scanners find leaked tokens by the prefix, and tell them from other text by the checksum without
asking this server.
"""

import secrets
import string
import zlib
from hashlib import sha256

PREFIX = "rck_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_BYTES = 32
_SECRET_DIGITS = 43  # 62 ** 43 > 2 ** 256
_CHECK_DIGITS = 6  # 62 ** 6 > 2 ** 32
LENGTH = len(PREFIX) + _SECRET_DIGITS + _CHECK_DIGITS


def new_token() -> str:
    """Make a token."""
    number = int.from_bytes(secrets.token_bytes(_SECRET_BYTES))
    body = _base62(number, _SECRET_DIGITS)
    return f"{PREFIX}{body}{_checksum(body)}"


def is_token(text: str) -> bool:
    """Whether a text has the shape and the checksum of a token."""
    if len(text) != LENGTH or not text.startswith(PREFIX):
        return False
    body, check = text[len(PREFIX) : -_CHECK_DIGITS], text[-_CHECK_DIGITS:]
    return body.isascii() and _checksum(body) == check


def digest(token: str) -> bytes:
    """Return what is stored of a token.

    SHA-256 without salt is enough: 256 random bits cannot be guessed, however fast the guesses are.
    Slow hashes protect passwords, which people choose.
    """
    return sha256(token.encode()).digest()


def _checksum(body: str) -> str:
    """Return the CRC-32 of the secret part, base 62."""
    return _base62(zlib.crc32(body.encode()), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, rest = divmod(number, len(_DIGITS))
        text = _DIGITS[rest] + text
    return text
