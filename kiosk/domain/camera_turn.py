"""How the camera's pictures are turned: as the settings say, or as chosen on the screen."""

from dataclasses import dataclass
from enum import StrEnum

TURNS_DEG = (0, 90, 180, 270)
_FULL_TURN_DEG = 360


@dataclass(frozen=True, slots=True)
class CameraTurn:
    """What is done to each picture, in this order: swap left and right, then turn it.

    Attributes:
        rotation_deg: 0, 90, 180 or 270, clockwise.
        is_mirrored: the camera delivers mirrored pictures; left and right are swapped back.
    """

    rotation_deg: int = 0
    is_mirrored: bool = False

    def swapped(self) -> "CameraTurn":
        """Return the turn that shows the same upright picture with left and right swapped.

        The swap comes before the turn, so a quarter turn becomes the opposite one: otherwise the
        picture would stand on its head.
        """
        return CameraTurn(-self.rotation_deg % _FULL_TURN_DEG, not self.is_mirrored)


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A choice made on the screen.

    Attributes:
        chosen: what was chosen.
        settings: what the settings said then.
    """

    chosen: CameraTurn
    settings: CameraTurn


def turn_in_force(settings: CameraTurn, kept: KeptTurn | None) -> CameraTurn:
    """Return how pictures are turned: the last change counts.

    A choice counts until the settings say something else than when it was made.
    """
    return kept.chosen if kept is not None and kept.settings == settings else settings


class TurnKeeping(StrEnum):
    """Where the present turn comes from, and whether a restart keeps it.

    Attributes:
        SETTINGS: it is that of the settings.
        SAVING: it was chosen on the screen, and is not on the disk yet.
        KEPT: it was chosen on the screen, and is on the disk.
        FAILED: likewise, but the disk refuses; a restart loses it.
    """

    SETTINGS = "settings"
    SAVING = "saving"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CameraChoice:
    """How pictures are turned now.

    Attributes:
        turn: now.
        settings: what the settings say.
        keeping: where `turn` comes from.
    """

    turn: CameraTurn = CameraTurn()
    settings: CameraTurn = CameraTurn()
    keeping: TurnKeeping = TurnKeeping.SETTINGS
