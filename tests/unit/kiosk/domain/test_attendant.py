from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.attendant import AttendantTimings
from kiosk.domain.liveness import LivenessReading, LivenessVerdict, Motion
from kiosk.domain.marks import Denial, MarkMemory, RememberedMark
from kiosk.domain.screens import (
    Elsewhere,
    Looking,
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    ProveAlive,
    Ready,
    Welcome,
)
from kiosk.domain.sightings import Hint, Sighting
from kiosk.domain.timetable import Timetable
from protocol.v1.messages import ArrivalStatus, AttendancePolicy, LivenessLevel
from tests.fakes.kiosk_clock import START
from tests.unit.kiosk.domain.door import (
    AGAIN,
    LESSON,
    ON_TIME,
    READY,
    TIMETABLE,
    Door,
    lesson,
    recognition,
    with_lessons,
)


def test_person_on_the_roster_is_marked_and_welcomed() -> None:
    door = Door()

    screen = door.comes("p1")

    assert screen == ON_TIME
    assert door.kinds() == [("seen", "p1", "s1")]


def test_event_carries_the_evidence_and_the_policy() -> None:
    door = Door()
    door.comes("p1")

    (draft,) = door.outbox.drafts
    assert draft.evidence is not None
    assert (draft.evidence.distance, draft.evidence.margin) == (0.3, 0.2)
    assert (draft.evidence.threshold, draft.evidence.quality) == (0.5, 0.9)
    assert (draft.evidence.model_id, draft.policy_version) == ("dlib-resnet-v1", 3)


def test_event_has_the_time_of_the_frame_not_of_the_decision() -> None:
    door = Door(minutes=1)

    door.comes("p1", ago_s=0.8)

    assert door.outbox.drafts[0].clock.at == START + timedelta(seconds=59.2)


@pytest.mark.parametrize(
    ("minutes", "status", "late_min"),
    [
        (-15, ArrivalStatus.PRESENT, 0),
        (5, ArrivalStatus.PRESENT, 0),
        (5.1, ArrivalStatus.LATE, 5),
        (44, ArrivalStatus.LATE, 44),
    ],
)
def test_status_follows_the_clock_and_the_policy(
    minutes: float, status: ArrivalStatus, late_min: int
) -> None:
    assert Door(minutes=minutes).comes("p1") == Welcome("Given1 F.", status, late_min)


def test_wrong_clock_is_corrected_by_the_measured_offset_but_recorded_as_it_is() -> None:
    door = Door()
    door.clock.at = START.replace(year=1970)
    behind_s = (START - door.clock.at).total_seconds()
    door.clock.offset_ms = int(behind_s * 1000) + 60_000

    assert door.comes("p1") == ON_TIME
    assert door.outbox.drafts[0].clock.at == START.replace(year=1970)


def test_repeat_within_the_window_is_welcomed_without_a_second_event() -> None:
    door = Door()
    door.comes("p1")
    door.later(60)

    assert door.comes("p1") == AGAIN
    assert len(door.outbox.drafts) == 1


def test_repeat_after_the_window_is_recorded_and_keeps_its_first_status() -> None:
    door = Door()
    door.comes("p1")
    door.later(20 * 60)

    assert door.comes("p1") == AGAIN
    assert len(door.outbox.drafts) == 2


def test_settings_may_replace_the_window_of_the_policy() -> None:
    door = Door(timings=AttendantTimings(duplicate_window_s=10))
    door.comes("p1")
    door.later(11)
    door.comes("p1")

    assert len(door.outbox.drafts) == 2


def test_one_who_stays_in_front_is_greeted_once() -> None:
    door = Door()
    door.comes("p1", track=1)
    after = door.later(6)

    assert after == READY
    assert door.comes("p1", track=1) == READY
    assert door.looks(1) == READY
    assert door.stranger(1) == READY
    assert len(door.outbox.drafts) == 1


def test_person_due_in_another_room_is_told_where() -> None:
    door = Door()

    assert door.comes("p3") == Elsewhere("Given3 F.", "R14")
    assert door.kinds() == [("seen", "p3", None)]


