"""The evidence of a track: its best frames, fused, and the person that they match."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from models.stages.templates import fuse_probes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.stages.images import FloatArray, FloatVector
    from models.store import Matching

_GAIN = 0.02
"""Once a track has its frames, one must be better by this to be worth the network's time."""
_AGREEING_SHARE = 0.75
"""Of the kept frames so many must each look most like the person that they are taken for."""
_LEAST_FRAMES = 2


def stretched(embedding: FloatVector, length: float) -> FloatVector:
    """The same direction at the card's length, (D,) float32; see `models.stages.templates`."""
    return fuse_probes(embedding[None], length=length)


def fuse_people(
    person_ids: Sequence[str], templates: FloatArray, length: float
) -> tuple[list[str], FloatArray]:
    """Make one template of all that a person has, for many people at once.

    Args:
        person_ids: one a row.
        templates: (N, D), none of them 0. Not modified.
        length: of the templates made, see `Matching.length`.

    Returns:
        The people, sorted, and (P, D) float32, a row each.
    """
    if not len(person_ids):
        return [], np.empty((0, 0), np.float32)
    people, owner = np.unique(np.asarray(person_ids), return_inverse=True)
    sums = np.zeros((len(people), templates.shape[1]), np.float64)
    np.add.at(sums, owner, templates / np.linalg.norm(templates, axis=1, keepdims=True))
    fused = length * sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return [str(person) for person in people], fused.astype(np.float32)


@dataclass
class Evidence:
    """The best frames of one track.

    Attributes:
        matching: of the embedder's card.
        kept: so many frames count; a better one replaces the worst.
        judged_count: frames that were good enough, whether embedded or passed over.
    """

    matching: Matching
    kept: int = 10
    judged_count: int = 0
    _embeddings: list[FloatVector] = field(default_factory=list)
    _qualities: list[float] = field(default_factory=list)
    _penalties: list[float] = field(default_factory=list)
    _is_odd: bool = False

    def __len__(self) -> int:
        """Frames kept."""
        return len(self._embeddings)

    def improves_with(self, quality: float) -> bool:
        """Whether a frame of this quality, 0..1, is worth embedding."""
        return len(self) < self.kept or quality > min(self._qualities) + _GAIN

    def pass_over(self) -> None:
        """Note a good frame that was not worth embedding."""
        self.judged_count += 1

    def add(self, embedding: FloatVector, quality: float, sharpness: float = inf) -> bool:
        """Add one more frame.

        Args:
            embedding: (D,) float32. Not modified.
            quality: 0..1.
            sharpness: see `models.stages.quality.FaceQuality`.

        Returns:
            False when this frame and the one before look like another person: the track then
            shows another person and must start again. A single odd frame is only skipped.

        Raises:
            GalleryError: the embedding has no direction.
        """
        frame = stretched(embedding, self.matching.length)
        was_odd, self._is_odd = self._is_odd, bool(len(self)) and self._is_somebody_else(frame)
        if self._is_odd:
            return not was_odd
        self.judged_count += 1
        if len(self) >= self.kept:
            worst = int(np.argmin(self._qualities))
            if self._qualities[worst] >= quality:
                return True
            del self._embeddings[worst], self._qualities[worst], self._penalties[worst]
        self._embeddings.append(frame)
        self._qualities.append(quality)
        self._penalties.append(self.matching.penalty_at(sharpness))
        return True

    def fused(self) -> FloatVector:
        """The frames as one probe, weighted by quality: (D,) float32 at the card's length.

        Raises:
            GalleryError: there are no frames, or they cancel out.
        """
        weights = np.maximum(np.asarray(self._qualities, np.float32), 1e-3)
        rows = np.stack(self._embeddings) if self._embeddings else np.empty((0, 0), np.float32)
        return fuse_probes(rows, weights=weights, length=self.matching.length)

    def agrees(self, person_id: str, nearest: Callable[[FloatVector], str | None]) -> bool:
        """Whether enough single frames say the same as all together.

        Args:
            person_id: what all together say.
            nearest: the person that one frame looks most like.
        """
        agreeing = self.agreeing_count(person_id, nearest)
        return agreeing >= max(_LEAST_FRAMES, _AGREEING_SHARE * len(self))

    def agreeing_count(self, person_id: str, nearest: Callable[[FloatVector], str | None]) -> int:
        """Return how many of the kept frames look most like this person; see `agrees`."""
        return sum(nearest(frame) == person_id for frame in self._embeddings)

    @property
    def is_doubted(self) -> bool:
        """Return whether the newest embedded frame was skipped: it looked like another person."""
        return self._is_odd

    @property
    def quality(self) -> float:
        """Mean quality of the kept frames, 0..1; 0 without frames."""
        return float(np.mean(self._qualities)) if self._qualities else 0.0

    @property
    def penalty(self) -> float:
        """By how much nearer a match must be because frames are blurred: mean of the kept ones."""
        return float(np.mean(self._penalties)) if self._penalties else 0.0

    def _is_somebody_else(self, frame: FloatVector) -> bool:
        mean, matching = self.fused(), self.matching
        if matching.metric == "cosine":
            apart = 1.0 - float(frame @ mean) / matching.length**2
        else:
            apart = float(np.linalg.norm(frame - mean))
        return matching.on_common_scale(apart) > matching.confident


class Claim(Protocol):
    """A person found for a track."""

    @property
    def person_id(self) -> str:
        """Who."""
        ...

    @property
    def distance(self) -> float:
        """How far away; nearer is better."""
        ...


ClaimT = TypeVar("ClaimT", bound=Claim)


def settle_claims(
    judges: Mapping[int, Callable[[frozenset[str]], ClaimT | None]],
) -> dict[int, ClaimT]:
    """Give each track of a frame one person, and each person one track.

    When two tracks claim one person, the nearer track keeps the person. The other track is judged
    again without that person: nobody is in two places. The result does not depend on the order.

    Args:
        judges: by track: returns the match within the limits, without the people given.

    Returns:
        The claim of each track; tracks without a match are left out.
    """
    holders: dict[str, tuple[int, ClaimT]] = {}
    impossible: dict[int, frozenset[str]] = dict.fromkeys(judges, frozenset())
    waiting = deque(sorted(judges))
    while waiting:
        track = waiting.popleft()
        claim = judges[track](impossible[track])
        if claim is None:
            continue
        rival = holders.get(claim.person_id)
        if rival is not None and (rival[1].distance, rival[0]) < (claim.distance, track):
            losers = [track]
        else:
            losers = [rival[0]] if rival is not None else []
            holders[claim.person_id] = (track, claim)
        for loser in losers:
            impossible[loser] |= {claim.person_id}
            waiting.append(loser)
    return dict(holders.values())
