"""The stages composed once, for kiosk, service and evaluation alike."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from models.errors import AcceleratorFault, ModelFileCorruptError
from models.runtime import (
    AcceleratorSettings,
    LadderSession,
    LadderStatus,
    Rung,
    RuntimeName,
    chosen_runtime,
    climb,
    open_session,
)
from models.stages.detect import Detection, FaceDetector
from models.stages.embed import FaceEmbedder
from models.stages.landmarks import FaceLandmarker, Landmarks
from models.stages.parity import accelerator_inputs
from models.stages.ranges import Detector, TwoRangeDetector
from models.store import load_compiled
from models.store.selection import AUTO

if TYPE_CHECKING:
    from models.runtime import InferenceSession, Runtime
    from models.stages.images import BGRImage, FloatVector
    from models.store import CardFile, ModelCard, ModelStore, VerifiedModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PipelineSettings:
    """Which models run, and how.

    Attributes:
        detector: reference of a detector card, see `ModelStore.find`.
        near_detector: reference of one for faces close to the camera; None does without.
        landmarks: reference of a landmarks card.
        embedder: reference of an embedder card; `auto` see `ModelStore.selected_embedder`. Where
            it names no variant, the one that the card prefers on the runtime is taken.
        threads: CPU threads of each model, > 0.
        runtime: `auto` takes ai-edge-litert where installed, else tflite-runtime.
        min_score: replaces the limit of the detectors' cards, 0 to 1.
        accelerator: whether and how the embedder runs on one.
    """

    detector: str = "blazeface-full-range"
    near_detector: str | None = "blazeface-short-range"
    landmarks: str = "face-mesh"
    embedder: str = AUTO
    threads: int = 1
    runtime: RuntimeName = "auto"
    min_score: float | None = None
    accelerator: AcceleratorSettings = field(default_factory=AcceleratorSettings)


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
        detector: Detector,
        landmarker: FaceLandmarker,
        embedder: FaceEmbedder,
        identity: VerifiedModel,
        accelerator: LadderSession | LadderStatus | None = None,
    ) -> None:
        self._detector = detector
        self._landmarker = landmarker
        self._embedder = embedder
        self.embedder_card: ModelCard = identity.card
        self.embedder_file: CardFile = identity.file
        self._accelerator = accelerator or LadderStatus(Rung.CPU, datetime.now(UTC))

    @classmethod
    def open(cls, store: ModelStore, settings: PipelineSettings) -> Self:
        """Load and verify the models.

        Raises:
            StoreError: a model is unknown, missing or corrupt.
            RuntimeFaultError: no runtime is installed, or it refuses a model.
        """

        def session(model: VerifiedModel) -> InferenceSession:
            return open_session(model, runtime=settings.runtime, threads=settings.threads)

        def detector(reference: str) -> Detector:
            model = store.load(reference)
            return FaceDetector(model.card, session(model), min_score=settings.min_score)

        detect = detector(settings.detector)
        if settings.near_detector is not None:
            detect = TwoRangeDetector(detector(settings.near_detector), detect)
        landmarks = store.load(settings.landmarks)
        note = store.selected_embedder()[1] if settings.embedder == AUTO else None
        if note:
            logger.warning("%s", note)
        embedder = store.load(with_variant(store, settings.embedder, settings.runtime))
        cpu = session(embedder)
        accelerator = _accelerator(store, embedder.card, cpu, settings.accelerator)
        fastest = accelerator if isinstance(accelerator, LadderSession) else cpu
        return cls(
            detect,
            FaceLandmarker(landmarks.card, session(landmarks)),
            FaceEmbedder(embedder.card, fastest),
            embedder,
            accelerator,
        )

    @property
    def accelerator(self) -> LadderStatus:
        """What runs the embedder at the moment, since when and why. For any thread."""
        if isinstance(self._accelerator, LadderSession):
            return self._accelerator.status
        return self._accelerator

    def close(self) -> None:
        """End the accelerator's process, if there is one. May be called twice."""
        if isinstance(self._accelerator, LadderSession):
            self._accelerator.close()

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """Find the faces of a frame, surest first; see `Detector.detect`."""
        return self._detector.detect(frame_bgr)

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        """Place a face's points, None where there is no face; see `FaceLandmarker.landmarks`."""
        return self._landmarker.landmarks(frame_bgr, detection)

    def align(self, frame_bgr: BGRImage, landmarks: Landmarks) -> BGRImage:
        """Cut a face out as the embedder wants it; see `FaceEmbedder.align`."""
        return self._embedder.align(frame_bgr, landmarks)

    def embed_aligned(self, face_bgr: BGRImage) -> FloatVector:
        """Embed an aligned face; see `FaceEmbedder.embed_aligned`."""
        return self._embedder.embed_aligned(face_bgr)

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


@dataclass(frozen=True)
class OpenEmbedder:
    """One embedding network alone. Used by one thread at a time; `align` by any.

    Attributes:
        card: of the network.
        network: aligns and embeds.
    """

    card: ModelCard
    network: FaceEmbedder


def open_embedder(store: ModelStore, settings: PipelineSettings) -> OpenEmbedder:
    """Load and verify an embedding network without detector and landmarks, on the CPU.

    Args:
        store: where its card and file are.
        settings: `embedder`, `runtime` and `threads` count; the rest means nothing here.

    Raises:
        StoreError: the model is unknown, missing or corrupt.
        RuntimeFaultError: no runtime is installed, or it refuses the model.
    """
    model = store.load(with_variant(store, settings.embedder, settings.runtime))
    session = open_session(model, runtime=settings.runtime, threads=settings.threads)
    return OpenEmbedder(model.card, FaceEmbedder(model.card, session))


def _area(detection: Detection) -> float:
    return detection.area_px


def with_variant(store: ModelStore, reference: str, runtime: RuntimeName) -> str:
    """Name the variant of an embedder to take, where the reference leaves it open.

    Args:
        store: where the cards are.
        reference: see `ModelStore.find`.
        runtime: that is to run it.
    """
    if reference == AUTO:
        reference, _ = store.selected_embedder()
    card, file = store.find(reference)
    if reference == card.id:
        file = _preferred(store, card, chosen_runtime(runtime))
    return f"{card.id}-{file.variant}"


def _preferred(store: ModelStore, card: ModelCard, runtime: Runtime) -> CardFile:
    """Choose the file that the card prefers on a runtime, else another one that is here."""
    ordered = sorted(card.files, key=lambda file: file.preferred_on != runtime)
    usable = (file for file in ordered if runtime in file.runtimes)
    here = (file for file in usable if store.is_installed(f"{card.id}-{file.variant}"))
    return next(here, ordered[0])


def _accelerator(
    store: ModelStore, card: ModelCard, cpu: InferenceSession, settings: AcceleratorSettings
) -> LadderSession | LadderStatus:
    now = datetime.now(UTC)
    if settings.use == "off":
        return LadderStatus(Rung.CPU, now, None, "the accelerator is off in the settings")
    try:
        compiled = load_compiled(store, card)
    except ModelFileCorruptError as error:
        logger.warning("The CPU serves, for the accelerator's file cannot be used: %s", error)
        return LadderStatus(Rung.CPU, now, AcceleratorFault.REFUSED, str(error))
    ladder = climb(cpu, compiled, accelerator_inputs(card.input), settings)
    return ladder or LadderStatus(
        Rung.CPU, now, None, f"no file of {card.id} is compiled for an accelerator"
    )