def test_person_on_no_list_is_not_marked_in_the_lesson() -> None:
    door = Door()

    assert door.comes("p4") == Notice(NoticeReason.NOT_ON_LIST)
    assert door.kinds() == [("seen", "p4", None)]


def test_person_unknown_to_the_configuration_is_not_marked_in_the_lesson() -> None:
    assert Door().comes("p99") == Notice(NoticeReason.NOT_ON_LIST)


def test_person_without_a_name_is_welcomed_without_one() -> None:
    door = Door(replace(TIMETABLE, display_names={}))

    assert door.comes("p1") == Welcome("", ArrivalStatus.PRESENT)


def test_nothing_running_is_said_and_noted_once_in_the_window() -> None:
    door = Door(with_lessons())
    first = door.comes("p1")
    door.later(60)
    second = door.comes("p1")

    assert first == second == Notice(NoticeReason.NOTHING_RUNNING)
    assert door.kinds() == [("seen", "p1", None)]


def test_check_in_that_closed_marks_nobody_but_keeps_the_sighting() -> None:
    policy = AttendancePolicy(closes_after_start_min=20)
    door = Door(with_lessons(replace(LESSON, policy=policy)), minutes=21)

    assert door.comes("p1") == Notice(NoticeReason.CHECK_IN_CLOSED)
    assert door.kinds() == [("seen", "p1", "s1")]


@pytest.mark.parametrize(
    ("closes_min", "counts"), [(None, "running"), (50, "running"), (40, "coming")]
)
def test_of_two_open_lessons_the_one_that_runs_counts_while_its_check_in_is_open(
    closes_min: int | None, counts: str
) -> None:
    policy = AttendancePolicy(closes_after_start_min=closes_min)
    running = replace(lesson("running", starts_min=-45, lasts_min=50), policy=policy)
    coming = lesson("coming", starts_min=5, lasts_min=45)
    door = Door(with_lessons(coming, running))

    door.comes("p1")

    assert door.kinds() == [("seen", "p1", counts)]


def test_the_screen_names_the_lesson_that_runs() -> None:
    running, coming = (
        lesson("running", starts_min=-45, lasts_min=50),
        lesson("coming", starts_min=5, lasts_min=45),
    )
    door = Door(with_lessons(coming, running))
    screen = door.attendant.tick()
    assert isinstance(screen, Ready)
    assert screen.lesson is not None
    assert screen.lesson.starts_at == running.starts_at


def test_of_two_open_lessons_the_one_without_a_mark_comes_first() -> None:
    door = Door(with_lessons(lesson("one", starts_min=0, lasts_min=50)))
    door.comes("p1")
    door.attendant.configure(
        with_lessons(
            lesson("one", starts_min=0, lasts_min=50), lesson("zero", starts_min=-5, lasts_min=50)
        )
    )
    door.later(6)
    door.comes("p1")

    assert [lesson for _, _, lesson in door.kinds()] == ["one", "zero"]


def test_restart_remembers_who_is_on_the_list_and_how() -> None:
    mark = RememberedMark("e1", "p1", "s1", START, ArrivalStatus.PRESENT)
    door = Door(minutes=33, memory=MarkMemory(marks=(mark,)))

    assert door.comes("p1") == AGAIN
    assert len(door.outbox.drafts) == 1


def test_restart_remembers_lateness_of_then_not_of_now() -> None:
    at = START + timedelta(minutes=7)
    late = RememberedMark("e1", "p1", "s1", at, ArrivalStatus.LATE)
    door = Door(minutes=9, memory=MarkMemory(marks=(late,)))

    assert door.comes("p1") == Welcome("Given1 F.", ArrivalStatus.LATE, 7, already_marked=True)
    assert door.outbox.drafts == []


def test_restart_remembers_what_was_called_wrong() -> None:
    door = Door(memory=MarkMemory(denials=(Denial("p1", "s1", 0.3),)))

    assert door.comes("p1") == NotRecognised(NotRecognisedReason.NOT_ME)


