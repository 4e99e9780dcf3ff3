"""The port: a photo in, a template or a named reason out."""

from dataclasses import dataclass
from typing import Literal, Protocol

from server.errors import UnavailableError

ServiceStatus = Literal["up", "down", "unknown"]


@dataclass(frozen=True)
class FaceEncoded:
    """The one face of a photo, as numbers.

    Attributes:
        embedding: as many floats as the model's card says; not necessarily of unit length.
        model_id: the model that made them; only templates of one model compare.
        face_area_ratio: the face's share of the photo, 0 to 1.
        advice: codes of what a better photo would do better; nothing is refused for it.
    """

    embedding: tuple[float, ...]
    model_id: str
    face_area_ratio: float
    advice: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceRefused:
    """The service looked and said no.

    Attributes:
        code: one of the service's documented error codes, such as NO_FACE_FOUND.
    """

    code: str


EncodingOutcome = FaceEncoded | FaceRefused


class EncoderUnavailableError(UnavailableError):
    """No answer, or none that makes sense. The photo is as good as before: try again later."""

    code = "recognition_unavailable"
    default_message = "The recognition service does not answer at the moment."


class FaceEncoder(Protocol):
    """Turns photos into templates. Safe to call from several threads."""

    def encode(self, photo: bytes, *, correlation_id: str) -> EncodingOutcome:
        """Encode the one face of a JPEG, PNG or WebP photo.

        Raises:
            EncoderUnavailableError: no usable answer after all attempts.
        """

    def check(self) -> ServiceStatus:
        """Ask the service whether it is well; waits for its answer, a few seconds at most."""

    def status(self) -> ServiceStatus:
        """How the service was when last heard of; answers at once."""

    def is_closed_off(self) -> bool:
        """Whether an attempt now would be refused without asking the service."""

    def close(self) -> None:
        """Give up waiting between attempts, and close the connections."""
