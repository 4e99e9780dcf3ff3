"""The uploader beside a server that holds more runs of numbers than an ack can name."""

from collections.abc import Iterable

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.domain.spans import SeqSpan, joined
from kiosk.sync.inbox import Arrived
from protocol.v1.events import MAX_RANGES_PER_ACK
from protocol.v1.messages import Ack, SeqRange
from protocol.v1.statements import sign_ack
from tests.fakes.school import SERVER_KEY
from tests.unit.kiosk.storage.drafts import ack
from tests.unit.kiosk.sync.test_uploader import Line, line

__all__ = ["line"]


class Islands:
    """What a server holds of which it can name only the oldest runs."""

    def __init__(self, seqs: Iterable[int]) -> None:
        self.seqs = set(seqs)

    def take(self, seqs: set[int]) -> Ack:
        self.seqs |= seqs
        return self.ack()

    def ack(self) -> Ack:
        first, *beyond = [SeqSpan(0, 0), *runs_of(self.seqs)]
        if beyond and beyond[0].first == 1:
            first = beyond.pop(0)
        named = [SeqRange(first=one.first, last=one.last) for one in beyond]
        held = {"stored_beyond": tuple(named[:MAX_RANGES_PER_ACK]), "signature": None}
        return sign_ack(ack(first.last).model_copy(update=held), SERVER_KEY)


def runs_of(seqs: set[int]) -> list[SeqSpan]:
    return joined([SeqSpan(seq, seq) for seq in seqs])


@pytest.mark.parametrize("has_broker", [True, False])
def test_a_backlog_arrives_though_the_server_holds_more_islands_than_it_can_name(
    line: Line, has_broker: bool
) -> None:
    """The batches of a fast backlog leave gaps; the acks name 64 runs, the oldest ones."""
    line.record(600)
    islands = Islands(range(2, 600, 2))
    line.server.said = islands.take
    line.broker.health = LinkHealth.UP if has_broker else LinkHealth.DOWN
    line.turn()
    taken = 0
    for _ in range(40):
        line.clock.advance(5.0)
        batches, taken = line.broker.batches[taken:], len(line.broker.batches)
        for batch in batches:
            said = islands.take({int(str(raw["seq"])) for raw in batch.events})
            line.turn(Arrived("ack", said.to_json()))
        line.turn()

    assert line.outbox.waiting == 0
    assert len(line.broker.batches if has_broker else line.server.batches) <= 20


def test_marks_of_now_go_first_again_when_acks_name_all_runs(line: Line) -> None:
    line.record(400)
    line.turn()
    line.turn(Arrived("ack", Islands(range(2, 300, 2)).ack().to_json()))
    filled = line.broker.seqs()[-100:]
    line.record(1)
    sent = len(line.broker.batches)
    line.turn(Arrived("ack", Islands(range(1, 300)).ack().to_json()))

    assert max(filled) <= 128
    assert [one["seq"] for one in line.broker.batches[sent].events][-1] == 401
