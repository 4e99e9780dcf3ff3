"""The native endpoints, with the real models and the sample photos."""

import base64
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from starlette.testclient import TestClient

from models.service.disclosure import LEAST_PEOPLE
from models.store import default_store
from tests.unit.models.service.conftest import KEY, as_base64

MODEL = "dlib-resnet-v1"
DIMENSION = 128
NOISE = np.random.default_rng(3).integers(0, 256, (240, 320, 3), dtype=np.uint8)
Rows = NDArray[np.float32]


@pytest.fixture(scope="module")
def photo(assets: Path) -> Callable[[str], str]:
    found = {path.stem: path for path in assets.rglob("person-*.jpg")}
    if "person-1-a" not in found:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    return lambda name: base64.b64encode(found[name].read_bytes()).decode()


def packed(row: Rows) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


def around(centre: Rows, spread: float, count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    rows = centre + random.normal(0, spread, (count, DIMENSION)).astype(np.float32)
    return [packed(row) for row in rows]


def centre(seed: int) -> Rows:
    row = np.random.default_rng(seed).normal(0, 1, DIMENSION)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def test_the_face_of_a_photo_is_judged_and_embedded(
    client: TestClient, photo: Callable[[str], str]
) -> None:
    answer = client.post(
        "/api/v1/faces", json={"image_base64": photo("person-1-a"), "single": True}
    ).json()

    (face,) = answer["faces"]
    (template,) = face["templates"]
    assert (template["model_id"], template["dimension"]) == (MODEL, DIMENSION)
    assert len(base64.b64decode(template["values_base64"])) == 4 * DIMENSION
    assert face["quality"]["blocking"] == []
    assert face["quality"]["measures"]["yaw"]["is_met"]
    assert 0 < face["area_ratio"] < 1
    assert face["landmarks_presence"] > 0.8


def test_template_is_that_of_the_plans_endpoint(
    client: TestClient, photo: Callable[[str], str]
) -> None:
    picture = photo("person-1-a")
    native = client.post("/api/v1/faces", json={"image_base64": picture, "views": 2}).json()
    plan = client.post(
        "/api/ml/encode-face", json={"image_base64": picture, "num_jitters": 2}
    ).json()

    values = base64.b64decode(native["faces"][0]["templates"][0]["values_base64"])
    assert np.allclose(np.frombuffer(values, "<f4"), plan["embedding"], atol=1e-6)


def test_quality_measures_the_largest_face_and_makes_no_template(
    client: TestClient, photo: Callable[[str], str]
) -> None:
    answer = client.post("/api/v1/quality", json={"image_base64": photo("person-1-a")}).json()

    assert answer["faces_count"] == 1
    assert "templates" not in answer["face"]
    assert set(answer["face"]["quality"]["measures"]) >= {"side", "sharpness", "yaw", "eyes_open"}


def test_a_picture_of_nobody_has_no_face(client: TestClient) -> None:
    body = {"image_base64": as_base64(NOISE)}

    assert client.post("/api/v1/quality", json=body).json()["face"] is None
    assert client.post("/api/v1/faces", json=body).json()["faces"] == []
    single = client.post("/api/v1/faces", json=body | {"single": True}).json()
    assert single["error_code"] == "NO_FACE_FOUND"


def test_a_blurred_photo_is_blocked_for_that_reason(
    client: TestClient, assets: Path, photo: Callable[[str], str]
) -> None:
    del photo
    (path,) = assets.rglob("person-1-a.jpg")
    picture = cv2.imread(str(path))
    assert picture is not None
    blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), 12), np.uint8)

    answer = client.post("/api/v1/quality", json={"image_base64": as_base64(blurred)}).json()

    assert "TOO_BLURRED" in answer["face"]["quality"]["blocking"]
    assert not answer["face"]["quality"]["measures"]["sharpness"]["is_met"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faces", {"image_base64": as_base64(NOISE), "models": ["somebody-elses"]}),
        ("gallery/check", {"model_id": "none", "person": {"id": "a", "templates": []}}),
        ("gallery/operating-point", {"model_id": "none", "people": []}),
    ],
)
def test_a_model_that_is_not_here_is_named(
    client: TestClient, path: str, body: dict[str, object]
) -> None:
    answer = client.post(f"/api/v1/{path}", json=body)

    assert answer.status_code == 422
    assert answer.json()["error_code"] == "UNKNOWN_MODEL"
    assert MODEL in answer.json()["error"]


