"""The server's adapter against the real recognition service, with the sample photos."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.ml.encoder import FaceEncoded, FaceRefused
from server.ml.http import EncoderOptions, HTTPFaceEncoder
from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, running

pytestmark = pytest.mark.integration
KEY = "a-key-for-the-server"


@pytest.fixture(scope="module")
def encoder(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPFaceEncoder]:
    del assets
    port = free_port()
    env = {
        "ROLLCALL_ML_API_KEY": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "1",
    }
    log = tmp_path_factory.mktemp("ml") / "ml.log"
    args = [str(BIN / "rollcall-ml")]
    with running(args, log_path=log, env=env, ready=lambda: is_listening(port)):
        adapter = HTTPFaceEncoder(EncoderOptions(url=f"http://127.0.0.1:{port}", api_key=KEY))
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
