"""What the adapter finds wrong with a service that misbehaves, and how long it waits."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis.strategies import text

from server.ml.connection import parse_retry_after
from server.ml.encoder import (
    EncoderUnavailableError,
    FaceEncoded,
    GalleryQuestion,
)
from server.ml.http import HTTPFaceEncoder
from server.ml.problems import ServiceProblem
from tests.fakes import ml_server as fake
from tests.fakes.ml_server import MLServer, answer, raw
from tests.unit.server.ml.conftest import FakeTime, impatient

PHOTO = b"\xff\xd8\xff photo"
AT = datetime(2026, 11, 26, 10, tzinfo=UTC)
OK = fake.accept_with_key


def test_answered_check_proves_nothing_about_photos(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(answer(500, {}))
    assert not encoder.proves_itself()
    service.behave(answer(200, fake.NOTHING_FOUND))
    encoder.check_gallery(GalleryQuestion("m", ((1.0,),), {}), correlation_id="a")
    service.behave(answer(500, {}))
    assert not encoder.proves_itself()
    assert encoder.status() == "down"


def test_used_up_allowance_of_checks_does_not_stop_photos(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(raw(429, b'{"error_code": "RATE_LIMITED"}', Retry_After="55"), OK)
    with pytest.raises(EncoderUnavailableError) as caught:
        encoder.check_gallery(GalleryQuestion("m", ((1.0,),), {}), correlation_id="a")
    assert caught.value.retry_after_s == 55
    assert not encoder.is_closed_off()
    assert isinstance(encoder.encode(PHOTO, correlation_id="a"), FaceEncoded)


def test_picture_without_a_face_closes_the_breaker_early(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(*[answer(500, {})] * 5, OK)
    for _ in range(2):
        with pytest.raises(EncoderUnavailableError):
            encoder.encode(PHOTO, correlation_id="a")
    assert encoder.check() == "up"
    assert isinstance(encoder.encode(PHOTO, correlation_id="a"), FaceEncoded)


def test_health_alone_does_not_close_the_breaker(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(answer(500, {}))
    for _ in range(2):
        with pytest.raises(EncoderUnavailableError):
            encoder.encode(PHOTO, correlation_id="a")
    assert encoder.check() == "down"
    assert encoder.problem() is ServiceProblem.FAILING
    assert encoder.is_closed_off()


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (answer(401, {"success": False, "error_code": "UNAUTHORIZED"}), "key_refused"),
        (raw(403, b"<html>forbidden</html>"), "not_our_service"),
        (answer(500, {"error": "x"}), "failing"),
        (answer(503, {"success": False, "error_code": "OVERLOADED"}), "overloaded"),
        (raw(503, b"<html>", Retry_After="20"), "overloaded"),
        (raw(200, b"<html>Welcome to the guest network</html>"), "not_our_service"),
        (raw(302, b""), "not_our_service"),
        (fake.hang_up, "unreachable"),
        (answer(200, fake.FACES), "failing"),
    ],
)
def test_proof_says_what_is_wrong(
    service: MLServer, encoder: HTTPFaceEncoder, behaviour: fake.Behaviour, problem: str
) -> None:
    service.behave(behaviour)
    assert not encoder.proves_itself()
    assert encoder.problem() == problem
    assert encoder.check() == "down"


def test_missing_key_has_its_own_name(service: MLServer) -> None:
    encoder = impatient(service.url, api_key=None)
    assert encoder.check() == "down"
    assert encoder.problem() is ServiceProblem.KEY_MISSING
    encoder.close()


def test_page_of_a_proxy_in_place_of_health_is_not_our_service(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.health = raw(200, b"<html>Sign in to the network</html>")
    assert encoder.check() == "down"
    assert encoder.problem() is ServiceProblem.NOT_OUR_SERVICE
    assert service.proofs == 0


def test_proof_carries_no_photo_and_is_repeated_after_a_minute(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime
) -> None:
    for _ in range(3):
        assert encoder.check() == "up"
        time.now_s += 15
    assert (service.proofs, service.requests) == (1, [])
    time.now_s += 30
    encoder.check()
    assert service.proofs == 2


def test_answer_about_a_photo_is_a_proof_too(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    encoder.encode(PHOTO, correlation_id="a")
    assert encoder.check() == "up"
    assert service.proofs == 0


def test_retry_after_is_honoured(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime
) -> None:
    service.behave(raw(503, b"<html>", Retry_After="20"), OK)
    with pytest.raises(EncoderUnavailableError) as caught:
        encoder.encode(PHOTO, correlation_id="a")
    assert caught.value.retry_after_s == 20
    assert time.waits_s == []
    time.now_s += 19
    assert encoder.is_closed_off()
    assert encoder.check() == "down"
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")
    assert (len(service.requests), service.proofs) == (1, 0)
    time.now_s += 2
    assert encoder.check() == "up"
    assert isinstance(encoder.encode(PHOTO, correlation_id="a"), FaceEncoded)


def test_refused_connection_is_unavailable() -> None:
    encoder = impatient("http://127.0.0.1:9")
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")
    assert encoder.check() == "down"
    encoder.close()


def test_unhealthy_service_is_down(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    service.is_healthy = False
    assert encoder.check() == "down"


def test_outage_is_logged_when_it_begins_and_when_it_ends(
    service: MLServer, encoder: HTTPFaceEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "server.ml.http")
    service.behave(*[answer(500, {})] * 3, OK)
    for _ in range(5):
        encoder.check()
    assert [record.getMessage() for record in caplog.records] == [
        "ML service unavailable: failing",
        "ML service available again",
    ]


@given(text())
def test_any_retry_after_is_a_bounded_wait_or_none(header: str) -> None:
    wait_s = parse_retry_after(header, AT)
    assert wait_s is None or 0 <= wait_s <= 600


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("20", 20),
        (" 20 ", 20),
        ("0", 0),
        ("99999999999", 600),
        ("Thu, 26 Nov 2026 10:00:30 GMT", 30),
        ("Thu, 26 Nov 2026 09:00:00 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, wait_s: float | None) -> None:
    assert parse_retry_after(header, AT) == wait_s