def test_event_says_what_the_person_saw() -> None:
    door = Door(minutes=6)
    door.comes("p1")
    door.comes("p3")

    assert [draft.shown for draft in door.outbox.drafts] == [ArrivalStatus.LATE, None]


def test_next_person_is_welcomed_once_the_last_has_been_read() -> None:
    door = Door()
    door.comes("p1")
    door.clock.advance(0.2)
    at_once = door.comes("p2")

    assert [draft.person_id for draft in door.outbox.drafts] == ["p1", "p2"]
    assert at_once == ON_TIME
    assert door.later(1.3) == Welcome("Given2 F.", ArrivalStatus.PRESENT)


def test_not_me_voids_the_mark_that_was_tapped_though_the_next_is_on_screen() -> None:
    door = Door()
    tapped = door.comes("p1")
    door.clock.advance(1.6)
    assert door.comes("p2") == Welcome("Given2 F.", ArrivalStatus.PRESENT)

    assert isinstance(tapped, Welcome)
    door.attendant.not_me(tapped.answer_id)
    assert door.kinds()[-1] == ("not_me", "p1", door.kinds()[0][2])
    door.attendant.not_me(tapped.answer_id)
    assert len(door.kinds()) == 3


def test_a_tap_on_its_way_when_the_offer_ended_still_counts() -> None:
    door = Door()
    tapped = door.comes("p1")
    door.clock.advance(5.2)

    assert isinstance(tapped, Welcome)
    assert door.attendant.not_me(tapped.answer_id) == NotRecognised(NotRecognisedReason.NOT_ME)


def test_looking_ends_when_nothing_more_is_heard_of_the_face() -> None:
    door = Door()
    door.looks(1)

    assert door.later(1.9) == Looking(0.5)
    assert door.later(0.2) == READY


def test_result_holds_a_moment_before_the_next_persons_looking() -> None:
    door = Door()
    door.comes("p1", track=1)
    next_track = 2
    at_once = door.looks(next_track)
    door.clock.advance(1.6)

    assert at_once == ON_TIME
    assert door.looks(next_track) == Looking(0.5)


def test_result_holds_a_moment_before_the_next_persons_not_recognised() -> None:
    door = Door()
    door.comes("p1", track=1)

    assert door.stranger(2) == ON_TIME
    door.clock.advance(1.6)
    assert door.stranger(3) == NotRecognised()


def test_looking_shows_progress_and_one_hint_and_ends_when_they_leave() -> None:
    door = Door()

    assert door.looks(1, 0.4, Hint.CLOSER) == Looking(0.4, Hint.CLOSER)
    assert door.nobody() == READY


def test_welcome_stays_when_the_person_leaves() -> None:
    door = Door()
    door.comes("p1")

    assert door.nobody() == ON_TIME


def test_stranger_leaves_a_count_and_nothing_else() -> None:
    door = Door()

    assert door.stranger(1) == NotRecognised()
    door.stranger(1)

    assert door.attendant.unmatched_count == 1
    assert door.outbox.drafts == []


def test_stranger_may_turn_out_to_be_known() -> None:
    door = Door()
    door.stranger(1)

    assert door.comes("p1", track=1) == ON_TIME


def test_full_disk_is_not_shown_as_recorded() -> None:
    door = Door()
    door.outbox.is_disk_full = True

    assert door.comes("p1") == Notice(NoticeReason.NOT_SAVED)


def test_mark_is_stored_by_itself_when_the_disk_works_again() -> None:
    door = Door()
    door.outbox.is_disk_full = True
    door.comes("p1")
    door.outbox.is_disk_full = False
    door.later(3)

    assert door.kinds() == [("seen", "p1", "s1")]
    assert door.outbox.drafts[0].clock.at == START
    assert door.comes("p1") == AGAIN


def test_returning_person_is_recorded_with_the_time_they_first_came() -> None:
    door = Door()
    door.outbox.is_disk_full = True
    door.comes("p1")
    door.clock.advance(20 * 60)
    door.outbox.is_disk_full = False

    assert door.comes("p1") == ON_TIME
    assert [draft.clock.at for draft in door.outbox.drafts] == [START]


