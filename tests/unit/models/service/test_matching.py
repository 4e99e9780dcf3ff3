import numpy as np
import pytest

from models.service.errors import ErrorCode, RefusalError
from models.service.matching import Matcher
from models.service.schemas import BatchMatchRequest, MatchFacesRequest, MatchFacesResponse
from models.store import default_store

MATCHER = Matcher(dimension=128, is_cosine=False, confident=0.50)
COSINE = Matcher(dimension=128, is_cosine=True, confident=0.50)


def _at(distance: float) -> list[float]:
    """An embedding at this distance from the origin."""
    return [distance, *[0.0] * 127]


ORIGIN = _at(0.0)


def _match(*candidates: tuple[str, list[list[float]]], **options: object) -> MatchFacesResponse:
    body = {
        "query_embedding": ORIGIN,
        "candidate_embeddings": [
            {"student_id": name, "embeddings": rows} for name, rows in candidates
        ],
        **options,
    }
    return MATCHER.match(MatchFacesRequest.model_validate(body))


@pytest.mark.parametrize(
    ("distance", "status", "student"),
    [
        (0.0, "confident", "ada"),
        (0.4999, "confident", "ada"),
        (0.5, "uncertain", "ada"),
        (0.5999, "uncertain", "ada"),
        (0.6, "no_match", None),
        (9.0, "no_match", None),
    ],
)
def test_status_partitions_the_distances(distance: float, status: str, student: str | None) -> None:
    match = _match(("ada", [_at(distance)])).match

    assert (match.status, match.student_id) == (status, student)
    assert match.distance == pytest.approx(distance)
    assert match.confidence == pytest.approx(max(0.0, 1.0 - distance))


def test_the_nearest_embedding_of_a_student_counts() -> None:
    answer = _match(
        ("ada", [_at(0.9), _at(0.2)]),
        ("bob", [_at(0.3)]),
        ("ada", [_at(0.1)]),
        return_all_distances=True,
    )

    assert answer.match.student_id == "ada"
    assert answer.all_distances is not None
    assert [row.student_id for row in answer.all_distances] == ["ada", "bob"]
    assert answer.all_distances[0].min_distance == pytest.approx(0.1)


def test_distances_are_left_out_unless_asked_for() -> None:
    assert _match(("ada", [ORIGIN])).all_distances is None


@pytest.mark.parametrize("candidates", [[], [("ada", [])]])
def test_nobody_to_compare_with_is_no_match(
    candidates: list[tuple[str, list[list[float]]]],
) -> None:
    match = _match(*candidates).match

    assert (match.student_id, match.confidence) == (None, 0.0)
    assert match.distance == 2.0, "the known client computes with it"
    assert match.status == "no_match"


def test_a_stricter_threshold_narrows_the_confident_band_too() -> None:
    assert _match(("ada", [_at(0.4)]), threshold=0.3).match.status == "no_match"
    assert _match(("ada", [_at(0.2)]), threshold=0.3).match.status == "confident"


@pytest.mark.parametrize("length", [1, 127, 129, 512])
def test_an_embedding_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(RefusalError) as caught:
        _match(("ada", [[0.1] * length]))

    assert caught.value.code is ErrorCode.WRONG_EMBEDDING_LENGTH


def test_cosine_networks_compare_directions() -> None:
    request = MatchFacesRequest.model_validate(
        {
            "query_embedding": _at(2.0),
            "candidate_embeddings": [{"student_id": "ada", "embeddings": [_at(7.0)]}],
        }
    )

    assert COSINE.match(request).match.distance == pytest.approx(0.0)


def _batch(
    faces: list[list[float]], candidates: dict[str, list[float]]
) -> list[tuple[object, ...]]:
    request = BatchMatchRequest.model_validate(
        {
            "detected_faces": [{"embedding": face} for face in faces],
            "candidate_embeddings": [
                {"student_id": name, "embeddings": [row]} for name, row in candidates.items()
            ],
        }
    )
    return [
        (row.face_index, row.status, row.student_id, row.certainty, row.nearest_student_id)
        for row in MATCHER.batch_match(request).matches
    ]


