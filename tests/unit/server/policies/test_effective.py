"""What holds for a course in a room: course over room over school, setting by setting."""

import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import InvalidError
from server.policies import forms
from server.policies.effective import Own, PolicySet, effective, read_own, write_own
from server.policies.schemas import SchoolPolicy
from server.policies.scopes import MAY_DIFFER, PolicyPlace, Scope, may_differ
from server.policies.service import checked_own

ROOM, COURSE = (PolicyPlace(scope, uuid.UUID(int=7)) for scope in (Scope.ROOM, Scope.COURSE))
OTHER = PolicyPlace(Scope.ROOM, uuid.UUID(int=8))
SCHOOL = SchoolPolicy(version=3)
_minutes = st.integers(0, 240)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "opens_before_min": _minutes,
    "late_after_min": _minutes,
    "closes_after_start_min": st.none() | _minutes,
    "absent_grace_min": _minutes,
    "duplicate_window_s": _minutes,
    "direction": st.sampled_from(["off", "ask"]),
    "leaving_from_min": _minutes,
    "liveness": st.sampled_from(["off", "passive", "when_unsure", "active"]),
    "fallbacks": st.lists(st.sampled_from(["qr", "card", "pin", "teacher"]), unique=True),
    "language": st.sampled_from(["en", "ar"]),
    "not_me_s": st.integers(0, 60).map(float),
}


def _edits(scope: Scope) -> st.SearchStrategy[dict[tuple[str, str], Any]]:
    """Some settings that may differ there, each with a value."""
    named = [
        (one.group, one.name) for one in forms.SETTINGS if may_differ(scope, one.group, one.name)
    ]
    return st.fixed_dictionaries({}, optional={key: _VALUES[key[1]] for key in named})


def _own(edits: dict[tuple[str, str], Any]) -> Own:
    found: dict[str, dict[str, Any]] = {}
    for (group, name), value in edits.items():
        found.setdefault(group, {})[name] = value
    return found


def _values(policy: SchoolPolicy) -> dict[tuple[str, str], str]:
    return {(one.group, one.name): one.text_in(policy) for one in forms.SETTINGS}


def test_it_is_decided_for_every_setting_whether_a_room_or_course_may_have_its_own() -> None:
    decided = {(group, name) for group, names in MAY_DIFFER.items() for name in names}
    assert decided == {(one.group, one.name) for one in forms.SETTINGS}


@given(room=_edits(Scope.ROOM), course=_edits(Scope.COURSE))
@settings(max_examples=40)
def test_each_setting_is_the_courses_else_the_rooms_else_the_schools(
    room: dict[tuple[str, str], Any], course: dict[tuple[str, str], Any]
) -> None:
    found = effective(SCHOOL, _own(room), _own(course))
    document = found.policy.model_dump(mode="json")
    usual = SCHOOL.model_dump(mode="json")
    for one in forms.SETTINGS:
        key = one.group, one.name
        wanted = course.get(key, room.get(key, usual[one.group][one.name]))
        source = Scope.COURSE if key in course else Scope.ROOM if key in room else Scope.SCHOOL
        assert (document[one.group][one.name], found.source(*key)) == (wanted, source)
    assert found.policy.version == SCHOOL.version


@given(edits=_edits(Scope.ROOM), data=st.data())
@settings(max_examples=25)
def test_order_of_edits_is_no_matter_and_each_touches_its_setting_alone(
    edits: dict[tuple[str, str], Any], data: st.DataObject
) -> None:
    together = PolicySet(SCHOOL).with_own(ROOM, _own(edits))
    step, done = PolicySet(SCHOOL), {}
    for key in data.draw(st.permutations(list(edits))):
        before = _values(step.of(ROOM).policy)
        done[key] = edits[key]
        step = step.with_own(ROOM, _own(done))
        after = _values(step.of(ROOM).policy)
        assert {one for one in after if after[one] != before[one]} <= {key}
        assert step.of(OTHER).policy == SCHOOL
    assert step.of(ROOM) == together.of(ROOM)
    assert step.with_own(ROOM, {}).of(ROOM).policy == SCHOOL
    assert step.with_own(ROOM, {}).own == {}


@given(room=_edits(Scope.ROOM), course=_edits(Scope.COURSE))
@settings(max_examples=25)
def test_what_is_stored_reads_back_as_it_was(
    room: dict[tuple[str, str], Any], course: dict[tuple[str, str], Any]
) -> None:
    rooms, courses = (
        checked_own(scope, _own(one)) for scope, one in ((Scope.ROOM, room), (Scope.COURSE, course))
    )
    policies = PolicySet(SCHOOL).with_own(ROOM, rooms).with_own(COURSE, courses)
    assert read_own({"own": write_own(policies)}) == policies.own


@pytest.mark.parametrize(
    ("scope", "own"),
    [
        (Scope.ROOM, {"kiosk": {"gallery": "school"}}),
        (Scope.ROOM, {"recognition": {"roster_fpir": 0.01}}),
        (Scope.ROOM, {"enrolment": {"keep_photos": True}}),
        (Scope.ROOM, {"doors": {"open": True}}),
        (Scope.COURSE, {"kiosk": {"liveness": "off"}}),
        (Scope.ROOM, {"attendance": {"late_after_min": -1}}),
        (Scope.COURSE, {"attendance": {"direction": "sideways"}}),
        (Scope.ROOM, {"kiosk": {"liveness": "perhaps"}}),
    ],
)
def test_what_a_place_may_not_have_is_refused(scope: Scope, own: Own) -> None:
    with pytest.raises(InvalidError):
        checked_own(scope, own)


def test_a_stored_setting_that_may_not_differ_any_more_is_ignored() -> None:
    stored = {"own": {"room": {ROOM.id.hex: {"recognition": {"roster_fpir": 0.5}}}}}
    assert PolicySet(SCHOOL, read_own(stored)).of(ROOM).policy == SCHOOL


def test_lessons_without_settings_of_their_own_share_the_schools_policy() -> None:
    policies = PolicySet(SCHOOL).with_own(ROOM, {"attendance": {"late_after_min": 9}})
    assert policies.at(OTHER.id, COURSE.id).policy is SCHOOL
    assert policies.at(ROOM.id, COURSE.id) is policies.at(ROOM.id)
