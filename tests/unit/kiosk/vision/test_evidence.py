import numpy as np
import pytest

from kiosk.vision.evidence import Evidence, Metric, distance
from tests.fakes.face_models import vector


def test_frames_are_fused_into_their_mean() -> None:
    evidence = Evidence("euclidean", same_person=0.5)
    evidence.add(vector(0.2), 0.4)
    evidence.add(vector(0.4), 0.8)
    assert evidence.fused() == pytest.approx(vector(0.3))
    assert evidence.quality == pytest.approx(0.6)


def test_cosine_frames_count_alike_whatever_their_length() -> None:
    evidence = Evidence("cosine", same_person=2.0)
    evidence.add(vector(10.0, 0.0), 1.0)
    evidence.add(vector(0.0, 1.0) + vector(0.1), 1.0)
    evidence.add(vector(5.0, 5.0), 1.0)
    assert distance(evidence.fused(), vector(1.0, 1.0), "cosine") < 0.02


@pytest.mark.parametrize(("metric", "apart"), [("euclidean", 2.0), ("cosine", 1.0)])
def test_distance_follows_the_metric_of_the_card(metric: Metric, apart: float) -> None:
    first, second = vector(np.sqrt(2)), vector(0.0, np.sqrt(2))
    assert distance(first, second, metric) == pytest.approx(apart)


def test_one_odd_frame_is_left_out() -> None:
    evidence = Evidence("euclidean", same_person=0.5)
    assert evidence.add(vector(0.0), 1.0)
    assert evidence.add(vector(3.0), 1.0)
    assert evidence.add(vector(0.1), 1.0)
    assert evidence.fused() == pytest.approx(vector(0.05))


def test_two_odd_frames_in_a_row_are_somebody_else() -> None:
    evidence = Evidence("euclidean", same_person=0.5)
    evidence.add(vector(0.0), 1.0)
    assert evidence.add(vector(3.0), 1.0)
    assert not evidence.add(vector(3.0), 1.0)


def test_only_the_newest_frames_count() -> None:
    evidence = Evidence("euclidean", same_person=10.0, kept=2)
    for value in (0.0, 1.0, 2.0):
        evidence.add(vector(value), value)
    assert evidence.fused() == pytest.approx(vector(1.5))
    assert (evidence.seen_count, len(evidence.qualities)) == (3, 2)


def test_without_frames_there_is_no_quality() -> None:
    assert Evidence("euclidean", same_person=0.5).quality == 0.0
