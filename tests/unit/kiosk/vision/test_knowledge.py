"""The gallery is replaced as a whole, whoever is asking at that moment."""

import itertools
import threading

import numpy as np
import pytest

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import GallerySnapshot
from kiosk.vision.knowledge import Knowledge, TierIndex
from kiosk.vision.limits import Calibrated
from models.store import default_store
from tests.fakes.face_models import DIMENSION, vector

CARD = default_store().find("dlib-resnet-v1")[0]
GENERATIONS = 30
EACH = 40


class Changing:
    """A gallery whose people all belong to one of many generations; rules change with it."""

    def __init__(self) -> None:
        self._held = self._generation(0)

    def replace(self, number: int) -> None:
        self._held = self._generation(number)

    def version(self) -> int:
        return self._held.version

    def snapshot(self, model_id: str) -> GallerySnapshot:
        return self._held

    def expected_now(self) -> frozenset[str]:
        return frozenset(self._held.person_ids[: EACH // 2])

    def match_rules(self) -> MatchRules:
        return MatchRules(
            roster_distance=0.5, wide_distance=0.4, adults=frozenset(self._held.person_ids)
        )

    def _generation(self, number: int) -> GallerySnapshot:
        ids = tuple(f"g{number}-{n}" for n in range(EACH))
        rows = np.stack([vector(n / EACH + 0.01) for n in range(EACH)])
        return GallerySnapshot(number, "dlib-resnet-v1", ids, rows)


def index_of(gallery: Changing) -> TierIndex:
    return TierIndex(Knowledge(gallery, gallery), CARD.id, Calibrated.of(CARD))


def test_every_answer_is_of_one_whole_gallery_while_it_is_replaced() -> None:
    gallery = Changing()
    index, has_seen_enough = index_of(gallery), threading.Event()

    def replace_often() -> None:
        for number in itertools.count(1):
            if has_seen_enough.is_set():
                return
            gallery.replace(number)

    writer = threading.Thread(target=replace_often)
    writer.start()
    seen: set[str] = set()
    try:
        while len(seen) < GENERATIONS:
            tiers = index.current()
            people = tiers.expected.person_ids + tiers.others.person_ids
            assert len(people) == EACH
            (generation,) = {person.partition("-")[0] for person in people}
            found = tiers.others.search(vector(0.9))
            assert found.person_id is None or found.person_id.startswith(generation)
            seen.add(generation)
    finally:
        has_seen_enough.set()
        writer.join()
    gallery.replace(-1)
    assert index.current().others.person_ids[0].startswith("g-1-")


def test_nothing_is_built_anew_while_nothing_changes() -> None:
    index = index_of(Changing())

    assert index.current() is index.current()


def test_limits_know_how_many_people_are_in_each_tier() -> None:
    tiers = index_of(Changing()).current()

    assert tiers.expected_limits.limit("g0-1") == pytest.approx(0.5)
    assert (tiers.expected_limits.people, tiers.others_limits.people) == (EACH // 2, EACH // 2)
    assert len(vector(0.0)) == DIMENSION
