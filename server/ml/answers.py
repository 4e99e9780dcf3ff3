"""What the recognition service's answers mean: its own endpoints, and the plan's `encode-face`."""

import base64
import binascii
import math
import struct
from http import HTTPStatus
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from server.ml.encoder import (
    EncodingOutcome,
    FaceEncoded,
    FaceRefused,
    FaceTemplate,
    GalleryFindings,
    GroupMistakes,
    ModelOrigin,
    Resembling,
)
from server.ml.problems import ForeignAnswerError, RefusedKeyError, TransientError
from server.ml.quality import FrameMeasure, FrameQuality
from server.ml.school import SchoolOperatingPoint

#: Statuses with which the service refuses a request.
_REFUSED = {
    HTTPStatus.OK,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
#: FORBIDDEN: our key may encode, but not compare (ROLLCALL_ML_MATCH_KEYS of the service).
_NOT_OFFERED = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FORBIDDEN}
#: Refusals that are verdicts about the picture. Any other code is a failure of the service: it
#: never deletes a photo.
_VERDICTS = {
    "EMPTY_IMAGE",
    "NOT_AN_IMAGE",
    "UNSUPPORTED_FORMAT",
    "IMAGE_TOO_LARGE",
    "REQUEST_TOO_LARGE",
    "CORRUPT_IMAGE",
    "NO_FACE_FOUND",
    "MULTIPLE_FACES",
    "MULTIPLE_FACES_FOUND",
    "FACE_TOO_SMALL",
    "NOT_A_PHOTO",
    "UPRIGHT_UNCLEAR",
}
#: With these the service says that it compares nothing with this model, or not for this key.
_CANNOT_COMPARE = {
    "MATCHING_NOT_ALLOWED",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "UNKNOWN_MODEL",
    "NOT_CALIBRATED",
}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, protected_namespaces=())


A = TypeVar("A", bound=BaseModel)


class _Refusal(_Answer):
    success: Literal[False]
    error_code: str


class _Template(_Answer):
    model_id: str
    dimension: int
    values_base64: str


class _Quality(_Answer):
    reasons: list[str] = []
    blocking: list[str] = []


class _Face(_Answer):
    area_ratio: float
    quality: _Quality
    templates: list[_Template]


class _Faces(_Answer):
    faces: list[_Face]


class _Measured(_Quality):
    measures: dict[str, FrameMeasure]


class _Judged(_Answer):
    area_ratio: float
    quality: _Measured


class _PictureAnswer(_Answer):
    face: _Judged | None


class _Near(_Answer):
    id: str
    distance: float


class _SetAside(_Answer):
    index: int
    distance: float


class _Findings(_Answer):
    set_aside: list[_SetAside]
    duplicates: list[_Near]
    look_alikes: list[_Near]


class _PlanMetadata(_Answer):
    face_area_ratio: float
    model_id: str
    quality: _Quality = _Quality()


class _PlanAnswer(_Answer):
    success: bool
    embedding: list[float] | None = None
    metadata: _PlanMetadata | None = None


class _Models(_Answer):
    embedders: list[str] = []


class ServiceHealth(_Answer):
    """What `/health` says of a service that works."""

    status: Literal["healthy"]
    version: str = ""
    models: _Models = _Models()

    def named(self) -> tuple[str, ...]:
        """The embedders, the default one first; none where it names none."""
        return tuple(dict.fromkeys(self.models.embedders))


def health_in(status: int, content: bytes) -> ServiceHealth:
    """Read the answer of `/health`.

    Raises:
        ForeignAnswerError: it is not our service's.
        TransientError: the service says that it is not well.
    """
    if status == HTTPStatus.OK:
        return _read(ServiceHealth, content)
    _read(_Answer, content)  # at least JSON
    raise TransientError(f"/health answers with status {status}")


class _GroupFigure(_Answer):
    group: str
    fpir_percent_low: float
    fpir_percent_high: float

    def understood(self) -> GroupMistakes:
        return GroupMistakes(self.group, (self.fpir_percent_low, self.fpir_percent_high))


class _Served(_Answer):
    model_id: str
    title: str
    licence: str
    licence_stated_by: str | None = None
    training_data: str | None = None
    dimension: int | None = None
    groups: list[_GroupFigure] = []

    def understood(self) -> ModelOrigin:
        plain = self.model_dump(exclude={"groups"})
        return ModelOrigin(**plain, groups=tuple(one.understood() for one in self.groups))


class _ServedModels(_Answer):
    models: list[_Served]


def understand_origins(status: int, content: bytes) -> tuple[ModelOrigin, ...]:
    """What `/api/v1/models` says; nothing where an older service has no such endpoint.

    Raises:
        TransientError: nothing usable.
    """
    if not is_offered(status, content):
        return ()
    if status != HTTPStatus.OK:
        raise TransientError(f"/api/v1/models answers with status {status}")
    found = _read(_ServedModels, content).models
    return tuple(one.understood() for one in found)


def is_offered(status: int, content: bytes) -> bool:
    """Return whether the service has this endpoint at all.

    Raises:
        ForeignAnswerError: it is not the service that says so.
    """
    if status not in _NOT_OFFERED:
        return True
    _read(_Answer, content)
    return False


