"""The next network counts and makes templates behind the answers; it never decides or delays."""

import queue
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from kiosk.domain.networks import NetworkFault
from kiosk.domain.shadow import ShadowOutcome
from kiosk.errors import NetworkMissingError
from kiosk.vision.handover import ScanGrounds
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.shadow import FusedScan, ShadowHooks, ShadowState, ShadowWorker
from models.errors import InferenceError
from tests.fakes.next_network import (
    CURRENT_ID,
    LOOKS,
    NEXT_ID,
    PixelNetwork,
    TwoGalleries,
    decided,
)
from tests.support.waiting import wait_until

WAIT_S = 30.0
GROUNDS = ScanGrounds("ana", 0.2, 0.4)
MISSING = NetworkMissingError("gone", model=NEXT_ID, command="rollcall-models install")
DAMAGED = NetworkMissingError(
    "bad", model=NEXT_ID, command="rollcall-models install", is_damaged=True
)
BOTH = {CURRENT_ID: ["ana", "ben"], NEXT_ID: ["ana", "ben"]}


class Bench:
    """A running worker and what it said."""

    def __init__(self, people: dict[str, list[str]], *errors: Exception) -> None:
        gallery = TwoGalleries(people)
        self.network = PixelNetwork(*errors)
        self.outcomes: queue.Queue[ShadowOutcome] = queue.Queue()
        self.scans: queue.Queue[FusedScan] = queue.Queue()
        hooks = ShadowHooks(lambda outcome, _one, _two: self.outcomes.put(outcome), self.scans.put)
        knowledge = Knowledge(gallery, gallery)
        self.worker = ShadowWorker(self.network.open, knowledge, hooks, retry_s=0.01)

    def start(self, *, collects_scans: bool = False) -> None:
        self.worker.follow(NEXT_ID, collects_scans=collects_scans)
        self.worker.start()
        wait_until(lambda: self.worker.state() == ShadowState(NEXT_ID), what="the next network")

    def counts(self, person_id: str | None, shown: str) -> ShadowOutcome:
        self.worker.take(decided(person_id, shown))
        return self.outcomes.get(timeout=WAIT_S)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(BOTH)
    made.start()
    yield made
    made.worker.stop()


@pytest.mark.parametrize(
    ("person_id", "shown", "outcome"),
    [
        ("ana", "ana", ShadowOutcome.AGREED),
        ("ana", "stranger", ShadowOutcome.MISSED),
        ("ana", "ben", ShadowOutcome.OTHER_PERSON),
        (None, "ana", ShadowOutcome.ONLY_NEXT),
        (None, "stranger", ShadowOutcome.NOBODY),
    ],
)
def test_a_scan_counts_by_what_both_networks_say(
    bench: Bench, person_id: str | None, shown: str, outcome: ShadowOutcome
) -> None:
    assert bench.counts(person_id, shown) is outcome


def test_only_people_with_templates_of_both_networks_count() -> None:
    bench = Bench({CURRENT_ID: ["ana", "ben"], NEXT_ID: ["ben", "eva"]})
    bench.start()
    bench.worker.take(decided("ana", "ana"))
    bench.worker.take(decided(None, "eva"))
    bench.worker.take(decided("ben", "eva"))

    assert bench.counts("ben", "ben") is ShadowOutcome.AGREED
    assert bench.outcomes.empty()
    bench.worker.stop()


def test_without_any_template_of_the_next_network_nothing_is_counted_but_scans_are_made() -> None:
    bench = Bench({CURRENT_ID: ["ana"]})
    bench.start(collects_scans=True)
    bench.worker.take(decided("ana", "ana", grounds=GROUNDS))
    scan = bench.scans.get(timeout=WAIT_S)

    assert (scan.decided_by, scan.model_id, scan.frames) == (CURRENT_ID, NEXT_ID, 3)
    assert scan.grounds == GROUNDS
    np.testing.assert_allclose(
        scan.template / np.linalg.norm(scan.template), LOOKS["ana"], atol=1e-6
    )
    assert bench.outcomes.empty()
    bench.worker.stop()


def test_each_view_is_embedded_mirrored_too(bench: Bench) -> None:
    bench.counts("ana", "ana")
    assert bench.network.session.runs == 2 * 3


def test_a_track_that_was_counted_before_counts_once() -> None:
    bench = Bench(BOTH)
    bench.start(collects_scans=True)
    bench.worker.take(decided("ana", "ana", is_counted=False, grounds=GROUNDS))
    bench.scans.get(timeout=WAIT_S)

    assert bench.outcomes.empty()
    bench.worker.stop()


def test_no_template_is_made_when_the_school_does_not_collect(bench: Bench) -> None:
    bench.worker.take(decided("ana", "ana", grounds=GROUNDS))
    assert bench.outcomes.get(timeout=WAIT_S) is ShadowOutcome.AGREED
    assert bench.counts("ana", "ana") is ShadowOutcome.AGREED
    assert bench.scans.empty()


def test_a_busy_worker_makes_nobody_wait_and_drops_what_does_not_fit(bench: Bench) -> None:
    gate, entered = threading.Event(), threading.Event()
    run = bench.network.session.run

    def slow(batch: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> object:
        entered.set()
        gate.wait(WAIT_S)
        return run(batch)

    bench.network.session.run = slow  # type: ignore[method-assign, assignment]
    bench.worker.take(decided("ana", "ana"))
    assert entered.wait(WAIT_S)
    for _ in range(100):  # would never end if it waited: the gate is closed
        bench.worker.take(decided("ana", "ana"))
    gate.set()
    bench.worker.stop()

    assert 1 <= bench.outcomes.qsize() <= 9


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (MISSING, NetworkFault.MISSING),
        (DAMAGED, NetworkFault.DAMAGED),
        (InferenceError("refused"), NetworkFault.FAILING),
        (PermissionError("no"), NetworkFault.FAILING),
        (MemoryError(), NetworkFault.FAILING),
    ],
)
def test_a_network_that_is_not_here_is_said_once_and_tried_again(
    error: Exception, fault: NetworkFault, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(BOTH, *[error] * 1_000_000)
    bench.worker.follow(NEXT_ID, collects_scans=False)
    bench.worker.start()
    wait_until(lambda: bench.worker.state().fault is fault, what="the fault")
    wait_until(lambda: len(bench.network.opened) > 2, what="another try")
    bench.network.errors.clear()
    wait_until(lambda: bench.worker.state() == ShadowState(NEXT_ID), what="the next network")

    assert bench.counts("ana", "ana") is ShadowOutcome.AGREED
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    bench.worker.stop()


def test_a_failing_network_is_said_once_and_the_worker_goes_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    run, failures = bench.network.session.run, [InferenceError("no"), ValueError("odd")]

    def sometimes(batch: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> object:
        if failures:
            raise failures.pop()
        return run(batch)

    bench.network.session.run = sometimes  # type: ignore[method-assign, assignment]
    bench.worker.take(decided("ana", "ana"))
    bench.worker.take(decided("ana", "ana"))

    assert bench.counts("ana", "ana") is ShadowOutcome.AGREED
    assert len([record for record in caplog.records if record.levelno >= 30]) == 1


def test_the_end_of_the_change_ends_the_comparison(bench: Bench) -> None:
    bench.worker.follow(None, collects_scans=True)
    wait_until(lambda: bench.worker.state() == ShadowState(), what="the end")

    assert not bench.worker.collects_scans
    bench.worker.take(decided("ana", "ana"))
    bench.worker.stop()
    assert bench.outcomes.empty()
