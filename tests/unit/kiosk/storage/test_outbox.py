import math
import stat
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.domain.clock import ClockReading
from kiosk.domain.liveness import LivenessReading, LivenessVerdict
from kiosk.errors import DiskFullError, OutboxFullError
from kiosk.storage.outbox import ChainSigner, ChainStart
from protocol.v1.messages import ClockSource, EventRefusal, Liveness, LivenessLevel
from protocol.v1.signing import GENESIS_HASH, make_key, read_event
from tests.fakes.kiosk_clock import START
from tests.unit.kiosk.storage.drafts import (
    SIGNER,
    ack,
    chain_of,
    draft,
    hand_over,
    opened,
    outbox_in,
    seqs,
)


def test_append_numbers_chains_and_signs_each_event(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)

    recorded = [outbox.append(draft(person)) for person in ("p1", "p2", "p3")]

    report = chain_of(hand_over(outbox, 10))
    assert [event.seq for event in recorded] == [1, 2, 3]
    assert report.is_whole
    assert report.contiguous_seq == 3


def test_event_carries_what_the_protocol_asks_for(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())

    event = read_event(hand_over(outbox, 1)[0])

    assert (event.kiosk_id, event.lesson_id, event.person_id) == ("k1", "s1", "p1")
    assert (event.kind, event.method, event.model_id) == ("seen", "face", "dlib-resnet-v1")
    assert (event.distance, event.margin, event.threshold, event.quality) == (0.31, 0.2, 0.5, 0.9)
    assert (event.clock.source, event.clock.offset_ms, event.clock.age_s) == ("ntp", 12, 3.5)
    assert (event.clock.boot_id, event.clock.uptime_s) == ("b1", 812.346)
    assert (event.policy_version, event.prev_hash) == (4, GENESIS_HASH)


