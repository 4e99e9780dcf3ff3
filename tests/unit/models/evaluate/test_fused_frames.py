"""How much nearer to other people fusing brings frames follows from how unlike they are."""

from __future__ import annotations

import pytest

from models.evaluate.fused_frames import fused_limits
from models.evaluate.rules import RULES
from models.evaluate.tracks import Track
from tests.unit.models.evaluate.people import made_up

FUSED = RULES["mirrored"]
OTHERS = made_up([2] * 300, spread=0.3, dimension=24)
LEVELS = (1e-1, 1e-2)


def clips(spread: float) -> list[Track]:
    shown = made_up([24] * 6, spread=spread, dimension=24, seed=9).faces
    return [
        Track(name, tuple(face for face in own[start : start + 12] if face))
        for name, own in shown.items()
        for start in (0, 12)
    ]


def test_frames_that_are_all_the_same_come_no_nearer() -> None:
    still = [Track(track.person, track.faces[:1] * 12) for track in clips(0.5)]

    for limit in fused_limits(still, OTHERS, FUSED, 3, LEVELS):
        assert limit.shift.estimate == pytest.approx(0, abs=2e-3)
        assert limit.single == pytest.approx(limit.fused, abs=2e-3)


def test_the_less_alike_frames_are_the_nearer_to_others_they_come_when_fused() -> None:
    alike, unlike = (fused_limits(clips(spread), OTHERS, FUSED, 6, LEVELS) for spread in (0.2, 1.2))

    for first, second in zip(alike, unlike, strict=True):
        assert abs(first.shift.estimate) < abs(second.shift.estimate)
        assert first.shift.low <= first.shift.estimate <= first.shift.high


def test_limits_fall_with_the_share() -> None:
    found = fused_limits(clips(0.4), OTHERS, FUSED, 3, LEVELS)

    assert [one.fmr for one in found] == [*LEVELS]
    assert found[0].single > found[1].single
    assert found[0].fused > found[1].fused


def test_a_clip_shorter_than_the_window_is_one_probe() -> None:
    short = [Track(track.person, track.faces[:2]) for track in clips(0.4)]

    assert len(fused_limits(short, OTHERS, FUSED, 10, LEVELS)) == 2
