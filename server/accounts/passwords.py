"""Hash and check passwords with argon2id, and make one-time ones.

Each takes 19 MiB and a core for a moment; `server.web.threads` says how many run at a time.
"""

import secrets
from dataclasses import dataclass, field
from functools import cache
from typing import Self

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Source: OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, 2 passes, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
MIN_LENGTH = 12
MAX_LENGTH = 256
# Crockford's alphabet: nothing that is misread from a screen or paper.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def hash_password(password: str) -> str:
    """Hash a password for storage."""
    return _HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Check a password. Takes as long where there is no such account (hash None)."""
    try:
        _HASHER.verify(password_hash or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with older parameters."""
    return _HASHER.check_needs_rehash(password_hash)


def one_time_password() -> str:
    """A random password that is easy to type: four groups of five, 100 bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


@dataclass(frozen=True)
class OneTime:
    """A one-time password with its hash, made before the transaction that stores it begins.

    Attributes:
        text: to be shown once.
        hashed: for storage.
    """

    text: str = field(repr=False)
    hashed: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Make a random one."""
        text = one_time_password()
        return cls(text, hash_password(text))


@cache
def _decoy() -> str:
    return _HASHER.hash(secrets.token_hex(16))
