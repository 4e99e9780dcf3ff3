"""The active check on a filmed head turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.pipeline import FacePipeline, PipelineSettings
from models.stages.liveness.challenge import (
    Challenge,
    ChallengeReason,
    ChallengeResult,
    ChallengeState,
    Motion,
    PoseSample,
    judge_answer,
    pose_sample,
)
from models.stages.liveness.limits import ChallengeLimits
from models.store import default_store

if TYPE_CHECKING:
    from pathlib import Path

ASKED_S = 0.6  # the woman's face passes the middle then, on its way from her right to her left


@pytest.fixture(scope="module")
def turn(shared_faces: Path, assets: Path) -> list[PoseSample]:
    assert assets.is_dir()
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    clip = shared_faces / "clips" / "head-pose-face-detection-female.gif"
    video = cv2.VideoCapture(str(clip))
    fps, found = video.get(cv2.CAP_PROP_FPS), list[PoseSample]()
    for index in range(int(video.get(cv2.CAP_PROP_FRAME_COUNT))):
        _, read = video.read()
        frame = np.asarray(read, np.uint8)
        faces = pipeline.detect(frame)
        face = pipeline.landmarks(frame, faces[0]) if faces else None
        if face is not None:
            found.append(pose_sample(index / fps, 1, face.points_px))
    return found


@pytest.mark.parametrize(
    ("motion", "expected"),
    [
        (Motion.TURN_LEFT, ChallengeResult(ChallengeState.PASSED)),
        (
            Motion.TURN_RIGHT,
            ChallengeResult(ChallengeState.FAILED, ChallengeReason.WRONG_MOTION),
        ),
        (Motion.BLINK, ChallengeResult(ChallengeState.FAILED, ChallengeReason.WRONG_MOTION)),
        (Motion.LOOK_UP, ChallengeResult(ChallengeState.FAILED, ChallengeReason.WRONG_MOTION)),
        (Motion.OPEN_MOUTH, ChallengeResult(ChallengeState.FAILED, ChallengeReason.WRONG_MOTION)),
    ],
)
def test_a_turn_to_the_left_answers_only_that_question(
    motion: Motion, expected: ChallengeResult, turn: list[PoseSample]
) -> None:
    challenge = Challenge("nonce", motion, 1, ASKED_S)

    assert judge_answer(challenge, turn, turn[-1].time_s, ChallengeLimits()) == expected
