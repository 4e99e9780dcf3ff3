"""A new claim after another device used our numbers: what we kept is offered again, once."""

import shutil
from pathlib import Path

import pytest

from kiosk.storage.outbox import ChainStart, SQLiteOutbox
from protocol.v1.messages import RawEvent
from protocol.v1.signing import read_event
from tests.unit.kiosk.storage.drafts import ack, draft, hand_over, opened
from tests.unit.kiosk.storage.model_server import ModelServer

OTHER = "ab" * 32


def start_of(events: list[RawEvent], *, claim: int) -> ChainStart:
    """What a claim says whose server has these events."""
    newest = read_event(events[-1])
    return ChainStart(newest.seq, newest.hash, claim)


def with_delivered(folder: Path, count: int) -> list[RawEvent]:
    """An outbox of the first claim whose events the server has; returns them."""
    folder.mkdir(exist_ok=True)
    outbox = opened(folder, start=ChainStart(claim=1)).outbox
    for _ in range(count):
        outbox.append(draft())
    events = hand_over(outbox)
    outbox.settle(ack(count))
    outbox.close()
    return events


def deliver(outbox: SQLiteOutbox, server: ModelServer) -> None:
    """Send until nothing waits."""
    for _ in range(5):
        refused = server.take(hand_over(outbox))
        outbox.settle(server.ack(refused))
    assert outbox.waiting == 0


def test_marks_that_a_restored_server_lost_and_a_copy_hides_arrive(tmp_path: Path) -> None:
    server = ModelServer()
    with_delivered(tmp_path / "copy", 2)
    shutil.copytree(tmp_path / "copy", tmp_path / "ours")
    copy = opened(tmp_path / "copy", start=ChainStart(claim=1)).outbox
    ours = opened(tmp_path / "ours", start=ChainStart(claim=1)).outbox
    mine = ours.append(draft("mine"))
    backup = server.backup()
    deliver(ours, server)
    assert mine.event_id in server.by_seq.values()

    server.restore(*backup)
    copy.append(draft("theirs"))
    deliver(copy, server)
    ours.settle(server.ack())
    assert (mine.event_id in server.by_seq.values(), ours.waiting) == (False, 0)
    newest = copy.newest()
    ours.close()
    assert newest is not None
    again = opened(tmp_path / "ours", start=start_of([newest], claim=2)).outbox
    deliver(again, server)

    assert mine.event_id in server.by_seq.values()


def test_a_claim_that_names_another_chain_offers_what_is_kept_once(tmp_path: Path) -> None:
    with_delivered(tmp_path, 3)
    other = ChainStart(3, OTHER, 2)

    outbox = opened(tmp_path, start=other).outbox
    assert (outbox.waiting, outbox.kept) == (3, 0)
    hand_over(outbox)
    outbox.settle(ack(3, after_s=60))
    outbox.close()

    assert opened(tmp_path, start=other).outbox.waiting == 0


@pytest.mark.parametrize("known", [1, 3])
def test_a_claim_that_names_our_own_event_offers_nothing(tmp_path: Path, known: int) -> None:
    events = with_delivered(tmp_path, 3)

    outbox = opened(tmp_path, start=start_of(events[:known], claim=2)).outbox

    assert (outbox.waiting, outbox.kept) == (0, 3)


@pytest.mark.parametrize("start", [ChainStart(claim=2), ChainStart(3, OTHER, 1)])
def test_a_server_without_events_and_the_same_claim_offer_nothing(
    tmp_path: Path, start: ChainStart
) -> None:
    with_delivered(tmp_path, 3)

    assert opened(tmp_path, start=start).outbox.waiting == 0


def test_a_file_of_before_learns_its_claim_and_offers_nothing(tmp_path: Path) -> None:
    outbox = opened(tmp_path).outbox
    outbox.append(draft())
    hand_over(outbox)
    outbox.settle(ack(1))
    outbox.close()

    first = opened(tmp_path, start=ChainStart(1, OTHER, 4)).outbox
    assert first.waiting == 0
    first.close()

    assert opened(tmp_path, start=ChainStart(1, OTHER, 5)).outbox.waiting == 1


def test_the_newest_events_are_offered_and_room_is_left_for_new_ones(tmp_path: Path) -> None:
    with_delivered(tmp_path, 8)

    outbox = opened(tmp_path, start=ChainStart(8, OTHER, 2), max_events=6).outbox

    assert [read_event(raw).seq for raw in hand_over(outbox)] == [6, 7, 8]
    assert outbox.append(draft()).seq == 9


def test_numbers_that_were_deleted_by_age_are_no_other_chain(tmp_path: Path) -> None:
    events = with_delivered(tmp_path, 4)
    outbox = opened(tmp_path, start=ChainStart(claim=1), max_kept_events=2).outbox
    outbox.settle(ack(4, after_s=60))
    assert outbox.kept == 2
    outbox.close()

    again = opened(tmp_path, start=start_of(events[:1], claim=2)).outbox

    assert again.waiting == 0
