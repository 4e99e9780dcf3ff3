"""Settings of a room's or a course's own: what lessons, kiosks and the preview make of them."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from kiosk.domain.configuration import MatchOverrides, timetable_from
from protocol.v1.messages import ConfigDocument
from server.attendance import past
from server.attendance.assignment import judgements
from server.attendance.past_kinds import PolicyChange
from server.attendance.policy_preview import preview_policies
from server.attendance.service import register_of, running_lessons
from server.attendance.tallies import tallies_of
from server.db.engine import Database
from server.db.types import now
from server.errors import InvalidError
from server.kiosks import configuration
from server.kiosks.tables import Kiosk
from server.policies import service
from server.policies.effective import NONE, Own
from server.policies.schemas import SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope
from server.policies.service import current_policies, set_own, set_policy
from server.timetable import service as timetable
from server.timetable.day import lesson_rows
from server.timetable.tables import Lesson
from tests.integration.school.conftest import School
from tests.support.examples import examples
from tests.support.planning import plan_lesson
from tests.support.register_world import ZONE, World, build, rolled_back, vault_in

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database: Database, tmp_path: object) -> Iterator[World]:
    """The school of `tests.support.register_world`; its transaction is never committed."""
    with database.transaction() as db:
        yield build(db, vault_in(tmp_path))  # type: ignore[arg-type]
        db.rollback()


def _room(room_id: uuid.UUID) -> PolicyPlace:
    return PolicyPlace(Scope.ROOM, room_id)


def _course(course_id: uuid.UUID) -> PolicyPlace:
    return PolicyPlace(Scope.COURSE, course_id)


def _own(**attendance: Any) -> Own:
    return {"attendance": attendance}


def _set(db: Session, place: PolicyPlace, own: Own) -> int:
    version = set_own(db, place, own, actor="system").version
    db.flush()
    return version


def _document(school: School, device_id: str) -> ConfigDocument:
    info = configuration.SchoolInfo("School", school.settings.zone)
    with school.database.reading() as db:
        return configuration.build(db, db.get_one(Kiosk, uuid.UUID(device_id)), info, now())


def _lessons(school: School) -> dict[str, uuid.UUID]:
    """Lessons of the room: one that started, one of its course to come, one of another course."""
    with school.database.transaction() as db:
        other = timetable.create_course(db, code="ART", title="Art", actor="system")
        found = {"started": school.lesson_id, "course": school.course_id, "other": other.id}
        for name, course_id, hours in (("next", school.course_id, 3), ("art", other.id, 5)):
            starts_at = now() + timedelta(hours=hours)
            ends_at = starts_at + timedelta(minutes=45)
            lesson = plan_lesson(
                db,
                course_id=course_id,
                room_id=school.room_id,
                starts_at=starts_at,
                ends_at=ends_at,
            )
            found[name] = lesson.id
    return found


def test_a_kiosk_gets_the_windows_that_the_server_judges_by(school: School) -> None:
    device, known = school.kiosk(), _lessons(school)
    with school.database.transaction() as db:
        _set(db, _room(school.room_id), _own(late_after_min=9, duplicate_window_s=7))
        _set(db, _course(known["course"]), _own(opens_before_min=40, late_after_min=3))
    document = _document(school, device.kiosk_id)
    lessons = timetable_from(document, MatchOverrides()).lessons
    ids = [uuid.UUID(one.id) for one in lessons]
    with school.database.reading() as db:
        rows = [db.get_one(Lesson, one) for one in ids]
        judged = judgements(db, rows)
        tallied = tallies_of(db, lesson_rows(db, ids=ids), at=now())
    assert [(one.policy_version, one.window) for one in lessons] == judged
    assert {one.lesson.id: one.window for one in tallied} == {
        key: window for key, (_version, window) in zip(ids, judged, strict=True)
    }
    late = {one.id: one.policy.late_after_min for one in lessons}
    assert [late[str(known[key])] for key in ("started", "next", "art")] == [5, 3, 9]
    assert document.policy.attendance.duplicate_window_s == 7
    # What an older kiosk ignores costs nothing: only what differs from its policy is sent.
    sent = {one.id: one.attendance is not None for one in document.lessons}
    assert [sent[str(known[key])] for key in ("started", "next", "art")] == [True, True, False]


def test_a_room_has_its_own_kiosk_settings_and_another_room_has_the_schools(
    school: School,
) -> None:
    device = school.kiosk()
    own: Own = {"kiosk": {"liveness": "active", "fallbacks": ["pin"], "language": "ar"}}
    with school.database.transaction() as db:
        other = timetable.create_room(db, "R77", actor="system")
        _set(db, _room(other.id), own)
    assert _document(school, device.kiosk_id).policy.kiosk == SchoolPolicy().kiosk
    with school.database.transaction() as db:
        _set(db, _room(school.room_id), own)
    kiosk = _document(school, device.kiosk_id).policy.kiosk
    assert (kiosk.liveness, kiosk.fallbacks, kiosk.language) == ("active", ("pin",), "ar")
    with school.database.transaction() as db:
        _set(db, _room(school.room_id), NONE)
    assert _document(school, device.kiosk_id).policy.kiosk == SchoolPolicy().kiosk


def test_a_lesson_runs_from_when_its_own_check_in_opens(school: School) -> None:
    with school.database.transaction() as db:
        other = timetable.create_course(db, code="ART", title="Art", actor="system")
        at = now()
        starts_at = school.ends_at + timedelta(minutes=30)
        ends_at = starts_at + timedelta(minutes=45)
        lessons = [
            plan_lesson(db, course_id=one, room_id=room, starts_at=starts_at, ends_at=ends_at).id
            for one, room in (
                (school.course_id, school.room_id),
                (other.id, timetable.create_room(db, "R78", actor="system").id),
            )
        ]
        _set(db, _course(other.id), _own(opens_before_min=40))

        def running() -> set[uuid.UUID]:
            at = starts_at - timedelta(minutes=35)
            return {one.view.lesson.id for one in running_lessons(db, at=at)} & set(lessons)

        assert running() == {lessons[1]}
        _set(db, _course(other.id), NONE)
        assert running() == set()
        assert starts_at > at


def test_removal_is_a_version_and_saving_the_same_is_none(school: School) -> None:
    place = _room(school.room_id)
    with school.database.transaction() as db:
        first = _set(db, place, _own(late_after_min=9))
        assert _set(db, place, _own(late_after_min=9)) == first
        set_policy(db, SchoolPolicy(), actor="system")
        assert current_policies(db).own_of(place) == _own(late_after_min=9)
        assert _set(db, place, NONE) == first + 2
        assert _set(db, place, NONE) == first + 2
        found, total = service.versions(db, place=place, limit=10)
        assert [one.policies.version for one in found] == [first + 2, first]
        assert (total, service.versions(db, limit=1)[1]) == (2, first + 2)


def test_more_places_than_a_version_holds_are_refused(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_PLACES", 1)
    with school.database.transaction() as db:
        _set(db, _room(school.room_id), _own(late_after_min=9))
        with pytest.raises(InvalidError):
            _set(db, _course(school.course_id), _own(late_after_min=9))
        _set(db, _room(school.room_id), _own(late_after_min=8))


_minutes = st.integers(0, 30)


@given(
    is_room=st.booleans(),
    attendance=st.fixed_dictionaries(
        {},
        optional={
            "opens_before_min": _minutes,
            "late_after_min": _minutes,
            "closes_after_start_min": st.none() | _minutes,
            "absent_grace_min": _minutes,
            "direction": st.just("ask"),
        },
    ),
)
@examples(15)
def test_the_preview_says_what_judging_again_would_change(
    world: World, is_room: object, attendance: dict[str, Any]
) -> None:
    place = _room(world.rooms[0]) if is_room else _course(world.courses[0])
    own: Own = {"attendance": attendance} if attendance else NONE
    with rolled_back(world):
        at = now()
        before = world.past()
        wanted = current_policies(world.db).with_own(place, own)
        found = preview_policies(world.db, wanted, zone=ZONE, at=at)
        assert world.past() == before
        version = _set(world.db, place, own)
        change = PolicyChange(lesson_ids=(world.settled, world.waiting), policy_version=version)
        again = past.preview(world.db, change, zone=ZONE, at=at)
        assert [_line(one) for one in found.lines] == [_line(one) for one in again.lines]
        assert found.lessons == 2
        assert world.past() == before


def _line(one: past.LineChange) -> tuple[object, ...]:
    return one.view.lesson.id, one.person.id, one.before, one.after


def test_the_preview_lists_a_neighbour_that_takes_a_sighting(world: World) -> None:
    """A sighting near the end counts for the next lesson once check-in closes earlier."""
    ada = world.people[0]
    seen_at = world.noon + timedelta(minutes=40)
    world.send(world.devices[0], world.devices[0].event(seen_at, person_id=ada), at=seen_at)
    own = _own(closes_after_start_min=30)
    wanted = current_policies(world.db).with_own(_course(world.courses[0]), own)
    found = preview_policies(world.db, wanted, zone=ZONE, at=now())
    changed = {(one.view.lesson.id, one.person.id, one.after) for one in found.lines}
    assert (found.touched, changed) == (1, {(world.waiting, ada, "present")})


def test_a_lesson_that_was_judged_again_keeps_its_version_everywhere(world: World) -> None:
    """The preview leaves it out, and a kiosk is told the version that people chose."""
    older = current_policies(world.db).school.version
    _set(world.db, _course(world.courses[0]), _own(late_after_min=9))
    _rejudge(world, world.settled, older)
    wanted = current_policies(world.db).with_own(_room(world.rooms[0]), _own(opens_before_min=40))
    found = preview_policies(world.db, wanted, zone=ZONE, at=now())
    assert (found.lessons, found.touched) == (2, 1)
    world.db.flush()
    info = configuration.SchoolInfo("School", ZONE)
    kiosk = world.db.get_one(Kiosk, world.kiosks[0])
    sent = configuration.build(world.db, kiosk, info, world.noon + timedelta(hours=1))
    (lesson,) = [one for one in sent.lessons if one.id == str(world.settled)]
    assert lesson.policy_version == older
    assert lesson.attendance is not None
    assert lesson.attendance.late_after_min == SchoolPolicy().attendance.late_after_min


def _rejudge(world: World, lesson_id: uuid.UUID, version: int) -> None:
    change = PolicyChange(lesson_ids=(lesson_id,), policy_version=version)
    seen = past.preview(world.db, change, zone=ZONE, at=now())
    word = past.Confirmation("system", "Judged by the wrong version", seen.fingerprint)
    past.make(world.db, change, word, zone=ZONE, at=now())


def test_the_preview_of_what_is_in_force_changes_nothing(world: World) -> None:
    found = preview_policies(world.db, current_policies(world.db), zone=ZONE, at=now())
    assert (found.lessons, found.touched, found.lines) == (2, 0, ())


def test_a_lesson_moved_to_a_room_is_judged_by_that_rooms_settings(world: World) -> None:
    _set(world.db, _room(world.rooms[1]), _own(late_after_min=30))
    starts_at = now() + timedelta(hours=2)
    lesson = world.lesson(world.courses[0], world.rooms[1], starts_at)
    window = register_of(world.db, lesson, at=now()).window
    assert window.late_after - window.starts_at == timedelta(minutes=30)
