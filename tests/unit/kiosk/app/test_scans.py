"""A template is kept only of a mark on disk, after "Not me", and of a person who is still here."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.app.scans import ScanCollector
from kiosk.domain.clock import ClockReading
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.domain.timetable import Timetable
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from kiosk.storage.scans import SQLiteScans
from kiosk.vision.handover import ScanGrounds
from kiosk.vision.shadow import FusedScan
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import ClockSource, EventKind, GalleryPage, NetworkChoice, TombstoneReason
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.scans import NEXT_ID, opened
from tests.fakes.school import (
    DATA_KEY,
    KEY_ID,
    KIOSK_ID,
    MODEL_ID,
    SIGNING_KEY,
    page,
    tombstone,
    upsert,
)

CHANGE = NetworkChoice(current=MODEL_ID, next=NEXT_ID, collects_scans=True)
TIMETABLE = Timetable(room_name="R12", time_zone="Asia/Tokyo", network=CHANGE)
KEYS = GalleryKeys(KIOSK_ID, KEY_ID, DATA_KEY, SIGNING_KEY)
VALUES = np.array([0.5, -0.25, 1.0], np.float32)
WINDOW_S = 5.0
WAIT_S = 30.0


@dataclass
class Desk:
    """A collector with its files."""

    collector: ScanCollector
    store: SQLiteScans
    gallery: SQLiteGallery
    clock: ManualClock

    def marks(self, person_id: str, track_id: int = 1, model_id: str = MODEL_ID) -> str:
        """The attendant records a mark."""
        event_id = str(uuid7())
        evidence = MatchEvidence(0.31, 0.2, 0.5, 0.9, model_id)
        reading = self.clock.reading()
        draft = EventDraft(EventKind.SEEN, reading, "s1", person_id, 1, evidence)
        self.collector.marked(track_id, event_id, draft, WINDOW_S)
        return event_id

    def fuses(self, person_id: str, track_id: int = 1) -> None:
        """The next network's template of a track is ready."""
        grounds = ScanGrounds(person_id, 0.31, 0.39)
        self.collector.fused(FusedScan(track_id, MODEL_ID, grounds, NEXT_ID, VALUES, 5))

    def later(self, seconds: float = 60.0) -> None:
        self.clock.advance(seconds)
        self.collector.settle()

    def people(self) -> list[str]:
        return [one.person_id for one in self.store.oldest(1000)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from desk_in(tmp_path)


def desk_in(folder: Path) -> Iterator[Desk]:
    clock = ManualClock()
    with (
        closing(SQLiteScans(folder / "scans.db", "this claim")) as store,
        closing(SQLiteGallery(folder / "gallery.db", KEYS, clock)) as gallery,
    ):
        gallery.apply(page(0, [upsert(1), upsert(2)]))
        collector = ScanCollector(store, gallery, KEYS, clock)
        collector.follow(TIMETABLE)
        yield Desk(collector, store, gallery, clock)


@pytest.mark.parametrize("is_mark_first", [True, False])
def test_mark_and_template_of_a_track_become_a_signed_scan(desk: Desk, is_mark_first: bool) -> None:
    event_id = desk.marks("p1") if is_mark_first else ""
    desk.fuses("p1")
    event_id = event_id or desk.marks("p1")
    desk.later()

    (scan,) = desk.store.oldest(10)
    assert opened(scan) == VALUES.tolist()
    assert (scan.event_id, scan.person_id, scan.frames) == (event_id, "p1", 5)
    assert (scan.decided_by, scan.model_id, scan.dimension) == (MODEL_ID, NEXT_ID, 3)
    assert (scan.distance, scan.strict_limit) == (0.31, 0.39)
    assert scan.captured_at == START


def test_nothing_is_kept_while_not_me_is_offered(desk: Desk) -> None:
    desk.marks("p1")
    desk.fuses("p1")
    desk.later(WINDOW_S)
    assert desk.people() == []
    desk.later(2.0)
    assert desk.people() == ["p1"]


@pytest.mark.parametrize("is_fused_later", [True, False])
def test_not_me_deletes_the_scan_of_its_event(desk: Desk, is_fused_later: bool) -> None:
    desk.marks("p1")
    if not is_fused_later:
        desk.fuses("p1")
    desk.collector.taken_back("p1")
    desk.fuses("p1")
    desk.marks("p2", track_id=2)
    desk.fuses("p2", track_id=2)
    desk.later()

    assert desk.people() == ["p2"]


def test_not_me_deletes_what_waits_of_an_earlier_mark_too(desk: Desk) -> None:
    desk.marks("p1")
    desk.fuses("p1")
    desk.later()
    desk.collector.taken_back("p1")
    desk.later()

    assert desk.people() == []


def test_a_template_of_another_track_is_not_the_marks(desk: Desk) -> None:
    desk.marks("p1", track_id=1)
    desk.fuses("p1", track_id=2)
    desk.fuses("p2", track_id=1)
    desk.later()

    assert desk.people() == []


def test_one_scan_a_person_and_school_day(desk: Desk) -> None:
    """START is 17:00 in Tokyo: seven hours later it is the next day there."""
    for track_id, pause_s in enumerate([60, 6 * 3600, 3600]):
        desk.marks("p1", track_id)
        desk.fuses("p1", track_id)
        desk.later(60)
        desk.clock.advance(pause_s)

    assert desk.people() == ["p1"]
    desk.marks("p1", 9)
    desk.fuses("p1", 9)
    desk.later()
    assert desk.people() == ["p1", "p1"]


@pytest.mark.parametrize("reason", list(TombstoneReason))
def test_a_person_whose_template_goes_leaves_no_scan(desk: Desk, reason: str) -> None:
    desk.marks("p1")
    desk.fuses("p1")
    desk.later()
    desk.marks("p2", 2)
    desk.fuses("p2", 2)
    desk.collector.apply(page(2, [], [tombstone(1, 3, reason), tombstone(2, 4, reason)]))
    desk.later()

    assert desk.people() == []


def test_a_reset_that_leaves_a_person_out_deletes_their_scan(desk: Desk) -> None:
    desk.marks("p1")
    desk.fuses("p1")
    desk.later()
    desk.collector.apply(page(0, [upsert(2, change=9)], reset=True))

    assert desk.people() == []


def test_a_person_who_left_before_the_scan_was_ready_gets_none(desk: Desk) -> None:
    desk.marks("p1")
    desk.collector.apply(page(2, [], [tombstone(1, 3, "erased")]))
    desk.marks("p1")
    desk.fuses("p1")
    desk.later()

    assert desk.people() == []


@pytest.mark.parametrize(
    "choice",
    [
        None,
        NetworkChoice(current=NEXT_ID),
        NetworkChoice(current=MODEL_ID),
        NetworkChoice(current=MODEL_ID, next="omz-0095"),
    ],
)
def test_the_end_of_the_change_deletes_everything(desk: Desk, choice: NetworkChoice | None) -> None:
    desk.marks("p1")
    desk.fuses("p1")
    desk.later()
    desk.marks("p2", 2)
    desk.fuses("p2", 2)
    desk.collector.follow(replace(TIMETABLE, network=choice))
    desk.later()

    assert desk.people() == []


def test_a_new_configuration_within_the_change_deletes_nothing(desk: Desk) -> None:
    desk.marks("p1")
    desk.fuses("p1")
    desk.collector.follow(replace(TIMETABLE, room_name="R13"))
    desk.later()

    assert desk.people() == ["p1"]


def test_an_event_of_another_network_makes_no_scan(desk: Desk) -> None:
    desk.marks("p1", model_id="omz-0095")
    desk.fuses("p1")
    desk.later()

    assert desk.people() == []


def test_a_kiosk_whose_clock_was_never_set_makes_none_and_deletes_none(desk: Desk) -> None:
    desk.marks("p1")
    desk.fuses("p1")
    desk.later()
    desk.clock.source, desk.clock.offset_ms = ClockSource.UNSYNCED, None
    desk.clock.at = START - timedelta(days=20000)
    desk.marks("p2", 2)
    desk.fuses("p2", 2)
    desk.later()

    assert desk.people() == ["p1"]
    assert isinstance(desk.clock.reading(), ClockReading)


def test_neither_answers_nor_the_comparison_wait_for_the_disk(desk: Desk) -> None:
    """The disk may be busy with a page of the gallery for a second."""
    busy, free = threading.Event(), threading.Event()
    apply = desk.gallery.apply

    third = page(2, [upsert(3)])

    def slowly(page: GalleryPage) -> None:
        busy.set()
        free.wait(WAIT_S)
        apply(page)

    desk.gallery.apply = slowly  # type: ignore[method-assign]
    applying = threading.Thread(target=desk.collector.apply, args=(third,))
    applying.start()
    assert busy.wait(WAIT_S)
    desk.marks("p1")
    desk.fuses("p1")
    desk.collector.taken_back("p2")  # would wait for ever: the disk is busy until the next line
    free.set()
    applying.join(WAIT_S)
    desk.later()

    assert desk.people() == ["p1"]


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from("mfdx"), st.integers(1, 3), st.sampled_from(["p1", "p2"])),
        max_size=25,
    )
)
def test_no_scan_without_its_mark_and_none_after_not_me(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str]]
) -> None:
    """m marks, f fuses, d denies, x lets time pass; in any order."""
    for desk in desk_in(tmp_path_factory.mktemp("desk")):
        marked: dict[str, str] = {}
        denied: set[str] = set()
        for step, track_id, person_id in steps:
            if step == "m":
                marked[desk.marks(person_id, track_id)] = person_id
            elif step == "f":
                desk.fuses(person_id, track_id)
            elif step == "d":
                desk.collector.taken_back(person_id)
                denied |= {event for event, person in marked.items() if person == person_id}
            else:
                desk.later(10)
        desk.later(10)
        for scan in desk.store.oldest(1000):
            assert marked[scan.event_id] == scan.person_id
            assert scan.event_id not in denied
        assert len(desk.people()) == len(set(desk.people()))
