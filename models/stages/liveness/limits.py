"""Every number the liveness check compares with, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LivenessLimits:
    """What counts as evidence. Source of the values: docs/liveness.md.

    Lengths are in face widths (temple to temple) or eye distances (outer corner to outer corner),
    so that they hold at every distance from the camera.

    Attributes:
        window_s: how far back the evidence for life reaches; what speaks against it counts twice
            as long.
        period_s: frames nearer than this to the one before are passed over.
        max_gap_s: a face away for longer starts from nothing.
        glimpse_s: frames are measured from a frame that is this old at most.
        slow_glimpse_s: where so few frames come that this is not enough.
        glimpse_widths: or until the face has moved as far.
        min_glimpse_frames: fewest measured frames of a glimpse that says something.
        min_face_motion: face widths; the head must move so much against what is around it.
        max_still: face widths; what is around it must move less.
        noise_px: pixels of the small frame; or less than this, where the face is small.
        min_carried: face widths; what is around it moves so much on both sides: it is held.
        max_view_motion: 0 to 1; where the motion of the surroundings and that of the far view
            differ by less than this factor, the camera moves, and they say nothing.
        min_live_glimpses: so many glimpses of a head that moves before a still room.
        min_carried_glimpses: so many of a carrier that moves with the face are an attack.
        min_view_glimpses: so many in which all that is seen moved: the camera is not fixed.
        min_texture_depth: face widths; rms that no plane explains in the motion of the skin.
        min_mesh_depth: eye distances; the same of the mesh, between glimpses.
        sure_depth: times these two limits; closer to them, a third glimpse is needed.
        max_moire: ratio; strength of the strongest fine regular pattern on the face.
        min_moire_looks: so many looks with more of it are an attack.
        min_frame_sides: straight edges around the face that meet and so are a frame, 0 to 4.
        min_framed_looks: so many looks with such a frame are an attack.
        min_clear_looks: so many looks without one, while the head moves, are needed for live.
        more_clear_looks: and so many more for each look with one.
        blink_drop: share of the usual eye aspect ratio below which eyes are shut.
        blink_min_s: shortest time shut.
        blink_max_s: longest time shut.
    """

    window_s: float = 3.0
    period_s: float = 0.06
    max_gap_s: float = 0.5
    glimpse_s: float = 0.5
    slow_glimpse_s: float = 0.9
    glimpse_widths: float = 0.5
    min_glimpse_frames: int = 4
    min_face_motion: float = 0.012
    max_still: float = 0.006
    noise_px: float = 0.2
    min_carried: float = 0.012
    max_view_motion: float = 0.5
    min_live_glimpses: int = 2
    min_carried_glimpses: int = 2
    min_view_glimpses: int = 2
    min_texture_depth: float = 0.0026
    min_mesh_depth: float = 0.0135
    sure_depth: float = 1.2
    max_moire: float = 12.0
    min_moire_looks: int = 3
    min_frame_sides: int = 3
    min_framed_looks: int = 2
    min_clear_looks: int = 5
    more_clear_looks: int = 3
    blink_drop: float = 0.65
    blink_min_s: float = 0.04
    blink_max_s: float = 0.5


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
            26 degrees reads as 8 at most (measured on rendered prints).
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
