"""The school's whole policy: what kiosks are sent, and what concerns the server alone."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from protocol.v1.messages import (
    AttendancePolicy,
    DirectionMode,
    Fallback,
    GalleryScope,
    KioskPolicy,
    LimitGroup,
    LivenessLevel,
    Policy,
    RecognitionPolicy,
)
from protocol.v1.policy import DEFAULT_FALLBACKS
from server.policies.scopes import Scope


class EnrolmentPolicy(BaseModel):
    """What is kept of people's photos, and when new ones are asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    keep_photos: bool = Field(
        default=True, description="keep accepted photos, sealed, so that a new model can use them"
    )
    photos_wanted: Annotated[int, Field(ge=1, le=20)] = 3
    renew_after_days: Annotated[int, Field(ge=30, le=3650)] = 365


class AgePolicy(BaseModel):
    """Which limits apply to people whose year of birth nobody entered."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    without_year: LimitGroup = Field(
        default=LimitGroup.CHILD,
        description="the group of people without a year of birth",
        json_schema_extra={"options": [one.value for one in reversed(LimitGroup)]},
    )


class SchoolPolicy(Policy):
    """One version of the policy."""

    ages: AgePolicy = AgePolicy()
    enrolment: EnrolmentPolicy = EnrolmentPolicy()

    def for_kiosks(self) -> Policy:
        """The part that goes over the wire."""
        return Policy.model_validate(self.model_dump(mode="json", exclude={"ages", "enrolment"}))


#: What people write is checked word by word. The wire to kiosks stays open for later versions.
_STRICT = ConfigDict(frozen=True, extra="forbid")


class EnrolmentInput(EnrolmentPolicy):
    """The same, as a person writes it."""

    model_config = _STRICT


class AgeInput(AgePolicy):
    """The same, as a person writes it."""

    model_config = _STRICT


class RecognitionInput(RecognitionPolicy):
    """The same, as a person writes it."""

    model_config = _STRICT


class AttendanceInput(AttendancePolicy):
    """The same, as a person writes it: only words of the protocol."""

    model_config = _STRICT

    direction: DirectionMode = DirectionMode.OFF


class KioskInput(KioskPolicy):
    """The same, as a person writes it: only words of the protocol."""

    model_config = _STRICT

    liveness: LivenessLevel = LivenessLevel.OFF
    gallery: GalleryScope = GalleryScope.ROOM
    fallbacks: Annotated[tuple[Fallback, ...], Field(max_length=8)] = tuple(
        Fallback(word) for word in DEFAULT_FALLBACKS
    )
    language: Literal["en", "ar"] = "en"


class PolicyInput(SchoolPolicy):
    """A policy, or the part of it that changes, as a person writes it."""

    model_config = _STRICT

    recognition: RecognitionInput = RecognitionInput()
    attendance: AttendanceInput = AttendanceInput()
    kiosk: KioskInput = KioskInput()
    ages: AgeInput = AgeInput()
    enrolment: EnrolmentInput = EnrolmentInput()


class OwnInput(BaseModel):
    """The own settings of a room or a course, as a person writes it; see `scopes.MAY_DIFFER`."""

    model_config = _STRICT

    attendance: AttendanceInput = AttendanceInput()
    kiosk: KioskInput = KioskInput()


class PlacePolicyInput(OwnInput):
    """The same, as a program sends it: what it leaves out follows the school again."""

    version: int | None = Field(default=None, description="the policy's version that was seen")


class EffectiveSetting(BaseModel):
    """One setting that holds, and whether it is the school's, the room's or the course's."""

    group: str
    name: str
    value: JsonValue
    source: Scope


class EffectivePolicy(BaseModel):
    """Every setting that holds for a course in a room."""

    version: int
    settings: list[EffectiveSetting]


class PlacePolicy(EffectivePolicy):
    """The own settings of a room or a course, and what holds there."""

    id: uuid.UUID
    scope: Scope
    own: dict[str, dict[str, JsonValue]]
