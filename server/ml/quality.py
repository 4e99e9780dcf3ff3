"""How good the face of one camera picture is: what the recognition service measured and says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict


class FrameMeasure(BaseModel):
    """One number and what is asked of it.

    Attributes:
        value: measured.
        unit: of value and limits; empty for a ratio.
        least: the value must not be below; None where it may be as small as it likes.
        most: the value must not be above; None where it may be as large as it likes.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class FrameQuality:
    """The largest face of a picture, judged; nothing that says whose it is.

    Attributes:
        reasons: codes of what falls short, the most fundamental first; NO_FACE_FOUND without one.
        blocking: those of them that would refuse the picture at enrolment.
        measures: by the service's names, such as `sharpness` or `yaw`; empty without a face.
    """

    reasons: tuple[str, ...] = ()
    blocking: tuple[str, ...] = ()
    measures: Mapping[str, FrameMeasure] = field(default_factory=dict)
