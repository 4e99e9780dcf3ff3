"""One view of a face as a probe: the picture, and its mirror image where that is worth its time."""

from typing import Protocol

import numpy as np

from kiosk.domain.ports import BGRImage
from models.stages.images import FloatVector
from models.stages.templates import fuse_probes


class AlignedEmbedder(Protocol):
    """The part of an embedding network that is used here."""

    def embed_aligned(self, face_bgr: BGRImage) -> FloatVector:
        """Embed an aligned face, (D,) float32."""
        ...


def embed_mirrored(network: AlignedEmbedder, face_bgr: BGRImage) -> FloatVector:
    """Embed the mirror image of an aligned face.

    Args:
        network: that the face is aligned for.
        face_bgr: (H, W, 3) uint8, BGR. Not modified.

    Returns:
        (D,) float32, as the network gives it.
    """
    return network.embed_aligned(np.ascontiguousarray(face_bgr[:, ::-1]))


def embed_both_ways(network: AlignedEmbedder, face_bgr: BGRImage) -> FloatVector:
    """Embed an aligned face and its mirror image, and return the mean of both directions.

    Args:
        network: that the face is aligned for.
        face_bgr: (H, W, 3) uint8, BGR. Not modified.

    Returns:
        (D,) float32 of length 1.

    Raises:
        InferenceError: the runtime failed.
        GalleryError: the network's answer has no direction.

    Source: the rule `mirrored` of models/evaluate/rules.py; docs/measurements/mirrored-probes.md.
    """
    picture = network.embed_aligned(face_bgr)
    return fuse_probes(picture[None], mirrored=embed_mirrored(network, face_bgr)[None])
