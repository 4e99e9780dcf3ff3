"""What no request can do: get in without the key, break the service, or leave a trace of itself."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from models.service.app import create_app
from models.service.config import load_settings
from models.service.edge import KeyMiddleware
from models.service.errors import ErrorCode
from tests.unit.models.service.conftest import KEY, as_base64

Logged = Callable[[], list[dict[str, object]]]
PATHS = ["encode-face", "detect-faces", "match-faces", "batch-match"]
NOISE = as_base64(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8))
ROW = [0.01] * 128
GOOD: dict[str, dict[str, object]] = {
    "encode-face": {"image_base64": NOISE},
    "detect-faces": {"image_base64": NOISE},
    "match-faces": {
        "query_embedding": ROW,
        "candidate_embeddings": [{"student_id": "student-4711", "embeddings": [ROW]}],
    },
    "batch-match": {
        "detected_faces": [{"embedding": ROW}],
        "candidate_embeddings": [{"student_id": "student-4711", "embeddings": [ROW]}],
    },
}


@pytest.mark.parametrize("key", ["", "wrong", KEY + "x", KEY[:-1], "é" * 8])
@pytest.mark.parametrize("path", [*PATHS, "nothing-here"])
def test_a_wrong_key_opens_nothing(client: TestClient, path: str, key: str) -> None:
    answer = client.post(
        f"/api/ml/{path}", json=GOOD.get(path, {}), headers={b"X-API-Key": key.encode()}
    )

    assert answer.status_code == 401
    assert answer.json()["error_code"] == "UNAUTHORIZED"
    assert answer.headers["WWW-Authenticate"]


def test_a_key_that_sends_too_much_gets_the_usual_envelope(app: FastAPI) -> None:
    hasty = load_settings(
        api_key=f"{KEY},another-key", rate_per_minute=1, rate_burst=1, queue_limit=4
    )
    client = TestClient(create_app(hasty, app.state.parts))

    answers = [
        client.post("/api/ml/nothing-here", headers={"X-API-Key": key})
        for key in (KEY, KEY, "another-key")
    ]

    assert [answer.status_code for answer in answers] == [404, 429, 404]
    assert set(answers[1].json()) == {"success", "error", "error_code"}
    assert answers[1].json()["error_code"] == "RATE_LIMITED"
    assert 0 < int(answers[1].headers["Retry-After"]) <= 60


def test_a_missing_key_opens_nothing_but_health_and_the_page_that_asks_for_it(
    app: FastAPI,
) -> None:
    stranger = TestClient(app, headers={"Authorization": f"Bearer {KEY}"})

    assert [stranger.post(f"/api/ml/{path}").status_code for path in PATHS] == [401] * 4
    closed = ("/metrics", "/openapi.json", "/metrics/", "/openapi.json/")
    assert [stranger.get(path).status_code for path in closed] == [401] * 4
    assert [stranger.get(path).status_code for path in ("/health", "/docs")] == [200] * 2


def test_the_metrics_token_opens_the_metrics_and_nothing_else() -> None:
    asked: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await PlainTextResponse("inside")(scope, receive, send)

    callers = load_settings(api_key=KEY).callers
    guarded = KeyMiddleware(inner, keys=callers, metrics_token="only-for-prometheus")
    scraper = TestClient(guarded, headers={"Authorization": "Bearer only-for-prometheus"})
    paths = ("/metrics", "/openapi.json", "/api/v1/models", "/api/ml/encode-face")
    assert [scraper.get(path).status_code for path in paths] == [200, 401, 401, 401]
    assert asked == ["/metrics"]
    wrong = ("x", "Bearer", "Bearer x", "only-for-prometheus", "Bearer only-for-prometheus.")
    answers = [scraper.get("/metrics", headers={"Authorization": one}) for one in wrong]
    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"image_base64": ' + b"9" * 10_000 + b"}",
        b'{"query_embedding": [NaN, Infinity, -Infinity, 1e999]}',
        b'{"image_base64": null, "detected_faces": null}',
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_a_malformed_body_is_422(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(
        f"/api/ml/{path}", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.json()["error_code"] == "MALFORMED_REQUEST"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "1e300", '"x"', "null"])
@pytest.mark.parametrize("path", ["match-faces", "batch-match"])
def test_components_that_are_no_numbers_are_422(client: TestClient, path: str, value: str) -> None:
    content = json.dumps(GOOD[path]).replace("0.01", value, 1)

    answer = client.post(
        f"/api/ml/{path}", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.json()["success"] is False


@pytest.mark.parametrize("length", [0, 1, 127, 129, 5000])
def test_embeddings_of_another_length_are_422(client: TestClient, length: int) -> None:
    body = {**GOOD["match-faces"], "query_embedding": [0.0] * length}

    answer = client.post("/api/ml/match-faces", json=body)

    assert answer.status_code == 422
    assert answer.json()["error_code"] in {"WRONG_EMBEDDING_LENGTH", "MALFORMED_REQUEST"}


def test_a_body_over_the_limit_is_413_declared_or_not(client: TestClient) -> None:
    def drops() -> Iterator[bytes]:
        yield from (b"x" * 1_000_000 for _ in range(10))

    declared = client.post("/api/ml/encode-face", content=b"x" * 8_000_001)
    streamed = client.post("/api/ml/encode-face", content=drops())

    assert [declared.status_code, streamed.status_code] == [413, 413]
    assert streamed.json()["error_code"] == "REQUEST_TOO_LARGE"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/nothing", "NOT_FOUND"), ("GET", "/api/ml/encode-face", "METHOD_NOT_ALLOWED")],
)
def test_framework_errors_have_the_same_envelope(
    client: TestClient, method: str, path: str, code: str
) -> None:
    answer = client.request(method, path)

    assert set(answer.json()) == {"success", "error", "error_code"}
    assert answer.json()["error_code"] == code


def test_the_correlation_id_comes_back_and_is_in_the_log_line(
    client: TestClient, logged: Logged
) -> None:
    answer = client.post(
        "/api/ml/match-faces", json=GOOD["match-faces"], headers={"X-Correlation-ID": "lesson-42"}
    )

    (line,) = [row for row in logged() if row["event"] == "request"]
    assert answer.headers["X-Correlation-ID"] == "lesson-42"
    assert line["correlation_id"] == "lesson-42"
    assert (line["path"], line["status"]) == ("/api/ml/match-faces", 200)


@pytest.mark.parametrize("offered", ["a b", "x" * 65, "{", ""])
def test_a_bad_correlation_id_is_replaced(client: TestClient, offered: str) -> None:
    answer = client.get("/health", headers={"X-Correlation-ID": offered})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Correlation-ID"])


def test_logs_hold_nothing_of_a_request(client: TestClient, logged: Logged) -> None:
    for path in PATHS:
        client.post(f"/api/ml/{path}", json=GOOD[path])
    client.post("/api/ml/match-faces", json={"query_embedding": ["secret-4711"]})
    client.get("/who/is/student-4711")

    ours = [row for row in logged() if not str(row["logger"]).startswith("httpx")]
    text = json.dumps(ours)
    assert len([row for row in ours if row["event"] == "request"]) == 6
    words = (KEY, NOISE[:40], "student-4711", "secret-4711", "0.01,")
    assert [word for word in words if word in text] == []


def test_a_failure_inside_is_one_500_without_its_data(
    app: FastAPI, client: TestClient, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_request: object) -> None:
        secret = "secret-4711"  # a local variable, and part of the message and of its cause
        try:
            int(secret)
        except ValueError as exc:
            exc.add_note(secret)
            raise RuntimeError(f"cannot compare {secret}") from exc

    monkeypatch.setattr(
        "models.service.matching.Matcher.match", lambda _self, request: fail(request)
    )

    answer = client.post("/api/ml/match-faces", json=GOOD["match-faces"])

    assert answer.status_code == 500
    assert answer.json()["error_code"] == "INTERNAL_ERROR"
    assert answer.headers["X-Correlation-ID"]
    lines = logged()
    assert [row["event"] for row in lines if row["level"] == "error"] == ["a request failed"]
    assert "4711" not in json.dumps(lines)


def test_metrics_count_requests_and_refusals(client: TestClient) -> None:
    client.post("/api/ml/encode-face", json={"image_base64": ""})

    text = client.get("/metrics").text

    assert 'rollcall_ml_requests_total{path="/api/ml/encode-face",status="200"}' in text
    assert 'error_code="EMPTY_IMAGE"' in text
    assert "rollcall_ml_in_flight 0.0" in text


def test_openapi_describes_the_contract_with_examples(client: TestClient) -> None:
    described = client.get("/openapi.json").json()

    assert {f"/api/ml/{path}" for path in PATHS} | {"/health"} <= set(described["paths"])
    for path in PATHS:
        operation = described["paths"][f"/api/ml/{path}"]["post"]
        assert operation["requestBody"]["content"]["application/json"]["examples"]
        assert operation["security"]
        assert {"200", "401", "413", "422", "429", "503"} <= set(operation["responses"])


def test_every_error_code_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "ml-service.md").read_text()

    documented = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (\d{3}) \|", page, re.MULTILINE))

    assert documented == {code.value: str(code.status.value) for code in ErrorCode}


_printable = st.characters(codec="ascii", categories=["L", "N", "P"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
_image = st.one_of(
    st.text(max_size=80),
    st.sampled_from([NOISE, NOISE[:200], "data:,", "data:x;base64,AAAA"]),
    _json,
)
_row = st.one_of(
    st.just(ROW), st.lists(st.floats(), max_size=3), st.floats().map(lambda x: [x] * 128), _json
)
_candidates = st.one_of(
    st.lists(
        st.fixed_dictionaries(
            {"student_id": st.text() | _json, "embeddings": st.lists(_row, max_size=2)}
        ),
        max_size=3,
    ),
    _json,
)
_fields: dict[str, st.SearchStrategy[object]] = {
    "image_base64": _image,
    "validate_single": st.booleans() | _json,
    "min_face_area_ratio": st.floats() | _json,
    "num_jitters": st.integers(-2, 102) | _json,
    "model": st.sampled_from(["hog", "near", "vgg"]) | _json,
    "query_embedding": _row,
    "candidate_embeddings": _candidates,
    "threshold": st.floats() | _json,
    "return_all_distances": st.booleans() | _json,
    "detected_faces": st.lists(st.fixed_dictionaries({"embedding": _row}), max_size=3) | _json,
    "confident_threshold": st.floats() | _json,
    "uncertain_threshold": st.floats() | _json,
}
_body = st.fixed_dictionaries({}, optional=_fields) | _json


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from(PATHS), body=_body)
def test_no_body_breaks_the_service(client: TestClient, path: str, body: object) -> None:
    answer = client.post(
        f"/api/ml/{path}",
        content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code in {200, 422}
    assert isinstance(answer.json()["success"], bool)


@settings(max_examples=100, deadline=None)
@given(
    path=st.sampled_from(PATHS),
    content=st.binary(max_size=300),
    kind=st.text(_printable, max_size=20),
)
def test_no_bytes_break_the_service(
    session_client: TestClient, path: str, content: bytes, kind: str
) -> None:
    headers = {b"Content-Type": kind.encode("ascii", "ignore")}

    answer = session_client.post(f"/api/ml/{path}", content=content, headers=headers)

    assert answer.status_code in {200, 422}
