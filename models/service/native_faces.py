"""Answers the native endpoints on pictures: faces, their quality, their templates."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from models.service.errors import NO_FACE_WORDS, ErrorCode, RefusalError
from models.service.native_schemas import (
    Box,
    EmbeddedFace,
    FaceQualityAnswer,
    FacesRequest,
    FacesResponse,
    GalleryTemplate,
    ImageDimensions,
    JudgedFace,
    MeasureAnswer,
    Pose,
    QualityRequest,
    QualityResponse,
)
from models.service.sharing import alone
from models.service.single_picture import liveness_of
from models.service.variations import embed_views
from models.service.vectors import packed
from models.stages.pose import head_pose
from models.stages.quality import ADVICE, QualityLimits, assess
from models.stages.quality_measures import measures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.service.faces import FaceEngine
    from models.service.finding import FoundFace, PhotoFaces
    from models.service.sharing import Job, Shares
    from models.service.variations import Embeds
    from models.stages.detect import Detection
    from models.stages.images import BGRImage

_LIMITS = QualityLimits()


def answer_faces(
    engine: FaceEngine, request: FacesRequest, share: Shares[FaceEngine] = alone
) -> FacesResponse:
    """Find, judge and embed.

    Args:
        engine: of the job.
        request: what is asked.
        share: runs parts of the work, on other engines too.

    Raises:
        RefusalError: the picture cannot be used, a model is unknown, or `single` is not kept.
    """
    started = time.perf_counter()
    names = _names(engine, request.models)
    photo = engine.find(request.image_base64, request.detector, share)
    picture_bgr = photo.picture_bgr
    faces = [_single(photo)] if request.single else photo.faces
    views = engine.views(request.views)
    found = [face.detection for face in faces]

    def embedding(face: FoundFace) -> Job[FaceEngine, EmbeddedFace]:
        return lambda any_engine: EmbeddedFace(
            **dict(judged(picture_bgr, face, found)),
            templates=[
                _template(any_engine.networks[name], picture_bgr, face, views) for name in names
            ],
        )

    answers = share(engine, [embedding(face) for face in faces])
    return FacesResponse(
        faces=answers,
        image=_size(picture_bgr),
        turned_deg=photo.turned_deg,
        processing_time_ms=_since_ms(started),
    )


def answer_quality(engine: FaceEngine, request: QualityRequest) -> QualityResponse:
    """Judge the largest face; nothing that says who it is of is computed.

    Raises:
        RefusalError: the picture cannot be used, or its only faces are drawn or turned unclearly.
    """
    started = time.perf_counter()
    photo = engine.find(request.image_base64)
    if photo.reason not in {None, ErrorCode.NO_FACE_FOUND}:
        raise _refusal(photo)
    picture_bgr, faces = photo.picture_bgr, photo.faces
    found = [face.detection for face in faces]
    return QualityResponse(
        face=judged(picture_bgr, faces[0], found) if faces else None,
        faces_count=len(faces),
        image=_size(picture_bgr),
        turned_deg=photo.turned_deg,
        processing_time_ms=_since_ms(started),
    )


def judged(picture_bgr: BGRImage, face: FoundFace, all_found: Sequence[Detection]) -> JudgedFace:
    """Judge one face; others count as rivals where it is the largest.

    Args:
        picture_bgr: (H, W, 3) uint8. Not modified.
        face: one of them.
        all_found: every face of the picture.
    """
    largest = max(all_found, key=lambda found: found.area_px)
    beside = all_found if face.detection is largest else [face.detection]
    quality = assess(picture_bgr, beside, _LIMITS, face.landmarks)
    is_live, reason = liveness_of(picture_bgr, face.landmarks)
    place, pose = face.location, head_pose(face.landmarks.points_px)
    return JudgedFace(
        box=Box(
            left=place.left,
            top=place.top,
            width=place.right - place.left,
            height=place.bottom - place.top,
        ),
        area_ratio=face.area_ratio,
        landmarks_presence=face.landmarks.presence,
        is_live=is_live,
        is_live_reason=reason,
        quality=FaceQualityAnswer(
            reasons=list(quality.reasons),
            blocking=[reason for reason in quality.reasons if reason not in ADVICE],
            measures={
                name: MeasureAnswer(
                    value=one.value,
                    unit=one.unit,
                    least=one.least,
                    most=one.most,
                    is_met=one.is_met,
                )
                for name, one in measures_of(quality, _LIMITS).items()
            },
            pose=Pose(yaw_deg=pose.yaw_deg, pitch_deg=pose.pitch_deg, roll_deg=pose.roll_deg),
        ),
    )


def _names(engine: FaceEngine, wanted: Sequence[str] | None) -> list[str]:
    names = engine.default_models if wanted is None else list(dict.fromkeys(wanted))
    if any(name not in engine.networks for name in names):
        known = ", ".join(engine.networks)
        raise RefusalError(ErrorCode.UNKNOWN_MODEL, f"The models here are: {known}.")
    return names


def _refusal(photo: PhotoFaces) -> RefusalError:
    reason = photo.reason or ErrorCode.NO_FACE_FOUND
    return RefusalError(reason, NO_FACE_WORDS[reason])


def _single(photo: PhotoFaces) -> FoundFace:
    faces = photo.faces
    if not faces:
        raise _refusal(photo)
    rival_px = faces[0].detection.area_px * _LIMITS.rival_ratio
    count = sum(face.detection.area_px >= rival_px for face in faces)
    if count > 1:
        raise RefusalError(
            ErrorCode.MULTIPLE_FACES_FOUND, f"There are {count} faces in the picture; show one."
        )
    return faces[0]


def _template(
    network: Embeds, picture_bgr: BGRImage, face: FoundFace, views: int
) -> GalleryTemplate:
    vector = embed_views(network, picture_bgr, face.landmarks, views)
    return GalleryTemplate(
        model_id=network.embedder_card.id, dimension=len(vector), values_base64=packed(vector)
    )


def _size(picture_bgr: BGRImage) -> ImageDimensions:
    return ImageDimensions(width=picture_bgr.shape[1], height=picture_bgr.shape[0])


def _since_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000.0, 3)
