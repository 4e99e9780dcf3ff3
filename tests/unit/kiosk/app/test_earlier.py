"""Outboxes of an earlier identity are delivered, counted, and removed when they are done."""

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.app.earlier import EarlierDelivery
from kiosk.errors import (
    DiskFullError,
    PacedError,
    RefusedError,
    UnprovenAnswerError,
    UnreachableError,
)
from kiosk.storage.earlier import earlier_files, keep_others, waiting_in
from kiosk.storage.outbox import ChainSigner, SQLiteOutbox
from kiosk.storage.salvage import found_events
from protocol.v1.messages import Ack, EventBatch, EventRefusal
from protocol.v1.signing import make_key, read_event
from tests.fakes.kiosk_clock import ManualClock
from tests.unit.kiosk.storage.drafts import SIGNER, ack, draft, opened, outbox_in

NEW = ChainSigner("k2", SIGNER.key)


class EarlierServer:
    """Stores what it gets by kiosk and number, and says so; each ack is a day later."""

    def __init__(self) -> None:
        self.events: dict[str, dict[int, str]] = {}
        self.batches: list[EventBatch] = []
        self.error: Exception | None = None
        self.is_kiosk_unknown = False
        self.refused_ids: set[str] = set()
        self.days = 0

    def send_earlier_events(self, batch: EventBatch) -> Ack:
        if self.error is not None:
            raise self.error
        if batch.kiosk_id in self.refused_ids:
            raise RefusedError(400)
        self.batches.append(batch)
        own = self.events.setdefault(batch.kiosk_id, {})
        events = [read_event(raw) for raw in batch.events]
        if self.is_kiosk_unknown:
            refused = [EventRefusal(id=one.id, reason="unknown_kiosk") for one in events]
            return ack(0, *refused, kiosk_id=batch.kiosk_id)
        refused = [
            EventRefusal(id=event.id, seq=event.seq, reason="fork")
            for event in events
            if own.setdefault(event.seq, event.id) != event.id
        ]
        through = 0
        while through + 1 in own:
            through += 1
        beyond = [(seq, seq) for seq in sorted(own) if seq > through]
        after_s = self.days * 86400.0
        self.days += 1
        return ack(through, *refused, kiosk_id=batch.kiosk_id, beyond=beyond, after_s=after_s)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server() -> EarlierServer:
    return EarlierServer()


def set_aside(folder: Path, count: int, signer: ChainSigner = NEW) -> SQLiteOutbox:
    """Record as k1, then become someone else; return the present outbox."""
    outbox = outbox_in(folder)
    for _ in range(count):
        outbox.append(draft())
    outbox.close()
    return opened(folder, signer=signer).outbox


def delivery(
    folder: Path, server: EarlierServer, clock: ManualClock, signer: ChainSigner = NEW
) -> EarlierDelivery:
    return EarlierDelivery(folder / "outbox.db", signer, server, clock)


