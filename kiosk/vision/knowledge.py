"""Whom the kiosk can know now: its gallery, split by who is due here, and the limits in force."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from kiosk.domain.ports import GallerySnapshot, GalleryView, RosterView
from kiosk.vision.evidence import Metric
from models.stages.match import Gallery, Scale


@dataclass(frozen=True, slots=True)
class Tiers:
    """The gallery in two parts; together they hold everybody once.

    Attributes:
        expected: templates of the people due in the running session here.
        others: everybody else's.
    """

    expected: Gallery
    others: Gallery

    @property
    def is_empty(self) -> bool:
        """Nobody is known here."""
        return not len(self.expected) and not len(self.others)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Where the recogniser asks what it may know; each may change between two frames.

    Attributes:
        gallery: all templates here.
        roster: who is due now, and the limits of the policy in force.
    """

    gallery: GalleryView
    roster: RosterView


class TierIndex:
    """Keeps the tiers of one model current: rebuilt only when gallery or roster changed."""

    def __init__(
        self,
        knowledge: Knowledge,
        model_id: str,
        metric: Metric,
        scale: Scale | None = None,
    ) -> None:
        """Begin with empty tiers.

        Args:
            knowledge: what may be known.
            model_id: of the network that makes the embeddings.
            metric: of its card.
            scale: of its card, see ``Matching.on_common_scale``.
        """
        self._knowledge = knowledge
        self._model_id = model_id
        self._build = partial(Gallery.build, model_id=model_id, metric=metric, scale=scale)
        self._key: tuple[int, frozenset[str]] | None = None
        nobody = self._build((), np.empty((0, 0), np.float32))
        self._tiers = Tiers(nobody, nobody)

    def current(self) -> Tiers:
        """The tiers now; cheap when nothing changed."""
        key = (self._knowledge.gallery.version(), self._knowledge.roster.expected_now())
        if key != self._key:
            self._tiers = self._split(self._knowledge.gallery.snapshot(self._model_id), key[1])
            self._key = key
        return self._tiers

    def _split(self, snapshot: GallerySnapshot, expected: frozenset[str]) -> Tiers:
        rows = range(len(snapshot.person_ids))
        due = [row for row in rows if snapshot.person_ids[row] in expected]
        rest = [row for row in rows if snapshot.person_ids[row] not in expected]
        return Tiers(self._gallery(snapshot, due), self._gallery(snapshot, rest))

    def _gallery(self, snapshot: GallerySnapshot, rows: list[int]) -> Gallery:
        if not rows:
            return self._build((), np.empty((0, 0), np.float32))
        return self._build([snapshot.person_ids[row] for row in rows], snapshot.templates[rows])
