import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.errors import UnreachableError
from kiosk.sync.inbox import Arrived, Inbox, Item, LinkChanged, Woken
from kiosk.sync.uploader import Uploader, UploadHooks, UploadRoute, UploadTimings
from protocol.v1.messages import Ack, EventBatch, EventRefusal, VersionHint
from tests.fakes.kiosk_clock import START, ManualClock
from tests.unit.kiosk.storage.drafts import ack, draft, outbox_in


class Server:
    """The way straight to the server: stores by number, or is away."""

    def __init__(self) -> None:
        self.seqs: set[int] = set()
        self.batches: list[EventBatch] = []
        self.is_away = False
        self.reason = ""

    def send_events(self, batch: EventBatch) -> Ack:
        if self.is_away:
            raise UnreachableError("away")
        self.batches.append(batch)
        refused = [
            EventRefusal(id=str(raw["id"]), reason=self.reason)
            for raw in batch.events
            if self.reason
        ]
        self.seqs |= {int(str(raw["seq"])) for raw in batch.events}
        return ack(max(self.seqs, default=0), *refused)


class Broker:
    """The way through the broker: takes batches, says nothing."""

    def __init__(self) -> None:
        self.health = LinkHealth.UP
        self.batches: list[EventBatch] = []

    def send_events(self, batch: EventBatch) -> bool:
        self.batches.append(batch)
        return True

    def seqs(self) -> list[int]:
        return [int(str(raw["seq"])) for batch in self.batches for raw in batch.events]


class Line:
    """An uploader whose turns the test takes one by one."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.server = Server()
        self.broker = Broker()
        self.outbox = outbox_in(folder)
        self.hints: list[VersionHint] = []
        self.uploader = Uploader(
            self.outbox,
            UploadRoute("k1", self.server, self.broker),
            inbox=Inbox(),
            clock=self.clock,
            timings=UploadTimings(http_backlog=250, retry_first_s=1.0, retry_most_s=4.0, window=2),
            hooks=UploadHooks(watermark=lambda: START, on_hint=self.hints.append),
        )

    def record(self, count: int) -> None:
        for _ in range(count):
            self.outbox.append(draft())

    def turn(self, *items: Item) -> None:
        self.uploader.turn(list(items) or [Woken()])

    def hears_ack(self, seq: int) -> None:
        self.turn(Arrived("ack", ack(seq).to_json()))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    yield line
    line.outbox.close()


def test_events_go_through_the_broker_once_and_leave_with_the_ack(line: Line) -> None:
    line.record(3)
    line.turn()
    line.turn()
    waiting_before = line.outbox.waiting
    line.hears_ack(3)

    assert line.broker.seqs() == [1, 2, 3]
    assert (waiting_before, line.outbox.waiting) == (3, 0)
    assert line.server.batches == []


def test_no_more_than_a_window_of_batches_is_on_its_way(line: Line) -> None:
    line.record(250)
    line.turn()
    sent_before = len(line.broker.batches)
    line.hears_ack(100)

    assert sent_before == 2
    assert line.broker.seqs() == list(range(1, 251))


def test_events_go_straight_when_no_ack_comes_in_time(line: Line) -> None:
    line.record(2)
    line.turn()
    line.clock.advance(11)
    line.turn()

    assert line.server.seqs == {1, 2}
    assert line.outbox.waiting == 0


def test_long_backlog_goes_straight(line: Line) -> None:
    line.record(251)
    line.turn()

    assert [len(batch.events) for batch in line.server.batches] == [100, 100, 51]
    assert line.outbox.waiting == 0


def test_events_go_straight_while_the_broker_is_away(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.record(1)
    line.turn()

    assert line.outbox.waiting == 0
    assert line.broker.batches == []


def test_refused_link_is_not_used(line: Line) -> None:
    line.broker.health = LinkHealth.REFUSED
    line.record(1)
    line.turn()

    assert line.broker.batches == []
    assert line.outbox.waiting == 0


def test_nothing_is_lost_and_tries_get_rarer_while_everything_is_away(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.is_away = True
    line.record(5)
    line.turn()
    line.server.is_away = False
    line.turn()
    waiting_at_once = line.outbox.waiting
    line.clock.advance(1.1)
    line.turn()

    assert (waiting_at_once, line.outbox.waiting) == (5, 0)


def test_everything_is_sent_again_when_the_link_comes_back(line: Line) -> None:
    line.record(2)
    line.turn()
    line.turn(LinkChanged(is_up=False))
    line.turn(LinkChanged(is_up=True))

    assert line.broker.seqs() == [1, 2, 1, 2, 1, 2]


def test_late_and_repeated_acks_do_no_harm(line: Line) -> None:
    line.record(2)
    line.turn()
    line.hears_ack(2)
    line.record(1)
    line.hears_ack(2)
    line.hears_ack(1)

    assert [raw["seq"] for raw in line.outbox.pending(10)] == [3]


def test_refused_event_is_kept_and_said_once(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.reason = "future"
    line.record(1)
    with caplog.at_level(logging.ERROR):
        line.turn()

    assert (line.outbox.waiting, line.outbox.refused) == (0, 1)
    assert "refused 1 events" in caplog.text


def test_server_that_cannot_take_events_now_is_not_hammered(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.reason = "backend"
    line.record(1)
    line.turn()
    line.turn()

    assert len(line.server.batches) == 1
    assert line.outbox.waiting == 1


def test_watermark_goes_with_the_last_batch_only(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.record(150)
    line.turn()

    assert [batch.synced_through for batch in line.server.batches] == [None, START]
    assert {batch.last_seq for batch in line.server.batches} == {150}


def test_watermark_is_told_with_an_empty_batch_while_the_broker_is_away(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.uploader.tell_watermark()
    line.turn()
    line.turn()

    (batch,) = line.server.batches
    assert (batch.events, batch.synced_through) == ((), START)


def test_hints_are_passed_on_and_nonsense_is_not(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    hint = VersionHint(gallery=4, config="c2", issued_at=START)
    with caplog.at_level(logging.WARNING):
        line.turn(Arrived("hint", hint.to_json()), Arrived("ack", b"{}"), Arrived("hint", b"\xff"))

    assert line.hints == [hint]
    assert len(caplog.records) == 2


def test_damaged_outbox_is_logged_on_the_edge(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.outbox.close()
    with caplog.at_level(logging.ERROR):
        line.turn()
        line.turn()

    assert len(caplog.records) == 1


def test_thread_sends_what_is_recorded_and_ends_when_told(line: Line) -> None:
    line.uploader.start()
    line.record(1)
    line.uploader.wake()
    line.uploader.stop()

    assert not line.uploader._thread.is_alive()
