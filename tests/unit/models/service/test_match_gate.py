"""Only keys that a setting names compare vectors, up to a limit, and each call leaves a line."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from models.service.app import create_app
from models.service.config import load_settings
from models.service.keys import caller_keys, find_key
from models.service.logs import configure_logging
from models.service.match_gate import MATCH_PATHS

Logged = Callable[[], list[dict[str, object]]]
ENCODE_KEY, MATCH_KEY = "a-key-to-encode-4711", "a-key-to-match-4712"
ROW = [0.0123] * 128
BODIES: dict[str, dict[str, Any]] = {
    "/api/ml/match-faces": {
        "query_embedding": ROW,
        "candidate_embeddings": [{"student_id": "student-4713", "embeddings": [ROW, ROW]}],
    },
    "/api/ml/batch-match": {
        "detected_faces": [{"embedding": ROW}] * 3,
        "candidate_embeddings": [{"student_id": "student-4713", "embeddings": [ROW]}],
    },
    "/api/v1/gallery/check": {"model_id": "none", "person": {"id": "a", "templates": ["AAAA"]}},
    "/api/v1/gallery/operating-point": {"model_id": "none", "people": []},
}


@pytest.fixture
def service(app: FastAPI) -> FastAPI:
    settings = load_settings(
        api_key=ENCODE_KEY, match_keys=MATCH_KEY, queue_limit=4, match_per_minute=5
    )
    return create_app(settings, app.state.parts)


def ask(service: FastAPI, path: str, key: str, **headers: str) -> Response:
    client = TestClient(service, headers={"X-API-Key": key, **headers})
    answer: Response = client.post(path, json=BODIES[path])
    return answer


def test_every_endpoint_that_takes_vectors_is_behind_the_gate(service: FastAPI) -> None:
    schemas = json.dumps(service.openapi()["components"]["schemas"])
    paths = service.openapi()["paths"]
    takers = {
        path
        for path, one in paths.items()
        if "post" in one and not _is_of_pictures(service, one["post"])
    }

    assert takers == MATCH_PATHS == set(BODIES)
    assert "image_base64" in schemas


def _is_of_pictures(service: FastAPI, operation: dict[str, Any]) -> bool:
    content = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = service.openapi()["components"]["schemas"][content.rsplit("/", 1)[1]]
    return "image_base64" in schema["properties"]


@pytest.mark.parametrize("path", sorted(MATCH_PATHS))
def test_a_key_to_encode_may_not_match(service: FastAPI, path: str) -> None:
    answer = ask(service, path, ENCODE_KEY)

    assert answer.status_code == 403
    assert answer.json()["error_code"] == "MATCHING_NOT_ALLOWED"
    assert "may not compare" in answer.json()["error"]


def test_it_is_refused_before_its_body_is_read(service: FastAPI) -> None:
    client = TestClient(service, headers={"X-API-Key": ENCODE_KEY})

    assert client.post("/api/ml/match-faces", content=b"{no json").status_code == 403


@pytest.mark.parametrize("path", ["/api/ml/match-faces/", "/api/ml//match-faces"])
def test_another_way_to_write_the_path_does_not_get_round_it(service: FastAPI, path: str) -> None:
    client = TestClient(service, headers={"X-API-Key": ENCODE_KEY})

    answer = client.post(path, json=BODIES["/api/ml/match-faces"])

    assert answer.status_code in {403, 404}


def test_a_key_to_match_may_encode_too(service: FastAPI) -> None:
    client = TestClient(service, headers={"X-API-Key": MATCH_KEY})

    answer = client.post("/api/ml/encode-face", json={"image_base64": ""})

    assert answer.json()["error_code"] == "EMPTY_IMAGE"


def test_vectors_over_the_keys_limit_get_429_with_a_time(service: FastAPI) -> None:
    first = ask(service, "/api/ml/batch-match", MATCH_KEY)
    second = ask(service, "/api/ml/batch-match", MATCH_KEY)
    single = ask(service, "/api/ml/match-faces", MATCH_KEY)

    assert (first.status_code, second.status_code, single.status_code) == (200, 429, 200)
    assert second.json()["error_code"] == "RATE_LIMITED"
    assert 0 < int(second.headers["Retry-After"]) <= 60


def test_each_call_is_counted_by_the_name_of_its_key(service: FastAPI) -> None:
    ask(service, "/api/ml/batch-match", MATCH_KEY)
    ask(service, "/api/ml/batch-match", ENCODE_KEY)

    figures = TestClient(service).get("/metrics", headers={"X-API-Key": MATCH_KEY}).text

    where = 'path="/api/ml/batch-match"'
    assert f'rollcall_ml_match_vectors_total{{key="match-1",{where}}}' in figures
    calls = [line for line in figures.splitlines() if line.startswith("rollcall_ml_match_calls")]
    assert any('key="key-1",outcome="refused"' in line for line in calls)
    assert any('key="match-1",outcome="admitted"' in line for line in calls)
    assert re.findall(r"(?<!\d)(4711|4712)(?!\d)", figures) == []


@pytest.mark.parametrize("level", ["debug", "error"])
def test_each_call_leaves_an_audit_line_without_its_vectors(
    service: FastAPI, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level)
    ask(service, "/api/ml/match-faces", MATCH_KEY, **{"X-Correlation-ID": "c-9"})
    ask(service, "/api/ml/match-faces", ENCODE_KEY)

    written = capsys.readouterr().err
    lines = [json.loads(line) for line in written.splitlines() if "match call recorded" in line]
    assert [(line["key"], line["outcome"]) for line in lines] == [
        ("match-1", "admitted"),
        ("key-1", "refused"),
    ]
    assert (lines[0]["vectors"], lines[0]["against"]) == (1, 2)
    assert (lines[0]["correlation_id"], lines[0]["path"]) == ("c-9", "/api/ml/match-faces")
    # Between other digits it is part of a time of the log.
    assert re.findall(r"(?<!\d)(4711|4712|4713|0\.0123)(?!\d)", written) == []


def test_a_key_is_found_by_all_of_it() -> None:
    keys = caller_keys(["first-key"], ["second-key"])

    found = [find_key(keys, offered) for offered in (b"first-key", b"second-key", b"first", b"")]

    assert [one and one.name for one in found] == ["key-1", "match-1", None, None]
