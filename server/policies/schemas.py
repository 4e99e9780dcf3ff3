"""The school's whole policy: what kiosks are sent, and what concerns the server alone."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocol.v1.messages import Policy


class EnrolmentPolicy(BaseModel):
    """What is kept of people's photos, and when new ones are asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    keep_photos: bool = Field(
        default=True, description="keep accepted photos, sealed, so that a new model can use them"
    )
    photos_wanted: Annotated[int, Field(ge=1, le=20)] = 3
    renew_after_days: Annotated[int, Field(ge=30, le=3650)] = 365


class SchoolPolicy(Policy):
    """One version of the policy."""

    enrolment: EnrolmentPolicy = EnrolmentPolicy()

    def for_kiosks(self) -> Policy:
        """The part that goes over the wire."""
        return Policy.model_validate(self.model_dump(mode="json", exclude={"enrolment"}))