def test_not_me_that_cannot_be_stored_is_said_and_stored_later() -> None:
    door = Door()
    door.comes("p1")
    door.outbox.is_disk_full = True
    screen = door.attendant.not_me()
    door.outbox.is_disk_full = False
    door.later(3)

    assert screen == Notice(NoticeReason.NOT_SAVED)
    assert [kind for kind, _, _ in door.kinds()] == ["seen", "not_me"]


def test_ready_follows_the_timetable() -> None:
    door = Door(Timetable())
    before = door.attendant.screen

    after = door.attendant.configure(TIMETABLE)

    assert before == Ready("", None)
    assert after == READY
    assert door.later(46 * 60) == Ready("R12", None)


def test_new_configuration_leaves_a_result_on_screen() -> None:
    door = Door()
    door.comes("p1")

    assert door.attendant.configure(TIMETABLE) == ON_TIME


@given(
    st.lists(st.tuples(st.sampled_from(["p1", "p2", "p3", "p4"]), st.floats(0, 400)), max_size=30)
)
def test_nobody_gets_two_events_for_a_lesson_within_the_window(
    visits: list[tuple[str, float]],
) -> None:
    door = Door()
    for person_id, pause_s in visits:
        door.later(pause_s)
        door.comes(person_id)

    times: dict[tuple[str, str | None], list[float]] = {}
    for draft in door.outbox.drafts:
        key = (draft.person_id, draft.lesson_id)
        times.setdefault(key, []).append(draft.clock.at.timestamp())
    gaps = [b - a for seen in times.values() for a, b in pairwise(seen)]
    assert all(gap >= TIMETABLE.policy.duplicate_window_s for gap in gaps)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("comes"), st.sampled_from(["p1", "p2", "p3", "p9"])),
            st.tuples(st.just("disk"), st.booleans()),
            st.tuples(st.just("later"), st.floats(0, 600)),
            st.tuples(st.just("not_me"), st.none()),
        ),
        max_size=40,
    )
)
def test_welcome_is_only_shown_for_a_mark_that_is_stored(
    steps: list[tuple[str, object]],
) -> None:
    door = Door()
    for name, value in steps:
        before = len(door.outbox.drafts)
        screen = _step(door, name, value)
        is_fresh_mark = (
            isinstance(screen, Welcome) and not screen.already_marked and name == "comes"
        )
        assert not is_fresh_mark or len(door.outbox.drafts) > before


def _step(door: Door, name: str, value: object) -> object:
    if name == "comes":
        door.later(10)
        return door.comes(str(value))
    if name == "disk":
        door.outbox.is_disk_full = bool(value)
        return None
    if name == "later":
        return door.later(float(str(value)))
    return door.attendant.not_me()


def test_the_motion_asked_for_is_shown_until_it_is_made() -> None:
    door = Door()

    asked = door.attendant.handle(Sighting.proving(1, door.clock.monotonic_s(), Motion.BLINK))

    assert asked == ProveAlive(Motion.BLINK)
    assert door.comes("p1", track=1) == ON_TIME


def test_the_question_goes_with_the_person() -> None:
    door = Door()
    door.attendant.handle(Sighting.proving(1, door.clock.monotonic_s(), Motion.TURN_LEFT))

    assert door.nobody() == READY


def test_a_picture_of_somebody_gets_the_answer_of_a_stranger_and_marks_nobody() -> None:
    door, other = Door(), Door()

    refused = door.attendant.handle(Sighting.refused(1, door.clock.monotonic_s()))

    assert refused == other.stranger(1)
    assert door.kinds() == []
    assert (door.attendant.refused_count, door.attendant.unmatched_count) == (1, 0)


def test_event_says_whether_the_face_was_alive() -> None:
    door = Door()
    reading = LivenessReading(LivenessVerdict.LIVE, 0.8, LivenessLevel.PASSIVE)
    found = replace(recognition(), liveness=reading)
    door.attendant.handle(Sighting.recognised(1, door.clock.monotonic_s(), found))

    (draft,) = door.outbox.drafts
    assert draft.evidence is not None
    assert draft.evidence.liveness == reading
