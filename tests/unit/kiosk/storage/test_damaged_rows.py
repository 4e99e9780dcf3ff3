"""An event whose text the disk changed into other JSON neither stops the rest nor vanishes."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.storage.outbox import ChainStart, SQLiteOutbox
from protocol.v1.messages import EventRefusal, RawEvent
from protocol.v1.signing import read_event
from tests.unit.kiosk.storage.drafts import ack, draft, opened, outbox_in, seqs


def flipped(text: object) -> str:
    """The text with its first letter changed, still base64 or hex."""
    return ("A" if str(text)[0] == "B" else "B") + str(text)[1:]


DAMAGE: dict[str, Callable[[RawEvent], object]] = {
    "list": lambda _raw: [],
    "text": lambda _raw: "{}",
    "empty": lambda _raw: {},
    "no number": lambda raw: {name: raw[name] for name in raw if name != "seq"},
    "another number": lambda raw: raw | {"seq": 7},
    "another id": lambda raw: raw | {"id": f"{raw['id']}x"},
    "another person": lambda raw: raw | {"person_id": "p9"},
    "no hash": lambda raw: {name: raw[name] for name in raw if name != "hash"},
    "nested": lambda raw: raw | {"clock": {"source": [None]}},
}


def damage(outbox: SQLiteOutbox, seq: int, body: object) -> None:
    with outbox._database.transaction() as db:
        db.execute("UPDATE event SET body = ? WHERE seq = ?", (json.dumps(body), seq))


def recorded(folder: Path, count: int) -> tuple[SQLiteOutbox, list[RawEvent]]:
    outbox = outbox_in(folder)
    for _ in range(count):
        outbox.append(draft())
    return outbox, outbox.pending(count)


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_event_is_put_apart_and_stated_and_the_others_go(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, events = recorded(tmp_path, 3)
    damage(outbox, 2, DAMAGE[kind](events[1]))
    with caplog.at_level(logging.ERROR):
        sent = seqs(outbox)

    settled = outbox.settle(ack(1, beyond=[(3, 3)]))

    assert (sent, settled.stated) == ([1, 3], 1)
    assert (outbox.waiting, outbox.refused) == (1, 1)
    gap = read_event(outbox.pending(1)[0]).gap
    assert gap is not None
    assert (gap.first, gap.last, gap.reason) == (2, 2, "damaged")
    assert "event unreadable" in caplog.text


def test_event_whose_signature_the_disk_changed_is_stated_as_lost_once_it_is_refused(
    tmp_path: Path,
) -> None:
    outbox, (event,) = recorded(tmp_path, 1)
    damage(outbox, 1, event | {"signature": flipped(event["signature"])})
    refusal = EventRefusal(id=str(event["id"]), seq=1, reason="bad_signature")

    settled = outbox.settle(ack(0, refusal))

    assert (settled.refused, settled.stated) == (1, 1)


@pytest.mark.parametrize("is_delivered", [True, False])
@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_event_whose_number_is_taken_does_not_stop_the_next(
    tmp_path: Path, kind: str, *, is_delivered: bool
) -> None:
    outbox, events = recorded(tmp_path, 2)
    outbox.sent(2)
    if is_delivered:
        outbox.settle(ack(2))
    damage(outbox, 1, DAMAGE[kind](events[0]))
    forks = [EventRefusal(id=str(raw["id"]), seq=raw["seq"], reason="fork") for raw in events]

    settled = outbox.settle(ack(2, *forks, after_s=60))

    assert (settled.refused, settled.renumbered) == (1, 1)
    assert (seqs(outbox), outbox.kept, outbox.refused) == ([3], 0, 1)


def test_damaged_newest_event_does_not_make_the_outbox_another_keys(tmp_path: Path) -> None:
    outbox, events = recorded(tmp_path, 2)
    damage(outbox, 2, events[1] | {"person_id": "p9"})
    outbox.close()

    again = opened(tmp_path).outbox

    assert seqs(again) == [1]
    assert not list(tmp_path.glob("*other-key*"))


def test_row_that_vanished_is_stated_once_the_server_lacks_it(tmp_path: Path) -> None:
    """A file that SQLite finds in order may still lack an event."""
    outbox, _events = recorded(tmp_path, 4)
    with outbox._database.transaction() as db:
        db.execute("DELETE FROM event WHERE seq IN (2, 3)")
    outbox.close()

    again = outbox_in(tmp_path)
    assert again.whole_through() is None
    seqs(again)
    settled = again.settle(ack(1, beyond=[(4, 4)]))

    gap = read_event(again.pending(1)[0]).gap
    assert (settled.stated, again.whole_through() is not None) == (1, True)
    assert gap is not None
    assert (gap.first, gap.last, gap.reason) == (2, 3, "damaged")


def test_row_that_vanished_after_its_delivery_is_not_stated(tmp_path: Path) -> None:
    outbox, _events = recorded(tmp_path, 4)
    with outbox._database.transaction() as db:
        db.execute("DELETE FROM event WHERE seq = 2")
    outbox.close()

    again = outbox_in(tmp_path)
    seqs(again)

    assert again.settle(ack(4)).stated == 0
    assert again.whole_through() is not None


def test_first_rows_of_a_file_that_vanished_are_stated_too(tmp_path: Path) -> None:
    outbox, _events = recorded(tmp_path, 4)
    with outbox._database.transaction() as db:
        db.execute("DELETE FROM event WHERE seq <= 2")
    outbox.close()

    again = outbox_in(tmp_path)
    seqs(again)

    assert again.settle(ack(0, beyond=[(3, 4)])).stated == 1


def test_numbers_from_before_the_file_are_not_missing(tmp_path: Path) -> None:
    outbox = opened(tmp_path, start=ChainStart(100, "a" * 64)).outbox
    outbox.append(draft())
    outbox.close()

    again = opened(tmp_path, start=ChainStart(100, "a" * 64)).outbox

    assert again.whole_through() is not None
    seqs(again)
    assert again.settle(ack(0, beyond=[(101, 101)])).stated == 0
