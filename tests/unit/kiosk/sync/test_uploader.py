import base64
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.errors import PacedError, UnreachableError
from kiosk.storage.outbox import ChainStart
from kiosk.sync.inbox import Arrived, Inbox, Item, LinkChanged, Woken
from kiosk.sync.uploader import Uploader, UploadHooks, UploadRoute, UploadTimings
from protocol.v1.messages import Ack, EventBatch, EventRefusal, SeqRange, VersionHint, Watermark
from protocol.v1.signing import make_key, public_text
from protocol.v1.statements import sign_ack
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.school import SERVER_KEY
from tests.unit.kiosk.storage.drafts import ack, draft, outbox_in


class Server:
    """The way straight to the server: stores by number, or is away."""

    def __init__(self) -> None:
        self.seqs: set[int] = set()
        self.batches: list[EventBatch] = []
        self.is_away = False
        self.is_paced = False
        self.asked = 0
        self.reason = ""
        self.said: Callable[[set[int]], Ack] | None = None

    def send_events(self, batch: EventBatch) -> Ack:
        self.asked += 1
        if self.is_away:
            raise UnreachableError("away")
        if self.is_paced:
            raise PacedError(20)
        self.batches.append(batch)
        refused = [
            EventRefusal(id=str(raw["id"]), reason=self.reason)
            for raw in batch.events
            if self.reason
        ]
        seqs = {int(str(raw["seq"])) for raw in batch.events}
        if self.said is not None:
            return self.said(seqs)
        self.seqs |= seqs
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


def watermark(newest: ChainStart) -> Watermark:
    """A watermark up to this event; the uploader does not look into it."""
    return Watermark(
        kiosk_id="k1",
        through=START,
        seq=newest.seq,
        head=newest.hash,
        boot_id="b1",
        made_at=START,
        uptime_s=1.0,
        clock_source="ntp",
        signature=base64.b64encode(bytes(64)).decode(),
    )


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
            UploadRoute("k1", self.server, self.broker, public_text(SERVER_KEY)),
            inbox=Inbox(),
            clock=self.clock,
            timings=UploadTimings(retry_first_s=1.0, retry_most_s=4.0, window=2),
            hooks=UploadHooks(watermark=self.watermark, on_hint=self.hints.append),
        )

    def watermark(self) -> Watermark | None:
        newest = self.outbox.whole_through()
        return None if newest is None else watermark(newest)

    def record(self, count: int) -> None:
        for _ in range(count):
            self.outbox.append(draft())

    def turn(self, *items: Item) -> None:
        self.uploader.turn(list(items) or [Woken()])

    def hears_ack(self, seq: int, after_s: float = 0.0) -> None:
        self.turn(Arrived("ack", ack(seq, after_s=after_s).to_json()))

    def hears_ack_of(self, *runs: tuple[int, int]) -> None:
        """The server holds these numbers, past a gap."""
        beyond = tuple(SeqRange(first=first, last=last) for first, last in runs)
        said = ack(0).model_copy(update={"stored_beyond": beyond, "signature": None})
        self.turn(Arrived("ack", sign_ack(said, SERVER_KEY).to_json()))


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
    assert line.broker.seqs() == [*range(151, 251), *range(51, 151)]


def test_marks_of_now_go_before_the_backlog_of_a_week(line: Line) -> None:
    line.record(450)
    line.turn()
    line.record(1)
    line.hears_ack_of((351, 450))
    line.hears_ack_of((251, 451))
    line.hears_ack_of((151, 451))
    line.hears_ack(451)

    sent = [[int(str(raw["seq"])) for raw in batch.events] for batch in line.broker.batches]
    assert [(one[0], one[-1]) for one in sent] == [
        (351, 450), (251, 350), (451, 451), (151, 250), (51, 150), (1, 50)
    ]  # fmt: skip
    assert line.outbox.waiting == 0
    assert [batch.watermark is not None for batch in line.broker.batches] == [False] * 5 + [True]


def test_backlog_that_was_not_sent_does_not_count_by_its_numbers(line: Line) -> None:
    """A card restored from an older image: the server holds these numbers of other events."""
    line.record(350)
    line.turn()
    line.hears_ack(350)

    assert (line.outbox.waiting, line.outbox.kept) == (150, 200)


def test_nothing_goes_straight_while_acks_advance(line: Line) -> None:
    line.record(500)
    line.turn()
    for first in (401, 301, 201, 101, 1):
        line.clock.advance(9)
        line.turn()
        line.hears_ack_of((first, 500))

    assert (line.server.batches, line.outbox.waiting) == ([], 0)
    assert len(line.broker.seqs()) == len(set(line.broker.seqs())) == 500


def test_batch_that_was_lost_on_the_way_goes_the_same_way_again(line: Line) -> None:
    line.record(1)
    line.turn()
    for seq in range(2, 7):
        line.record(1)
        line.turn()
        line.clock.advance(8)
        line.hears_ack_of((2, seq))

    assert line.server.batches == []
    assert line.broker.seqs() == [1, 2, 3, 4, 5, 1, 6]


def test_events_go_straight_when_no_ack_comes_in_time(line: Line) -> None:
    line.record(2)
    line.turn()
    line.clock.advance(11)
    line.turn()

    assert line.server.seqs == {1, 2}
    assert line.outbox.waiting == 0