def test_health_names_the_embedders(client: TestClient) -> None:
    assert MODEL in client.get("/health").json()["models"]["embedders"]


def check(client: TestClient, templates: list[str], **others: list[str]) -> dict[str, Any]:
    body = {
        "model_id": MODEL,
        "person": {"id": "new", "templates": templates},
        "others": [{"id": name, "templates": rows} for name, rows in others.items()],
    }
    found: dict[str, Any] = client.post("/api/v1/gallery/check", json=body).json()
    return found


def test_somebody_elses_photo_among_a_persons_is_set_aside(client: TestClient) -> None:
    found = check(client, [*around(centre(1), 0.01, 4, 1), packed(centre(2))])

    (aside,) = found["set_aside"]
    assert aside["index"] == 4


def test_the_same_person_twice_is_a_duplicate_and_a_stranger_is_nothing(
    client: TestClient,
) -> None:
    found = check(
        client,
        around(centre(1), 0.01, 3, 1),
        twin=around(centre(1), 0.01, 2, 5),
        stranger=around(centre(9), 0.01, 2, 6),
    )

    assert [one["id"] for one in found["duplicates"]] == ["twin"]
    assert found["look_alikes"] == []


def test_somebody_between_the_limits_is_a_look_alike(client: TestClient) -> None:
    limits = check(client, [packed(centre(1))])["limits"]
    assert isinstance(limits, dict)
    apart = (limits["duplicate"] + limits["look_alike"]) / 2
    angle = 2 * np.arcsin(apart / 2 / _length())
    aside = centre(2) - (centre(2) @ centre(1)) * centre(1)
    near = np.cos(angle) * centre(1) + np.sin(angle) * aside / np.linalg.norm(aside)

    found = check(client, [packed(centre(1))], near=[packed(np.asarray(near, np.float32))])

    assert found["duplicates"] == []
    (one,) = found["look_alikes"]
    assert one["distance"] == pytest.approx(apart, abs=1e-4)


def _length() -> float:
    matching = default_store().find(MODEL)[0].matching
    assert matching is not None
    return matching.length


def point(client: TestClient, people: list[dict[str, Any]]) -> dict[str, Any]:
    body = {"model_id": MODEL, "people": people, "roster_sizes": [30], "targets": [1e-2, 1e-4]}
    found: dict[str, Any] = client.post("/api/v1/gallery/operating-point", json=body).json()
    return found


def school(count: int, cohort: str = "9b") -> list[dict[str, Any]]:
    return [
        {
            "id": f"p{n}",
            "templates": around(centre(100 + n), 0.01, 3, n),
            "cohorts": [cohort, "all"],
        }
        for n in range(count)
    ]


def test_fewer_than_thirty_people_get_no_figures(client: TestClient) -> None:
    found = point(client, school(LEAST_PEOPLE - 1))

    assert (found["people"], found["is_enough"]) == (LEAST_PEOPLE - 1, False)
    assert found["closest_pairs"] == []
    assert found["pairs"] is None


def test_people_far_apart_pass_the_cards_limits_without_a_mistake(client: TestClient) -> None:
    found = point(client, school(40))

    assert found["pairs"] == 40 * 39 / 2
    for limit in found["at_card_limits"]:
        assert limit["expected_fpir"] == 0.0
        assert 0 < limit["interval"][1] < 1
        assert limit["fnmr"] == 0.0


