"""The adapter against a real HTTP server that misbehaves."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from server.ml.encoder import EncoderUnavailableError, FaceEncoded, FaceRefused
from server.ml.http import EncoderOptions, HTTPFaceEncoder
from tests.fakes import ml_server as fake
from tests.fakes.ml_server import API_KEY, EMBEDDING, MLServer, answer, ml_server, raw

PHOTO = b"\xff\xd8\xff photo"
OK = fake.accept_with_key


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


def test_photo_is_sent_as_the_contract_says(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    outcome = encoder.encode(PHOTO, correlation_id="chain-1")
    assert outcome == FaceEncoded(tuple(EMBEDDING), "dlib-resnet-v1", 0.25)
    headers, body = service.requests[0]
    assert headers["X-API-Key"] == API_KEY
    assert headers["X-Correlation-ID"] == "chain-1"
    assert body == {
        "image_base64": "/9j/IHBob3Rv",
        "validate_single": True,
        "min_face_area_ratio": 0.02,
        "num_jitters": 1,
    }
    assert encoder.status() == "up"


def test_connection_is_kept_between_photos(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    encoder.encode(PHOTO, correlation_id="a")
    encoder.encode(PHOTO, correlation_id="b")
    pool = encoder._session.get_adapter(service.url).poolmanager.pools  # type: ignore[attr-defined]
    assert [pool[key].num_connections for key in pool.keys()] == [1]  # noqa: SIM118


def test_advice_of_the_service_is_passed_on(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    metadata = fake.ACCEPTED["metadata"] | {"quality": {"reasons": ["TOO_DARK"]}}
    service.behave(answer(200, fake.ACCEPTED | {"metadata": metadata}))
    outcome = encoder.encode(PHOTO, correlation_id="a")
    assert isinstance(outcome, FaceEncoded)
    assert outcome.advice == ("TOO_DARK",)


def test_refusal_is_a_value_and_not_repeated(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime
) -> None:
    service.behave(answer(200, {"success": False, "error_code": "NO_FACE_FOUND", "error": "..."}))
    assert encoder.encode(PHOTO, correlation_id="a") == FaceRefused("NO_FACE_FOUND")
    assert time.waits_s == []


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_photo_the_service_cannot_take_is_refused(
    service: MLServer, encoder: HTTPFaceEncoder, status: int
) -> None:
    service.behave(answer(status, {"detail": "no"}))
    assert encoder.encode(PHOTO, correlation_id="a") == FaceRefused("PHOTO_NOT_ACCEPTED")


@pytest.mark.parametrize(
    "trouble",
    [
        answer(500, {"error": "x"}),
        answer(503, {"error_code": "OVERLOADED"}),
        answer(429, {}),
        answer(404, {}),
        answer(200, {"success": True}),
        answer(200, {"success": True, "embedding": [], "metadata": None}),
        answer(200, ["not", "an", "object"]),
        raw(200, b"<html>proxy error</html>"),
        raw(200, b'{"success": true, "embedding": [NaN]}'),
        raw(200, b" " * 1_100_000),
        raw(302, b""),
        fake.hang_up,
        fake.stop_half_way,
    ],
)
def test_trouble_is_tried_again_after_1_2_and_4_seconds(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime, trouble: fake.Behaviour
) -> None:
    service.behave(trouble, trouble, trouble, OK)
    assert isinstance(encoder.encode(PHOTO, correlation_id="a"), FaceEncoded)
    assert time.waits_s == [1, 2, 4]


def test_it_gives_up_after_the_last_retry(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime
) -> None:
    service.behave(answer(500, {}))
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")
    assert len(service.requests) == 4
    assert encoder.status() == "down"


def test_wrong_key_is_not_tried_again_and_the_photo_not_refused(
    service: MLServer, time: FakeTime
) -> None:
    encoder = HTTPFaceEncoder(
        EncoderOptions(url=service.url, api_key="wrong"), monotonic=time.monotonic, pause=time.wait
    )
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")
    assert len(service.requests) == 1
    encoder.close()


def test_breaker_opens_at_five_failures_and_then_asks_no_more(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(answer(500, {}))
    for _ in range(3):
        with pytest.raises(EncoderUnavailableError):
            encoder.encode(PHOTO, correlation_id="a")
    assert len(service.requests) == 5
    assert encoder.is_closed_off()


def test_breaker_probes_after_sixty_seconds_and_closes(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime
) -> None:
    service.behave(*[answer(500, {})] * 5, OK)
    for _ in range(2):
        with pytest.raises(EncoderUnavailableError):
            encoder.encode(PHOTO, correlation_id="a")
    time.now_s += 58  # a second has passed in the wait before the attempt that was not made
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")
    time.now_s += 1
    assert isinstance(encoder.encode(PHOTO, correlation_id="a"), FaceEncoded)
    assert not encoder.is_closed_off()


def test_healthy_answer_lets_the_probe_through_early(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(*[answer(500, {})] * 5, OK)
    for _ in range(2):
        with pytest.raises(EncoderUnavailableError):
            encoder.encode(PHOTO, correlation_id="a")
    assert encoder.check() == "up"
    assert isinstance(encoder.encode(PHOTO, correlation_id="a"), FaceEncoded)


@pytest.mark.parametrize("slow", [fake.never_answer, fake.drip])
def test_slow_answer_ends_at_the_deadline(service: MLServer, slow: fake.Behaviour) -> None:
    service.behave(slow)
    encoder = impatient(service.url)
    done = threading.Event()

    def encode() -> None:
        with pytest.raises(EncoderUnavailableError):
            encoder.encode(PHOTO, correlation_id="a")
        done.set()

    thread = threading.Thread(target=encode)
    thread.start()
    assert done.wait(5)
    thread.join()
    encoder.close()


def test_refused_connection_is_unavailable() -> None:
    encoder = impatient("http://127.0.0.1:9")
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")
    assert encoder.check() == "down"
    encoder.close()


def test_unhealthy_service_is_down(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    service.is_healthy = False
    assert encoder.check() == "down"


def test_closing_ends_the_wait_between_attempts(service: MLServer) -> None:
    service.behave(answer(500, {}))
    encoder = HTTPFaceEncoder(EncoderOptions(url=service.url, api_key=API_KEY))
    done = threading.Event()

    def encode() -> None:
        with pytest.raises(EncoderUnavailableError):
            encoder.encode(PHOTO, correlation_id="a")
        done.set()

    thread = threading.Thread(target=encode)
    thread.start()
    encoder.close()
    assert done.wait(5)
    thread.join()


def test_outage_is_logged_when_it_begins_and_when_it_ends(
    service: MLServer, encoder: HTTPFaceEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "server.ml.http")
    service.behave(*[answer(500, {})] * 3, OK)
    encoder.encode(PHOTO, correlation_id="a")
    encoder.encode(PHOTO, correlation_id="a")
    assert [record.getMessage() for record in caplog.records] == [
        "recognition service does not answer",
        "recognition service answers again",
    ]
