"""The measurements measure what their tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.pipeline import FacePipeline, PipelineSettings
from models.service.config import Settings
from models.service.finding import FaceFinder
from models.service.vectors import unpacked
from models.stages.decode import decode_image
from models.store import default_store
from scripts.bench.class_photo import FACES, class_photo
from scripts.bench.frames import make_clip, read_clip
from scripts.bench.ml_service import invented_school
from scripts.bench.pipeline import STAGES, strangers, time_frame
from scripts.bench.verification import Pair, balanced, cross_validated, read_pairs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("assets")
def test_every_made_frame_has_a_face_and_every_stage_takes_time() -> None:
    pipeline = FacePipeline.open(default_store(), PipelineSettings())

    frames = make_clip(pipeline, 10)

    assert [frame.shape for frame in frames] == [(480, 640, 3)] * 10
    timed = [time_frame(pipeline, strangers(100, 128), frame) for frame in frames]
    assert all(
        times is not None and len(times) == len(STAGES) and min(times) > 0 for times in timed
    )


@pytest.mark.usefixtures("assets")
def test_the_class_photo_has_ten_faces_of_which_a_single_look_sees_not_all() -> None:
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    finder = FaceFinder(pipeline, pipeline, Settings(api_key="a key for tests"))

    photo = decode_image(class_photo(pipeline, 1632, 1224), max_pixels=2_000_000)

    assert len(finder.find(photo, "thorough")) == FACES
    assert len(finder.find(photo, "full")) < FACES


def test_invented_people_are_as_far_apart_as_real_ones() -> None:
    school = invented_school(200)
    rows = np.stack([unpacked(person["templates"], 128) for person in school])

    strangers = np.linalg.norm(rows[:100, 0] - rows[100:, 0], axis=1)
    own = np.linalg.norm(rows[:, 0] - rows[:, 1], axis=1)

    assert strangers.mean() == pytest.approx(0.87, abs=0.05)
    assert own.mean() == pytest.approx(0.4, abs=0.05)


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a video"):
        read_clip(tmp_path / "nothing.mkv", 10)


def test_pairs_are_read_with_their_kind(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("A_B\t1\t4\nA_B\t1\tC_D\t2\n")

    same, different = read_pairs(tmp_path / "pairs.tsv")

    assert same == Pair(("A_B", 1), ("A_B", 4), is_same=True)
    assert different == Pair(("A_B", 1), ("C_D", 2), is_same=False)


def test_accuracy_of_perfect_and_of_useless_distances() -> None:
    near, far = np.full(100, 0.4), np.full(100, 0.8)

    assert balanced(near, far, 0.6) == 1.0
    assert balanced(far, near, 0.6) == 0.0
    assert cross_validated(near, far) == 1.0
    assert cross_validated(near, near) == 0.5
