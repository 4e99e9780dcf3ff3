"""Every number the liveness check compares with, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LivenessLimits:
    """What counts as evidence. Source of the values: docs/liveness.md, tuned on persons A and C.

    Lengths are in eye distances (outer corner to outer corner) or face widths (temple to temple),
    so that they hold at every distance from the camera.

    Attributes:
        window_s: how far back the evidence reaches.
        period_s: frames nearer than this to the one before are passed over.
        min_span_s: shortest stretch of frames that is judged.
        min_frames: fewest frames that are judged.
        max_gap_s: a face away for longer starts from nothing.
        min_plane_residual: eye distances; rms that no plane explains. At least this is a head.
        min_depth_correlation: -1 to 1; what no plane explains must lie as a face's depth does.
        blink_drop: share of the usual eye aspect ratio below which eyes are shut.
        blink_min_s: shortest time shut.
        blink_max_s: longest time shut.
        max_surroundings_motion: face widths; rms motion of what is around the face. Above it the
            face is part of something that is held.
        max_view_motion: share of the surroundings' motion that the far view may have; above it
            the camera moves, and its surroundings say nothing.
        min_surroundings_samples: fewest measurements of the surroundings.
        max_moire: ratio; strength of the strongest fine regular pattern on the face.
        min_frame_sides: straight edges around the face that meet and so are a frame, 0 to 4.
        max_framed_share: share of the frames looked at in which there may be such a frame.
    """

    window_s: float = 3.0
    period_s: float = 0.06
    min_span_s: float = 1.0
    min_frames: int = 12
    max_gap_s: float = 0.7
    min_plane_residual: float = 0.014
    min_depth_correlation: float = 0.6
    blink_drop: float = 0.65
    blink_min_s: float = 0.04
    blink_max_s: float = 0.5
    max_surroundings_motion: float = 0.025
    max_view_motion: float = 0.5
    min_surroundings_samples: int = 6
    max_moire: float = 12.0
    min_frame_sides: int = 3
    max_framed_share: float = 0.2


@dataclass(frozen=True)
class ChallengeLimits:
    """What an asked motion must look like.

    Attributes:
        deadline_s: time to do it from when it is shown.
        reaction_s: what is done sooner was not asked for.
        rest_deg: the head faces the camera within this before a turn counts.
        turn_deg: yaw that is a turn.
        up_rest_deg: pitch around that of the first frames, within which the head has not moved.
        up_deg: pitch above that of the first frames that is a look up. A print that is tilted by
            26 degrees reads as 8 at most (docs/liveness.md).
        mouth_shut: aspect ratio up to which a mouth is closed; a smile that shows teeth has 0.25.
        mouth_open: aspect ratio from which it is wide open; talking stays below.
        mouth_held_s: it stays wide open for so long; talking does not.
        rise_s: shortest time from rest to the motion; a cut in a video is faster.
        max_speed_deg_s: of yaw and pitch between two frames; what is faster is a cut.
        max_gap_s: between two frames.
    """

    deadline_s: float = 3.0
    reaction_s: float = 0.2
    rest_deg: float = 12.0
    turn_deg: float = 22.0
    up_rest_deg: float = 8.0
    up_deg: float = 18.0
    mouth_shut: float = 0.3
    mouth_open: float = 0.5
    mouth_held_s: float = 0.3
    rise_s: float = 0.06
    max_speed_deg_s: float = 400.0
    max_gap_s: float = 0.5
