"""Which models the service has, where they come from, and of which ones templates are asked."""

import pytest

from server.ml.encoder import GroupMistakes, ModelOrigin
from server.ml.http import HTTPFaceEncoder
from tests.fakes import ml_server as fake
from tests.fakes.ml_server import MLServer, answer, raw

DLIB = {
    "model_id": "dlib-resnet-v1",
    "title": "dlib face recognition ResNet v1",
    "licence": "CC0-1.0",
    "licence_stated_by": None,
    "training_data": "scraped",
    "dimension": 128,
    "groups": [{"group": "east-asian-women", "fpir_percent_low": 51.0, "fpir_percent_high": 51.0}],
}


def test_only_the_models_asked_for_are_named(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    encoder.encode(b"\xff\xd8\xff photo", models=("a", "b"), correlation_id="c")
    encoder.encode(b"\xff\xd8\xff photo", correlation_id="c")
    bodies = [body for _, body in service.requests]
    assert bodies[0]["models"] == ["a", "b"]
    assert "models" not in bodies[1]


def test_origin_of_the_models_is_asked_once(service: MLServer, encoder: HTTPFaceEncoder) -> None:
    service.origins = answer(200, {"success": True, "models": [DLIB]})
    assert encoder.origins() == ()
    assert encoder.check() == "up"
    title = "dlib face recognition ResNet v1"
    groups = (GroupMistakes("east-asian-women", (51.0, 51.0)),)
    expected = ModelOrigin("dlib-resnet-v1", title, "CC0-1.0", None, "scraped", 128, groups)
    assert encoder.origins() == (expected,)
    service.origins = answer(500, {})
    assert encoder.check() == "up"
    assert encoder.origins() == (expected,)


@pytest.mark.parametrize(
    "origins",
    [None, answer(500, {}), raw(200, b"<html>a proxy's page</html>"), answer(200, {"models": 1})],
)
def test_service_that_does_not_say_where_its_models_come_from_still_works(
    service: MLServer, encoder: HTTPFaceEncoder, origins: fake.Behaviour | None
) -> None:
    service.origins = origins
    assert encoder.check() == "up"
    assert encoder.origins() == ()
