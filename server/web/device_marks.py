"""Marks of browsers that names have signed in with: of whose name, and with which password.

A browser keeps those of the last few names, so people who share one do not drive each other out.
A mark is worth nothing any more once the password has changed.
"""

import secrets
from collections.abc import Sequence
from hashlib import sha256

#: Names whose marks one browser keeps; the newest first.
MOST_MARKS = 8
_BETWEEN = "~"


def new_mark(username: str, password_hash: str) -> str:
    """Return a mark for a name that has just signed in."""
    return f"{name_mark(username)}-{_password_mark(password_hash)}-{secrets.token_hex(16)}"


def name_mark(username: str) -> str:
    """Return what stands for a name, as accounts store it, in cookies."""
    return sha256(username.encode()).hexdigest()[:32]


def mark_of(marks: Sequence[str], name: str) -> str:
    """Return the mark of a name mark; empty: there is none."""
    return next((one for one in marks if one.startswith(f"{name}-")), "")


def is_of_password(mark: str, password_hash: str) -> bool:
    """Whether a mark was made with this password; the hash is salted, so it tells nothing of it."""
    return mark.split("-")[1:2] == [_password_mark(password_hash)]


def with_mark(marks: Sequence[str], mark: str) -> list[str]:
    """Return the marks with a new one in the place of the same name's, and no more than fit."""
    name = mark.partition("-")[0]
    return [mark, *(one for one in marks if not one.startswith(f"{name}-"))][:MOST_MARKS]


def joined(marks: Sequence[str]) -> str:
    """Return marks as the text of a cookie."""
    return _BETWEEN.join(marks)


def parted(text: str) -> list[str]:
    """Return the marks of such a text."""
    return text.split(_BETWEEN)


def _password_mark(password_hash: str) -> str:
    return sha256(password_hash.encode()).hexdigest()[:16]
