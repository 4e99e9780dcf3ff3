"""The number file: one number, in two copies, that a damaged database cannot take back."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.domain.clock import ClockReading
from kiosk.storage.numbers import NumberFile
from kiosk.storage.outbox import ChainStart
from kiosk.storage.refusals import lost_events
from protocol.v1.messages import ClockSource, EventRefusal
from protocol.v1.signing import read_event
from tests.fakes.kiosk_clock import START, ManualClock
from tests.unit.kiosk.storage.drafts import ack, draft, hand_over, opened, outbox_in, seqs


def numbers(folder: Path, kiosk_id: str = "k1") -> NumberFile:
    return NumberFile(folder / "outbox.seq", kiosk_id)


def test_highest_number_is_read_back(tmp_path: Path) -> None:
    file = numbers(tmp_path)
    for number in (1, 2, 300, 7):
        file.advance(number)

    assert numbers(tmp_path).written == 300


@pytest.mark.parametrize("place", [0, 4096])
def test_one_spoilt_copy_costs_one_number_at_most(tmp_path: Path, place: int) -> None:
    for number in range(1, 8):
        numbers(tmp_path).advance(number)
    path = tmp_path / "outbox.seq"
    content = bytearray(path.read_bytes())
    content[place : place + 30] = bytes(30)
    path.write_bytes(content)

    assert numbers(tmp_path).written in (6, 7)


def test_number_of_another_kiosk_counts_as_none(tmp_path: Path) -> None:
    numbers(tmp_path).advance(9)

    assert numbers(tmp_path, "k2").written == 0


def test_changed_digit_counts_as_damage(tmp_path: Path) -> None:
    numbers(tmp_path).advance(9)
    path = tmp_path / "outbox.seq"
    path.write_bytes(path.read_bytes().replace(b"9 ", b"8 "))

    assert numbers(tmp_path).written == 0


@pytest.mark.parametrize("content", [None, b"", b"\0" * 8192, b"rollcall-outbox-seq k1 12"])
def test_number_file_that_is_lost_is_made_anew_from_the_outbox(
    tmp_path: Path, content: bytes | None
) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(3):
        outbox.append(draft())
    outbox.close()
    path = tmp_path / "outbox.seq"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)

    again = outbox_in(tmp_path)

    assert numbers(tmp_path).written == 3
    assert again.append(draft()).seq == 4


def test_claim_counts_where_outbox_and_number_file_are_lost(tmp_path: Path) -> None:
    outbox = opened(tmp_path, start=ChainStart(41, "ab" * 32)).outbox

    assert numbers(tmp_path).written == 41
    assert outbox.append(draft()).seq == 42


def test_folder_in_place_of_the_number_file_is_renamed(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    (tmp_path / "outbox.seq").unlink()
    (tmp_path / "outbox.seq").mkdir()

    outbox.append(draft())

    assert numbers(tmp_path).written == 2
    assert list(tmp_path.glob("outbox.seq.folder-*"))


def test_disk_that_refuses_the_number_does_not_stop_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())

    def refuse(*_arguments: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("kiosk.storage.numbers.os.pwrite", refuse)  # no disk fails on demand
    outbox.append(draft())
    outbox.append(draft())

    assert seqs(outbox) == [1, 2, 3]
    assert caplog.text.count("number file not written") == 1


def test_deleted_outbox_goes_on_above_its_numbers_and_states_the_lost_ones(tmp_path: Path) -> None:
    clock = ManualClock()
    outbox = opened(tmp_path, clock=clock).outbox
    for _ in range(5):
        outbox.append(draft())
    hand_over(outbox, 2)
    outbox.settle(ack(2))
    outbox.close()
    (tmp_path / "outbox.db").unlink()
    clock.advance(3600)

    again = opened(tmp_path, clock=clock).outbox
    new = again.append(draft())
    settled = again.settle(ack(2, after_s=60))
    gap = read_event(hand_over(again, 10)[-1]).gap

    assert (new.seq, settled.stated) == (6, 1)
    assert gap is not None
    assert (gap.first, gap.last, gap.reason) == (3, 5, "damaged")
    assert gap.from_at is None
    assert gap.through_at == clock.reading().best_at
    assert again.settle(ack(2, after_s=120)).stated == 0


def test_lost_numbers_that_the_server_has_are_not_stated(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(3):
        outbox.append(draft())
    outbox.close()
    (tmp_path / "outbox.db").unlink()

    again = outbox_in(tmp_path)

    before = again.whole_through()
    settled = again.settle(ack(3))

    head = read_event(hand_over(again, 10)[0])
    assert (before, settled.stated) == (None, 0)
    assert again.whole_through() == ChainStart(4, head.hash)  # an event that a watermark can name
    assert head.gap is not None
    assert (head.gap.first, head.gap.last) == (3, 3)
    assert again.settle(ack(4, after_s=60)).stored == 1
    assert again.waiting == 0


def test_event_with_damaged_text_is_put_apart_and_its_number_stated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(3):
        outbox.append(draft())
    with outbox._database.transaction() as db:
        db.execute("UPDATE event SET body = substr(body, 30) WHERE seq = 2")

    assert seqs(outbox) == [1, 3]
    settled = outbox.settle(ack(1, beyond=[(3, 3)]))

    gap = read_event(hand_over(outbox, 10)[0]).gap
    assert (settled.stated, outbox.refused) == (1, 1)
    assert gap is not None
    assert (gap.first, gap.last) == (2, 2)
    assert gap.from_at is not None
    assert "event unreadable" in caplog.text


def test_number_that_a_renumbered_event_left_is_stated_if_the_server_loses_it(
    tmp_path: Path,
) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    hand_over(outbox, 1)
    outbox.settle(ack(1, EventRefusal(id=event.event_id, seq=1, reason="fork")))
    assert seqs(outbox) == [2]

    assert outbox.settle(ack(0, beyond=[(2, 2)], after_s=60)).stated == 1
    assert outbox.lost == 0  # its event has another number


@pytest.mark.parametrize(("held", "lost"), [(0, 3), (1, 2), (3, 0), (9, 0)])
def test_only_what_the_server_does_not_have_either_counts_as_lost(
    tmp_path: Path, held: int, lost: int
) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(3):
        outbox.append(draft())
    outbox.close()
    (tmp_path / "outbox.db").unlink()
    again = outbox_in(tmp_path)
    before = again.lost

    again.settle(ack(held))

    assert (before, again.lost) == (0, lost)
    again.close()
    assert lost_events(tmp_path / "outbox.db") == lost


def test_times_of_a_span_are_those_of_its_neighbours(tmp_path: Path) -> None:
    clock = ManualClock()
    outbox = opened(tmp_path, clock=clock).outbox
    for _ in range(3):
        outbox.append(draft())
    outbox.close()
    (tmp_path / "outbox.seq").unlink()
    numbers(tmp_path).advance(5)
    clock.advance(600)
    found_at = clock.reading().best_at
    opened(tmp_path, clock=clock).outbox.close()
    clock.advance(86400)

    again = opened(tmp_path, clock=clock).outbox
    again.settle(ack(0))
    gap = read_event(hand_over(again, 10)[-1]).gap

    assert gap is not None
    assert (gap.first, gap.last) == (4, 5)
    assert gap.from_at is not None
    assert (gap.from_at - START).total_seconds() == pytest.approx(0.012)
    assert gap.through_at == found_at


def test_event_that_the_disk_changed_is_stated_as_lost_once_the_server_refuses_it(
    tmp_path: Path,
) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    hand_over(outbox, 1)
    with outbox._database.transaction() as db:
        db.execute("UPDATE event SET body = replace(body, '0.31', '0.99')")

    settled = outbox.settle(ack(0, EventRefusal(id=event.event_id, seq=1, reason="bad_hash")))

    assert (settled.refused, settled.stated) == (1, 1)


@pytest.mark.parametrize(
    ("source", "is_bounded"),
    [
        (ClockSource.NTP, True),
        (ClockSource.SERVER, True),
        (ClockSource.RTC, False),
        (ClockSource.UNSYNCED, False),
    ],
)
def test_clock_that_is_not_trusted_bounds_no_span(
    tmp_path: Path, source: ClockSource, *, is_bounded: bool
) -> None:
    clock = ManualClock()
    clock.source, clock.offset_ms = source, None
    outbox = opened(tmp_path, clock=clock).outbox
    outbox.append(replace(draft(), clock=clock.reading()))
    outbox.close()
    (tmp_path / "outbox.seq").unlink()
    numbers(tmp_path).advance(3)

    again = opened(tmp_path, clock=clock).outbox
    again.settle(ack(0))
    gap = read_event(again.pending(10)[-1]).gap

    assert gap is not None
    assert (gap.first, gap.last) == (2, 3)
    assert (gap.from_at is not None, gap.through_at is not None) == (is_bounded, is_bounded)


@pytest.mark.parametrize("source", [ClockSource.NTP, ClockSource.UNSYNCED])
@pytest.mark.parametrize("is_renumbered", [True, False])
def test_event_that_is_gone_says_its_time_only_where_its_clock_was_trusted(
    tmp_path: Path, source: ClockSource, *, is_renumbered: bool
) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(replace(draft(), clock=ClockReading(START, source, None, None, "b1", 9)))
    if is_renumbered:
        outbox.pending(1)
        outbox.settle(ack(1, EventRefusal(id=event.event_id, seq=1, reason="fork")))
    else:
        with outbox._database.transaction() as db:
            db.execute("UPDATE event SET body = substr(body, 30)")
    outbox.pending(10)
    outbox.settle(ack(0, after_s=60))
    gap = read_event(outbox.pending(10)[-1]).gap

    assert gap is not None
    assert gap.from_at == (START if source is ClockSource.NTP else None)
