"""A recognition service in the process: answers what a test tells it to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from server.ml.encoder import (
    EncoderUnavailableError,
    EncodingOutcome,
    FaceEncoded,
    FaceTemplate,
    GalleryFindings,
    GalleryQuestion,
    ModelOrigin,
    ServiceStatus,
)
from server.ml.problems import ServiceProblem
from server.ml.quality import FrameQuality
from server.ml.school import SchoolOperatingPoint, SchoolQuestion

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE = FaceTemplate("dlib-resnet-v1", tuple(i / 128 for i in range(128)))
ENCODED = FaceEncoded((TEMPLATE,), 0.2)


class FakeEncoder:
    """Implements `server.ml.encoder.FaceEncoder`.

    Attributes:
        outcome: what every photo becomes.
        is_up: whether it answers at all.
        photos: every photo it was given, in order.
        findings: what every check of the gallery finds; None: it cannot check.
        questions: every such check, in order.
        point: what every measurement of the school finds; None: it cannot measure.
        school_questions: every such question, in order.
        frame: what every camera picture shows; None: it cannot judge.
        frames: every such picture, in order.
        offers: the models it says it has, its own choice first.
        known_origins: what it says about them.
        asked_for: the models that templates were asked of, for every photo.
        during: called while a photo is being looked at, for example to withdraw consent meanwhile.
    """

    def __init__(self) -> None:
        self.outcome: EncodingOutcome = ENCODED
        self.findings: GalleryFindings | None = GalleryFindings({})
        self.point: SchoolOperatingPoint | None = SchoolOperatingPoint(people=0, is_enough=False)
        self.school_questions: list[SchoolQuestion] = []
        self.frame: FrameQuality | None = FrameQuality()
        self.frames: list[bytes] = []
        self.questions: list[GalleryQuestion] = []
        self.offers: tuple[str, ...] = (TEMPLATE.model_id,)
        self.known_origins: tuple[ModelOrigin, ...] = ()
        self.asked_for: list[tuple[str, ...] | None] = []
        self.is_up = True
        self.fails_on_photos = False
        self.fails_on_schools = False
        self.fails_on_checks = False
        self.photos: list[bytes] = []
        self.correlation_ids: list[str] = []
        self.during: Callable[[], object] = lambda: None
        self.is_closed = False

    def encode(
        self, photo: bytes, *, models: Sequence[str] | None = None, correlation_id: str
    ) -> EncodingOutcome:
        """Answer as told, with templates of the models that are asked for."""
        self.asked_for.append(None if models is None else tuple(models))
        self.photos.append(photo)
        self.correlation_ids.append(correlation_id)
        self.during()
        if not self.is_up or self.fails_on_photos:
            raise EncoderUnavailableError
        return _only(self.outcome, models)

    def check_gallery(
        self, question: GalleryQuestion, *, correlation_id: str
    ) -> GalleryFindings | None:
        """Find as told."""
        self.questions.append(question)
        self.correlation_ids.append(correlation_id)
        self.during()
        if not self.is_up or self.fails_on_checks:
            raise EncoderUnavailableError
        return self.findings

    def operating_point(
        self, question: SchoolQuestion, *, correlation_id: str
    ) -> SchoolOperatingPoint | None:
        """Measure as told."""
        self.school_questions.append(question)
        self.correlation_ids.append(correlation_id)
        self.during()
        if not self.is_up or self.fails_on_schools:
            raise EncoderUnavailableError
        return self.point

    def quality(self, photo: bytes, *, correlation_id: str) -> FrameQuality | None:
        """Judge as told."""
        self.frames.append(photo)
        self.correlation_ids.append(correlation_id)
        self.during()
        if not self.is_up:
            raise EncoderUnavailableError
        return self.frame

    def models(self) -> tuple[str, ...]:
        """As told."""
        return self.offers

    def origins(self) -> tuple[ModelOrigin, ...]:
        """As told."""
        return self.known_origins

    def software(self) -> str:
        """A version and the models."""
        return " ".join(("1", *self.offers))

    def check(self) -> ServiceStatus:
        """Whether it answers."""
        return self.status()

    def proves_itself(self) -> bool:
        """Whether it answers."""
        return self.is_up

    def problem(self) -> ServiceProblem | None:
        """Only one."""
        return None if self.is_up else ServiceProblem.UNREACHABLE

    def status(self) -> ServiceStatus:
        """Whether it answers."""
        return "up" if self.is_up else "down"

    def is_closed_off(self) -> bool:
        """Never: it has no breaker."""
        return False

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def _only(outcome: EncodingOutcome, models: Sequence[str] | None) -> EncodingOutcome:
    """Leave out what was not asked for; without a wish the first template is the choice."""
    if not isinstance(outcome, FaceEncoded):
        return outcome
    if models is None:
        return replace(outcome, templates=outcome.templates[:1])
    kept = tuple(one for one in outcome.templates if one.model_id in models)
    return replace(outcome, templates=kept)
