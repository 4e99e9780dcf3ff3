from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.configuration import MatchOverrides, match_rules, timetable_from
from kiosk.domain.matching import MatchRules
from kiosk.domain.timetable import Timetable, short_name
from protocol.v1.messages import AttendancePolicy, LivenessLevel, MeasuredLimit, PersonName
from tests.fakes.kiosk_clock import START
from tests.fakes.school import config
from tests.unit.kiosk.domain.door import LESSON, TIMETABLE


def test_document_becomes_a_timetable() -> None:
    assert TIMETABLE.room_name == "R12"
    assert TIMETABLE.time_zone == "Europe/Berlin"
    assert TIMETABLE.lesson("s1") == LESSON
    assert TIMETABLE.lesson("none") is None
    assert TIMETABLE.lesson(None) is None
    assert TIMETABLE.expected_at(START) == {"p1", "p2"}
    adults = frozenset(("p1", "p2", "p3", "p4"))
    rules = MatchRules(1e-4, 1e-5, min_margin=0.04, min_frames=3, adults=adults)
    assert TIMETABLE.match_rules == rules


def test_lessons_of_other_rooms_are_left_out() -> None:
    document = config()
    moved = document.lessons[0].model_copy(update={"room_id": "room-14", "id": "s2"})
    both = document.model_copy(update={"lessons": (*document.lessons, moved)})

    lessons = timetable_from(both, MatchOverrides()).lessons

    assert [lesson.id for lesson in lessons] == ["s1"]


def test_lesson_without_a_title_shows_its_code() -> None:
    document = config()
    untitled = document.lessons[0].model_copy(update={"course_title": ""})
    changed = document.model_copy(update={"lessons": (untitled,)})

    assert timetable_from(changed, MatchOverrides()).lessons[0].title == "BIO-9"


def rules(overrides: MatchOverrides, **policy: float) -> MatchRules:
    document = config()
    recognition = document.policy.recognition.model_copy(update=policy)
    changed = document.policy.model_copy(update={"recognition": recognition})
    document = document.model_copy(update={"policy": changed})
    return timetable_from(document, overrides).match_rules


def test_technicians_limits_replace_the_policys() -> None:
    found = rules(MatchOverrides(0.4, 0.6, 0.0, 1), fixed_distance=0.5)

    assert (found.roster_distance, found.wide_distance) == (0.4, 0.4)
    assert (found.min_margin, found.min_frames) == (0.0, 1)


def test_a_limit_of_the_schools_own_is_stricter_outside_the_roster() -> None:
    found = rules(MatchOverrides(), fixed_distance=0.5)

    assert found.roster_distance == 0.5
    assert found.wide_distance == pytest.approx(0.45)


def test_the_schools_ceiling_and_rates_reach_the_kiosk() -> None:
    found = rules(MatchOverrides(), limit_ceiling=0.37, roster_fpir=1e-3, wide_fpir=1e-6)

    assert (found.ceiling, found.roster_fpir, found.wide_fpir) == (0.37, 1e-3, 1e-6)
    assert found.roster_distance is found.wide_distance is None


def test_people_easily_confused_are_known_as_pairs_in_either_order() -> None:
    document = config().model_copy(update={"look_alikes": (("p2", "p1"),)})

    found = timetable_from(document, MatchOverrides()).match_rules.look_alikes

    assert frozenset(("p1", "p2")) in found


@pytest.mark.parametrize(
    ("word", "group"),
    [("adult", "adult"), ("teen", "teen"), ("child", "child"), ("toddler", "child"), ("", "child")],
)
def test_people_are_of_the_group_that_the_document_says_and_children_otherwise(
    word: str, group: str
) -> None:
    person = (
        PersonName(id="p1", display_name="Ana")
        if not word
        else PersonName(id="p1", display_name="Ana", limit_group=word)
    )
    document = config().model_copy(update={"people": (person,)})

    found = match_rules(document, MatchOverrides())

    assert found.group_of("p1") == group
    assert found.group_of("p2") == "child"


