"""The outbox against a model of itself and of the server, through crashes and lost acks."""

import json
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.v1.messages import EventRefusal, RawEvent
from tests.unit.kiosk.storage.drafts import ack, chain_of, draft, outbox_in


class OutboxMachine(RuleBasedStateMachine):
    """Appends, sends, acks (also late and repeated ones), refusals and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="rollcall-outbox-"))
        self.outbox = outbox_in(self.folder)
        self.recorded: list[str] = []
        self.server: dict[int, RawEvent] = {}
        self.quarantine: dict[str, EventRefusal] = {}
        self.settled_seq = 0

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        for _ in range(count):
            self.recorded.append(self.outbox.append(draft()).event_id)

    @rule(limit=st.integers(1, 6), is_ack_lost=st.booleans(), is_first_refused=st.booleans())
    def send(self, limit: int, *, is_ack_lost: bool, is_first_refused: bool) -> None:
        batch = self.outbox.pending(limit)
        for raw in batch:
            self.server.setdefault(int(str(raw["seq"])), raw)
        if batch and is_first_refused:
            refusal = EventRefusal(id=str(batch[0]["id"]), reason="future")
            self.quarantine[refusal.id] = refusal
        if not is_ack_lost:
            self.settled_seq = max(self.server, default=0)
            self.outbox.settle(ack(self.settled_seq, *self.quarantine.values()))

    @rule()
    def hear_an_old_ack_again(self) -> None:
        self.outbox.settle(ack(self.settled_seq))

    @rule()
    def crash_and_reopen(self) -> None:
        self.outbox.close()
        self.outbox = outbox_in(self.folder)

    @invariant()
    def every_event_is_here_or_at_the_server(self) -> None:
        here = {str(raw["id"]) for raw in self._waiting()}
        there = {str(raw["id"]) for raw in self.server.values()}
        assert set(self.recorded) == here | there

    @invariant()
    def numbers_have_no_gaps_and_the_chain_holds(self) -> None:
        waiting = {int(str(raw["seq"])): raw for raw in self._waiting()}
        report = chain_of(list((self.server | waiting).values()))
        assert report.is_whole
        assert report.contiguous_seq == len(self.recorded)

    @invariant()
    def counts_are_true(self) -> None:
        assert self.outbox.waiting == len(self._waiting())
        assert self.outbox.refused <= len(self.quarantine)

    def _waiting(self) -> list[RawEvent]:
        """Everything that waits, without handing it out."""
        with self.outbox._database.reading() as db:
            return [json.loads(body) for (body,) in db.execute("SELECT body FROM event")]

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.folder)


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
