from kiosk.domain.events import EventDraft
from kiosk.domain.recorder import Recorder
from protocol.v1.messages import EventKind
from tests.fakes.kiosk_clock import ManualClock
from tests.fakes.kiosk_outbox import MemoryOutbox


def _draft(person_id: str) -> EventDraft:
    return EventDraft(EventKind.SEEN, ManualClock().reading(), "s1", person_id, 1)


def _recorder_with_full_disk(count: int) -> tuple[Recorder, MemoryOutbox]:
    outbox = MemoryOutbox()
    outbox.is_disk_full = True
    recorder = Recorder(outbox, retry_s=2.0, max_unsaved=3)
    for number in range(count):
        recorder.record(_draft(f"p{number}"), now_s=0.0)
    return recorder, outbox


def test_what_the_disk_refuses_is_kept_and_tried_again_in_order() -> None:
    recorder, outbox = _recorder_with_full_disk(3)
    outbox.is_disk_full = False

    early = recorder.retry(1.0)
    stored = recorder.retry(2.0)

    assert early == []
    assert [done.draft.person_id for done in stored] == ["p0", "p1", "p2"]
    assert recorder.unsaved_count == 0


def test_retry_stops_at_the_first_refusal() -> None:
    recorder, outbox = _recorder_with_full_disk(3)

    assert recorder.retry(2.0) == []
    assert outbox.drafts == []
    assert recorder.unsaved_count == 3


def test_mark_that_already_waits_is_kept_once() -> None:
    recorder, _ = _recorder_with_full_disk(1)

    recorder.record(_draft("p0"), now_s=1.0)

    assert recorder.unsaved_count == 1


def test_marks_beyond_the_bound_are_counted() -> None:
    recorder, _ = _recorder_with_full_disk(5)

    assert (recorder.unsaved_count, recorder.lost_count) == (3, 2)


def test_oldest_unsaved_time_bounds_what_is_known_to_be_recorded() -> None:
    recorder, outbox = _recorder_with_full_disk(2)

    assert recorder.oldest_unsaved_at() == ManualClock().reading().best_at
    outbox.is_disk_full = False
    recorder.retry(2.0)
    assert recorder.oldest_unsaved_at() is None
