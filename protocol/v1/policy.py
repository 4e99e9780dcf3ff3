"""The policy: every setting a kiosk acts on, with its default and range. Stated here only."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from protocol.v1.fields import Count, Message, Word

MOST_FRAMES = 10
"""A kiosk keeps this many frames of a face; it could never wait for more."""


DEFAULT_FALLBACKS = ("qr", "card", "pin", "teacher")
"""Words of `checkin.Fallback`: every way but a card without a PIN."""


class RecognitionPolicy(Message):
    """How often a stranger may be mistaken for a student, and what else a match needs.

    The kiosk turns the rates into limits with the calibration in its model's card and the number
    of people in the gallery (docs/measurements/accuracy.md). Distances and margins are on the scale
    that all cards share (docs/models.md).
    """

    roster_fpir: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=1e-4,
        description="share of strangers' scans mistaken for a person due now",
        json_schema_extra={"kind": "rate"},
    )
    wide_fpir: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=1e-5,
        description="share of strangers' scans mistaken for any other person",
        json_schema_extra={"kind": "rate"},
    )
    fixed_distance: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="limit of the school's own, in place of calibrated ones"
    )
    limit_ceiling: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="no calibrated limit exceeds it; from the school's own templates"
    )
    minimum_margin: Annotated[float, Field(ge=0, le=10)] = 0.04
    frames_to_agree: Annotated[int, Field(ge=1, le=MOST_FRAMES)] = 3


class DirectionMode(StrEnum):
    """Whether a check-in says if the person comes or leaves. An unknown word means off."""

    OFF = "off"
    ASK = "ask"


class AttendancePolicy(Message):
    """When a sighting counts, and as what (minutes and seconds)."""

    opens_before_min: Annotated[int, Field(ge=0, le=240)] = 15
    late_after_min: Annotated[int, Field(ge=0, le=240)] = 5
    closes_after_start_min: Annotated[int, Field(ge=0, le=1440)] | None = None
    absent_grace_min: Annotated[int, Field(ge=0, le=1440)] = 10
    duplicate_window_s: Annotated[int, Field(ge=0, le=86400)] = 300
    direction: Word = DirectionMode.OFF
    leaving_from_min: Annotated[int, Field(ge=0, le=240)] = Field(
        default=10, description="minutes before the end from which leaving is assumed"
    )


class LivenessLevel(StrEnum):
    """How much is asked of a face before it counts. An unknown word means passive.

    `when_unsure` asks for a motion only where the passive check could not decide. Where a check
    could not decide in the end, a face alone marks nobody.
    """

    OFF = "off"
    PASSIVE = "passive"
    WHEN_UNSURE = "when_unsure"
    ACTIVE = "active"


class GalleryScope(StrEnum):
    """Who can be recognised at a kiosk: people due in its room within 7 days, or everybody."""

    ROOM = "room"
    SCHOOL = "school"


class KioskPolicy(Message):
    """What the kiosk may do and say."""

    liveness: Word = LivenessLevel.OFF
    gallery: Word = Field(
        default=GalleryScope.ROOM,
        description="Who can be recognised: `room` (due there within 7 days) or `school`",
    )
    fallbacks: Annotated[tuple[Word, ...], Field(max_length=8)] = Field(
        default=DEFAULT_FALLBACKS,
        description="Ways to check in without a face, see `checkin.Fallback`",
        json_schema_extra={"options": ["qr", "card", "card_alone", "pin", "teacher"]},
    )
    language: Annotated[str, Field(max_length=35)] = Field(
        default="en", json_schema_extra={"options": ["en", "ar"]}
    )
    not_me_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    keeps_events_days: Annotated[int, Field(ge=1, le=400)] = Field(
        default=30,
        description="How long events that the server has stay on the kiosk, so that they can be"
        " sent again to a server that lost them",
    )


class Policy(Message):
    """The effective policy for one kiosk, computed by the server."""

    version: Count = 0
    recognition: RecognitionPolicy = RecognitionPolicy()
    attendance: AttendancePolicy = AttendancePolicy()
    kiosk: KioskPolicy = KioskPolicy()
