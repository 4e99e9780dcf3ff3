"""Turns an aligned face into the numbers that stand for its person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.stages.align import FaceAligner
from models.stages.images import BGRImage, FloatVector, Normaliser, check_frame

if TYPE_CHECKING:
    from models.runtime import InferenceSession
    from models.stages.landmarks import Landmarks
    from models.store import ModelCard


class FaceEmbedder:
    """An embedding network with its alignment."""

    def __init__(self, card: ModelCard, session: InferenceSession) -> None:
        """Prepare alignment and input.

        Args:
            card: of role embedder.
            session: the card's model.
        """
        if card.alignment is None:
            raise ValueError(f"the card {card.id} does not describe an embedder")
        self._session = session
        self._aligner = FaceAligner(card.alignment, card.input)
        self._normalise = Normaliser(card.input)

    def align(self, frame_bgr: BGRImage, landmarks: Landmarks) -> BGRImage:
        """Cut a face out in the network's size and pose; see `FaceAligner.align`."""
        check_frame(frame_bgr)
        return self._aligner.align(frame_bgr, landmarks.points_px)

    def embed_aligned(self, face_bgr: BGRImage) -> FloatVector:
        """Embed an aligned face.

        Args:
            face_bgr: (height, width, 3) uint8, BGR, of the card's [input] size. Not modified.

        Returns:
            (D,) float32, as the network gives it.

        Raises:
            InferenceError: the runtime failed.
        """
        return self._session.run(self._normalise(face_bgr))[0].ravel()

    def embed(self, frame_bgr: BGRImage, landmarks: Landmarks) -> FloatVector:
        """Align and embed a face.

        Args:
            frame_bgr: the frame the landmarks lie in. Not modified.
            landmarks: of the face.

        Returns:
            (D,) float32, as the network gives it.

        Raises:
            FrameError: the frame is not a picture.
            InferenceError: the runtime failed.
        """
        return self.embed_aligned(self.align(frame_bgr, landmarks))