def understand_faces(status: int, content: bytes, *, min_area_ratio: float) -> EncodingOutcome:
    """What `/api/v1/faces` says of a photo of one person.

    Raises:
        TransientError: nothing usable.
        RefusedKeyError: the key is wrong.
    """
    refusal = _verdict_in(status, content)
    if refusal is not None:
        return FaceRefused(refusal)
    faces = _read(_Faces, content).faces
    if len(faces) != 1:
        return FaceRefused("MULTIPLE_FACES" if faces else "NO_FACE_FOUND")
    face = faces[0]
    is_small = face.area_ratio < min_area_ratio
    blocking = _with_size(face.quality.blocking, is_small=is_small)
    if blocking:
        return FaceRefused(blocking[0], tuple(blocking[1:]))
    if not face.templates:
        raise TransientError("answer is incomplete")
    templates = tuple(_template(one) for one in face.templates)
    return FaceEncoded(templates, face.area_ratio, tuple(face.quality.reasons))


def understand_plan(status: int, content: bytes) -> EncodingOutcome:
    """What the plan's `/api/ml/encode-face` says.

    Raises:
        TransientError: nothing usable.
        RefusedKeyError: the key is wrong.
    """
    refusal = _verdict_in(status, content)
    if refusal is not None:
        return FaceRefused(refusal)
    answer = _read(_PlanAnswer, content)
    if not answer.success:
        raise ForeignAnswerError("a refusal without a code")
    if not answer.embedding or answer.metadata is None:
        raise TransientError("answer is incomplete")
    template = FaceTemplate(answer.metadata.model_id, tuple(answer.embedding))
    advice = tuple(answer.metadata.quality.reasons)
    return FaceEncoded((template,), answer.metadata.face_area_ratio, advice)


def understand_findings(status: int, content: bytes) -> GalleryFindings | None:
    """What `/api/v1/gallery/check` found; None where the service says that it cannot compare.

    Raises:
        TransientError: nothing usable.
        RefusedKeyError: the key is wrong.
    """
    if _cannot_compare(status, content):
        return None
    found = _read(_Findings, content)
    return GalleryFindings(
        {one.index: one.distance for one in found.set_aside},
        tuple(Resembling(one.id, one.distance) for one in found.duplicates),
        tuple(Resembling(one.id, one.distance) for one in found.look_alikes),
    )


def understand_school(status: int, content: bytes) -> SchoolOperatingPoint | None:
    """What `/api/v1/gallery/operating-point` measured; None where the service says it cannot.

    Raises:
        TransientError: nothing usable.
        RefusedKeyError: the key is wrong.
    """
    if _cannot_compare(status, content):
        return None
    return _read(SchoolOperatingPoint, content)


def understand_quality(
    status: int, content: bytes, *, min_area_ratio: float
) -> FrameQuality | None:
    """What `/api/v1/quality` says of a picture; None where the service has no such endpoint.

    Raises:
        TransientError: nothing usable.
        RefusedKeyError: the key is wrong.
    """
    if not is_offered(status, content):
        return None
    refusal = _refusal_in(status, content)
    if refusal is not None:
        return FrameQuality((refusal,), (refusal,))
    face = _read(_PictureAnswer, content).face
    if face is None:
        return FrameQuality(("NO_FACE_FOUND",), ("NO_FACE_FOUND",))
    quality, is_small = face.quality, face.area_ratio < min_area_ratio
    # The same as at enrolment, where this server may ask for more than the service does.
    area = FrameMeasure(value=face.area_ratio, least=min_area_ratio)
    return FrameQuality(
        tuple(_with_size(quality.reasons, is_small=is_small)),
        tuple(_with_size(quality.blocking, is_small=is_small)),
        quality.measures | {"area": area},
    )


def _with_size(codes: list[str], *, is_small: bool) -> list[str]:
    """The codes, with this server's own limit for the face's size."""
    missing = is_small and "FACE_TOO_SMALL" not in codes
    return ["FACE_TOO_SMALL", *codes] if missing else list(codes)


def _template(given: _Template) -> FaceTemplate:
    try:
        plain = base64.b64decode(given.values_base64, validate=True)
        values = struct.unpack(f"<{given.dimension}f", plain)
    except (binascii.Error, struct.error) as exc:
        raise TransientError("a template cannot be read") from exc
    if not values or not all(map(math.isfinite, values)):
        raise TransientError("a template is not of numbers")
    return FaceTemplate(given.model_id, values)


def _verdict_in(status: int, content: bytes) -> str | None:
    """The code of a refusal that is about the picture; None where there is an answer to read."""
    code = _refusal_in(status, content)
    if code is not None and code not in _VERDICTS:
        raise TransientError(f"status {status}, {code}")
    return code


def _cannot_compare(status: int, content: bytes) -> bool:
    """Whether the service itself says that it cannot. A proxy's 404 is a failure."""
    if status in _NOT_OFFERED:
        code = _read(_Refusal, content).error_code
    else:
        refusal = _refusal_in(status, content)
        if refusal is None:
            return False
        code = refusal
    if code not in _CANNOT_COMPARE:
        raise TransientError(f"status {status}, {code}")
    return True


def _refusal_in(status: int, content: bytes) -> str | None:
    """The code of a refusal, or None where there is an answer to read.

    A refusal counts only in the service's own words: a proxy refuses with the same statuses.
    """
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise RefusedKeyError("the service refuses our key (ML_SERVICE_API_KEY)")
    if status not in _REFUSED:
        _read(_Answer, content)
        raise TransientError(f"status {status}")
    try:
        return _Refusal.model_validate_json(content).error_code
    except ValidationError as exc:
        if status == HTTPStatus.OK:
            return None
        raise ForeignAnswerError(f"status {status} without the service's own words") from exc


def _read(kind: type[A], content: bytes) -> A:
    try:
        return kind.model_validate_json(content)
    except ValidationError as exc:
        raise ForeignAnswerError("unreadable answer") from exc
