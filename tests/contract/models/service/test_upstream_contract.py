"""The separation plan's contract, SD3 to SD7: a plain client against the real process."""

import base64
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, Process, running

pytestmark = pytest.mark.integration
KEY = "a-key-for-the-contract"


@pytest.fixture(scope="module")
def service(
    assets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Process]]:
    del assets
    port = free_port()
    env = {
        "ROLLCALL_ML_API_KEY": KEY,
        "ROLLCALL_ML_MATCH_KEYS": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "2",
        "ROLLCALL_ML_LOG_LEVEL": "debug",
    }
    log = tmp_path_factory.mktemp("ml") / "ml.log"
    args = [str(BIN / "rollcall-ml")]
    with running(args, log_path=log, env=env, ready=lambda: is_listening(port)) as process:
        yield f"http://127.0.0.1:{port}", process


@pytest.fixture(scope="module")
def url(service: tuple[str, Process]) -> str:
    return service[0]


def _post(url: str, path: str, body: object, **headers: str) -> requests.Response:
    return requests.post(
        f"{url}/api/ml/{path}", json=body, headers={"X-API-Key": KEY, **headers}, timeout=30
    )


@pytest.fixture(scope="module")
def pictures(assets: Path) -> dict[str, str]:
    found = {path.name: path for path in assets.rglob("person-*.jpg")}
    if "person-2-a.jpg" not in found:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    return {name: base64.b64encode(path.read_bytes()).decode() for name, path in found.items()}


@pytest.fixture(scope="module")
def embeddings(url: str, pictures: dict[str, str]) -> dict[str, list[float]]:
    names = ["person-1-a.jpg", "person-1-b.jpg", "person-2-a.jpg"]
    return {
        name: _post(url, "encode-face", {"image_base64": pictures[name]}).json()["embedding"]
        for name in names
    }


def test_encode_face(url: str, pictures: dict[str, str]) -> None:
    answer = _post(
        url,
        "encode-face",
        {
            "image_base64": pictures["person-1-a.jpg"],
            "validate_single": True,
            "min_face_area_ratio": 0.05,
            "num_jitters": 5,
        },
    )

    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"success", "embedding", "face_location", "metadata"}
    assert body["success"] is True
    assert len(body["embedding"]) == 128
    assert all(isinstance(value, float) for value in body["embedding"])
    assert set(body["face_location"]) == {"top", "right", "bottom", "left"}
    assert {"face_area_ratio", "image_dimensions", "model_id"} <= set(body["metadata"])


def test_encode_face_without_a_face(url: str) -> None:
    is_good, png = cv2.imencode(".png", np.full((64, 64, 3), 128, dtype=np.uint8))
    assert is_good
    grey = base64.b64encode(png.tobytes()).decode()

    body = _post(url, "encode-face", {"image_base64": grey}).json()

    assert body["success"] is False
    assert body["error_code"] == "NO_FACE_FOUND"
    assert body["error"]


def test_detect_faces(url: str, pictures: dict[str, str]) -> None:
    body = _post(
        url,
        "detect-faces",
        {
            "image_base64": pictures["person-2-a.jpg"],
            "min_face_area_ratio": 0.01,
            "num_jitters": 1,
            "model": "hog",
        },
    ).json()

    assert body["count"] == len(body["faces"]) == 1
    assert {"embedding", "location", "face_area_ratio"} <= set(body["faces"][0])
    assert {"image_dimensions", "processing_time_ms"} <= set(body["metadata"])


def test_match_faces(url: str, embeddings: dict[str, list[float]]) -> None:
    body = _post(
        url,
        "match-faces",
        {
            "query_embedding": embeddings["person-1-b.jpg"],
            "candidate_embeddings": [
                {"student_id": "one", "embeddings": [embeddings["person-1-a.jpg"]]},
                {"student_id": "two", "embeddings": [embeddings["person-2-a.jpg"]]},
            ],
            "threshold": 0.6,
            "return_all_distances": True,
        },
    ).json()

    assert set(body["match"]) == {"student_id", "distance", "confidence", "status"}
    assert body["match"]["student_id"] == "one"
    assert body["match"]["status"] == "confident"
    assert body["match"]["distance"] < 0.5
    assert [row["student_id"] for row in body["all_distances"]] == ["one", "two"]
    assert set(body["all_distances"][0]) == {"student_id", "min_distance"}


