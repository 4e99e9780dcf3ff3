"""What a track has shown so far: its embeddings, fused, and whether they agree. Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatVector: TypeAlias = NDArray[np.float32]
Metric: TypeAlias = Literal["euclidean", "cosine"]
Scale: TypeAlias = Callable[[float], float]


def distance(first: FloatVector, second: FloatVector, metric: Metric) -> float:
    """Between two embeddings (D,): Euclidean, or ``1 - cosine``."""
    if metric == "euclidean":
        return float(np.linalg.norm(first - second))
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return 1.0 - float(first @ second) / max(lengths, 1e-12)


@dataclass(slots=True)
class Evidence:
    """The newest frames of one track.

    Attributes:
        metric: of the embedder's card.
        same_person: embeddings further than this from the mean are of somebody else.
        scale: of the card, on which ``same_person`` is; None where it is the metric's own.
        kept: so many frames count; older ones fall out.
    """

    metric: Metric
    same_person: float
    scale: Scale | None = None
    kept: int = 10
    embeddings: deque[FloatVector] = field(default_factory=deque)
    qualities: deque[float] = field(default_factory=deque)
    seen_count: int = 0
    _strangers: int = 0

    def add(self, embedding: FloatVector, quality: float) -> bool:
        """Take in one more frame.

        Returns:
            False when this frame and the one before look like somebody else: the track has
            changed hands and must begin anew. A single odd frame is only left out.
        """
        if self.embeddings:
            apart = distance(embedding, self.fused(), self.metric)
            apart = self.scale(apart) if self.scale else apart
            self._strangers = self._strangers + 1 if apart > self.same_person else 0
            if self._strangers:
                return self._strangers < 2
        self.embeddings.append(embedding)
        self.qualities.append(quality)
        self.seen_count += 1
        while len(self.embeddings) > self.kept:
            self.embeddings.popleft()
            self.qualities.popleft()
        return True

    def fused(self) -> FloatVector:
        """Mean of the kept embeddings, (D,) float32; each scaled to length 1 first for cosine."""
        rows = np.stack(tuple(self.embeddings))
        if self.metric == "cosine":
            rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return np.asarray(rows.mean(axis=0), np.float32)

    @property
    def quality(self) -> float:
        """Mean quality of the kept frames, 0..1; 0 without frames."""
        return float(np.mean(tuple(self.qualities))) if self.qualities else 0.0
