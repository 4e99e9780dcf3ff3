"""Password hashing at the lowest cost argon2 permits, for servers inside the test process."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher


@pytest.fixture
def fast_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash passwords in well under a millisecond; production parameters take 20 ms."""
    from server.accounts import passwords  # most test runs do not need the server

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    passwords._decoy.cache_clear()
    yield
    passwords._decoy.cache_clear()