def test_two_entries_of_one_person_are_the_closest_pair_and_raise_the_rate(
    client: TestClient,
) -> None:
    people = [*school(40), {"id": "again", "templates": around(centre(100), 0.01, 3, 77)}]
    found = point(client, people)

    closest = found["closest_pairs"]
    assert {closest[0]["a"], closest[0]["b"]} == {"p0", "again"}
    apart = [pair["distance"] for pair in closest]
    assert all(near <= far for near, far in pairwise(apart))
    rates = [limit["expected_fpir"] for limit in found["at_card_limits"]]
    assert all(rate > 0 for rate in rates)


def test_small_cohorts_and_what_gives_them_away_are_suppressed(client: TestClient) -> None:
    people = school(35) + [
        person | {"id": f"q{n}", "cohorts": ["7a"]} for n, person in enumerate(school(5))
    ]
    cohorts = {one["name"]: one for one in point(client, people)["cohorts"]}

    nothing: dict[str, object] = {"people": None, "suppressed": True, "at_card_limits": []}
    assert cohorts["7a"] == {"name": "7a", **nothing}
    assert cohorts["9b"] == {"name": "9b", **nothing}, "all but five: their figures would be known"


@pytest.mark.parametrize(
    ("templates", "code"),
    [
        (["not base64!"], "MALFORMED_REQUEST"),
        ([packed(np.ones(3, np.float32))], "WRONG_EMBEDDING_LENGTH"),
        ([packed(np.full(DIMENSION, np.nan, np.float32))], "MALFORMED_REQUEST"),
        ([packed(np.zeros(DIMENSION, np.float32))], "MALFORMED_REQUEST"),
        ([packed(np.full(DIMENSION, 3e38, np.float32))], "MALFORMED_REQUEST"),
        ([packed(centre(1)), packed(-centre(1))], "MALFORMED_REQUEST"),
        ([], "MALFORMED_REQUEST"),
    ],
)
def test_templates_that_are_none_are_refused(
    client: TestClient, templates: list[str], code: str
) -> None:
    assert check(client, templates)["error_code"] == code


def test_too_many_templates_are_asked_for_in_parts(client: TestClient) -> None:
    others = [{"id": f"p{n}", "templates": [packed(centre(1))] * 50} for n in range(401)]
    body = {
        "model_id": MODEL,
        "person": {"id": "new", "templates": [packed(centre(1))]},
        "others": others,
    }
    answer = client.post("/api/v1/gallery/check", content=json.dumps(body))

    assert answer.status_code in {413, 422}
    assert answer.json()["error_code"] in {"TOO_MANY_TEMPLATES", "REQUEST_TOO_LARGE"}


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
NESTED = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=st.sampled_from(["faces", "quality", "gallery/check", "gallery/operating-point"]),
    body=st.fixed_dictionaries(
        {},
        optional={
            "image_base64": NESTED,
            "model_id": st.just(MODEL) | NESTED,
            "person": st.fixed_dictionaries({"id": ODD, "templates": st.lists(ODD)}) | NESTED,
            "others": NESTED,
            "people": NESTED,
            "targets": NESTED,
            "views": NESTED,
        },
    ),
)
def test_no_request_breaks_the_service(client: TestClient, path: str, body: object) -> None:
    content = json.dumps(body)

    answer = client.post(f"/api/v1/{path}", content=content)

    assert answer.status_code in {200, 422}
    assert answer.json()["success"] in {True, False}


@pytest.mark.parametrize(
    "path", ["faces", "quality", "gallery/check", "gallery/operating-point", "nothing"]
)
def test_a_wrong_key_opens_nothing(app: FastAPI, path: str) -> None:
    answer = TestClient(app, headers={"X-API-Key": f"{KEY}x"}).post(f"/api/v1/{path}", json={})

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json", "/nothing"])
def test_head_is_answered_as_get_without_a_body(client: TestClient, path: str) -> None:
    get, head = client.get(path), client.head(path)

    assert head.status_code == get.status_code
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.content == b""