def test_batch_match(url: str, embeddings: dict[str, list[float]]) -> None:
    body = _post(
        url,
        "batch-match",
        {
            "detected_faces": [
                {"embedding": embeddings["person-2-a.jpg"]},
                {"embedding": embeddings["person-1-b.jpg"]},
            ],
            "candidate_embeddings": [
                {"student_id": "one", "embeddings": [embeddings["person-1-a.jpg"]]}
            ],
            "confident_threshold": 0.5,
            "uncertain_threshold": 0.6,
        },
    ).json()

    unknown, present = body["matches"]
    assert (unknown["face_index"], unknown["student_id"], unknown["status"]) == (0, None, "unknown")
    assert (present["face_index"], present["student_id"], present["status"]) == (
        1,
        "one",
        "present",
    )
    assert unknown["distance"] > 0.6 > 0.5 > present["distance"]


def test_health(url: str) -> None:
    body = requests.get(f"{url}/health", timeout=10).json()

    assert {"status", "service", "version", "models_loaded", "uptime_seconds"} <= set(body)
    assert (body["status"], body["models_loaded"]) == ("healthy", True)


def test_openapi_is_served(url: str) -> None:
    described = requests.get(f"{url}/openapi.json", headers={"X-API-Key": KEY}, timeout=10)
    assert "/api/ml/encode-face" in described.json()["paths"]


def test_no_key_no_answer_even_for_a_large_body(url: str) -> None:
    answer = requests.post(f"{url}/api/ml/encode-face", data=b"x" * 5_000_000, timeout=30)

    assert answer.status_code == 401


def test_an_endless_body_is_cut_off(url: str) -> None:
    answer = requests.post(
        f"{url}/api/ml/encode-face",
        data=(b"x" * 1_000_000 for _ in range(60)),
        headers={"X-API-Key": KEY},
        timeout=60,
    )

    assert answer.status_code == 413


def test_log_lines_carry_the_correlation_id_and_nothing_secret(
    service: tuple[str, Process], pictures: dict[str, str]
) -> None:
    url, process = service
    picture = pictures["person-1-a.jpg"]

    answer = _post(url, "encode-face", {"image_base64": picture}, **{"X-Correlation-ID": "c-4711"})
    requests.post(
        f"{url}/api/ml/encode-face", headers={"X-API-Key": "a-wrong-key-4712"}, timeout=10
    )

    # The inference runtime writes a line of its own when it starts.
    lines = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
    embedded = str(answer.json()["embedding"][0])
    assert answer.headers["X-Correlation-ID"] == "c-4711"
    assert [row["path"] for row in lines if row.get("correlation_id") == "c-4711"] == [
        "/api/ml/encode-face"
    ]
    assert [s for s in (KEY, "a-wrong-key-4712", picture[:60], embedded) if s in process.log] == []


def test_a_running_request_is_answered_when_the_service_is_told_to_stop(
    assets: Path, tmp_path: Path, pictures: dict[str, str]
) -> None:
    del assets
    port = free_port()
    env = {"ROLLCALL_ML_API_KEY": KEY, "ROLLCALL_ML_PORT": str(port), "ROLLCALL_ML_WORKERS": "1"}
    body = {"image_base64": pictures["person-1-a.jpg"], "num_jitters": 10}
    statuses: list[int] = []
    url = f"http://127.0.0.1:{port}"

    with running(
        [str(BIN / "rollcall-ml")],
        log_path=tmp_path / "ml.log",
        env=env,
        ready=lambda: is_listening(port),
    ) as process:
        session = requests.Session()
        session.get(f"{url}/health", timeout=10)

        def ask() -> None:
            headers = {"X-API-Key": KEY}
            answers = session.post(
                f"{url}/api/ml/encode-face", json=body, headers=headers, timeout=30
            )
            statuses.append(answers.status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        while requests_in_flight(url) < 1 and asking.is_alive():
            pass
        process._signal(signal.SIGTERM, wait=False)
        asking.join(30)
        assert process.wait(20) == 0

    assert statuses == [200]


def requests_in_flight(url: str) -> float:
    text = requests.get(f"{url}/metrics", headers={"X-API-Key": KEY}, timeout=10).text
    (value,) = [
        line.split()[1] for line in text.splitlines() if line.startswith("rollcall_ml_in_flight ")
    ]
    return float(value)
