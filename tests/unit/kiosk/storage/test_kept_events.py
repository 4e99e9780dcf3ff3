"""Delivered events stay for a while, so that a server that lost them gets them again."""

from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.domain.queue import Settled
from kiosk.errors import DiskFullError
from kiosk.storage import kept
from kiosk.storage.database import Durability, SQLiteFile
from kiosk.storage.outbox import SQLiteOutbox
from kiosk.storage.outbox_schema import MIGRATIONS
from protocol.v1.messages import Ack, ClockSource, EventRefusal, SeqRange
from protocol.v1.signing import read_event
from tests.fakes.kiosk_clock import START, ManualClock
from tests.unit.kiosk.storage.drafts import SIGNER, ack, draft, hand_over, opened, outbox_in, seqs

DAY_S = 24 * 3600.0


def recorded(folder: Path, count: int, **most: int | ManualClock) -> SQLiteOutbox:
    """An outbox whose events were all handed out."""
    outbox = opened(folder, **most).outbox  # type: ignore[arg-type]
    for _ in range(count):
        outbox.append(draft())
    hand_over(outbox, count)
    return outbox


def held(outbox: SQLiteOutbox) -> tuple[int, int]:
    return outbox.waiting, outbox.kept


def test_delivered_event_is_kept_and_comes_again_exactly_as_it_was(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3)
    before = hand_over(outbox, 10)
    outbox.settle(ack(3))
    assert held(outbox) == (0, 3)

    settled = outbox.settle(ack(1, after_s=60))

    assert settled.again == 2
    assert hand_over(outbox, 10) == before[1:]
    assert held(outbox) == (2, 1)


def test_many_lost_events_wait_again_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_RECALLED", 3)
    outbox = recorded(tmp_path, 8)
    outbox.settle(ack(8))

    again = []
    for through in (0, 3, 6, 8):
        again.append(outbox.settle(ack(through, after_s=60 + through)).again)
        hand_over(outbox, 10)

    assert again == [3, 3, 2, 0]
    assert held(outbox) == (0, 8)


def test_kept_events_survive_a_restart(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3)
    outbox.settle(ack(2))
    outbox.close()

    again = outbox_in(tmp_path)

    assert held(again) == (1, 2)
    assert again.settle(ack(0, after_s=60)).again == 2


def test_runs_past_a_gap_are_the_servers_word_too(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 9)
    outbox.settle(ack(9))

    outbox.settle(ack(2, beyond=[(5, 6), (9, 9)], after_s=60))

    assert seqs(outbox) == [3, 4, 7, 8]


def test_kept_event_that_counts_as_lost_at_the_server_is_sent_again(tmp_path: Path) -> None:
    """Another device of this identity stated its number as lost."""
    outbox = recorded(tmp_path, 6)
    before = hand_over(outbox, 10)
    outbox.settle(ack(6))

    settled = outbox.settle(ack(7, lost=[(3, 4)], after_s=60))

    assert settled.again == 2
    assert hand_over(outbox, 10) == before[2:4]
    assert outbox.settle(ack(7, lost=[(4, 4)], after_s=61)) == Settled(stored=1)
    assert seqs(outbox) == [4]
    assert outbox.settle(ack(7, after_s=62)).stored == 1
    assert held(outbox) == (0, 6)


def test_waiting_event_that_counts_as_lost_at_the_server_still_waits(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 4)

    assert outbox.settle(ack(4, lost=[(2, 3)])).stored == 2

    assert seqs(outbox) == [2, 3]


def test_number_that_is_lost_on_both_sides_is_stated_once(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3)
    with outbox._database.transaction() as db:
        db.execute("DELETE FROM event WHERE seq = 2")
    outbox.close()
    again = outbox_in(tmp_path)
    hand_over(again)
    assert again.settle(ack(1, beyond=[(3, 3)])).stated == 1
    hand_over(again)

    settled = again.settle(ack(4, lost=[(2, 2)], after_s=60))

    assert settled == Settled(stored=1)
    assert held(again) == (0, 3)


def test_waiting_event_keeps_a_number_that_counts_as_lost_at_a_server_ahead(
    tmp_path: Path,
) -> None:
    """Its number is free there; only numbers that other events have are changed."""
    outbox = recorded(tmp_path, 4)

    settled = outbox.settle(ack(9, lost=[(2, 3)]))

    assert settled.renumbered == 2
    assert seqs(outbox)[:2] == [2, 3]


def test_ack_that_names_as_many_runs_as_it_can_says_nothing_of_later_numbers(
    tmp_path: Path,
) -> None:
    outbox = recorded(tmp_path, 140)
    outbox.settle(ack(140))
    runs = [(number, number) for number in range(2, 130, 2)]

    outbox.settle(ack(0, beyond=runs, after_s=60))

    assert seqs(outbox) == list(range(1, 128, 2))


