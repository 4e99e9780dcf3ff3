"""Waiting scan templates: few, not for long, one a person and day, and never half-written."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kiosk.storage import scans as scans_module
from kiosk.storage.scans import KEPT, SQLiteScans
from protocol.v1.sealing import pack_values
from tests.fakes.kiosk_clock import START
from tests.fakes.scans import NEXT_ID, VALUES, opened, scan

if TYPE_CHECKING:
    from protocol.v1.messages import ScanTemplate

OWNER = "kiosk-7/key-1/2026-11-23T08:00:00.000+00:00"
DAY = START.date()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteScans]:
    with closing(SQLiteScans(tmp_path / "scans.db", OWNER)) as store:
        store.bind(NEXT_ID)
        yield store


def test_one_scan_a_person_and_day(store: SQLiteScans) -> None:
    assert store.put(scan("p1"), DAY)
    assert not store.put(scan("p1"), DAY)
    assert store.put(scan("p1", START + timedelta(days=1)), DAY + timedelta(days=1))
    assert store.put(scan("p2"), DAY)
    assert store.waiting == 3


def test_a_scan_that_was_sent_stays_the_only_one_of_its_day(store: SQLiteScans) -> None:
    first = scan("p1")
    store.put(first, DAY)
    store.delete([first.id])

    assert not store.put(scan("p1"), DAY)
    assert store.waiting == 0


def test_beyond_the_limit_the_oldest_go(
    store: SQLiteScans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans_module, "MAX_SCANS", 3)
    kept = [scan(f"p{n}", START + timedelta(minutes=n)) for n in (4, 1, 3, 2, 0)]
    for one in kept:
        store.put(one, DAY)

    assert [one.person_id for one in store.oldest(10)] == ["p2", "p3", "p4"]


def test_after_a_week_a_scan_is_deleted(store: SQLiteScans) -> None:
    store.put(scan("p1"), DAY)
    store.put(scan("p2", START + timedelta(days=1)), DAY)

    store.prune(START + KEPT)
    assert store.waiting == 2
    store.prune(START + KEPT + timedelta(seconds=1))
    assert [one.person_id for one in store.oldest(10)] == ["p2"]


@pytest.mark.parametrize("owner", ["kiosk-8/key-1/x", "kiosk-7/key-2/x", ""])
def test_another_claim_finds_nothing(tmp_path: Path, owner: str) -> None:
    with closing(SQLiteScans(tmp_path / "scans.db", OWNER)) as first:
        first.bind(NEXT_ID)
        first.put(scan(), DAY)
    with closing(SQLiteScans(tmp_path / "scans.db", OWNER)) as same:
        assert same.waiting == 1
    with closing(SQLiteScans(tmp_path / "scans.db", owner)) as other:
        assert other.waiting == 0
        assert other.put(scan(), DAY)


def test_a_change_to_another_network_starts_empty(store: SQLiteScans) -> None:
    store.put(scan(), DAY)
    store.bind(NEXT_ID)
    assert store.waiting == 1
    store.bind("omz-0095")
    assert store.waiting == 0


def test_what_was_deleted_is_in_no_file(store: SQLiteScans, tmp_path: Path) -> None:
    one, other = scan("p1"), scan("p2")
    store.put(one, DAY)
    store.put(other, DAY)
    store.delete_scans_of(["p1"])
    store.keep_people({"p3"})

    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert one.sealed.encode() not in held
    assert other.sealed.encode() not in held


def test_the_file_holds_no_template_in_the_clear(store: SQLiteScans, tmp_path: Path) -> None:
    store.put(scan(), DAY)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert pack_values(VALUES) not in held
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "scans.db").write_bytes(b"no database" * 100)
    with closing(SQLiteScans(tmp_path / "scans.db", OWNER)) as store:
        assert store.put(scan(), DAY)


WRITER = """
import sys
from datetime import timedelta
from pathlib import Path
from kiosk.storage.scans import SQLiteScans
from tests.fakes.kiosk_clock import START
from tests.fakes.scans import NEXT_ID, scan

store = SQLiteScans(Path(sys.argv[1]), sys.argv[2])
store.bind(NEXT_ID)
number = 0
while True:
    number += 1
    at = START + timedelta(seconds=number)
    store.put(scan(f"p{number}", at), at.date())
    if number % 3 == 0:
        store.delete([store.oldest(1)[0].id])
    print(number, flush=True)
"""


def test_a_killed_kiosk_leaves_nothing_half_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "scans.db"), OWNER]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    put = 0
    while put < 40:
        put = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    put = max([put, *map(int, writer.stdout.read().split())])
    writer.wait()
    writer.stdout.close()

    with closing(SQLiteScans(tmp_path / "scans.db", OWNER)) as store:
        waiting = store.oldest(1000)
        assert store.waiting == len(waiting) >= put - put // 3 - 1
        assert all(opened(one) == VALUES for one in waiting)


class ScanMachine(RuleBasedStateMachine):
    """The store against a plain model of itself, through restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="rollcall-scans-"))
        self.store = self._open()
        self.store.bind(NEXT_ID)
        self.waiting: dict[str, ScanTemplate] = {}
        self.made: set[tuple[str, date]] = set()

    def _open(self) -> SQLiteScans:
        return SQLiteScans(self.folder / "scans.db", OWNER)

    @rule(number=st.integers(1, 4), day=st.integers(0, 3))
    def put(self, number: int, day: int) -> None:
        at = START + timedelta(days=day)
        one = scan(f"p{number}", at)
        key = (one.person_id, at.date())
        assert self.store.put(one, at.date()) is (key not in self.made)
        if key not in self.made:
            self.waiting[one.id] = one
        self.made.add(key)

    @rule(count=st.integers(1, 3), knows_more=st.booleans())
    def send(self, count: int, *, knows_more: bool) -> None:
        judged = [one.id for one in self.store.oldest(count)]
        self.store.delete([*judged, *([scan().id] if knows_more else [])])
        for one in judged:
            del self.waiting[one]

    @rule(people=st.sets(st.sampled_from(["p1", "p2", "p3", "p4"])))
    def lose_people(self, people: set[str]) -> None:
        self.store.keep_people(people)
        self.waiting = {n: one for n, one in self.waiting.items() if one.person_id in people}
        self.made = {key for key in self.made if key[0] in people}

    @rule(number=st.integers(1, 4))
    def deny(self, number: int) -> None:
        self.store.delete_scans_of([f"p{number}"])
        gone = f"p{number}"
        self.waiting = {n: one for n, one in self.waiting.items() if one.person_id != gone}

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._open()

    @rule()
    def end_the_change(self) -> None:
        self.store.wipe()
        self.waiting, self.made = {}, set()

    @invariant()
    def holds_what_was_put_and_nothing_else(self) -> None:
        held = self.store.oldest(1000)
        assert {one.id: one for one in held} == self.waiting
        assert [one.captured_at for one in held] == sorted(one.captured_at for one in held)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


TestScanMachine = ScanMachine.TestCase
TestScanMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
