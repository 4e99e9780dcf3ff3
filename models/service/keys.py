"""The keys of callers, and what each may do."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class CallerKey:
    """A key that a caller sends.

    Attributes:
        name: for logs and metrics; says where the key stands in the settings and nothing about it.
        secret: the key.
        may_match: whether it may compare vectors.
    """

    name: str
    secret: bytes = field(repr=False)
    may_match: bool


def caller_keys(api_keys: Sequence[str], match_keys: Sequence[str]) -> tuple[CallerKey, ...]:
    """Name the keys by their places: `key-1` is the first of `api_keys`, `match-2` the second.

    Args:
        api_keys: valid for everything but matching.
        match_keys: valid for everything; some may be in `api_keys` too, and are named by these.
    """
    named = {key: f"key-{number}" for number, key in _numbered(api_keys)}
    named |= {key: f"match-{number}" for number, key in _numbered(match_keys) if key not in named}
    return tuple(CallerKey(name, key.encode(), key in match_keys) for key, name in named.items())


def find_key(keys: Sequence[CallerKey], offered: bytes) -> CallerKey | None:
    """Return the key that a caller offers.

    All are compared, so that the time taken does not tell which one is nearly right.
    """
    fitting = [key for key in keys if hmac.compare_digest(offered, key.secret)]
    return fitting[0] if fitting else None


def _numbered(keys: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(keys, start=1))