def test_events_of_an_earlier_identity_arrive_as_they_were_signed(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    set_aside(tmp_path, 150)
    courier = delivery(tmp_path, server, clock)
    before = courier.waiting

    courier.deliver()

    assert (before, courier.waiting) == (150, 0)
    assert list(server.events) == ["k1"]
    assert [len(batch.events) for batch in server.batches] == [100, 50]
    assert read_event(server.batches[0].events[0]).signature


def test_file_is_removed_after_the_days_of_the_policy(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    set_aside(tmp_path, 2)
    courier = delivery(tmp_path, server, clock)
    courier.keeps_days = 3
    files = []
    for _ in range(6):
        courier.deliver()
        files.append(len(earlier_files(tmp_path / "outbox.db")))
        clock.advance(86400)

    assert files == [1, 1, 1, 1, 0, 0]
    assert not [path for path in tmp_path.iterdir() if "other-kiosk" in path.name]


def test_delivered_file_is_sent_again_to_a_server_that_lost_it(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    set_aside(tmp_path, 2)
    courier = delivery(tmp_path, server, clock)
    courier.deliver()
    server.events.clear()
    courier.deliver()  # nothing waits and it was asked a moment ago
    quiet = len(server.batches)
    clock.advance(6 * 3600)

    courier.deliver()

    assert quiet == 1
    assert sorted(server.events["k1"]) == [1, 2]


def test_number_taken_by_a_clone_is_replaced_under_the_earlier_identity(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    set_aside(tmp_path, 2)
    server.events["k1"] = {1: "another", 2: "another", 3: "another"}
    courier = delivery(tmp_path, server, clock)

    courier.deliver()

    assert sorted(server.events["k1"]) == [1, 2, 3, 4, 5]
    assert courier.waiting == 0


@pytest.mark.parametrize("held", [(2, 3, 6), (6,)])
def test_set_aside_outbox_states_no_gap_in_a_chain_that_another_device_may_have_now(
    tmp_path: Path, server: EarlierServer, clock: ManualClock, held: tuple[int, ...]
) -> None:
    set_aside(tmp_path, 2)
    server.events["k1"] = dict.fromkeys(held, "another")
    courier = delivery(tmp_path, server, clock)
    for _ in range(3):
        courier.deliver()
        clock.advance(86400)

    sent = [read_event(raw) for batch in server.batches for raw in batch.events]
    assert courier.waiting == 0
    assert not [event for event in sent if event.gap is not None]


def test_events_of_a_lost_key_are_delivered_and_their_numbers_are_not_given_again(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    renewed = ChainSigner("k1", make_key())
    present = set_aside(tmp_path, 3, renewed)

    event = present.append(draft())
    delivery(tmp_path, server, clock, renewed).deliver()

    assert event.seq == 4
    assert sorted(server.events["k1"]) == [1, 2, 3]
    assert present.settle(ack(0)).stated == 0


@pytest.mark.parametrize("is_crash", [True, False])
def test_kiosk_that_gets_its_old_identity_back_gives_none_of_its_numbers_again(
    tmp_path: Path, server: EarlierServer, clock: ManualClock, *, is_crash: bool
) -> None:
    between = set_aside(tmp_path, 3)
    for _ in range(5):
        between.append(draft())  # the number file now names the other kiosk
    between.close()
    if is_crash:  # after the file of the other kiosk was renamed, before a new one was there
        shutil.move(tmp_path / "outbox.db", tmp_path / "outbox.db.other-kiosk-20261124T080000Z")

    present = outbox_in(tmp_path)
    event = present.append(draft())
    delivery(tmp_path, server, clock, SIGNER).deliver()

    assert event.seq == 4
    assert sorted(server.events["k1"]) == [1, 2, 3]
    assert present.settle(ack(0)).stated == 0


def test_lost_key_and_lost_number_file_do_not_give_a_number_twice(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(3):
        outbox.append(draft())
    outbox.close()
    (tmp_path / "outbox.seq").unlink()

    assert opened(tmp_path, signer=ChainSigner("k1", make_key())).outbox.append(draft()).seq == 4


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("away"),
        RefusedError(404),
        UnprovenAnswerError("not signed", is_server=False),
    ],
)
def test_server_that_does_not_answer_changes_nothing_and_is_logged_once(
    tmp_path: Path,
    server: EarlierServer,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    set_aside(tmp_path, 2)
    courier = delivery(tmp_path, server, clock)
    server.error = error
    with caplog.at_level(logging.WARNING):
        courier.deliver()
        courier.deliver()
    server.error = None
    courier.deliver()

    assert caplog.text.count("set-aside events wait") == 1
    assert courier.waiting == 0


def test_server_that_asks_to_wait_is_no_fault(
    tmp_path: Path, server: EarlierServer, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    set_aside(tmp_path, 2)
    courier = delivery(tmp_path, server, clock)
    server.error = PacedError(20)
    with caplog.at_level(logging.INFO):
        courier.deliver()
        waiting = courier.waiting
        server.error = None
        courier.deliver()

    assert "set-aside events" not in caplog.text
    assert (waiting, courier.waiting) == (2, 0)


def test_set_aside_events_are_delivered_after_the_servers_clock_was_ahead(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    outbox.sent(1)
    outbox.settle(ack(1, after_s=400 * 86400.0))
    outbox.close()
    set_aside(tmp_path, 2)
    courier = delivery(tmp_path, server, clock)

    courier.deliver()

    assert courier.waiting == 0
    assert sorted(server.events["k1"]) == [1, 2, 3]


def test_server_that_does_not_know_the_identity_is_asked_once_an_hour(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    set_aside(tmp_path, 2)
    server.is_kiosk_unknown = True
    courier = delivery(tmp_path, server, clock)
    for _ in range(61):
        courier.deliver()
        clock.advance(60)
    asked = len(server.batches)
    server.is_kiosk_unknown = False
    clock.advance(3600)
    courier.deliver()

    assert asked == 2
    assert courier.waiting == 0


@pytest.mark.parametrize("damage", ["unreadable", "refused by the server", "locked table"])
def test_fault_of_one_set_aside_outbox_does_not_keep_the_next_one_back(
    tmp_path: Path,
    server: EarlierServer,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    set_aside(tmp_path, 2)
    (bad,) = earlier_files(tmp_path / "outbox.db")
    (tmp_path / "card").mkdir()
    outbox = opened(tmp_path / "card", signer=ChainSigner("k0", make_key())).outbox
    outbox.append(draft())
    outbox.close()
    keep_others(tmp_path / "outbox.db", found_events(tmp_path / "card" / "outbox.db"), clock)
    if damage == "unreadable":
        bad.write_bytes(b"no database" * 1000)
    elif damage == "refused by the server":
        server.refused_ids = {"k1"}
    else:
        with closing(sqlite3.connect(bad)) as db:
            stop = "BEGIN SELECT RAISE(FAIL, ''); END"
            db.execute(f"CREATE TRIGGER stop BEFORE UPDATE ON event {stop}")
    courier = delivery(tmp_path, server, clock)

    courier.deliver()
    courier.deliver()

    assert list(server.events["k0"]) == [1]
    assert caplog.text.count("set-aside events wait in") == 1
    assert bad.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")
def test_file_that_root_makes_belongs_to_the_account_of_the_folder(
    tmp_path: Path, clock: ManualClock
) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    outbox.close()
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 65534, 65534)

    (file,) = keep_others(data / "outbox.db", found_events(tmp_path / "outbox.db"), clock)

    assert file.stat().st_uid == 65534


def test_events_of_another_identity_in_a_damaged_outbox_are_delivered_too(
    tmp_path: Path, server: EarlierServer, clock: ManualClock
) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    outbox.close()
    content = bytearray((tmp_path / "outbox.db").read_bytes())
    content[0:100] = bytes(100)
    (tmp_path / "outbox.db").write_bytes(content)

    opened(tmp_path, signer=NEW)
    courier = delivery(tmp_path, server, clock)
    before = courier.waiting
    courier.deliver()

    assert (before, sorted(server.events["k1"])) == (1, [1])


def test_events_of_another_identity_outlive_a_start_that_could_not_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    outbox.close()
    shutil.move(tmp_path / "outbox.db", tmp_path / "outbox.db.corrupt-20261123T080000Z")
    with monkeypatch.context() as patch:
        patch.setattr("kiosk.storage.recovery.keep_others", disk_full)  # as a crash at this moment
        with pytest.raises(DiskFullError):
            opened(tmp_path, signer=NEW)

    opened(tmp_path, signer=NEW)

    (file,) = earlier_files(tmp_path / "outbox.db")
    assert waiting_in(file) == 1


def disk_full(*_arguments: object) -> None:
    raise DiskFullError("no space left")


def test_recovery_that_was_cut_short_goes_on_at_the_next_start(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(4):
        outbox.append(draft())
    outbox.close()
    shutil.move(tmp_path / "outbox.db", tmp_path / "outbox.db.corrupt-20261123T080000Z")

    again = opened(tmp_path)

    assert again.recovery is not None
    assert again.outbox.waiting == 4
    assert again.outbox.append(draft()).seq == 5
    again.outbox.close()
    assert opened(tmp_path).recovery is None
