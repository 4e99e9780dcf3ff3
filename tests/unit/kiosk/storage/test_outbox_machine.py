"""The outbox against a model of itself and of the server: crashes, lost acks, restores, a clone."""

import json
import shutil
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.kiosk.storage.drafts import ack, draft, hand_over, memory_folder, outbox_in
from tests.unit.kiosk.storage.model_server import ModelServer


class OutboxMachine(RuleBasedStateMachine):
    """Appends, sends, acks (also late ones), restores of the server, a clone, and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(memory_folder())
        self.outbox = outbox_in(self.folder)
        self.recorded: list[str] = []
        self.server = ModelServer()
        self.backup = self.server.backup()
        self.old_ack = ack(0)

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        for _ in range(count):
            self.recorded.append(self.outbox.append(draft()).event_id)

    @rule(limit=st.integers(1, 6), is_ack_lost=st.booleans(), future=st.booleans())
    def send(self, limit: int, *, is_ack_lost: bool, future: bool) -> None:
        refused = self.server.take(hand_over(self.outbox, limit), future=future)
        answer = self.server.ack(refused)
        if not is_ack_lost:
            self.outbox.settle(answer)
            self.old_ack = answer

    @rule()
    def hear_an_old_ack_again(self) -> None:
        self.outbox.settle(self.old_ack)

    @rule()
    def back_the_server_up(self) -> None:
        self.backup = self.server.backup()

    @rule()
    def restore_the_server(self) -> None:
        self.server.restore(*self.backup)
        self.outbox.settle(self.server.ack())

    @rule(count=st.integers(1, 3))
    def clone_takes_the_next_numbers(self, count: int) -> None:
        for number in range(count):
            seq = max(self.server.by_seq, default=0) + 1
            self.server.by_seq[seq] = f"clone-{seq}-{number}"

    @rule()
    def crash_and_reopen(self) -> None:
        self.outbox.close()
        self.outbox = outbox_in(self.folder)

    @invariant()
    def every_event_is_here(self) -> None:
        assert set(self.recorded) == {one for one, kind, _ in self._rows() if kind != "gap"}
        assert self.outbox.refused == 0

    @invariant()
    def counts_are_true(self) -> None:
        rows = self._rows()
        assert self.outbox.waiting == sum(delivered_ms is None for _, _, delivered_ms in rows)
        assert self.outbox.kept == len(rows) - self.outbox.waiting

    def teardown(self) -> None:
        for _ in range(2 * len(self.recorded) + 20):
            refused = self.server.take(hand_over(self.outbox, 5))
            self.outbox.settle(self.server.ack(refused))
        assert self.outbox.waiting == 0
        there = set(self.server.by_seq.values()) | self.server.forked
        assert set(self.recorded) <= there  # a fork whose refusal got lost is listed at the server
        self.outbox.close()
        shutil.rmtree(self.folder)

    @rule()
    def hear_what_the_server_has_now(self) -> None:
        self.outbox.settle(self.server.ack())

    def _rows(self) -> list[tuple[str, str, int | None]]:
        """Id, kind and time of delivery of every event, without handing it out."""
        with self.outbox._database.reading() as db:
            rows = db.execute("SELECT body, delivered_ms FROM event").fetchall()
        return [(raw["id"], raw["kind"], at) for raw, at in ((json.loads(b), a) for b, a in rows)]


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
