"""Answers SD3 and SD4: from base64 to faces, boxes and embeddings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

import numpy as np

from models.pipeline import FacePipeline, PipelineSettings
from models.runtime import open_session
from models.service.errors import NO_FACE_WORDS, ErrorCode, RefusalError
from models.service.finding import FaceFinder
from models.service.networks import default_models, further_networks
from models.service.pictures import decode_picture
from models.service.proof import Proof
from models.service.schemas import (
    DetectedFace,
    DetectFacesResponse,
    DetectMetadata,
    Dimensions,
    EncodeFaceResponse,
    EncodeMetadata,
    Quality,
)
from models.service.sharing import alone
from models.service.single_picture import liveness_of
from models.service.variations import Embeds, embed_views
from models.stages.detect import FaceDetector
from models.stages.quality import QualityLimits, assess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.service.config import Settings
    from models.service.finding import FoundFace, PhotoFaces
    from models.service.schemas import DetectFacesRequest, DetectorName, EncodeFaceRequest
    from models.service.sharing import Job, Shares
    from models.stages.detect import Detection
    from models.stages.images import BGRImage
    from models.store import CardFile, ModelCard, ModelStore

_RIGHT_EYE, _LEFT_EYE = 0, 1
_LIMITS = QualityLimits()


class FaceEngine:
    """The models of one worker. Used by one thread at a time.

    Attributes:
        embedder_card: of the network that runs here.
        embedder_file: the variant of it.
        networks: that network and the further ones, by the id of their cards.
        default_models: those that templates are made of where a request names none.
    """

    def __init__(
        self,
        pipeline: FacePipeline,
        near: FaceDetector,
        settings: Settings,
        further: Sequence[Embeds] = (),
    ) -> None:
        self._pipeline = pipeline
        self.networks: dict[str, Embeds] = {
            network.embedder_card.id: network for network in (pipeline, *further)
        }
        self.default_models = default_models(tuple(self.networks), settings.further_embedders)
        self._finder = FaceFinder(pipeline, near, settings)
        self._settings = settings
        self._proof = Proof(pipeline)
        self.embedder_card: ModelCard = pipeline.embedder_card
        self.embedder_file: CardFile = pipeline.embedder_file

    @classmethod
    def open(cls, store: ModelStore, settings: Settings) -> Self:
        """Load and verify the models.

        Raises:
            StoreError: a model is unknown, missing or corrupt.
            RuntimeFaultError: no runtime is installed, it refuses a model, or a model fails.
        """
        pipeline = FacePipeline.open(
            store,
            PipelineSettings(
                detector=settings.detector,
                near_detector=settings.near_detector,
                landmarks=settings.landmarks,
                embedder=settings.embedder,
                threads=settings.threads,
                runtime=settings.runtime,
            ),
        )
        near = store.load(settings.near_detector)
        session = open_session(near, runtime=settings.runtime, threads=settings.threads)
        further = further_networks(
            store,
            settings.further_embedders,
            pipeline.embedder_card.id,
            runtime=settings.runtime,
            threads=settings.threads,
        )
        return cls(pipeline, FaceDetector(near.card, session), settings, further)

    def encode(self, request: EncodeFaceRequest) -> EncodeFaceResponse:
        """Answer SD3.

        Raises:
            RefusalError: the picture cannot be used, or not with exactly one face.
        """
        started = time.perf_counter()
        found = self._find(decode_picture(request.image_base64, self._settings))
        picture_bgr, face = found.picture_bgr, _the_one(found, request)
        views = self.views(request.num_jitters)
        embedding = embed_views(self._pipeline, picture_bgr, face.landmarks, views)
        is_live, reason = liveness_of(picture_bgr, face.landmarks)
        return EncodeFaceResponse(
            success=True,
            embedding=embedding.astype(float).tolist(),
            face_location=face.location,
            metadata=EncodeMetadata(
                face_area_ratio=face.area_ratio,
                image_dimensions=_dimensions(picture_bgr),
                model_id=self._pipeline.embedder_card.id,
                num_jitters=views,
                quality=_quality(picture_bgr, face),
                is_live=is_live,
                is_live_reason=reason,
                turned_deg=found.turned_deg,
                processing_time_ms=_elapsed_ms(started),
            ),
        )

    def detect(
        self, request: DetectFacesRequest, share: Shares[FaceEngine] = alone
    ) -> DetectFacesResponse:
        """Answer SD4.

        Args:
            request: what is asked.
            share: runs parts of the work, on other engines too.

        Raises:
            RefusalError: the picture cannot be used.
        """
        started = time.perf_counter()
        picture = decode_picture(request.image_base64, self._settings)
        found = self._find(picture, request.model or self._settings.detect_model, share)
        picture_bgr = found.picture_bgr
        kept = [face for face in found.faces if face.area_ratio >= request.min_face_area_ratio]
        views = self.views(request.num_jitters)
        answers = share(self, [_embedding(picture_bgr, face, views) for face in kept])
        return DetectFacesResponse(
            success=True,
            faces=answers,
            count=len(answers),
            metadata=DetectMetadata(
                image_dimensions=_dimensions(picture_bgr),
                processing_time_ms=_elapsed_ms(started),
                model_id=self._pipeline.embedder_card.id,
                num_jitters=views,
                turned_deg=found.turned_deg,
            ),
        )

    def prove(self) -> None:
        """Run the models on a drawn picture.

        Raises:
            InferenceError: one failed, or computes something else than when it was opened.
        """
        self._proof.run()

    def find(
        self, image_base64: str, model: DetectorName = "full", share: Shares[FaceEngine] = alone
    ) -> PhotoFaces:
        """Decode a picture, turn it upright and find its faces, largest first.

        Args:
            image_base64: the picture.
            model: how to look.
            share: runs parts of the work, on other engines too.

        Raises:
            RefusalError: the picture cannot be used.
        """
        return self._find(decode_picture(image_base64, self._settings), model, share)

    def views(self, wanted: int | None) -> int:
        """Return how many views of a face are fused; None wants the default."""
        count = self._settings.num_jitters if wanted is None else wanted
        return max(1, min(count, self._settings.max_jitters))

    def look(self, picture_bgr: BGRImage) -> list[Detection]:
        """Find the faces of one picture, without landmarks; see `FacePipeline.detect`."""
        return self._pipeline.detect(picture_bgr)

    def embed(self, picture_bgr: BGRImage, face: FoundFace, views: int) -> DetectedFace:
        """Embed one face of a picture."""
        embedding = embed_views(self._pipeline, picture_bgr, face.landmarks, views)
        is_live, reason = liveness_of(picture_bgr, face.landmarks)
        return DetectedFace(
            embedding=embedding.astype(float).tolist(),
            location=face.location,
            face_area_ratio=face.area_ratio,
            is_live=is_live,
            is_live_reason=reason,
        )

    def _find(
        self,
        picture_bgr: BGRImage,
        model: DetectorName = "full",
        share: Shares[FaceEngine] = alone,
    ) -> PhotoFaces:
        def detect_each(pictures: Sequence[BGRImage]) -> list[list[Detection]]:
            return share(self, [_looking(each) for each in pictures])

        return self._finder.find_upright(picture_bgr, model, detect_each)


def _looking(picture_bgr: BGRImage) -> Job[FaceEngine, list[Detection]]:
    return lambda engine: engine.look(picture_bgr)


def _embedding(picture_bgr: BGRImage, face: FoundFace, views: int) -> Job[FaceEngine, DetectedFace]:
    return lambda engine: engine.embed(picture_bgr, face, views)


def _the_one(found: PhotoFaces, request: EncodeFaceRequest) -> FoundFace:
    faces = found.faces
    if found.reason is not None:
        raise RefusalError(found.reason, NO_FACE_WORDS[found.reason])
    rival_px = faces[0].detection.area_px * _LIMITS.rival_ratio
    count = sum(face.detection.area_px >= rival_px for face in faces)
    if request.validate_single and count > 1:
        raise RefusalError(
            ErrorCode.MULTIPLE_FACES_FOUND, f"There are {count} faces in the picture; show one."
        )
    if faces[0].area_ratio < request.min_face_area_ratio:
        raise RefusalError(
            ErrorCode.FACE_TOO_SMALL, "The face is too small in the picture; come nearer."
        )
    return faces[0]


def _quality(picture_bgr: BGRImage, face: FoundFace) -> Quality:
    measured = assess(picture_bgr, [face.detection], _LIMITS)
    eyes = face.detection.keypoints_px[[_RIGHT_EYE, _LEFT_EYE]]
    return Quality(
        reasons=list(measured.reasons),
        detection_score=face.detection.score,
        presence=face.landmarks.presence,
        eye_distance_px=float(np.linalg.norm(eyes[0] - eyes[1])),
        sharpness=measured.sharpness,
        brightness=measured.brightness,
    )


def _dimensions(picture_bgr: BGRImage) -> Dimensions:
    return picture_bgr.shape[1], picture_bgr.shape[0]


def _elapsed_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000.0, 3)
