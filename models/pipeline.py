"""The stages composed once, for kiosk, service and evaluation alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from models.runtime import RuntimeName, open_session
from models.stages.detect import Detection, FaceDetector
from models.stages.embed import FaceEmbedder
from models.stages.landmarks import FaceLandmarker, Landmarks

if TYPE_CHECKING:
    from models.stages.images import BGRImage, FloatVector
    from models.store import CardFile, ModelCard, ModelStore, VerifiedModel


@dataclass(frozen=True)
class PipelineSettings:
    """Which models run, and how.

    Attributes:
        detector: reference of a detector card, see `ModelStore.find`.
        landmarks: reference of a landmarks card.
        embedder: reference of an embedder card.
        threads: CPU threads of each model, > 0.
        runtime: `auto` takes tflite-runtime where installed, else ai-edge-litert.
        min_score: replaces the detector card's limit, 0 to 1.
    """

    detector: str = "blazeface-full-range"
    landmarks: str = "face-mesh"
    embedder: str = "dlib-resnet-v1"
    threads: int = 1
    runtime: RuntimeName = "auto"
    min_score: float | None = None


@dataclass(frozen=True)
class FaceObservation:
    """One face, from box to numbers.

    Attributes:
        embedding: (D,) float32, as the embedder's network gives it.
    """

    detection: Detection
    landmarks: Landmarks
    embedding: FloatVector


class FacePipeline:
    """Detector, landmarks and embedder. Used by one thread at a time.

    Attributes:
        embedder_card: the network whose id templates carry.
        embedder_file: the variant of it that runs here.
    """

    def __init__(
        self,
        detector: FaceDetector,
        landmarker: FaceLandmarker,
        embedder: FaceEmbedder,
        identity: VerifiedModel,
    ) -> None:
        self._detector = detector
        self._landmarker = landmarker
        self._embedder = embedder
        self.embedder_card: ModelCard = identity.card
        self.embedder_file: CardFile = identity.file

    @classmethod
    def open(cls, store: ModelStore, settings: PipelineSettings) -> Self:
        """Load and verify the models.

        Raises:
            StoreError: a model is unknown, missing or corrupt.
            RuntimeFaultError: no runtime is installed, or it refuses a model.
        """
        models = [
            store.load(reference)
            for reference in (settings.detector, settings.landmarks, settings.embedder)
        ]
        sessions = [
            open_session(model, runtime=settings.runtime, threads=settings.threads)
            for model in models
        ]
        return cls(
            FaceDetector(models[0].card, sessions[0], min_score=settings.min_score),
            FaceLandmarker(models[1].card, sessions[1]),
            FaceEmbedder(models[2].card, sessions[2]),
            models[2],
        )

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """Find the faces of a frame, surest first; see `FaceDetector.detect`."""
        return self._detector.detect(frame_bgr)

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        """Place a face's points, None where there is no face; see `FaceLandmarker.landmarks`."""
        return self._landmarker.landmarks(frame_bgr, detection)

    def embed(self, frame_bgr: BGRImage, landmarks: Landmarks) -> FloatVector:
        """Align and embed a face; see `FaceEmbedder.embed`."""
        return self._embedder.embed(frame_bgr, landmarks)

    def analyse(self, frame_bgr: BGRImage) -> list[FaceObservation]:
        """Take every face of a frame from box to numbers, largest first.

        Detections in which the landmark network sees no face are left out.

        Args:
            frame_bgr: (H, W, 3) uint8, BGR. Not modified.

        Raises:
            FrameError: the frame is not such a picture.
            InferenceError: the runtime failed.
        """
        observations = []
        for detection in sorted(self.detect(frame_bgr), key=_area, reverse=True):
            landmarks = self.landmarks(frame_bgr, detection)
            if landmarks is not None:
                embedding = self.embed(frame_bgr, landmarks)
                observations.append(FaceObservation(detection, landmarks, embedding))
        return observations


def _area(detection: Detection) -> float:
    return detection.area_px