def test_old_ack_that_a_broker_held_back_undoes_nothing(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3)
    outbox.settle(ack(3, after_s=60))

    assert outbox.settle(ack(1)).again == 0
    assert held(outbox) == (0, 3)


def test_old_ack_is_known_as_old_after_a_restart(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3)
    outbox.settle(ack(3, after_s=60))
    outbox.close()

    assert outbox_in(tmp_path).settle(ack(1)).again == 0


def test_server_whose_clock_was_set_back_is_believed_after_a_while(tmp_path: Path) -> None:
    clock = ManualClock()
    outbox = opened(tmp_path, clock=clock).outbox
    for _ in range(3):
        outbox.append(draft())
    hand_over(outbox, 10)
    outbox.settle(ack(3, after_s=DAY_S))
    again = []
    for second in (0, 40, 80):
        again.append(outbox.settle(ack(1, after_s=second)).again)
        clock.advance(40)

    assert again == [0, 0, 2]


def test_burst_of_old_acks_is_no_clock_that_was_set_back(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3)
    outbox.settle(ack(3, after_s=DAY_S))

    again = [outbox.settle(ack(1, after_s=second)).again for second in (0, 300, 600, 900)]

    assert again == [0, 0, 0, 0]


def test_event_that_waits_again_needs_to_be_sent_again(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 2)
    outbox.settle(ack(2))
    outbox.settle(ack(0, after_s=1))

    outbox.settle(ack(2, after_s=2))  # these may be another device's numbers 1 and 2

    assert outbox.waiting == 2


@pytest.mark.parametrize(("days", "left"), [(29, 3), (31, 0)])
def test_events_leave_after_the_days_of_the_policy(tmp_path: Path, days: int, left: int) -> None:
    clock = ManualClock()
    outbox = recorded(tmp_path, 3, clock=clock)
    outbox.settle(ack(3))
    outbox.keeps_days = 30
    clock.advance(days * DAY_S)

    outbox.settle(ack(3, after_s=days * DAY_S))

    assert held(outbox) == (0, left)


@pytest.mark.parametrize("days", [-400, 400])
def test_wrong_date_of_the_server_deletes_nothing_then_or_later(tmp_path: Path, days: int) -> None:
    clock = ManualClock()
    outbox = recorded(tmp_path, 3, clock=clock)
    outbox.settle(ack(2, after_s=days * DAY_S))
    outbox.settle(ack(3, after_s=(days + 1) * DAY_S))

    for _ in range(3):
        clock.advance(40)
        outbox.settle(ack(3, after_s=clock.monotonic_s() - 1000))

    assert held(outbox) == (0, 3)


def test_clock_that_is_not_trusted_ages_nothing_but_the_most_counts(tmp_path: Path) -> None:
    clock = ManualClock()
    clock.source, clock.offset_ms = ClockSource.RTC, None
    outbox = recorded(tmp_path, 6, clock=clock, max_kept_events=4)
    outbox.settle(ack(6))
    clock.advance(60 * DAY_S)

    outbox.settle(ack(6, after_s=60 * DAY_S))

    assert held(outbox) == (0, 4)


def test_events_above_the_most_that_are_kept_leave_oldest_first(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 9, max_kept_events=4)
    outbox.settle(ack(7))

    assert held(outbox) == (2, 4)
    outbox.settle(ack(0, after_s=60))
    assert seqs(outbox)[:6] == [4, 5, 6, 7, 8, 9]


def test_waiting_events_never_leave(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 9, max_kept_events=0)
    outbox.keeps_days = 1

    outbox.settle(ack(0, beyond=[(4, 5)], after_s=400 * DAY_S))

    assert seqs(outbox) == [1, 2, 3, 6, 7, 8, 9]


def test_full_disk_costs_delivered_events_first(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 40)
    outbox.settle(ack(30))
    with outbox._database.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")

    written = _append_until_refused(outbox)

    assert outbox.kept == 0
    assert written > 20
    assert seqs(outbox) == list(range(31, 41 + written))


def _append_until_refused(outbox: SQLiteOutbox) -> int:
    for count in range(1000):
        try:
            outbox.append(draft())
        except DiskFullError:
            return count
    raise AssertionError("the disk never got full")


