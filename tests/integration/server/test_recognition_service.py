"""The server's adapter against the real recognition service, with the sample photos."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from server.enrollment.guidance import BARS, guide
from server.enrollment.photo import FRAME_MAX_BYTES
from server.ml.encoder import FaceEncoded, FaceRefused, FaceTemplate, GalleryQuestion
from server.ml.http import EncoderOptions, HTTPFaceEncoder
from server.ml.school import EnrolledPerson, SchoolQuestion
from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, running

pytestmark = pytest.mark.integration
KEY = "a-key-for-the-server"
ENCODE_KEY = "a-key-that-may-only-encode"


@pytest.fixture(scope="module")
def encoder(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPFaceEncoder]:
    del assets
    port = free_port()
    env = {
        "ROLLCALL_ML_API_KEY": f"{KEY},{ENCODE_KEY}",
        "ROLLCALL_ML_MATCH_KEYS": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "1",
    }
    log = tmp_path_factory.mktemp("ml") / "ml.log"
    args = [str(BIN / "rollcall-ml")]
    with running(args, log_path=log, env=env, ready=lambda: is_listening(port)):
        adapter = HTTPFaceEncoder(EncoderOptions(url=f"http://127.0.0.1:{port}", api_key=KEY))
        yield adapter
        adapter.close()


@pytest.fixture
def encoding_only(encoder: HTTPFaceEncoder) -> Iterator[HTTPFaceEncoder]:
    """The same service, with a key that may not compare."""
    adapter = HTTPFaceEncoder(EncoderOptions(url=encoder._options.url, api_key=ENCODE_KEY))
    yield adapter
    adapter.close()


@pytest.fixture(scope="module")
def photos(assets: Path) -> dict[str, bytes]:
    found = {path.stem: path.read_bytes() for path in assets.rglob("person-*.jpg")}
    if "person-2-a" not in found:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    return found


def encoded(encoder: HTTPFaceEncoder, photo: bytes) -> FaceEncoded:
    outcome = encoder.encode(photo, correlation_id="test")
    assert isinstance(outcome, FaceEncoded), outcome
    return outcome


def test_photo_becomes_a_template_of_every_model(
    encoder: HTTPFaceEncoder, photos: dict[str, bytes]
) -> None:
    outcome = encoded(encoder, photos["person-1-a"])
    assert 0.02 < outcome.face_area_ratio < 1
    assert len({one.model_id for one in outcome.templates}) == len(outcome.templates) >= 1
    assert encoder.check() == "up"


def test_file_that_is_no_picture_is_refused_by_name(encoder: HTTPFaceEncoder) -> None:
    outcome = encoder.encode(b"\xff\xd8\xff" + b"x" * 500, correlation_id="test")
    assert isinstance(outcome, FaceRefused)
    assert outcome.code in {"CORRUPT_IMAGE", "NOT_AN_IMAGE", "UNSUPPORTED_FORMAT"}


def question(own: list[FaceTemplate], others: dict[str, list[FaceTemplate]]) -> GalleryQuestion:
    return GalleryQuestion(
        own[0].model_id,
        tuple(one.embedding for one in own),
        {name: tuple(one.embedding for one in found) for name, found in others.items()},
    )


def test_the_same_person_twice_is_found_and_another_person_is_not(
    encoder: HTTPFaceEncoder, photos: dict[str, bytes]
) -> None:
    own, again, other = (
        encoded(encoder, photos[name]).templates[0]
        for name in ("person-1-a", "person-1-b", "person-2-a")
    )

    found = encoder.check_gallery(
        question([own], {"again": [own, again], "other": [other]}), correlation_id="test"
    )

    assert found is not None
    near = {one.person_id for one in (*found.duplicates, *found.look_alikes)}
    assert near == {"again"}


def test_with_a_key_that_may_only_encode_people_enrol_and_nothing_is_compared(
    encoding_only: HTTPFaceEncoder, photos: dict[str, bytes]
) -> None:
    own = encoded(encoding_only, photos["person-1-a"]).templates[0]

    found = encoding_only.check_gallery(question([own], {}), correlation_id="test")
    school = SchoolQuestion(own.model_id, [], [30], [1e-4])
    figures = encoding_only.operating_point(school, correlation_id="test")

    assert (found, figures, encoding_only.status()) == (None, None, "up")


def test_a_photo_that_blocks_is_refused_for_its_reason(
    encoder: HTTPFaceEncoder, photos: dict[str, bytes]
) -> None:
    picture = cv2.imdecode(np.frombuffer(photos["person-1-a"], np.uint8), cv2.IMREAD_COLOR)
    _, blurred = cv2.imencode(".jpg", cv2.GaussianBlur(picture, (0, 0), 12))

    outcome = encoder.encode(blurred.tobytes(), correlation_id="test")

    assert isinstance(outcome, FaceRefused)
    assert outcome.code == "TOO_BLURRED"


def as_frame(photo: bytes, blur_px: float = 0.0) -> bytes:
    """A photo as the page sends pictures of its camera: 480 pixels wide."""
    picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    height = round(picture.shape[0] * 480 / picture.shape[1])
    frame = cv2.resize(picture, (480, height), interpolation=cv2.INTER_AREA)
    if blur_px:
        frame = cv2.GaussianBlur(frame, (0, 0), blur_px)
    return bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])


def test_good_camera_picture_has_a_bar_for_everything_and_no_reason(
    encoder: HTTPFaceEncoder, photos: dict[str, bytes]
) -> None:
    frame = as_frame(photos["person-1-a"])
    quality = encoder.quality(frame, correlation_id="test")
    assert quality is not None
    seen = guide(quality)
    assert quality.blocking == ()
    assert seen.pose == "straight"
    heights = [height for height in seen.bars.values() if height is not None]
    assert len(heights) == len(BARS)
    assert min(heights) >= 50
    assert len(frame) < FRAME_MAX_BYTES / 2


def test_mirrored_head_is_turned_the_other_way(
    encoder: HTTPFaceEncoder, photos: dict[str, bytes]
) -> None:
    picture = cv2.imdecode(np.frombuffer(photos["person-1-a"], np.uint8), cv2.IMREAD_COLOR)
    _, mirrored = cv2.imencode(".jpg", cv2.flip(picture, 1))
    found = [
        encoder.quality(photo, correlation_id="test")
        for photo in (photos["person-1-a"], mirrored.tobytes())
    ]
    yaw, back = (one.measures["yaw"].value for one in found if one is not None)
    assert yaw == pytest.approx(-back, abs=3)


def test_what_is_wrong_with_a_camera_picture_is_named(
    encoder: HTTPFaceEncoder, photos: dict[str, bytes]
) -> None:
    blurred = encoder.quality(as_frame(photos["person-1-a"], 6), correlation_id="test")
    _, wall = cv2.imencode(".jpg", np.full((360, 480, 3), 120, np.uint8))
    nobody = encoder.quality(wall.tobytes(), correlation_id="test")
    assert blurred is not None
    assert nobody is not None
    assert guide(blurred).reason == "TOO_BLURRED"
    assert guide(blurred).bars["sharpness"] in range(50)
    assert (guide(nobody).reason, guide(nobody).pose) == ("NO_FACE_FOUND", None)


def test_the_models_that_make_templates_are_known(encoder: HTTPFaceEncoder) -> None:
    assert encoder.check() == "up"
    assert "dlib-resnet-v1" in encoder.models()


def test_what_the_limits_mean_among_the_people_of_a_school(encoder: HTTPFaceEncoder) -> None:
    random = np.random.default_rng(5)
    people = []
    for number in range(40):
        own = random.normal(0, 1, 128)
        photos = own / np.linalg.norm(own) + random.normal(0, 0.01, (3, 128))
        rows = tuple(tuple(float(value) for value in row) for row in photos)
        people.append(EnrolledPerson(str(number), rows, ("9b",) if number < 5 else ()))
    people.append(EnrolledPerson("twin", people[7].templates))
    model_id = encoder.models()[0] if encoder.check() == "up" else ""
    found = encoder.operating_point(
        SchoolQuestion(model_id, people, [30], [1e-4, 1e-2], limit_in_force=0.3),
        correlation_id="test",
    )
    assert found is not None
    assert (found.people, found.pairs, found.is_enough) == (41, 820, True)
    assert [limit.target_fpir for limit in found.at_card_limits] == [1e-4, 1e-2]
    assert all(limit.expected_fpir > 0 for limit in found.at_card_limits)
    assert [{one.a, one.b} for one in found.pairs_left_out] == [{"7", "twin"}]
    assert found.present is not None
    assert found.proposed is not None
    assert found.present.limit == 0.3
    assert found.proposed.limit == found.at_card_limits[0].limit
    assert found.by_card[0].group == "adult"
    assert found.raised_share == 0.0
    assert [(one.people, one.suppressed) for one in found.cohorts] == [(None, True)]


def test_a_model_that_the_service_does_not_have_cannot_be_measured(
    encoder: HTTPFaceEncoder,
) -> None:
    question = SchoolQuestion("no-such-model", [], [30], [1e-4])
    assert encoder.operating_point(question, correlation_id="test") is None
