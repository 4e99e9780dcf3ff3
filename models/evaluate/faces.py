"""Takes the pictures of a data set through the product's own pipeline, once, and keeps the result.

The cache holds templates of the people in the data set. It is readable by its owner only, and
belongs wherever the data set may be.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.errors import ImageError
from models.pipeline import FacePipeline, PipelineSettings
from models.runtime import open_session
from models.stages.decode import decode_image
from models.stages.embed import FaceEmbedder
from models.stages.quality import assess
from models.stages.upright import faces_in, find_turn, is_clearly_upright, turned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from models.evaluate.dataset import DataSet
    from models.runtime import RuntimeName
    from models.stages.detect import Detection
    from models.stages.images import BGRImage, FloatVector
    from models.stages.match import Metric
    from models.store import ModelStore

_FORMAT = "2"  # changes with what is stored, so that older entries are not read
_MAX_PIXELS = 50_000_000


@dataclass(frozen=True)
class Face:
    """What the pipeline says about the face of one picture.

    Attributes:
        embedding: (D,) float32, as the network gives it.
        mirrored: (D,) float32, of the same aligned face, left and right swapped.
        side_px: shorter side of the face's box.
        sharpness: see `models.stages.quality.FaceQuality`.
        brightness: the same.
        presence: 0 to 1, of the landmark network.
    """

    embedding: FloatVector
    mirrored: FloatVector
    side_px: float
    sharpness: float
    brightness: float
    presence: float


@dataclass(frozen=True)
class EmbeddedSet:
    """The faces of a data set under one network.

    Attributes:
        model_id: card id of the network.
        variant: of the file that ran.
        metric: of the card.
        length: that the card gives templates and probes.
        faces: by person, one a picture; None where no face was found.
    """

    model_id: str
    variant: str
    metric: Metric
    length: float
    faces: Mapping[str, tuple[Face | None, ...]]

    @property
    def failures(self) -> int:
        """Pictures in which no face was found."""
        return sum(face is None for own in self.faces.values() for face in own)


class FaceReader:
    """One embedder behind the product's detector and landmarks, with a cache over both."""

    def __init__(
        self,
        store: ModelStore,
        embedder: str,
        cache_folder: Path,
        *,
        embedder_store: ModelStore | None = None,
        runtime: RuntimeName = "auto",
    ) -> None:
        """Load the models.

        Args:
            store: has detector and landmarks.
            embedder: reference of an embedder card, see `ModelStore.find`.
            cache_folder: made where it is missing, for its owner only.
            embedder_store: has the embedder; `store` where None.
            runtime: see `PipelineSettings`.

        Raises:
            StoreError: a model is unknown, missing or corrupt.
            RuntimeFaultError: no runtime is installed, or it refuses a model.
        """
        model = (embedder_store or store).load(embedder)
        if model.card.matching is None:
            raise ValueError(f"the card {model.card.id} does not describe an embedder")
        self.card, self.file = model.card, model.file
        self._matching = model.card.matching
        settings = PipelineSettings(runtime=runtime)
        self._pipeline = FacePipeline.open(store, settings)
        session = open_session(model, runtime=runtime)
        self._embedder = FaceEmbedder(model.card, session)
        finders = (settings.detector, settings.near_detector or "", settings.landmarks)
        identity = "/".join(
            (
                _FORMAT,
                session.runtime,
                self.file.sha256,
                model.card.model_dump_json(include={"input", "alignment"}),
                *finders,
            )
        )
        key = hashlib.sha256(identity.encode()).hexdigest()[:16]
        self._folder = cache_folder / f"{self.card.id}-{self.file.variant}-{key}"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        cache_folder.chmod(0o700)

    def read(self, data: DataSet, advance: Callable[[], None]) -> EmbeddedSet:
        """Embed a whole data set.

        Args:
            data: people and pictures.
            advance: called after each picture.
        """
        faces: dict[str, tuple[Face | None, ...]] = {}
        for person, paths in data.pictures.items():
            own = []
            for path in paths:
                own.append(self.face(path.read_bytes()))
                advance()
            faces[person] = tuple(own)
        metric, length = self._matching.metric, self._matching.length
        return EmbeddedSet(self.card.id, self.file.variant, metric, length, faces)

    def face(self, content: bytes) -> Face | None:
        """Embed the most central face of a picture; None where there is no face or no picture.

        Args:
            content: of a picture file.
        """

        def measure() -> Face | None:
            try:
                return self._measure(self._upright(decode_image(content, max_pixels=_MAX_PIXELS)))
            except ImageError:
                return None

        return self._cached(hashlib.sha256(content).hexdigest(), measure)

    def face_in(self, frame_bgr: BGRImage) -> Face | None:
        """Embed the most central face of a frame; None where there is no face.

        Args:
            frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        """
        pixels = str(frame_bgr.shape).encode() + frame_bgr.tobytes()
        return self._cached(hashlib.sha256(pixels).hexdigest(), lambda: self._measure(frame_bgr))

    def _cached(self, digest: str, measure: Callable[[], Face | None]) -> Face | None:
        path = self._folder / f"{digest}.npz"
        try:
            return _unpack(path.read_bytes())
        except (FileNotFoundError, EOFError, zipfile.BadZipFile, KeyError, ValueError):
            face = measure()
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(_pack(face))
        unfinished.replace(path)
        return face

    def _upright(self, photo_bgr: BGRImage) -> BGRImage:
        """The photo, turned as the ML service turns it; as it is where that is not clear."""
        standing = faces_in(self._pipeline, photo_bgr)
        if is_clearly_upright(standing):
            return photo_bgr
        return turned(photo_bgr, find_turn(self._pipeline, photo_bgr, standing) or 0)

    def _measure(self, frame_bgr: BGRImage) -> Face | None:
        for detection in sorted(self._pipeline.detect(frame_bgr), key=_off_centre(frame_bgr)):
            landmarks = self._pipeline.landmarks(frame_bgr, detection)
            if landmarks is None:
                continue
            aligned = self._embedder.align(frame_bgr, landmarks)
            quality = assess(frame_bgr, [detection])
            return Face(
                self._embedder.embed_aligned(aligned),
                self._embedder.embed_aligned(np.ascontiguousarray(aligned[:, ::-1])),
                quality.side_px,
                quality.sharpness,
                quality.brightness,
                landmarks.presence,
            )
        return None


def _off_centre(frame_bgr: BGRImage) -> Callable[[Detection], float]:
    """Order faces by how far their centre is from the picture's, as LFW is meant to be read."""
    height, width = frame_bgr.shape[:2]

    def distance(detection: Detection) -> float:
        left, top, across, down = detection.box_px
        return float(np.hypot(left + across / 2 - width / 2, top + down / 2 - height / 2))

    return distance


def _pack(face: Face | None) -> bytes:
    buffer = io.BytesIO()
    if face is None:
        np.savez(buffer, embedding=np.empty(0, np.float32))
    else:
        numbers = [face.side_px, face.sharpness, face.brightness, face.presence]
        np.savez(
            buffer, embedding=face.embedding, mirrored=face.mirrored, numbers=np.array(numbers)
        )
    return buffer.getvalue()


def _unpack(content: bytes) -> Face | None:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        embedding = stored["embedding"]
        if not embedding.size:
            return None
        side_px, sharpness, brightness, presence = (float(value) for value in stored["numbers"])
        return Face(embedding, stored["mirrored"], side_px, sharpness, brightness, presence)
