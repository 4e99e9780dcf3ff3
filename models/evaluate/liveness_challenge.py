"""How often showings that know nothing of it answer the active check's question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.evaluate.liveness import LIVE
from models.evaluate.report import table
from models.stages.liveness.challenge import (
    Challenge,
    ChallengeState,
    Motion,
    PoseSample,
    judge_answer,
)
from models.stages.liveness.limits import ChallengeLimits
from models.stages.pose import eye_aspect_ratio, head_pose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.liveness import Presentation

_ASKED_S = 0.3
HEAD = ("shown", "questions", *(f"{motion.value} passed" for motion in Motion))


def challenge_report(presentations: Sequence[Presentation]) -> str:
    """Ask every showing every question once, 0.3 s after it began.

    Args:
        presentations: attacks; live ones are left out, as nobody asked these people anything.
    """
    kinds = list(dict.fromkeys(p.kind for p in presentations if p.kind != LIVE))
    rows = []
    for kind in kinds:
        shown = [poses(p) for p in presentations if p.kind == kind]
        passed = [sum(_passes(track, motion) for track in shown) for motion in Motion]
        rows.append([kind, str(len(shown) * len(Motion)), *(str(count) for count in passed)])
    return f"**Active check, showings that do not know the question**\n\n{table(HEAD, rows)}"


def poses(presentation: Presentation) -> list[PoseSample]:
    """The angles and eyes of a showing."""
    return [
        PoseSample(
            sample.time_s,
            0,
            head_pose(sample.points_px).yaw_deg,
            eye_aspect_ratio(sample.points_px),
        )
        for sample in presentation.samples
    ]


def _passes(track: Sequence[PoseSample], motion: Motion) -> bool:
    if not track:
        return False
    challenge = Challenge("", motion, 0, track[0].time_s + _ASKED_S)
    result = judge_answer(challenge, track, track[-1].time_s, ChallengeLimits())
    return result.state is ChallengeState.PASSED
