"""A fake ML service over real HTTP, and an adapter whose waits take no time."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from server.ml.http import EncoderOptions, HTTPFaceEncoder
from tests.fakes.ml_server import API_KEY, MLServer, ml_server


@dataclass
class FakeTime:
    """Monotonic seconds that pass only when somebody waits."""

    now_s: float = 1000.0
    waits_s: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def service() -> Iterator[MLServer]:
    with ml_server() as server:
        yield server


@pytest.fixture
def encoder(service: MLServer, time: FakeTime) -> Iterator[HTTPFaceEncoder]:
    options = EncoderOptions(url=service.url, api_key=API_KEY, timeout_s=5)
    adapter = HTTPFaceEncoder(options, monotonic=time.monotonic, pause=time.wait)
    yield adapter
    adapter.close()


def impatient(url: str, *, api_key: str | None = API_KEY) -> HTTPFaceEncoder:
    """Real time, short patience, no second attempt."""
    return HTTPFaceEncoder(EncoderOptions(url=url, api_key=api_key, timeout_s=0.3, max_retries=0))