def test_numbers_that_left_are_stated_once_when_the_server_lost_them(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 6, max_kept_events=2)
    outbox.settle(ack(6))

    assert outbox.settle(ack(1, after_s=60)).stated == 1
    waiting = [read_event(raw) for raw in hand_over(outbox, 10)]
    gap = waiting[-1].gap

    assert [event.seq for event in waiting] == [5, 6, 7]
    assert gap is not None
    assert (gap.first, gap.last, gap.reason) == (2, 4, "expired")
    assert (gap.from_at, gap.through_at) == (None, START + timedelta(milliseconds=12))
    outbox.close()
    again = outbox_in(tmp_path)
    assert again.settle(ack(1, after_s=120)).stated == 0
    hand_over(again, 10)
    assert again.settle(ack(7, after_s=180)).stated == 0
    assert again.settle(ack(3, beyond=[(5, 7)], after_s=240)).stated == 0


def test_gap_event_that_left_is_stated_anew(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3, max_kept_events=0)
    outbox.settle(ack(3))
    outbox.settle(ack(2, after_s=60))
    hand_over(outbox, 10)
    outbox.settle(ack(4, after_s=120))

    outbox.settle(ack(2, after_s=180))

    (gap_event,) = [read_event(raw) for raw in hand_over(outbox, 10)]
    assert gap_event.gap is not None
    assert (gap_event.seq, gap_event.gap.first, gap_event.gap.last) == (5, 3, 4)


def test_refused_gap_event_is_not_stated_for_ever(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 2, max_kept_events=0)
    outbox.settle(ack(2))
    outbox.settle(ack(0, after_s=60))
    (gap_event,) = hand_over(outbox, 10)
    refusal = EventRefusal(id=str(gap_event["id"]), seq=3, reason="malformed")

    assert outbox.settle(ack(0, refusal, after_s=120)).stated == 0
    assert outbox.settle(ack(0, after_s=180)).stated == 0


def test_watermark_waits_for_the_servers_word_on_lost_numbers(tmp_path: Path) -> None:
    outbox = recorded(tmp_path, 3)
    outbox.settle(ack(1))
    outbox.close()
    (tmp_path / "outbox.db").unlink()

    again = outbox_in(tmp_path)
    before = again.whole_through()
    again.settle(ack(1, after_s=60))
    after = again.whole_through()

    assert before is None
    assert after is not None
    assert after.seq == 4  # the gap event


def test_file_of_the_version_before_keeps_its_events_and_sends_forks_again(
    tmp_path: Path,
) -> None:
    old = SQLiteFile(tmp_path / "outbox.db", MIGRATIONS[:2], Durability.FULL)
    with old.transaction() as db:
        body = '{"occurred_at": "2026-11-23T08:00:00.250Z", "clock": {"source": "ntp"}}'
        db.execute("INSERT INTO chain VALUES (1, 'k1', 9, ?)", ("0" * 64,))
        db.execute("INSERT INTO event (seq, id, body, renumbered) VALUES (8, 'a', ?, 1)", (body,))
        db.execute("INSERT INTO refused VALUES ('b', 9, ?, 'fork', '')", (body,))
        db.execute("INSERT INTO refused VALUES ('c', 7, ?, 'bad_hash', '')", (body,))
    old.close()

    outbox = SQLiteOutbox(tmp_path / "outbox.db", SIGNER, ManualClock(), 1000)

    assert (outbox.waiting, outbox.refused) == (2, 1)
    with outbox._database.reading() as db:
        times = db.execute("SELECT at_ms FROM event WHERE seq = 8").fetchone()
        gone = db.execute("SELECT first, last, reason FROM gone").fetchall()
    assert times == (int(START.timestamp() * 1000) + 250,)
    assert gone == [(1, 7, "expired")]


def test_a_settled_ack_reads_only_what_it_changes(tmp_path: Path) -> None:
    """60,000 kept events and an ack that changes nothing: the steps SQLite takes stay few."""
    outbox = recorded(tmp_path, 2)
    outbox.settle(ack(2))
    with outbox._database.transaction() as db:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
        db.execute(
            f"INSERT INTO event (seq, id, body, at_ms, delivered_ms) {numbers}"
            " SELECT i, 'id-' || i, '{}', 1, ? FROM n",
            (int(START.timestamp() * 1000),),
        )
        db.execute("UPDATE chain SET seq = 60000")

    assert _steps(outbox, ack(60_000, after_s=1)) < 200
    assert _steps(outbox, _ack_with_runs(after_s=2)) < 2000


def _ack_with_runs(after_s: float) -> Ack:
    runs = tuple(SeqRange(first=30_000 + 2, last=30_000 + 2) for _ in range(1))
    return ack(30_000, after_s=after_s).model_copy(
        update={"stored_beyond": (*runs, SeqRange(first=30_004, last=60_000))}
    )


def _steps(outbox: SQLiteOutbox, answer: Ack) -> int:
    """Thousands of instructions of SQLite's machine that this ack costs."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    with outbox._database.reading() as db:
        db.set_progress_handler(step, 100)
        outbox.settle(answer)
        db.set_progress_handler(None, 100)
    return count
