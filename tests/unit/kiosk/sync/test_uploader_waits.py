"""A server that takes events a little later is no fault: wait as it asks, then send again."""

from kiosk.domain.health import LinkHealth
from protocol.v1.messages import Ack
from tests.unit.kiosk.storage.drafts import ack
from tests.unit.kiosk.sync.test_uploader import Line, line

__all__ = ["line"]


def test_server_that_asks_to_wait_is_asked_again_then_and_not_before(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.server.is_paced = True
    line.record(3)
    line.turn()
    for _ in range(3):
        line.clock.advance(19.9)
        line.turn()
        line.clock.advance(0.2)
        line.turn()
    asked = line.server.asked
    line.server.is_paced = False
    line.clock.advance(20.1)
    line.turn()

    assert asked == 4, "once at first, and after each 20 s"
    assert line.server.seqs == {1, 2, 3}
    assert (line.outbox.waiting, line.outbox.refused) == (0, 0)


def test_batches_before_the_one_that_has_to_wait_stay_delivered(line: Line) -> None:
    line.broker.health = LinkHealth.DOWN
    line.record(250)
    line.server.said = lambda seqs: _then_paced(line, seqs)
    line.turn()
    waiting = line.outbox.waiting
    line.server.is_paced, line.server.said = False, None
    line.clock.advance(20.1)
    line.turn()

    assert (waiting, line.outbox.waiting) == (150, 0)
    assert [len(batch.events) for batch in line.server.batches] == [100, 100, 50]


def _then_paced(line: Line, seqs: set[int]) -> Ack:
    line.server.is_paced = True
    line.server.seqs |= seqs
    return ack(0, beyond=[(min(seqs), max(seqs))])


def test_a_server_that_asks_to_wait_does_not_change_the_way_of_events(line: Line) -> None:
    """No ack came in time, so the kiosk asks straight; the broker stays its way."""
    line.server.is_paced = True
    line.record(2)
    line.turn()
    line.clock.advance(11)
    line.turn()
    line.hears_ack(2)
    line.record(1)
    line.clock.advance(21)
    line.turn()

    assert line.server.asked == 1
    assert line.broker.seqs() == [1, 2, 1, 2, 3]
    assert line.outbox.waiting == 1
