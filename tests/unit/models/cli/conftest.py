"""What the tests of `rollcall-models` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.models.cli.publisher import Publisher, publishing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing(bytes(range(256)) * 12) as serving:
        yield serving
