"""The adapter against a real HTTP server that misbehaves."""

import threading

import pytest

from server.ml.encoder import (
    EncoderUnavailableError,
    FaceEncoded,
    FaceRefused,
    FaceTemplate,
    GalleryFindings,
    GalleryQuestion,
    Resembling,
)
from server.ml.http import EncoderOptions, HTTPFaceEncoder
from tests.fakes import ml_server as fake
from tests.fakes.ml_server import API_KEY, EMBEDDING, MLServer, answer, raw
from tests.unit.server.ml.conftest import FakeTime, impatient

PHOTO = b"\xff\xd8\xff photo"
OK = fake.accept_with_key
_BROKEN_TEMPLATE = {"model_id": "m", "dimension": 2, "values_base64": "AACAPw=="}


def test_photo_goes_to_the_native_endpoint(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    outcome = encoder.encode(PHOTO, correlation_id="chain-1")
    assert outcome == FaceEncoded((FaceTemplate("dlib-resnet-v1", tuple(EMBEDDING)),), 0.25)
    headers, body = service.requests[0]
    assert headers["X-API-Key"] == API_KEY
    assert headers["X-Correlation-ID"] == "chain-1"
    assert service.paths == ["/api/v1/faces"]
    assert body == {"image_base64": "/9j/IHBob3Rv", "single": True}
    assert encoder.status() == "up"


def test_service_of_the_plan_is_asked_as_the_plan_says(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(fake.accept_as_planned)
    outcome = encoder.encode(PHOTO, correlation_id="chain-1")
    assert outcome == FaceEncoded((FaceTemplate("dlib-resnet-v1", tuple(EMBEDDING)),), 0.25)
    assert service.paths == ["/api/v1/faces", "/api/ml/encode-face"]
    assert service.requests[1][1] == {
        "image_base64": "/9j/IHBob3Rv",
        "validate_single": True,
        "min_face_area_ratio": 0.02,
        "num_jitters": 1,
    }


def test_connection_is_kept_between_photos(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    encoder.encode(PHOTO, correlation_id="a")
    encoder.encode(PHOTO, correlation_id="b")
    pool = encoder._link._http.get_adapter(service.url).poolmanager.pools  # type: ignore[attr-defined]
    assert [pool[key].num_connections for key in pool.keys()] == [1]  # noqa: SIM118


def test_advice_of_the_service_is_passed_on(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    service.behave(fake.one_face(reasons=["TOO_DARK"]))
    outcome = encoder.encode(PHOTO, correlation_id="a")
    assert isinstance(outcome, FaceEncoded)
    assert outcome.advice == ("TOO_DARK",)


def test_blocking_quality_refuses_the_photo_with_every_reason(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime
) -> None:
    reasons = ["TOO_BLURRED", "TOO_DARK", "LEANS"]
    service.behave(fake.one_face(reasons=reasons, blocking=reasons[:2]))
    assert encoder.encode(PHOTO, correlation_id="a") == FaceRefused("TOO_BLURRED", ("TOO_DARK",))
    assert time.waits_s == []


@pytest.mark.parametrize(
    ("faces", "code"),
    [
        ([], "NO_FACE_FOUND"),
        (fake.FACES["faces"] * 2, "MULTIPLE_FACES"),
        ([fake.FACES["faces"][0] | {"area_ratio": 0.019}], "FACE_TOO_SMALL"),
    ],
)
def test_photo_of_nobody_of_several_or_from_afar_is_refused(
    service: MLServer, encoder: HTTPFaceEncoder, faces: list[object], code: str
) -> None:
    service.behave(answer(200, fake.FACES | {"faces": faces}))
    assert encoder.encode(PHOTO, correlation_id="a") == FaceRefused(code)


def test_every_model_of_the_service_makes_a_template(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    face = fake.FACES["faces"][0]
    two = [*face["templates"], {"model_id": "m2", "dimension": 1, "values_base64": "AACAPw=="}]
    service.behave(answer(200, fake.FACES | {"faces": [face | {"templates": two}]}))
    outcome = encoder.encode(PHOTO, correlation_id="a")
    assert isinstance(outcome, FaceEncoded)
    assert outcome.templates[1] == FaceTemplate("m2", (1.0,))


def test_gallery_is_asked_about_in_parts_and_the_answers_joined(
    service: MLServer, encoder: HTTPFaceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.ml.questions.CHECK_TEMPLATES", 2)
    first = fake.NOTHING_FOUND | {
        "set_aside": [{"index": 1, "distance": 0.7}],
        "duplicates": [{"id": "b", "distance": 0.3}],
    }
    second = first | {"duplicates": [], "look_alikes": [{"id": "c", "distance": 0.52}]}
    service.behave(answer(200, first), answer(200, second))
    question = GalleryQuestion("m", ((1.0,), (0.0,)), {"b": ((1.0,),) * 2, "c": ((1.0,),)})
    found = encoder.check_gallery(question, correlation_id="a")
    assert found == GalleryFindings({1: 0.7}, (Resembling("b", 0.3),), (Resembling("c", 0.52),))
    assert [[one["id"] for one in body["others"]] for _, body in service.requests] == [["b"], ["c"]]
    assert service.requests[0][1]["person"]["templates"] == ["AACAPw==", "AAAAAA=="]


def test_gallery_of_one_person_is_asked_about_too(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    found = encoder.check_gallery(GalleryQuestion("m", ((1.0,),), {}), correlation_id="a")
    assert found == GalleryFindings({})
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        answer(404, {"success": False, "error_code": "NOT_FOUND"}),
        answer(422, {"success": False, "error_code": "UNKNOWN_MODEL"}),
        answer(200, {"success": False, "error_code": "UNKNOWN_MODEL"}),
        answer(403, {"success": False, "error_code": "MATCHING_NOT_ALLOWED"}),
    ],
)
def test_gallery_that_the_service_cannot_check_is_no_outage(
    service: MLServer, encoder: HTTPFaceEncoder, refusal: fake.Behaviour
) -> None:
    service.behave(refusal)
    assert encoder.check_gallery(GalleryQuestion("m", ((1.0,),), {}), correlation_id="a") is None
    assert encoder.status() != "down"


def test_service_of_the_plan_is_not_asked_to_compare(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(fake.accept_as_planned)
    encoder.encode(PHOTO, correlation_id="a")
    asked = len(service.requests)
    assert encoder.check_gallery(GalleryQuestion("m", ((1.0,),), {}), correlation_id="a") is None
    assert len(service.requests) == asked


@pytest.mark.parametrize(
    "refusal",
    [
        raw(404, b'{"message": "no Route matched"}'),
        raw(403, b'{"message": "Forbidden"}'),
        answer(413, {"success": False, "error_code": "REQUEST_TOO_LARGE"}),
        answer(400, {"success": False, "error_code": "MALFORMED_REQUEST"}),
        answer(422, {"success": False, "error_code": "TOO_MANY_TEMPLATES"}),
        answer(422, {"success": False, "error_code": "INTERNAL_ERROR"}),
        answer(404, {"detail": "Not Found"}),
    ],
)
def test_check_that_fails_is_not_taken_for_one_that_is_not_offered(
    service: MLServer, encoder: HTTPFaceEncoder, refusal: fake.Behaviour
) -> None:
    service.behave(refusal)
    with pytest.raises(EncoderUnavailableError):
        encoder.check_gallery(GalleryQuestion("m", ((1.0,),), {}), correlation_id="a")


def test_models_are_those_that_health_names(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    assert encoder.models() == ()
    encoder.check()
    assert encoder.models() == ("dlib-resnet-v1",)


def test_refusal_is_a_value_and_not_repeated(
    service: MLServer, encoder: HTTPFaceEncoder, time: FakeTime
) -> None:
    service.behave(answer(200, {"success": False, "error_code": "NO_FACE_FOUND", "error": "..."}))
    assert encoder.encode(PHOTO, correlation_id="a") == FaceRefused("NO_FACE_FOUND")
    assert time.waits_s == []


def test_refusal_in_the_services_own_words_is_a_verdict(
    service: MLServer, encoder: HTTPFaceEncoder
) -> None:
    service.behave(answer(413, {"success": False, "error_code": "REQUEST_TOO_LARGE"}))
    assert encoder.encode(PHOTO, correlation_id="a") == FaceRefused("REQUEST_TOO_LARGE")


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422])
@pytest.mark.parametrize("content", [b"<html>413</html>", b'{"detail": "no"}', b""])
def test_refusal_of_a_proxy_is_no_verdict(
    service: MLServer, encoder: HTTPFaceEncoder, status: int, content: bytes
) -> None:
    service.behave(raw(status, content))
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (422, "MALFORMED_REQUEST"),
        (422, "UNKNOWN_MODEL"),
        (200, "INTERNAL_ERROR"),
        (400, "SOMETHING_NEW"),
    ],
)
def test_refusal_that_is_not_about_the_picture_is_no_verdict(
    service: MLServer, encoder: HTTPFaceEncoder, status: int, code: str
) -> None:
    service.behave(answer(status, {"success": False, "error_code": code}))
    with pytest.raises(EncoderUnavailableError):
        encoder.encode(PHOTO, correlation_id="a")


@pytest.mark.parametrize(
    "trouble",
    [
        answer(500, {"error": "x"}),
        answer(503, {"error": "no words of our own"}),
        answer(429, {}),
        answer(200, {"success": True}),
        answer(200, fake.FACES | {"faces": [fake.FACES["faces"][0] | {"templates": []}]}),
        answer(200, {"faces": [fake.FACES["faces"][0] | {"templates": [_BROKEN_TEMPLATE]}]}),
        answer(200, ["not", "an", "object"]),
        raw(200, b"<html>proxy error</html>"),
        raw(200, b'{"faces": [{"area_ratio": NaN}]}'),
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
