"""Attacks are the same for one seed, showings survive the cache, and intervals are exact."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluate.attack_scene import FOCAL_PX, SIZE_PX, Placement, SceneCamera, rotation
from models.evaluate.attacks import INSTRUMENTS, Instrument, Source, render
from models.evaluate.liveness import (
    LIVE,
    TUNING,
    Clip,
    LivenessDataError,
    Presentation,
    find_clips,
    load,
    open_pipeline,
    present,
    save,
)
from models.evaluate.liveness_challenge import challenge_report
from models.evaluate.liveness_report import exact_interval, report
from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.motion import Flow
from models.stages.liveness.screen import ScreenSigns
from models.stages.liveness.verdict import FaceSample, Outcome
from tests.unit.models.stages.head_mesh import head, seen, turned

if TYPE_CHECKING:
    from pathlib import Path

Image = NDArray[np.uint8]


def source(frames: int = 3) -> Source:
    random = np.random.default_rng(4)
    pictures = [random.integers(0, 255, (480, 640, 3), dtype=np.uint8) for _ in range(frames)]
    return Source(pictures, [index / 15 for index in range(frames)], (320, 200, 80), "made up")


def shown(kind: str = LIVE, person: str = "B") -> Presentation:
    samples = tuple(
        FaceSample(
            step / 15,
            seen(turned(head(), 25 * np.sin(step / 5))),
            None if step == 0 else Flow(0.1, 0.001, float("nan")),
            ScreenSigns(4.0, 1) if step % 5 == 0 else None,
        )
        for step in range(30)
    )
    return Presentation(kind, "clip", person, samples)


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda tool: tool.name)
def test_one_seed_gives_the_same_frames_and_another_gives_others(instrument: Instrument) -> None:
    first = list(render(instrument, source(), 1))

    assert all(frame.shape == (480, 640, 3) for frame in first)
    assert all(map(np.array_equal, first, render(instrument, source(), 1)))
    assert not np.array_equal(first[0], next(render(instrument, source(), 2)))


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


def test_showings_survive_the_cache(tmp_path: Path) -> None:
    before = [shown(), shown("flat print, held", "C")]
    save(tmp_path / "showings.npz", before)
    after = load(tmp_path / "showings.npz")

    assert [(p.kind, p.clip, p.person) for p in after] == [
        (p.kind, p.clip, p.person) for p in before
    ]
    assert after[0].verdict(LivenessLimits()).outcome is Outcome.LIVE
    assert after[0].samples[5].signs == ScreenSigns(4.0, 1)
    assert after[0].samples[0].flow is None


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


def test_people_that_limits_were_chosen_on_are_reported_apart() -> None:
    words = report([shown(person="B"), shown(person=TUNING[0]), shown("flat print, held", "B")])

    assert words.index("Other people") < words.index("flat print, held")
    assert words.index("flat print, held") < words.index("People limits were chosen on")
    assert "BPCER" in words


def test_a_showing_that_never_turns_passes_no_turn() -> None:
    still = replace(shown("flat print, held"), samples=shown().samples[:1] * 30)

    assert "| flat print, held | 5 | 0 | 0 | 0 | 0 | 0 |" in challenge_report([still, shown()])


@pytest.mark.parametrize(("clip", "person"), [("want", "E"), ("sorry", "B")])
def test_a_live_clip_is_never_an_attack_and_its_print_never_live(
    clip: str, person: str, shared_faces: Path, assets: Path
) -> None:
    threads = cv2.getNumThreads()
    assert assets.is_dir()
    found = present(
        Clip(shared_faces / "clips" / f"{clip}.mkv", person), open_pipeline(), 1, INSTRUMENTS[:1]
    )
    cv2.setNumThreads(threads)
    limits = LivenessLimits()

    assert [p.kind for p in found] == [LIVE, "flat print, held"]
    assert found[0].verdict(limits).outcome is Outcome.LIVE
    assert found[1].verdict(limits).outcome is not Outcome.LIVE
