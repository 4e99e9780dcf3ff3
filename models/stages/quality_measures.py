"""What was measured of a face beside what is asked for, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.stages.quality import FaceQuality, QualityLimits


@dataclass(frozen=True)
class Measure:
    """One number.

    Attributes:
        value: measured.
        unit: of value and limits; empty for a ratio.
        least: the value must not be below; None where it may be as small as it likes.
        most: the value must not be above; None where it may be as large as it likes.
    """

    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the value is within its limits."""
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)


def measures_of(quality: FaceQuality, limits: QualityLimits) -> dict[str, Measure]:
    """List the numbers behind `QualityReason`, by name; those of the mesh where there is one.

    Args:
        quality: measured.
        limits: that it was judged by.
    """
    found = {
        "side": Measure(quality.side_px, "px", least=limits.min_side_px),
        "area": Measure(quality.area_ratio, "", least=limits.min_area_ratio),
        "outside": Measure(quality.outside, "", most=limits.max_outside),
        "sharpness": Measure(quality.sharpness, "grey^2", least=limits.min_sharpness),
        "brightness": Measure(
            quality.brightness, "grey", least=limits.min_brightness, most=limits.max_brightness
        ),
    }
    mesh = quality.mesh
    if mesh is None:
        return found
    return found | {
        "yaw": Measure(mesh.pose.yaw_deg, "deg", -limits.max_yaw_deg, limits.max_yaw_deg),
        "pitch": Measure(mesh.pose.pitch_deg, "deg", -limits.max_pitch_deg, limits.max_pitch_deg),
        "roll": Measure(mesh.pose.roll_deg, "deg", -limits.max_roll_deg, limits.max_roll_deg),
        "eyes_open": Measure(mesh.eyes_open, "", least=limits.min_eyes_open),
        "covered": Measure(mesh.covered, "", most=limits.max_covered),
        "off_centre": Measure(mesh.off_centre, "", most=limits.max_off_centre),
    }