def test_batch_marks_only_the_confident_present() -> None:
    assert _batch([_at(0.0), _at(0.55), _at(5.0)], {"ada": ORIGIN, "bob": _at(8.0)}) == [
        (0, "present", "ada", "confident", "ada"),
        (1, "unknown", None, "uncertain", "ada"),
        (2, "unknown", None, "no_match", None),
    ]


def test_batch_gives_a_student_to_the_nearest_face_only() -> None:
    assert _batch([_at(0.2), _at(0.1), _at(0.2)], {"ada": ORIGIN}) == [
        (0, "unknown", None, "confident", "ada"),
        (1, "present", "ada", "confident", "ada"),
        (2, "unknown", None, "confident", "ada"),
    ]


def test_batch_without_candidates_or_faces_is_an_answer() -> None:
    assert _batch([ORIGIN], {}) == [(0, "unknown", None, "no_match", None)]
    assert _batch([], {"ada": ORIGIN}) == []
    assert _batch([], {}) == []


def _batch_of_photo(is_live: list[bool | None]) -> list[tuple[object, ...]]:
    """A photo of one face each, every one nearer to Ada than the one before."""
    faces = [
        {"embedding": _at(0.3 - 0.1 * number), "is_live": one} for number, one in enumerate(is_live)
    ]
    candidates = [{"student_id": "ada", "embeddings": [ORIGIN]}]
    body = {"detected_faces": faces, "candidate_embeddings": candidates}
    matches = MATCHER.batch_match(BatchMatchRequest.model_validate(body)).matches
    return [(row.status, row.student_id, row.certainty, row.nearest_student_id) for row in matches]


def test_a_face_that_is_not_live_is_nobody_and_claims_nobody() -> None:
    present = ("present", "ada", "confident", "ada")
    nobody = ("unknown", None, "no_match", None)

    assert _batch_of_photo([None, False]) == [present, nobody]
    assert _batch_of_photo([True, False]) == [present, nobody]
    assert _batch_of_photo([False]) == [nobody]


def test_the_settings_limits_count_where_the_request_has_none() -> None:
    card = default_store().find("dlib-resnet-v1")[0]
    strict = Matcher.for_card(card, confident=0.2, uncertain=0.25)
    body: dict[str, object] = {
        "detected_faces": [{"embedding": _at(0.22)}],
        "candidate_embeddings": [{"student_id": "ada", "embeddings": [ORIGIN]}],
    }

    def certainty(**limits: float) -> str:
        request = BatchMatchRequest.model_validate(body | limits)
        return strict.batch_match(request).matches[0].certainty

    assert certainty() == "uncertain"
    assert certainty(confident_threshold=0.23) == "confident"
    assert certainty(uncertain_threshold=0.21) == "no_match"


def test_batch_without_anybody_answers_a_number() -> None:
    body = {"detected_faces": [{"embedding": ORIGIN}], "candidate_embeddings": []}

    (match,) = MATCHER.batch_match(BatchMatchRequest.model_validate(body)).matches

    assert match.distance == 2.0


def test_batch_refuses_thresholds_out_of_order() -> None:
    request = BatchMatchRequest.model_validate(
        {
            "detected_faces": [],
            "candidate_embeddings": [],
            "confident_threshold": 0.7,
            "uncertain_threshold": 0.6,
        }
    )

    with pytest.raises(RefusalError, match="must not exceed"):
        MATCHER.batch_match(request)


def test_thousands_of_candidates_give_the_exact_nearest() -> None:
    rng = np.random.default_rng(5)
    templates = rng.normal(0, 0.1, (9000, 128))
    probes = templates[[17, 4095, 4096, 8999]] + rng.normal(0, 0.001, (4, 128))

    found = _batch(probes.tolist(), {str(i): row for i, row in enumerate(templates.tolist())})

    assert [row[2] for row in found] == ["17", "4095", "4096", "8999"]
