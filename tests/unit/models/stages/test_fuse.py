from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.stages.fuse import Evidence, fuse_people, settle_claims, stretched
from models.store import Matching

EUCLIDEAN = Matching(metric="euclidean", confident=0.5, uncertain=0.6, length=1.4)
COSINE = Matching(metric="cosine", confident=0.5, uncertain=0.6)


def towards(angle_deg: float) -> NDArray[np.float32]:
    """A vector of length 3 in a plane, (4,) float32."""
    angle = np.radians(angle_deg)
    return np.array([3 * np.cos(angle), 3 * np.sin(angle), 0, 0], np.float32)


def angle_of(vector: NDArray[np.float32]) -> float:
    return float(np.degrees(np.arctan2(vector[1], vector[0])))


def seen(*frames: tuple[float, float], kept: int = 10) -> Evidence:
    evidence = Evidence(EUCLIDEAN, kept=kept)
    assert all(evidence.add(towards(angle), quality) for angle, quality in frames)
    return evidence


def test_frames_are_fused_at_the_cards_length() -> None:
    assert np.linalg.norm(seen((0, 1), (8, 1)).fused()) == pytest.approx(1.4)
    assert angle_of(seen((0, 1), (8, 1)).fused()) == pytest.approx(4, abs=1e-3)


def test_better_frames_weigh_more() -> None:
    assert angle_of(seen((0, 0.9), (9, 0.3)).fused()) == pytest.approx(2.25, abs=0.05)


def test_one_odd_frame_is_left_out_and_two_in_a_row_are_somebody_else() -> None:
    evidence = seen((0, 1))
    assert evidence.add(towards(90), 1.0)
    assert evidence.add(towards(2), 1.0)
    assert len(evidence) == 2
    assert evidence.add(towards(90), 1.0)
    assert not evidence.add(towards(90), 1.0)


def test_odd_is_measured_in_the_metric_of_the_card() -> None:
    evidence = Evidence(COSINE)
    evidence.add(towards(0), 1.0)
    assert evidence.add(towards(55), 1.0)
    assert len(evidence) == 2
    evidence.add(towards(150), 1.0)
    assert len(evidence) == 2


def test_once_full_only_a_better_frame_is_worth_it() -> None:
    evidence = seen((0, 0.5), (1, 0.7), kept=2)
    assert not evidence.improves_with(0.51)
    assert evidence.improves_with(0.6)
    evidence.add(towards(2), 0.6)
    assert len(evidence) == 2
    assert evidence.quality == pytest.approx(0.65)


def test_a_worse_frame_does_not_push_out_a_better_one() -> None:
    evidence = seen((0, 0.5), (1, 0.7), (2, 0.3), kept=2)
    assert evidence.quality == pytest.approx(0.6)
    assert evidence.judged_count == 3


def test_frames_passed_over_count_as_judged() -> None:
    evidence = seen((0, 1))
    evidence.pass_over()
    assert (evidence.judged_count, len(evidence)) == (2, 1)


def test_without_frames_there_is_no_quality() -> None:
    assert Evidence(EUCLIDEAN).quality == 0.0


def name_of(frame: NDArray[np.float32]) -> str:
    return "ana" if angle_of(frame) < 5 else "ben"


@pytest.mark.parametrize(
    ("angles", "agrees"),
    [((0.0,), False), ((0.0, 1.0), True), ((0.0, 1.0, 2.0, 6.0), True), ((0.0, 6.0, 1.0), False)],
)
def test_at_least_two_and_most_frames_must_agree(angles: tuple[float, ...], agrees: bool) -> None:
    evidence = seen(*[(angle, 1.0) for angle in angles])
    assert evidence.agrees("ana", name_of) is agrees


def test_a_person_has_one_template_whatever_was_enrolled() -> None:
    rows = np.stack([towards(80), towards(0), towards(10) * 5])
    people, templates = fuse_people(["ben", "ana", "ana"], rows, 1.4)
    assert people == ["ana", "ben"]
    assert angle_of(templates[0]) == pytest.approx(5, abs=1e-3)
    assert np.linalg.norm(templates, axis=1) == pytest.approx([1.4, 1.4])
    assert templates[1] == pytest.approx(stretched(towards(80), 1.4))


def test_nobody_has_no_templates() -> None:
    assert fuse_people([], np.empty((0, 0), np.float32), 1.4)[0] == []


@dataclass(frozen=True)
class Found:
    person_id: str
    distance: float


def nearest(distances: dict[str, float], limit: float, without: frozenset[str]) -> Found | None:
    left = [(away, name) for name, away in distances.items() if name not in without]
    best = min(left, default=(9.0, ""))
    return Found(best[1], best[0]) if best[0] <= limit else None


TABLES = st.dictionaries(
    st.integers(0, 9),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1), max_size=6),
    max_size=8,
)


def settled(tables: dict[int, dict[str, float]]) -> dict[int, Found]:
    judges = {track: partial(nearest, table, 0.5) for track, table in tables.items()}
    return settle_claims(judges)


@given(tables=TABLES)
def test_nobody_is_in_two_places_and_nobody_beyond_the_limit(
    tables: dict[int, dict[str, float]],
) -> None:
    won = settled(tables)
    assert len({found.person_id for found in won.values()}) == len(won)
    assert all(
        found.distance == tables[track][found.person_id] <= 0.5 for track, found in won.items()
    )


@given(tables=TABLES)
def test_no_track_and_person_would_both_be_better_off_together(
    tables: dict[int, dict[str, float]],
) -> None:
    won = settled(tables)
    holder = {found.person_id: found.distance for found in won.values()}
    got = {track: found.distance for track, found in won.items()}
    envied = [
        (track, person)
        for track, table in tables.items()
        for person, away in table.items()
        if away <= 0.5 and away < got.get(track, 9.0) and away < holder.get(person, 9.0)
    ]
    assert envied == []


def test_the_nearer_keeps_the_name_and_the_other_gets_the_next() -> None:
    won = settled({1: {"a": 0.2, "b": 0.3}, 2: {"a": 0.1, "b": 0.15}})
    assert {track: found.person_id for track, found in won.items()} == {1: "b", 2: "a"}


def test_a_loser_without_another_name_is_nobody() -> None:
    assert set(settled({1: {"a": 0.2}, 2: {"a": 0.1}})) == {2}