def test_what_the_school_measured_is_known_by_network_and_the_strictest_holds() -> None:
    measured = [
        MeasuredLimit(model_id="dlib-resnet-v1", distance=distance, people=40)
        for distance in (0.4, 0.3, 0.35)
    ]
    document = config().model_copy(update={"measured_limits": tuple(measured)})

    found = match_rules(document, MatchOverrides())

    assert found.measured_for("dlib-resnet-v1") == measured[1]
    assert found.measured_for("omz-0095") is None


def test_fewer_strangers_may_pass_outside_the_roster() -> None:
    assert MatchRules().wide_fpir < MatchRules().roster_fpir


@pytest.mark.parametrize(
    "wrong",
    [{"roster_fpir": 0.0}, {"wide_fpir": 1.0}, {"roster_distance": 0.0}, {"ceiling": -0.1}],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|above 0"):
        MatchRules(**wrong)  # type: ignore[arg-type]


def test_nobody_is_expected_when_nothing_runs() -> None:
    assert TIMETABLE.expected_at(START + timedelta(days=1)) == frozenset()
    assert Timetable().expected_at(START) == frozenset()


def test_check_in_elsewhere_counts_before_the_lesson_begins() -> None:
    early = START - timedelta(minutes=10)
    too_early = START - timedelta(minutes=16)

    assert TIMETABLE.due_elsewhere("p3", early) is not None
    assert TIMETABLE.due_elsewhere("p3", too_early) is None
    assert TIMETABLE.due_elsewhere("p1", early) is None


def test_a_lesson_is_judged_by_the_policy_the_server_names_for_it() -> None:
    document = config()
    older = AttendancePolicy(late_after_min=20)
    entry = document.lessons[0].model_copy(update={"policy_version": 2, "attendance": older})
    changed = document.model_copy(update={"lessons": (entry,)})

    (lesson,) = timetable_from(changed, MatchOverrides()).lessons

    assert (lesson.policy, lesson.policy_version) == (older, 2)
    assert lesson.window.late_after == START + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Ana María López", "Ana L."),
        ("Zoë k.", "Zoë K."),
        ("  Cher ", "Cher"),
        ("", ""),
        ("李 小龍", "李 小."),
    ],
)
def test_name_is_cut_to_first_name_and_initial(name: str, short: str) -> None:
    assert short_name(name) == short


@given(st.text(max_size=80))
def test_short_name_never_shows_more_than_one_word_and_a_letter(name: str) -> None:
    words = name.split()

    assert len(short_name(name)) <= len(name.strip()) + 1
    assert short_name(name).split()[:1] == words[:1]
    assert len(short_name(name).split()) <= 2


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("off", LivenessLevel.OFF),
        ("passive", LivenessLevel.PASSIVE),
        ("when_unsure", LivenessLevel.WHEN_UNSURE),
        ("active", LivenessLevel.ACTIVE),
        ("invented-later", LivenessLevel.PASSIVE),
    ],
)
def test_liveness_is_the_policys_and_never_off_by_mistake(word: str, level: LivenessLevel) -> None:
    document = config()
    kiosk = document.policy.kiosk.model_copy(update={"liveness": word})
    policy = document.policy.model_copy(update={"kiosk": kiosk})

    found = timetable_from(document.model_copy(update={"policy": policy}), MatchOverrides())

    assert found.match_rules.liveness is level


def test_holidays_are_dates_in_the_schools_zone() -> None:
    document = config().model_copy(update={"holidays": ("2026-12-25",)})
    timetable = timetable_from(document, MatchOverrides())
    evening = datetime(2026, 12, 24, 23, 30, tzinfo=UTC)  # after midnight in Berlin
    assert timetable.is_holiday(evening)
    assert not timetable.is_holiday(evening - timedelta(hours=1))
    assert not timetable.is_holiday(evening + timedelta(days=1))
    assert not replace(timetable, time_zone="Nowhere/Land").is_holiday(evening)
