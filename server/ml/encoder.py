"""The port: a photo in, templates or a named reason out; and the comparison of a gallery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from server.errors import UnavailableError
from server.ml.problems import ServiceProblem
from server.ml.quality import FrameQuality
from server.ml.school import SchoolOperatingPoint, SchoolQuestion

ServiceStatus = Literal["up", "down", "unknown"]
#: Templates of one model, one for each photo.
Embeddings = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class FaceTemplate:
    """One face as one model's numbers.

    Attributes:
        model_id: the model that made them; only templates of one model compare.
        embedding: as many floats as the model's card says; not necessarily of unit length.
    """

    model_id: str
    embedding: tuple[float, ...]


@dataclass(frozen=True)
class FaceEncoded:
    """The one face of a photo, as numbers.

    Attributes:
        templates: one for each model that was asked for, at least one.
        face_area_ratio: the face's share of the photo, 0 to 1.
        advice: codes of what a better photo would do better; nothing is refused for it.
    """

    templates: tuple[FaceTemplate, ...]
    face_area_ratio: float
    advice: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceRefused:
    """The service looked and said no.

    Attributes:
        code: one of the service's documented codes, such as NO_FACE_FOUND or TOO_BLURRED.
        further: what else stands in the way, where several things do.
    """

    code: str
    further: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resembling:
    """A person whose templates are near another person's.

    Attributes:
        person_id: the person's id, as given.
        distance: between the people, on the common scale of the model's card.
    """

    person_id: str
    distance: float


@dataclass(frozen=True)
class GalleryFindings:
    """What a person's templates show beside everybody else's.

    Attributes:
        set_aside: templates unlike the person's others, by index, with their distance.
        duplicates: people so near that they may be the same person.
        look_alikes: people near enough to be mistaken for each other.
    """

    set_aside: Mapping[int, float]
    duplicates: tuple[Resembling, ...] = ()
    look_alikes: tuple[Resembling, ...] = ()


@dataclass(frozen=True)
class GalleryQuestion:
    """A person's templates of one model, and those of everybody else.

    Attributes:
        model_id: of all of them.
        templates: the person's, one for each photo.
        others: templates by person id; never the person's own id.
    """

    model_id: str
    templates: Embeddings
    others: Mapping[str, Embeddings]


@dataclass(frozen=True)
class GroupMistakes:
    """How often strangers were mistaken for one of 30 people of the same group.

    Attributes:
        group: a word such as `east-asian-women`.
        percent: of strangers, from and to; upper bounds, see the model's card.
    """

    group: str
    percent: tuple[float, float]


@dataclass(frozen=True)
class ModelOrigin:
    """A model that makes templates, and where it comes from.

    Attributes:
        model_id: the id that templates carry.
        title: its name for people.
        licence: SPDX identifier of its weights' licence.
        licence_stated_by: who says so; None where the model's card does not say.
        training_data: as far as known; None where the card does not say.
        dimension: numbers in a template; None where the service does not say.
        groups: its mistakes by group of people; empty where the card has no such figures.
    """

    model_id: str
    title: str
    licence: str
    licence_stated_by: str | None = None
    training_data: str | None = None
    dimension: int | None = None
    groups: tuple[GroupMistakes, ...] = ()


EncodingOutcome = FaceEncoded | FaceRefused


class EncoderUnavailableError(UnavailableError):
    """No answer, or none that can be read. The photo is as good as before: try again later.

    Attributes:
        problem: what the last attempt showed; None where there was no attempt.
        retry_after_s: how long the service asks to wait; None where it does not say.
    """

    code = "recognition_unavailable"
    default_message = "The recognition service does not answer at the moment."

    def __init__(
        self,
        message: str | None = None,
        *,
        problem: ServiceProblem | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.retry_after_s = retry_after_s


class FaceEncoder(Protocol):
    """Turns photos into templates. Safe to call from several threads."""

    def encode(
        self, photo: bytes, *, models: Sequence[str] | None = None, correlation_id: str
    ) -> EncodingOutcome:
        """Encode the one face of a JPEG, PNG, WebP or HEIC photo.

        Args:
            photo: the file.
            models: of which templates are made; None: the service chooses. A service that has
                only the plan's endpoints always chooses.
            correlation_id: joins the log lines of both processes.

        Raises:
            EncoderUnavailableError: no usable answer after all attempts.
        """

    def check_gallery(
        self, question: GalleryQuestion, *, correlation_id: str
    ) -> GalleryFindings | None:
        """Compare a person with themselves and with everybody else; None: it cannot do that.

        Raises:
            EncoderUnavailableError: no usable answer after all attempts.
        """

    def operating_point(
        self, question: SchoolQuestion, *, correlation_id: str
    ) -> SchoolOperatingPoint | None:
        """Measure what a model's limits mean among these people; None: it cannot do that.

        Raises:
            EncoderUnavailableError: no usable answer after all attempts.
        """

    def quality(self, photo: bytes, *, correlation_id: str) -> FrameQuality | None:
        """Judge the face of a camera picture, at once or not at all; None: it cannot do that.

        A miss says nothing about the service to those who wait with a photo: it is neither
        repeated nor counted.

        Raises:
            EncoderUnavailableError: no usable answer within two seconds.
        """

    def models(self) -> tuple[str, ...]:
        """The models that make templates, as last heard, the service's own choice first.

        Empty while unknown.
        """

    def origins(self) -> tuple[ModelOrigin, ...]:
        """The same with their origin, as last heard; empty where the service does not say."""

    def software(self) -> str:
        """The service's version and models, as last heard; changes when it is upgraded."""

    def check(self) -> ServiceStatus:
        """Ask the service whether it works; waits for its answer, a few seconds at most.

        It works if `/health` answers in the service's own JSON, and a picture without a face got
        the answer "no face" within the last minute, or some photo got an answer.
        """

    def proves_itself(self) -> bool:
        """Ask about a picture without a face; returns whether address, key and decoding work.

        After a failed photo: where the service proves itself, the failure was the photo's.
        """

    def status(self) -> ServiceStatus:
        """How the service was when last heard of; answers at once."""

    def problem(self) -> ServiceProblem | None:
        """What is wrong, as last seen; None: nothing, or it was never asked."""

    def is_closed_off(self) -> bool:
        """Whether an attempt now would be refused without asking the service."""

    def close(self) -> None:
        """Give up waiting between attempts, and close the connections."""