def test_long_backlog_goes_straight_where_there_is_no_broker(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.record(251)
    line.turn()

    assert [len(batch.events) for batch in line.server.batches] == [100, 100, 51]
    assert line.server.batches[0].events[-1]["seq"] == 251
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


def test_a_technician_need_not_wait_for_the_next_try(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.is_away = True
    line.record(5)
    line.turn()
    line.server.is_away = False
    line.uploader.retry_now()
    line.turn()

    assert line.outbox.waiting == 0


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
    line.hears_ack(1, after_s=-5)

    assert [raw["seq"] for raw in line.outbox.pending(10)] == [3]


def test_numbers_that_an_earlier_run_used_do_not_count_for_events_that_were_never_sent(
    line: Line,
) -> None:
    """A card restored from an older image: the server holds these numbers of other events."""
    line.broker.health = LinkHealth.DOWN
    line.server.is_away = True
    line.record(6)
    line.turn()
    line.hears_ack(5)

    assert (line.outbox.waiting, line.outbox.kept) == (6, 0)


def test_events_that_a_lost_link_may_have_dropped_are_acknowledged_only_after_another_try(
    line: Line,
) -> None:
    line.record(2)
    line.turn()
    line.broker.health = LinkHealth.DOWN
    line.server.is_away = True
    line.turn(LinkChanged(is_up=False))
    line.hears_ack(2)
    before = line.outbox.waiting
    line.broker.health = LinkHealth.UP
    line.turn(LinkChanged(is_up=True))
    line.hears_ack(2, after_s=60)

    assert (before, line.outbox.waiting) == (2, 0)


def test_straight_answer_counts_although_the_servers_clock_was_ahead_before(line: Line) -> None:
    line.record(1)
    line.turn()
    line.hears_ack(1, after_s=30 * 86400.0)
    line.broker.health = LinkHealth.DOWN
    line.record(1)
    line.turn()
    waiting = line.outbox.waiting
    line.broker.health = LinkHealth.UP
    line.turn(LinkChanged(is_up=True))
    line.record(1)
    line.turn()
    line.hears_ack(3, after_s=5)

    assert (waiting, line.outbox.waiting) == (0, 0)


def test_refused_event_is_kept_and_said_once(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.reason = "malformed"
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


def test_server_that_calls_every_number_taken_is_not_hammered(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.reason = "fork"
    line.record(1)
    line.turn()
    line.turn()
    before = len(line.server.batches)
    line.server.reason = ""
    line.clock.advance(5)
    line.turn()

    assert before == 1
    assert line.outbox.waiting == 0


def test_watermark_goes_with_the_last_batch_only(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.record(150)
    line.turn()

    assert [batch.watermark for batch in line.server.batches] == [None, line.watermark()]
    assert {batch.last_seq for batch in line.server.batches} == {150}


def test_watermark_is_told_with_an_empty_batch_while_the_broker_is_away(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.uploader.tell_watermark()
    line.turn()
    line.turn()

    (batch,) = line.server.batches
    assert (batch.events, batch.watermark) == ((), line.watermark())


def test_hints_are_passed_on_and_nonsense_is_not(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    hint = VersionHint(gallery=4, config="c2", issued_at=START)
    with caplog.at_level(logging.WARNING):
        line.turn(Arrived("hint", hint.to_json()), Arrived("ack", b"{}"), Arrived("hint", b"\xff"))

    assert line.hints == [hint]
    assert len(caplog.records) == 2


def test_ack_is_asked_for_at_the_start_and_then_every_few_minutes(line: Line) -> None:
    line.turn()
    line.turn()
    at_start = [batch.events for batch in line.broker.batches]
    line.clock.advance(299)
    line.turn()
    line.record(1)
    line.turn()  # a batch with events asks too
    line.hears_ack(1)
    line.clock.advance(299)
    line.turn()
    before = len(line.broker.batches)
    line.clock.advance(2)
    line.turn()

    assert at_start == [()]
    assert before == 2
    assert [len(batch.events) for batch in line.broker.batches] == [0, 1, 0]


def test_ack_is_asked_for_when_the_link_comes_up(line: Line) -> None:
    line.turn()
    line.turn(LinkChanged(is_up=True))
    line.turn()

    assert [batch.events for batch in line.broker.batches] == [(), ()]


def test_ack_is_asked_for_over_http_while_the_broker_is_away(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.is_away = True
    line.turn()
    line.server.is_away = False
    line.clock.advance(5)
    line.turn()
    line.turn()

    assert [batch.events for batch in line.server.batches] == [()]


def test_events_that_a_restored_server_lost_are_sent_again(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    line.record(3)
    line.turn()
    line.hears_ack(3)
    with caplog.at_level(logging.WARNING):
        line.hears_ack(1, after_s=60)

    assert line.broker.seqs() == [1, 2, 3, 2, 3]
    assert "server lost 2 events" in caplog.text


@pytest.mark.parametrize("is_signed", [True, False])
def test_ack_that_our_server_did_not_sign_is_ignored_and_named_once(
    line: Line, caplog: pytest.LogCaptureFixture, *, is_signed: bool
) -> None:
    line.record(2)
    line.turn()
    forged = sign_ack(ack(2), make_key()) if is_signed else unsigned(ack(2))
    with caplog.at_level(logging.ERROR):
        line.turn(Arrived("ack", forged.to_json()))
        line.turn(Arrived("ack", forged.to_json()))

    assert line.outbox.waiting == 2
    assert caplog.text.count("ack not from our server") == 1


def unsigned(ack: Ack) -> Ack:
    return ack.model_copy(update={"signature": None})


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
