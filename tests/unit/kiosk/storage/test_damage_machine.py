"""Damage of every kind between appends: no number twice, and nothing lost without a word."""

import random
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from protocol.v1.messages import GapSpan
from tests.fakes.kiosk_clock import ManualClock
from tests.unit.kiosk.storage.drafts import draft, hand_over, memory_folder, opened
from tests.unit.kiosk.storage.model_server import ModelServer

PAGE = 4096
DATABASE = ("outbox.db", "outbox.db-wal", "outbox.db-shm")


def zero_pages(folder: Path, chance: random.Random) -> None:
    for name in DATABASE[:2]:
        path = folder / name
        if path.exists() and path.stat().st_size >= PAGE:
            content = bytearray(path.read_bytes())
            for _ in range(chance.randint(1, 3)):
                start = chance.randrange(len(content) // PAGE) * PAGE
                content[start : start + PAGE] = bytes(len(content[start : start + PAGE]))
            path.write_bytes(content)


def truncate(folder: Path, chance: random.Random) -> None:
    path = folder / chance.choice(DATABASE[:2])
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(chance.randrange(path.stat().st_size + 1))


def lose_the_journal(folder: Path, _chance: random.Random) -> None:
    (folder / "outbox.db-wal").unlink(missing_ok=True)


def delete(folder: Path, _chance: random.Random) -> None:
    for name in DATABASE:
        (folder / name).unlink(missing_ok=True)


def empty(folder: Path, _chance: random.Random) -> None:
    (folder / "outbox.db").write_bytes(b"")


def nothing(_folder: Path, _chance: random.Random) -> None:
    return


class DamageMachine(RuleBasedStateMachine):
    """An outbox whose files are copied while it runs, spoilt, and opened again."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(memory_folder())
        self.folder = self.root / "0"
        self.folder.mkdir()
        self.clock = ManualClock()
        self.server = ModelServer()
        self.outbox = opened(self.folder, clock=self.clock).outbox
        self.shown: dict[int, tuple[str, datetime]] = {}
        self.given: dict[int, set[str]] = {}
        self.older: Path | None = None
        self.count = 0

    @rule(count=st.integers(1, 8))
    def append(self, count: int) -> None:
        for _ in range(count):
            self.clock.advance(7)
            event = self.outbox.append(replace(draft(), clock=self.clock.reading()))
            self.shown[event.seq] = event.event_id, self.clock.reading().best_at
            self.given.setdefault(event.seq, set()).add(event.event_id)

    @rule(limit=st.integers(1, 8), is_ack_lost=st.booleans())
    def send(self, limit: int, *, is_ack_lost: bool) -> None:
        events = hand_over(self.outbox, limit)
        for raw in events:
            self.given.setdefault(int(str(raw["seq"])), set()).add(str(raw["id"]))
        refused = self.server.take(events)
        if not is_ack_lost:
            self.outbox.settle(self.server.ack(refused))

    @rule()
    def keep_a_copy(self) -> None:
        self.older = self.root / f"copy-{self.count}"
        shutil.rmtree(self.older, ignore_errors=True)
        shutil.copytree(self.folder, self.older)

    @rule()
    def replace_the_file_by_the_older_copy(self) -> None:
        self._crash()
        if self.older is not None:
            delete(self.folder, random.Random(0))
            for name in DATABASE:
                if (self.older / name).exists():
                    shutil.copy(self.older / name, self.folder / name)
        self._reopen()

    @rule(
        damage=st.sampled_from([zero_pages, truncate, lose_the_journal, delete, empty, nothing]),
        seed=st.integers(0, 1000),
        is_clean=st.booleans(),
    )
    def damage(self, damage: object, seed: int, *, is_clean: bool) -> None:
        self._crash(is_clean=is_clean)
        assert callable(damage)
        damage(self.folder, random.Random(seed))
        self._reopen()

    def _crash(self, *, is_clean: bool = False) -> None:
        """Stop as a power cut would: the files as they are now, the journal beside the database."""
        self.count += 1
        fresh = self.root / str(self.count)
        if is_clean:
            self.outbox.close()
        shutil.copytree(self.folder, fresh)
        self.outbox.close()
        shutil.rmtree(self.folder)
        self.folder = fresh

    def _reopen(self) -> None:
        self.clock.advance(60)
        self.outbox = opened(self.folder, clock=self.clock).outbox

    def teardown(self) -> None:
        for _ in range(len(self.shown) + 50):
            self.send(limit=100, is_ack_lost=False)
            if not self.outbox.waiting and self.outbox.whole_through() is not None:
                break
        assert self.outbox.waiting == self.outbox.refused == 0
        assert all(len(ids) == 1 for ids in self.given.values())
        there = set(self.server.by_seq.values())
        lost = {seq: at for seq, (one, at) in self.shown.items() if one not in there}
        for seq, at in lost.items():
            assert any(_names(gap, seq, at) for gap in self.server.gaps), seq
        assert set(range(1, max(self.server.held, default=0) + 1)) == self.server.held
        self.outbox.close()
        shutil.rmtree(self.root)


def _names(gap: GapSpan, seq: int, at: datetime) -> bool:
    is_after = gap.from_at is None or gap.from_at <= at
    is_before = gap.through_at is None or at <= gap.through_at
    return gap.first <= seq <= gap.last and is_after and is_before


TestDamageMachine = DamageMachine.TestCase
TestDamageMachine.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
