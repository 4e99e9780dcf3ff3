"""Attacks are the same for one seed, visits cover clips and instruments, and tables are true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluate.attack_scene import FOCAL_PX, SIZE_PX, Placement, SceneCamera, rotation
from models.evaluate.attacks import render
from models.evaluate.exact import exact_interval
from models.evaluate.instruments import INSTRUMENTS, Instrument
from models.evaluate.live_clips import RATE_HZ, LivenessDataError, find_clips
from models.evaluate.surfaces import Source
from models.evaluate.visits import (
    LIVE,
    VISIT_S,
    Visit,
    attack_visits,
    frames_of,
    live_visits,
    played,
)
from scripts.bench.liveness_tables import Outcome, report

if TYPE_CHECKING:
    from pathlib import Path

Image = NDArray[np.uint8]
CLIPS = ("one", "two", "three")


def source(frames: int = 3) -> Source:
    random = np.random.default_rng(4)
    pictures = [random.integers(0, 255, (480, 640, 3), dtype=np.uint8) for _ in range(frames)]
    return Source(pictures, [index / 15 for index in range(frames)], (320, 200, 80), "made up")


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda tool: tool.name)
def test_one_seed_gives_the_same_frames_and_another_gives_others(instrument: Instrument) -> None:
    first = list(render(instrument, source(), 1))

    assert all(frame.shape == (480, 640, 3) for frame in first)
    assert all(map(np.array_equal, first, render(instrument, source(), 1)))
    assert not np.array_equal(first[0], next(render(instrument, source(), 2)))


def test_instruments_have_names_of_their_own() -> None:
    names = [instrument.name for instrument in INSTRUMENTS]

    assert len(set(names)) == len(names)


def test_a_paused_video_stands_still_with_its_button_and_goes_on() -> None:
    (paused,) = [tool for tool in INSTRUMENTS if tool.name == "paused video on a phone, held"]
    clip = played(source(5), np.random.default_rng(1))
    frames = list(render(paused, clip, 1))

    assert len(frames) == len(clip.frames) == round(VISIT_S * RATE_HZ)


def test_a_flat_sheet_is_seen_as_a_pinhole_camera_sees_it() -> None:
    camera = SceneCamera(np.random.default_rng(0))
    placement = Placement((20.0, -10.0, 5.0), (30.0, -20.0, 400.0))
    x, y = camera.look_at(placement)
    point = rotation(placement.turn_deg) @ (x[100, 200], y[100, 200], 0) + placement.offset_mm

    assert FOCAL_PX * point[0] / point[2] + SIZE_PX[0] / 2 == pytest.approx(200, abs=0.05)
    assert FOCAL_PX * point[1] / point[2] + SIZE_PX[1] / 2 == pytest.approx(100, abs=0.05)


def test_a_hardly_bent_sheet_is_as_good_as_flat() -> None:
    camera = SceneCamera(np.random.default_rng(0))
    flat = camera.look_at(Placement((5.0, 5.0, 5.0), (0.0, 0.0, 400.0)))
    bent = camera.look_at(Placement((5.0, 5.0, 5.0), (0.0, 0.0, 400.0), 1e-4))

    assert np.abs(flat[0] - bent[0])[200:280, 280:360].max() < 1.0


def test_visits_take_clips_and_instruments_by_turns_and_are_all_different() -> None:
    visits = attack_visits("flat print", CLIPS, 20)
    names = [tool.name for tool in INSTRUMENTS if tool.kind == "flat print"]

    assert len(set(visits)) == len(visits) == 20
    assert {(v.clip, v.instrument) for v in visits} == {(c, n) for c in CLIPS for n in names}
    assert len(set(live_visits(CLIPS, 10))) == 10
    with pytest.raises(ValueError, match="no instrument"):
        attack_visits("mask", CLIPS, 1)


def test_a_visit_lasts_its_time_and_begins_where_its_seed_says() -> None:
    visits = [Visit(LIVE, "", "one", seed) for seed in range(4)]
    shown = [list(frames_of(visit, source(9))) for visit in visits]

    assert {len(frames) for frames in shown} == {round(VISIT_S * RATE_HZ)}
    assert len({frames[0].tobytes() for frames in shown}) > 1
    assert np.array_equal(next(iter(frames_of(visits[0], source(9)))), shown[0][0])


def test_a_folder_without_known_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LivenessDataError):
        find_clips(tmp_path)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (5, 10, 0.1871, 0.8129), (1, 20, 0.0013, 0.2487)],
)
def test_intervals_are_those_of_the_tables(hits: int, trials: int, low: float, high: float) -> None:
    interval = exact_interval(hits, trials)

    assert interval.low == pytest.approx(low, abs=1e-4)
    assert interval.high == pytest.approx(high, abs=1e-4)


def outcome(kind: str, verdict: str, after_s: float = 1.0, clip: str = "again") -> Outcome:
    return Outcome(kind, kind, clip, 0, 20, {"after": verdict}, {"after": after_s}, {"after": 16.0})


def test_the_tables_count_what_was_let_in_and_who_was_kept_out() -> None:
    words = report(
        [
            *(outcome(LIVE, verdict) for verdict in ("live", "live", "undecided", "attack")),
            *(outcome("flat print", verdict) for verdict in ("live", "attack")),
        ],
        ["after"],
    )

    assert "| flat print | 2 | 1 | 0 | 50.0 %" in words
    (line,) = [row for row in words.splitlines() if row.startswith("| after | all |")]
    assert "| 4 | 2 | 25.0 %" in line
    assert line.endswith("| 1.00, 1.00 | 0.70 | 1.00 |")
