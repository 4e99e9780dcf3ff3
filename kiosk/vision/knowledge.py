"""Whom the kiosk can know now: its gallery, split by who is due here, and the limits in force."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from kiosk.domain.ports import GallerySnapshot, GalleryView, RosterView, TemplateMatrix
from models.stages.fuse import fuse_people
from models.stages.match import Gallery
from models.store import Matching


@dataclass(frozen=True, slots=True)
class Tiers:
    """The gallery in two parts; together they hold everybody once.

    Attributes:
        expected: of the people due in the running session here, one fused template each.
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

    def __init__(self, knowledge: Knowledge, model_id: str, matching: Matching) -> None:
        """Begin with empty tiers.

        Args:
            knowledge: what may be known.
            model_id: of the network that makes the embeddings.
            matching: of its card.
        """
        self._knowledge = knowledge
        self._model_id = model_id
        self._length = matching.length
        self._build = partial(
            Gallery.build,
            model_id=model_id,
            metric=matching.metric,
            scale=matching.on_common_scale,
        )
        self._key: tuple[int, frozenset[str]] | None = None
        self._version = -1
        self._people: list[str] = []
        self._templates: TemplateMatrix = np.empty((0, 0), np.float32)
        self._tiers = Tiers(self._gallery([]), self._gallery([]))

    def current(self) -> Tiers:
        """The tiers now; cheap when nothing changed."""
        key = (self._knowledge.gallery.version(), self._knowledge.roster.expected_now())
        if key != self._key:
            self._fuse(self._knowledge.gallery.snapshot(self._model_id))
            self._tiers = self._split(key[1])
            self._key = key
        return self._tiers

    def _fuse(self, snapshot: GallerySnapshot) -> None:
        if snapshot.version != self._version:
            self._people, self._templates = fuse_people(
                snapshot.person_ids, snapshot.templates, self._length
            )
            self._version = snapshot.version

    def _split(self, expected: frozenset[str]) -> Tiers:
        due = [row for row, person in enumerate(self._people) if person in expected]
        rest = [row for row, person in enumerate(self._people) if person not in expected]
        return Tiers(self._gallery(due), self._gallery(rest))

    def _gallery(self, rows: list[int]) -> Gallery:
        if not rows:
            return self._build((), np.empty((0, 0), np.float32))
        return self._build([self._people[row] for row in rows], self._templates[rows])
