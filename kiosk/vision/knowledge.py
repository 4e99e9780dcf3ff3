"""The people the kiosk can recognise now: its gallery, split by who is due, and the limits."""

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import GallerySnapshot, GalleryView, RosterView, TemplateMatrix
from kiosk.vision.limits import Calibrated, Tier, TierLimits
from models.stages.fuse import fuse_people
from models.stages.match import Gallery


@dataclass(frozen=True, slots=True)
class Tiers:
    """The gallery in two parts, which together hold everybody once, and what matching keeps to.

    Attributes:
        expected: of the people due in the running lesson here, one fused template each.
        others: everybody else's.
        rules: of the policy in force.
        expected_limits: how close a match among those due must be.
        others_limits: among everybody else.
        left_out: people who are not recognised: this network has no limits for their group.
    """

    expected: Gallery
    others: Gallery
    rules: MatchRules
    expected_limits: TierLimits
    others_limits: TierLimits
    left_out: int

    @property
    def is_empty(self) -> bool:
        """Nobody is known here."""
        return not len(self.expected) and not len(self.others)

    @classmethod
    def of(cls, card: Calibrated, rules: MatchRules, galleries: tuple[Gallery, Gallery]) -> Self:
        """Put galleries, of those due and of the others, together with their limits."""
        expected, others = galleries
        due = TierLimits(card, rules, Tier.ROSTER, len(expected))
        rest = TierLimits(card, rules, Tier.WIDE, len(others))
        left_out = due.left_out(expected.person_ids) + rest.left_out(others.person_ids)
        return cls(expected, others, rules, due, rest, left_out)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Where the recogniser asks what it may know; each may change between two frames.

    Attributes:
        gallery: all templates here.
        roster: who is due now, and the rules of the policy in force.
    """

    gallery: GalleryView
    roster: RosterView


class TierIndex:
    """Keeps the tiers of one model current: rebuilt only when gallery, roster or rules changed."""

    def __init__(self, knowledge: Knowledge, model_id: str, card: Calibrated) -> None:
        """Begin with empty tiers.

        Args:
            knowledge: what may be known.
            model_id: of the network that makes the embeddings.
            card: what that network's card says about distances.
        """
        matching = card.matching
        self._card = card
        self._knowledge = knowledge
        self._model_id = model_id
        self._length = matching.length
        self._build = partial(
            Gallery.build,
            model_id=model_id,
            metric=matching.metric,
            scale=matching.on_common_scale,
        )
        self._key: tuple[int, frozenset[str], MatchRules] | None = None
        self._version = -1
        self._people: list[str] = []
        self._templates: TemplateMatrix = np.empty((0, 0), np.float32)
        self._tiers = self._split(frozenset(), MatchRules())

    def current(self) -> Tiers:
        """The tiers now; cheap when nothing changed."""
        roster = self._knowledge.roster
        key = (self._knowledge.gallery.version(), roster.expected_now(), roster.match_rules())
        if key != self._key:
            self._fuse(self._knowledge.gallery.snapshot(self._model_id))
            self._tiers = self._split(key[1], key[2])
            self._key = key
        return self._tiers

    def _fuse(self, snapshot: GallerySnapshot) -> None:
        if snapshot.version != self._version:
            self._people, self._templates = fuse_people(
                snapshot.person_ids, snapshot.templates, self._length
            )
            self._version = snapshot.version

    def _split(self, expected: frozenset[str], rules: MatchRules) -> Tiers:
        due = [row for row, person in enumerate(self._people) if person in expected]
        rest = [row for row, person in enumerate(self._people) if person not in expected]
        galleries = self._gallery(due), self._gallery(rest)
        return Tiers.of(self._card, rules, galleries)

    def _gallery(self, rows: list[int]) -> Gallery:
        if not rows:
            return self._build((), np.empty((0, 0), np.float32))
        return self._build([self._people[row] for row in rows], self._templates[rows])
