"""What the adapter makes of `/api/v1/quality`, against a real HTTP server that misbehaves."""

import threading
from collections.abc import Iterator

import pytest

from server.ml import http
from server.ml.encoder import EncoderUnavailableError, FaceEncoded
from server.ml.http import EncoderOptions, HTTPFaceEncoder
from server.ml.quality import FrameMeasure, FrameQuality
from tests.fakes import ml_server as fake
from tests.fakes.ml_server import API_KEY, MLServer, answer, ml_server, raw, seen

FRAME = b"\xff\xd8\xff frame"


@pytest.fixture
def service() -> Iterator[MLServer]:
    with ml_server() as server:
        yield server


@pytest.fixture
def encoder(service: MLServer) -> Iterator[HTTPFaceEncoder]:
    adapter = HTTPFaceEncoder(EncoderOptions(url=service.url, api_key=API_KEY, timeout_s=5))
    yield adapter
    adapter.close()


def test_measures_come_with_their_limits(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    found = encoder.quality(FRAME, correlation_id="chain-1")
    assert found is not None
    assert (found.reasons, found.blocking) == ((), ())
    assert found.measures["yaw"] == FrameMeasure(value=2, unit="deg", least=-30, most=30)
    assert service.paths == ["/api/v1/quality"]
    headers, body = service.requests[0]
    assert (headers["X-API-Key"], headers["X-Correlation-ID"]) == (API_KEY, "chain-1")
    assert body == {"image_base64": "/9j/IGZyYW1l"}


def test_reasons_keep_their_order(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    service.behave(answer(200, seen(["TOO_BLURRED", "TOO_DARK"])))
    found = encoder.quality(FRAME, correlation_id="a")
    assert found is not None
    assert found.blocking == ("TOO_BLURRED", "TOO_DARK")


def test_picture_without_a_face_says_so(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    service.behave(answer(200, fake.QUALITY | {"face": None, "faces_count": 0}))
    nobody = FrameQuality(("NO_FACE_FOUND",), ("NO_FACE_FOUND",))
    assert encoder.quality(FRAME, correlation_id="a") == nobody


def test_face_that_enrolment_would_refuse_for_its_size_is_too_small_here_too(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    face = seen(["OFF_CENTRE"])["face"] | {"area_ratio": 0.015}
    service.behave(answer(200, fake.QUALITY | {"face": face}))
    found = encoder.quality(FRAME, correlation_id="a")
    assert found is not None
    assert found.reasons == ("FACE_TOO_SMALL", "OFF_CENTRE")
    assert found.measures["area"] == FrameMeasure(value=0.015, least=0.02)


def test_picture_that_is_refused_blocks_by_the_services_word(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(answer(200, {"success": False, "error_code": "CORRUPT_IMAGE"}))
    found = encoder.quality(FRAME, correlation_id="a")
    assert found == FrameQuality(("CORRUPT_IMAGE",), ("CORRUPT_IMAGE",))


def test_service_of_the_plan_cannot_judge(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    service.behave(fake.accept_as_planned)
    assert encoder.quality(FRAME, correlation_id="a") is None


@pytest.mark.parametrize(
    "trouble",
    [
        answer(500, {}),
        answer(429, {}),
        answer(401, {"success": False, "error_code": "UNAUTHORIZED"}),
        answer(200, {"success": True}),
        raw(200, b'{"face": {"area_ratio": NaN}}'),
        raw(200, b" " * 1_100_000),
        fake.hang_up,
    ],
)
def test_trouble_is_neither_repeated_nor_counted_against_photos(
    service: MLServer, encoder: HTTPFaceEncoder, trouble: fake.Behaviour
) -> None:
    service.behave(trouble)
    for _ in range(6):
        with pytest.raises(EncoderUnavailableError):
            encoder.quality(FRAME, correlation_id="a")
    assert len(service.requests) == 6
    assert (encoder.is_closed_off(), encoder.status()) == (False, "unknown")
    service.behave(fake.accept_with_key)
    assert isinstance(encoder.encode(FRAME, correlation_id="a"), FaceEncoded)


def test_service_that_is_given_up_is_not_asked_for_hints(service: MLServer) -> None:
    options = EncoderOptions(url=service.url, api_key=API_KEY, max_retries=4)
    encoder = HTTPFaceEncoder(options, pause=lambda _seconds: None)
    service.behave(answer(500, {}))
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(FRAME, correlation_id="a")
    asked = len(service.requests)
    with pytest.raises(EncoderUnavailableError):
        encoder.quality(FRAME, correlation_id="a")
    assert len(service.requests) == asked
    encoder.close()


def test_slow_hint_is_given_up_long_before_a_photo_is(
    service: MLServer, encoder: HTTPFaceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "QUALITY_TIMEOUT_S", 0.2)
    service.behave(fake.never_answer)
    done = threading.Event()

    def ask() -> None:
        with pytest.raises(EncoderUnavailableError):
            encoder.quality(FRAME, correlation_id="a")
        done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    assert done.wait(4)
    thread.join()
