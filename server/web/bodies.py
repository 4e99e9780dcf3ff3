"""What reads the bodies of requests, each within its limits."""

from dataclasses import dataclass, replace

from intake.limits import MIB, BodyLimits
from intake.reading import BodyIntake
from server.config import Settings

#: A multipart form around a photo.
FORM_OVERHEAD_BYTES = MIB
#: Names, passwords and claim codes: all that is sent without a sign-in.
OPEN_BODY_BYTES = 8 * 1024
_OPEN_TOTAL_BYTES = 4 * MIB
_RESERVED_BYTES = MIB


@dataclass(frozen=True)
class Bodies:
    """What reads the bodies of requests, so that strangers cannot use up the room of users.

    Attributes:
        known: of requests with a sign-in or a device token.
        open: of requests that anyone may send.
    """

    known: BodyIntake
    open: BodyIntake

    @classmethod
    def of(cls, settings: Settings) -> "Bodies":
        """Take the limits from the settings."""
        largest = settings.photo_max_bytes + FORM_OVERHEAD_BYTES
        known = BodyLimits(
            body_bytes=largest,
            total_bytes=max(settings.bodies_max_bytes, largest + _RESERVED_BYTES),
            reserved_bytes=_RESERVED_BYTES,
            grace_s=settings.body_grace_s,
            bytes_per_s=settings.body_min_rate,
        )
        for_anyone = replace(
            known,
            body_bytes=OPEN_BODY_BYTES,
            total_bytes=_OPEN_TOTAL_BYTES,
            oldest_gives_way=True,
        )
        return cls(BodyIntake(known), BodyIntake(for_anyone))