def test_event_without_a_face_says_what_was_doubted_before(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    reading = LivenessReading(LivenessVerdict.UNDECIDED, 0.4, LivenessLevel.ACTIVE)
    outbox.append(replace(draft(), evidence=None, liveness=reading))
    outbox.append(replace(draft(), evidence=None))

    said, silent = (read_event(one) for one in hand_over(outbox, 2))
    assert said.distance is None
    assert said.liveness == Liveness(verdict="undecided", score=0.4, method="active")
    assert silent.liveness is None


def test_margin_without_a_second_person_has_no_number(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    endless = draft()
    assert endless.evidence is not None
    outbox.append(replace(endless, evidence=replace(endless.evidence, margin=math.inf)))

    assert read_event(hand_over(outbox, 1)[0]).margin is None


def test_chain_goes_on_after_restart_even_when_acked_rows_have_left(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    first = [outbox.append(draft()), outbox.append(draft())]
    old = hand_over(outbox, 10)
    outbox.settle(ack(2))
    outbox.close()

    reopened = outbox_in(tmp_path)
    third = reopened.append(draft())

    assert first[-1].seq == 2
    assert third.seq == 3
    assert chain_of(old + reopened.pending(10)).is_whole


def test_event_stays_until_the_server_acknowledges_it(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    outbox.append(draft())
    hand_over(outbox, 10)

    settled = outbox.settle(ack(1))

    assert settled.stored == 1
    assert [event["seq"] for event in hand_over(outbox, 10)] == [2]
    assert outbox.waiting == 1


def test_ack_does_not_remove_what_was_never_sent(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    hand_over(outbox, 10)
    outbox.append(draft())

    outbox.settle(ack(2))

    assert [event["seq"] for event in hand_over(outbox, 10)] == [2]


def test_ack_for_another_kiosk_changes_nothing(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    hand_over(outbox, 10)

    outbox.settle(ack(1, kiosk_id="k2"))

    assert outbox.waiting == 1


def test_refused_event_is_kept_apart(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    bad = outbox.append(draft())
    outbox.append(draft())
    hand_over(outbox, 10)

    settled = outbox.settle(ack(2, EventRefusal(id=bad.event_id, seq=1, reason="malformed")))

    assert (settled.stored, settled.refused) == (1, 1)
    assert (outbox.waiting, outbox.refused) == (0, 1)
    outbox.close()
    assert outbox_in(tmp_path).refused == 1


@pytest.mark.parametrize("reason", ["backend", "unknown_kiosk", "revoked_kiosk"])
def test_event_the_server_could_not_take_for_now_is_sent_again(tmp_path: Path, reason: str) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    hand_over(outbox, 10)

    outbox.settle(ack(1, EventRefusal(id=event.event_id, seq=1, reason=reason)))

    assert (outbox.waiting, outbox.refused) == (1, 0)


@pytest.mark.parametrize("reason", ["future", "before_claim", "after_claim", "reused_id"])
def test_event_that_the_server_keeps_for_a_person_to_judge_is_delivered(
    tmp_path: Path, reason: str
) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    hand_over(outbox, 10)

    settled = outbox.settle(ack(1, EventRefusal(id=event.event_id, seq=1, reason=reason)))

    assert settled.stored == 1
    assert (outbox.waiting, outbox.kept, outbox.refused) == (0, 1, 0)


def test_event_whose_number_is_taken_gets_another_as_often_as_needed(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    for taken in (1, 81, 82, 83):
        assert [(raw["seq"], raw["id"]) for raw in hand_over(outbox, 10)] == [
            (taken, event.event_id)
        ]
        fork = EventRefusal(id=event.event_id, seq=taken, reason="fork")
        outbox.settle(ack(max(80, taken), fork))

    assert seqs(outbox) == [84]
    assert (outbox.waiting, outbox.refused) == (1, 0)


def test_refusal_of_an_old_number_does_not_move_the_event_again(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    hand_over(outbox, 10)
    fork = EventRefusal(id=event.event_id, seq=1, reason="fork")
    outbox.settle(ack(80, fork))
    outbox.settle(ack(80, fork))

    assert seqs(outbox) == [81]


def test_event_that_counted_as_stored_is_sent_again_when_its_number_was_anothers(
    tmp_path: Path,
) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    hand_over(outbox, 10)
    outbox.settle(ack(1))

    outbox.settle(ack(1, EventRefusal(id=event.event_id, seq=1, reason="fork")))

    assert seqs(outbox) == [2]
    assert (outbox.waiting, outbox.kept) == (1, 0)


def test_renumbered_event_the_server_had_all_along_is_not_called_refused(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(draft())
    hand_over(outbox, 10)
    outbox.settle(ack(80))
    hand_over(outbox, 10)

    outbox.settle(ack(80, EventRefusal(id=event.event_id, seq=81, reason="reused_id")))

    assert (outbox.waiting, outbox.refused) == (0, 0)


@pytest.mark.parametrize(
    ("source", "hours"),
    [(ClockSource.SERVER, 1), (ClockSource.NTP, 0), (ClockSource.UNSYNCED, 0)],
)
def test_time_comes_from_the_server_where_the_kiosk_has_no_other(
    tmp_path: Path, source: ClockSource, hours: int
) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(replace(draft(), clock=ClockReading(START, source, 3_600_000, 5.0)))

    event = read_event(hand_over(outbox, 1)[0])

    assert event.occurred_at == START + timedelta(hours=hours)
    assert (event.clock.source, event.clock.offset_ms) == (source, 3_600_000)


def test_numbers_go_on_after_what_the_server_already_has(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)

    outbox.settle(ack(80))

    assert outbox.append(draft()).seq == 81


def test_claim_says_where_a_chain_goes_on(tmp_path: Path) -> None:
    outbox = opened(tmp_path, start=ChainStart(41, "ab" * 32)).outbox

    assert outbox.append(draft()).seq == 42
    assert read_event(hand_over(outbox, 1)[0]).prev_hash == "ab" * 32


def test_own_chain_counts_when_it_went_further_than_the_claim(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    outbox.append(draft())
    outbox.close()

    again = opened(tmp_path, start=ChainStart(1, "ab" * 32)).outbox

    assert again.append(draft()).seq == 3
    assert chain_of(hand_over(again, 10)).is_whole


def test_full_outbox_refuses_and_overwrites_nothing(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path, max_events=2)
    outbox.append(draft("p1"))
    outbox.append(draft("p2"))

    with pytest.raises(OutboxFullError):
        outbox.append(draft("p3"))

    assert [event["person_id"] for event in hand_over(outbox, 10)] == ["p1", "p2"]


def test_full_disk_records_nothing_and_uses_up_no_number(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    with outbox._database.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")

    written = _append_until_refused(outbox.append)

    with outbox._database.reading() as db:
        db.execute("PRAGMA max_page_count = 1000000")
    assert outbox.append(draft()).seq == written + 2
    assert chain_of(hand_over(outbox, 1000)).is_whole
    assert outbox.waiting == written + 2


def _append_until_refused(append: object) -> int:
    assert callable(append)
    for count in range(1000):
        try:
            append(draft())
        except DiskFullError:
            return count
    raise AssertionError("the disk never got full")


def test_threads_that_append_and_settle_at_once_lose_nothing(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    sent: dict[int, object] = {}

    def append() -> None:
        for _ in range(50):
            outbox.append(draft())

    threads = [threading.Thread(target=append) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(sent) < 150:
        batch = hand_over(outbox, 20)
        sent |= {int(str(raw["seq"])): raw for raw in batch}
        outbox.settle(ack(max(sent, default=0)))
    for thread in threads:
        thread.join()

    assert sorted(sent) == list(range(1, 151))
    assert outbox.waiting == 0


def test_file_belongs_to_this_account_alone(tmp_path: Path) -> None:
    outbox_in(tmp_path).append(draft())

    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == {0o600}


def test_outbox_of_another_identity_is_kept_and_a_new_one_begun(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    outbox.close()

    other = opened(tmp_path, signer=ChainSigner("k2", make_key())).outbox

    assert other.waiting == 0
    assert other.append(draft()).seq == 1
    assert list(tmp_path.glob("outbox.db.other-kiosk-*"))
    assert SIGNER.kiosk_id == "k1"
