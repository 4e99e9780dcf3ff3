"""Whom the kiosk can know now: its gallery, split by who is due here, and the limits in force."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kiosk.domain.ports import GallerySnapshot, GalleryView, RosterView
from kiosk.vision.evidence import Metric
from models.stages.match import Gallery


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

    def __init__(self, knowledge: Knowledge, model_id: str, metric: Metric) -> None:
        self._knowledge = knowledge
        self._model_id = model_id
        self._metric = metric
        self._key: tuple[int, frozenset[str]] | None = None
        self._tiers = Tiers(*(_gallery((), None, model_id, metric) for _ in range(2)))

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
        return Tiers(
            *(_gallery(part, snapshot, self._model_id, self._metric) for part in (due, rest))
        )


def _gallery(
    rows: Iterable[int], snapshot: GallerySnapshot | None, model_id: str, metric: Metric
) -> Gallery:
    chosen = list(rows)
    if snapshot is None or not chosen:
        return Gallery.build((), np.empty((0, 0), np.float32), model_id, metric=metric)
    person_ids = [snapshot.person_ids[row] for row in chosen]
    return Gallery.build(person_ids, snapshot.templates[chosen], model_id, metric=metric)
